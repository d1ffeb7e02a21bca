"""LimitExceededException of CreateRepository, PutImage and `/v2/`, where quotas are set (ecr-semantics 9)."""

import pytest

from harness.api import Api, digest_of_text, fault_of
from harness.server import ACCOUNT, Server
from harness.v2 import V2

QUOTAS = {"ENTREPOT_QUOTAS_REPOSITORIES": 2, "ENTREPOT_QUOTAS_IMAGES": 2, "ENTREPOT_QUOTAS_TAGS": 3}


@pytest.fixture
def api(tmp_path):
    with Server(tmp_path, environment=QUOTAS) as server:
        api = Api(server, "app")
        api.call("create_repository")
        yield api


def limit(what):
    return ("LimitExceededException", f"There cannot be more than {what}")


def test_repositories(api):
    api.ecr.create_repository(repositoryName="other")
    fault = fault_of(api.ecr.create_repository, repositoryName="third")
    assert fault.text == limit(f"2 repositories in the registry with id '{ACCOUNT}'")
    api.ecr.delete_repository(repositoryName="other")
    api.ecr.create_repository(repositoryName="third")
    api.server.client("ecr", "eu-west-1").create_repository(repositoryName="other")  # a registry of its own


def test_images(api):
    first = api.push_image("v1", b"1")
    api.push_image("v1", b"2")
    third = api.image(b"3")
    fault = api.fault("put_image", imageManifest=third, imageTag="v3")
    assert fault.text == limit("2 images in the repository with name 'app'")
    assert len(api.image_ids()) == 2
    api.put_image(first, "again")  # no new image
    api.call("batch_delete_image", imageIds=[{"imageDigest": digest_of_text(first)}])
    api.put_image(third, "v3")


def test_tags(api):
    manifest = api.image()
    for tag in ("a", "b", "c"):
        api.put_image(manifest, tag)
    fault = api.fault("put_image", imageManifest=manifest, imageTag="d")
    assert fault.text == limit(f"3 tags on the image with digest '{digest_of_text(manifest)}'")
    assert [tag for _, tag in api.image_ids()] == ["a", "b", "c"]
    api.push_image("a", b"other")  # a tag that moves away makes room
    api.put_image(manifest, "d")


def test_the_other_door(api):
    v2 = V2(api.server, api.repository)
    manifest = api.image()
    for tag in ("a", "b", "c"):
        assert v2.put_manifest(tag, manifest.encode()).status == 201
    answer = v2.put_manifest("d", manifest.encode())
    assert (answer.status, answer.code) == (429, "TOOMANYREQUESTS")
    assert [tag for _, tag in api.image_ids()] == ["a", "b", "c"]
