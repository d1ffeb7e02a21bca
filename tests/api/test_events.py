"""Events: what happens to images, told to a file and a webhook, at least once and in each repository's order."""

import datetime
import hashlib
import hmac
import json
import re

import pytest

from harness.api import Api, digest_of_text
from harness.server import ACCOUNT, REGION, Server, run_entrepot
from harness.storage import wait_until
from harness.v2 import CONFIG_TYPE, IMAGE_TYPE, V2, basic, digest_of, image_manifest
from harness.webhook import Webhook

SECRET = "a shared secret"
# A claim of a process that was killed lapses this long after it: the webhook's timeout, and what goes with it.
SHORT_CLAIM = ("--events-webhook-timeout", "1s")


@pytest.fixture
def webhook():
    with Webhook() as running:
        yield running


def api_of(server: Server, name: str) -> Api:
    server.client("ecr").create_repository(repositoryName=name)
    return Api(server, name)


def events_command(server: Server, *flags: str) -> list[dict]:
    outcome = run_entrepot("events", "--data-dir", server.data_dir, "--json", *flags)
    assert outcome.returncode == 0, outcome.stderr
    return [json.loads(line) for line in outcome.stdout.splitlines()]


def state_of(server: Server, receiver: str) -> dict:
    (status,) = events_command(server)
    (found,) = [one for one in status["receivers"] if one["receiver"] == receiver]
    return found


def actions(events: list[dict]) -> list[tuple[str, str | None]]:
    return [(event["detail"]["action-type"], event["detail"].get("image-tag")) for event in events]


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


# ---- what is told


def test_the_shape_of_a_push_and_a_delete(tmp_path):
    file = tmp_path / "events.jsonl"
    with Server(tmp_path, "--events-file", str(file)) as server:
        api = api_of(server, "team/app")
        digest = digest_of_text(api.push_image("v1"))
        api.call("batch_delete_image", imageIds=[{"imageTag": "v1"}])
        wait_until(lambda: len(lines(file)) == 2, "two lines")
        push, delete = lines(file)
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", push.pop("id"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", push.pop("time"))
    detail = {"result": "SUCCESS", "repository-name": "team/app", "image-digest": digest, "action-type": "PUSH",
              "image-tag": "v1", "manifest-media-type": IMAGE_TYPE, "artifact-media-type": CONFIG_TYPE}
    assert push == {"version": "0", "detail-type": "ECR Image Action", "source": "aws.ecr", "account": ACCOUNT,
                    "region": REGION, "resources": [], "detail": detail}
    assert delete["detail"] == {**detail, "action-type": "DELETE"}
    assert file.stat().st_mode & 0o777 == 0o600


def test_both_doors_tell_the_same(tmp_path):
    file = tmp_path / "events.jsonl"
    with Server(tmp_path, "--events-file", str(file)) as server:
        api = api_of(server, "team/app")
        client = V2(server, "team/app")
        client.push_image("v1", b"layer")
        manifest = client.get_manifest("v1").body.decode()
        assert client.put_manifest("v1", manifest.encode()).status == 201  # changes nothing
        api.put_image(manifest, "v2")
        assert api.fault("put_image", imageManifest=manifest, imageTag="v2").code == "ImageAlreadyExistsException"
        assert client.request("DELETE", client.path("manifests/v1")).status == 202
        assert client.request("DELETE", client.path(f"manifests/{digest_of_text(manifest)}")).status == 202
        wait_until(lambda: len(lines(file)) >= 4, "four lines")
        assert actions(lines(file)) == [("PUSH", "v1"), ("PUSH", "v2"), ("DELETE", "v1"), ("DELETE", "v2")]


def test_a_change_of_storage_class_is_told_when_it_is_done(tmp_path):
    file = tmp_path / "events.jsonl"
    with Server(tmp_path, "--events-file", str(file)) as server:
        api = api_of(server, "team/app")
        api.push_image("v1")
        for target in ("ARCHIVE", "STANDARD"):
            api.call("update_image_storage_class", imageId={"imageTag": "v1"}, targetStorageClass=target)
            wait_until(lambda: any(one["detail"].get("target-storage-class") == target for one in lines(file)), target)
        _, archived, restored = (one["detail"] for one in lines(file))
        (image,) = api.call("describe_images")["imageDetails"]
    assert {"action-type", "target-storage-class", "image-digest", "repository-name", "result", "manifest-media-type",
            "artifact-media-type"} == set(archived)
    assert (archived["action-type"], archived["result"]) == ("UPDATE_STORAGE_CLASS", "SUCCESS")
    activated = datetime.datetime.fromisoformat(restored["last-activated-at"])
    assert abs(activated - image["lastActivatedAt"]) < datetime.timedelta(seconds=1)


def test_without_receivers_nothing_is_kept(own_server):
    api_of(own_server, "team/app").push_image("v1")
    assert all(one["pending"] == 0 and not one["configured"] for one in events_command(own_server)[0]["receivers"])


# ---- the webhook


def test_posts_are_signed_and_retried_in_order(tmp_path, webhook):
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    webhook.answer = 503
    with Server(tmp_path, "--events-webhook-url", webhook.url, "--events-webhook-secret-file", str(secret)) as server:
        api = api_of(server, "team/app")
        manifest = api.push_image("v1")
        for number in range(2, 6):
            api.put_image(manifest, f"v{number}")
        wait_until(lambda: len(webhook.received) >= 2, "a second attempt")
        assert {event["detail"]["image-tag"] for event in webhook.events()} == {"v1"}
        state = state_of(server, "webhook")
        assert (state["pending"], state["dead"], state["error"]) == (5, 0, "the webhook answered 503")
        webhook.answer = 204
        wait_until(lambda: len({event["id"] for event in webhook.events()}) == 5, "all events")
        wait_until(lambda: state_of(server, "webhook")["pending"] == 0, "an empty outbox")
        tags = [event["detail"]["image-tag"] for event in webhook.events()]
        assert sorted(set(tags)) == ["v1", "v2", "v3", "v4", "v5"] and tags == sorted(tags)
        headers, body = webhook.received[-1]
        signed = headers["X-Entrepot-Timestamp"].encode() + b"." + body
        assert headers["X-Entrepot-Signature"] == "v1=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        assert headers["X-Entrepot-Event"] == json.loads(body)["id"]
        authorization = {"Authorization": basic("AWS", server.password())}
        wait_until(lambda: 'entrepot_events_delivered_total{receiver="webhook"} 5' in
                   server.get("/metrics", authorization)[2].decode(), "the figure in /metrics")


def test_what_is_given_up_is_kept_shown_and_sent_again(tmp_path, webhook):
    webhook.answer = 500
    with Server(tmp_path, "--events-webhook-url", webhook.url, "--events-give-up", "1s") as server:
        api_of(server, "team/app").push_image("v1")
        wait_until(lambda: state_of(server, "webhook")["dead"] == 1, "a dead letter")
        (dead,) = events_command(server, "--dead")
        assert (dead["receiver"], dead["error"]) == ("webhook", "the webhook answered 500")
        assert dead["event"]["detail"]["image-tag"] == "v1"
        assert dead["event"] == webhook.events()[0]
        seen = len(webhook.received)
        webhook.answer = 200
        assert events_command(server, "--retry") == [{"events": 1}]
        wait_until(lambda: len(webhook.received) > seen, "the event once more")
        assert webhook.events()[-1] == dead["event"]
        assert events_command(server, "--dead") == []


def test_what_was_given_up_can_be_dropped_with_no_server(tmp_path, webhook):
    webhook.answer = 500
    with Server(tmp_path, "--events-webhook-url", webhook.url, "--events-give-up", "1s") as server:
        api_of(server, "team/app").push_image("v1")
        wait_until(lambda: state_of(server, "webhook")["dead"] == 1, "a dead letter")
    assert events_command(server, "--drop") == [{"events": 1}]
    assert state_of(server, "webhook")["dead"] == 0


def test_a_kill_loses_nothing(tmp_path, webhook):
    webhook.answer = 503
    file = tmp_path / "events.jsonl"
    with Server(tmp_path, "--events-webhook-url", webhook.url, "--events-file", str(file), *SHORT_CLAIM) as server:
        api = api_of(server, "team/app")
        manifest = api.push_image("v0")
        for number in range(1, 10):
            api.put_image(manifest, f"v{number}")
        server.kill()
        webhook.answer = 200
        server.start()
        expected = [("PUSH", f"v{number}") for number in range(10)]

        def once(events: list[dict]) -> list:
            """Each event at its first arrival."""
            return actions(list({event["id"]: event for event in events}.values()))

        wait_until(lambda: once(webhook.events()) == expected, "every event at the webhook, in order", 60)
        wait_until(lambda: once(lines(file)) == expected, "every event in the file, in order", 60)


# ---- settings


@pytest.mark.parametrize("flags, told", [
    (("--events-webhook-url", "ftp://127.0.0.1/"), "http:// or https://"),
    (("--events-webhook-url", "http://user:word@127.0.0.1/"), "http:// or https://"),
    (("--events-webhook-secret-file", "secret"), "without events.webhook_url"),
    (("--events-webhook-url", "http://127.0.0.1/", "--events-webhook-secret-file", "absent-file"), "absent-file"),
])
def test_settings_that_cannot_be(tmp_path, flags, told):
    outcome = run_entrepot("serve", "--data-dir", tmp_path / "data", "--listen", "127.0.0.1:0", *flags)
    assert outcome.returncode == 3 and told in outcome.stderr, outcome
    assert "word" not in outcome.stderr
