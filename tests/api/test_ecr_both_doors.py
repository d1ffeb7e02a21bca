"""A push through either door pulls through the other, byte for byte."""

import json
import urllib.parse

import pytest

from harness.api import MIB, Api, digest_of_text
from harness.v2 import IMAGE_TYPE, INDEX_TYPE, V2, digest_of, index_manifest, pattern

LAYER = pattern(6 * MIB)


@pytest.fixture
def v2(server, repository):
    return V2(server, repository)


def blobs_of(manifest: str) -> list[str]:
    content = json.loads(manifest)
    return [content["config"]["digest"], *(layer["digest"] for layer in content["layers"])]


def pull_through_v2(v2: V2, reference: str) -> tuple[str, dict[str, bytes]]:
    manifest = v2.get_manifest(reference).body.decode()
    return manifest, {digest: v2.get_blob(digest).body for digest in blobs_of(manifest)}


def pull_through_api(api, **image_id) -> tuple[str, dict[str, bytes]]:
    """As containerd's resolver for ECR does."""
    manifest = api.get_image(**image_id)
    blobs = {}
    for digest in blobs_of(manifest):
        url = urllib.parse.urlsplit(api.call("get_download_url_for_layer", layerDigest=digest)["downloadUrl"])
        blobs[digest] = V2(api.server, authorization="").request("GET", f"{url.path}?{url.query}".rstrip("?")).body
    return manifest, blobs


def assert_whole(image: tuple[str, dict[str, bytes]], manifest: str):
    pulled, blobs = image
    assert pulled == manifest
    assert LAYER in blobs.values()
    assert all(digest_of(data) == digest for digest, data in blobs.items())


def test_from_v2_to_the_api(v2, api):
    manifest = v2.push_image("v1", LAYER).decode()
    digest = digest_of_text(manifest)
    for image_id in ({"imageTag": "v1"}, {"imageDigest": digest}):
        assert_whole(pull_through_api(api, **image_id), manifest)
    assert api.image_ids() == [(digest, "v1")]
    (detail,) = api.call("describe_images")["imageDetails"]
    assert (detail["imageDigest"], detail["imageTags"], detail["imageManifestMediaType"]) == (digest, ["v1"], IMAGE_TYPE)


def test_from_the_api_to_v2(v2, api):
    manifest = api.push_image("v1", LAYER)
    for reference in ("v1", digest_of_text(manifest)):
        assert_whole(pull_through_v2(v2, reference), manifest)
    assert v2.request("GET", v2.path("tags/list")).json()["tags"] == ["v1"]


def test_an_index_of_children_from_both(v2, api):
    children = [v2.push_image("docker", b"1"), api.push_image("api", b"2").encode()]
    index = index_manifest(children)
    assert v2.put_manifest("from-v2", index).status == 201
    api.put_image(index.decode(), "from-api")
    for tag in ("from-v2", "from-api"):
        answer = v2.get_manifest(tag)
        assert answer.body == index and answer.headers["Content-Type"] == INDEX_TYPE
        assert api.get_image(imageTag=tag) == index.decode()


def test_half_of_a_push_through_each(v2, api):
    """Layers in parts and the manifest by PUT, and the other way round."""
    manifest = api.image(LAYER)
    assert v2.put_manifest("v1", manifest.encode()).status == 201
    assert_whole(pull_through_api(api, imageTag="v1"), manifest)
    other = v2.image(b"other").decode()
    api.put_image(other, "v2")
    assert v2.get_manifest("v2").body.decode() == other


def test_a_tag_moves_through_either(v2, api):
    for i in range(3):
        pushed = v2.push_image("latest", b"v2 %d" % i).decode()
        assert api.get_image(imageTag="latest") == v2.get_manifest("latest").body.decode() == pushed
        pushed = api.push_image("latest", b"api %d" % i)
        assert api.get_image(imageTag="latest") == v2.get_manifest("latest").body.decode() == pushed


def test_what_one_deletes_the_other_misses(v2, api):
    first, second = v2.push_image("v1", b"1"), api.push_image("v2", b"2")
    assert v2.get_manifest("v1").status == v2.get_manifest("v2").status == 200
    api.call("batch_delete_image", imageIds=[{"imageTag": "v1"}])
    assert v2.get_manifest("v1").code == v2.get_manifest(digest_of(first)).code == "MANIFEST_UNKNOWN"
    assert v2.request("DELETE", v2.path(f"manifests/{digest_of_text(second)}")).status == 202
    assert api.image_ids() == []


def test_an_immutable_tag_is_immutable_through_either(v2, api):
    api.ecr.delete_repository(repositoryName=api.repository)
    api.ecr.create_repository(repositoryName=api.repository, imageTagMutability="IMMUTABLE")
    v2.push_image("from-v2", b"1")
    api.push_image("from-api", b"2")
    other = api.image(b"3")
    for tag in ("from-v2", "from-api"):
        assert api.fault("put_image", imageManifest=other, imageTag=tag).code == "ImageTagAlreadyExistsException"
        assert v2.put_manifest(tag, other.encode()).code == "TAG_INVALID"


def test_an_upload_stays_behind_its_door(v2, api):
    """Ids of the API are no locations of /v2/, whose own carry a sealed ticket."""
    upload = api.open_upload()
    answer = v2.close_upload(v2.path(f"blobs/uploads/{upload}") + "?x=y", digest_of(b"x"), b"x")
    assert 400 <= answer.status < 500
    assert api.send_part(upload, 0, b"x") == 0


def test_a_restart_changes_neither(own_server):
    api, v2 = Api(own_server, "app"), V2(own_server, "app")
    api.ecr.create_repository(repositoryName="app")
    manifests = {"from-v2": v2.push_image("from-v2", LAYER).decode(), "from-api": api.push_image("from-api", LAYER)}
    own_server.kill()
    own_server.start()
    for tag, manifest in manifests.items():
        assert_whole(pull_through_api(api, imageTag=tag), manifest)
        assert_whole(pull_through_v2(v2, tag), manifest)
