"""When images were last pulled: kept in memory, written soon and at an orderly stop; and events of pulls."""

import datetime
import json

import pytest

from harness.api import Api, digest_of_text
from harness.server import ACCOUNT, Server
from harness.storage import wait_until
from harness.v2 import V2

ADMIN = f"arn:aws:iam::{ACCOUNT}:user/admin"


@pytest.fixture
def app(own_server):
    own_server.client("ecr").create_repository(repositoryName="team/app")
    api = Api(own_server, "team/app")
    api.manifest = api.push_image("v1")
    return api


def last_pull(api: Api) -> datetime.datetime | None:
    """As it is written down: behind an orderly stop, which leaves nothing in memory."""
    api.server.restart()
    (detail,) = Api(api.server, api.repository).call("describe_images")["imageDetails"]
    return detail.get("lastRecordedPullTime")


def assert_now(time: datetime.datetime | None) -> None:
    assert time and abs(datetime.datetime.now(datetime.timezone.utc) - time) < datetime.timedelta(minutes=5)


def test_an_image_that_was_never_pulled_has_no_time(app):
    client = V2(app.server, "team/app")
    assert client.get_manifest("v1", "HEAD").status == 200
    assert client.get_manifest("absent").status == 404
    assert last_pull(app) is None


@pytest.mark.parametrize("reference", ["v1", "digest"])
def test_a_manifest_by_v2_is_a_pull(app, reference):
    digest = digest_of_text(app.manifest)
    assert V2(app.server, "team/app").get_manifest(digest if reference == "digest" else reference).status == 200
    assert_now(last_pull(app))


def test_a_pull_shows_soon(app):
    app.get_image(imageTag="v1")
    wait_until(lambda: "lastRecordedPullTime" in app.call("describe_images")["imageDetails"][0], "its time", 30)


def test_a_pull_from_memory_counts_as_any_other(app):
    app.ecr.register_pull_time_update_exclusion(principalArn=ADMIN)
    client = V2(app.server, "team/app")
    for _ in range(3):  # the first fills the caches, the others are answered on the event loop
        assert client.get_manifest("v1").status == 200
    app.ecr.deregister_pull_time_update_exclusion(principalArn=ADMIN)
    for _ in range(3):
        assert client.get_manifest("v1").status == 200
    assert_now(last_pull(app))


def test_batch_get_image_is_a_pull(app):
    app.get_image(imageTag="v1")
    assert_now(last_pull(app))


def test_a_type_that_the_caller_does_not_take_is_no_pull(app):
    answer = app.call("batch_get_image", imageIds=[{"imageTag": "v1"}], acceptedMediaTypes=["application/other"])
    assert answer["images"] == []
    assert last_pull(app) is None


def test_pulls_of_an_excluded_principal_do_not_count(app):
    app.ecr.register_pull_time_update_exclusion(principalArn=ADMIN)
    client = V2(app.server, "team/app")
    for _ in range(3):
        assert client.get_manifest("v1").status == 200
    app.get_image(imageTag="v1")
    assert last_pull(app) is None


def test_the_time_does_not_go_back(app):
    app.get_image(imageTag="v1")
    first = last_pull(app)
    api = Api(app.server, "team/app")
    api.get_image(imageTag="v1")
    second = last_pull(api)
    assert second > first


def test_pulls_are_told_where_that_is_wanted(tmp_path):
    file = tmp_path / "events.jsonl"
    with Server(tmp_path, "--events-file", str(file), "--events-pulls") as server:
        server.client("ecr").create_repository(repositoryName="team/app")
        api = Api(server, "team/app")
        digest = digest_of_text(api.push_image("v1"))
        client = V2(server, "team/app")
        client.get_manifest("v1")
        client.get_manifest("v1", "HEAD")
        client.get_manifest(digest)
        api.get_image(imageTag="v1")

        def told() -> list:
            events = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
            return [(event["detail"]["action-type"], event["detail"].get("image-tag")) for event in events]

        wait_until(lambda: len(told()) == 4, "four events")
        assert sorted(told()[1:], key=str) == [("PULL", "v1"), ("PULL", "v1"), ("PULL", None)]
        assert told()[0] == ("PUSH", "v1")


def test_pulls_are_not_told_otherwise(tmp_path):
    file = tmp_path / "events.jsonl"
    with Server(tmp_path, "--events-file", str(file)) as server:
        server.client("ecr").create_repository(repositoryName="team/app")
        api = Api(server, "team/app")
        manifest = api.push_image("v1")
        V2(server, "team/app").get_manifest("v1")
        api.put_image(manifest, "v2")
        wait_until(lambda: file.exists() and len(file.read_text().splitlines()) == 2, "the second push")
        assert "PULL" not in file.read_text()
