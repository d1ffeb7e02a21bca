"""`[compat] ecr_quirks = true`: /v2/ where ECR is stricter than the OCI specification (docs/compatibility.md)."""

import json

import pytest

from harness.api import fault_of, invalid
from harness.server import Server
from harness.v2 import V2, digest_of, pattern

MIB = 1 << 20
PART = 5 * MIB
NOT_JSON = invalid("ImageManifest", "Invalid JSON syntax")
SMALL_PART = ("BLOB_UPLOAD_INVALID", "All layer parts except the last part should be at least 5MB")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("quirks"), environment={"ENTREPOT_COMPAT_ECR_QUIRKS": "true"}) as running:
        yield running


@pytest.fixture
def v2(server, repository):
    return V2(server, repository)


def push_in_chunks(v2, sizes, last=0, by_range=False, ask=False):
    """PATCHes of these sizes and a closing PUT with the last of the bytes; its answer."""
    data = pattern(sum(sizes) + last)
    location, at = v2.open_upload(), 0
    for size in sizes:
        answer = v2.patch(location, data[at:at + size], f"{at}-{at + size - 1}" if by_range else None)
        assert answer.status == 202, answer
        location, at = answer.location, at + size
        if ask:
            location = v2.request("GET", location).location
    return v2.close_upload(location, digest_of(data), data[at:])


def test_the_least_chunk_is_told(v2):
    assert v2.request("POST", v2.path("blobs/uploads/")).headers["OCI-Chunk-Min-Length"] == str(PART)


@pytest.mark.parametrize("sizes, last", [([], 100), ([100], 0), ([PART], 0), ([PART, 1], 0), ([PART], 1), ([PART, PART + 1], 7)])
def test_chunks_that_ecr_takes(v2, sizes, last):
    assert push_in_chunks(v2, sizes, last).status == 201


@pytest.mark.parametrize("by_range", [False, True])
@pytest.mark.parametrize("ask", [False, True])
@pytest.mark.parametrize("sizes, last", [([100, 100], 0), ([100], 100), ([PART - 1, PART], 0), ([PART, 9, 9, PART], 0)])
def test_chunks_that_ecr_refuses(v2, sizes, last, by_range, ask):
    answer = push_in_chunks(v2, sizes, last, by_range, ask)
    assert answer.status == 400 and answer.error == SMALL_PART


def test_other_digests_are_refused(v2):
    digest = digest_of(b"x", "sha512")
    location = v2.open_upload()
    for answer in (v2.get_blob(digest), v2.get_manifest(digest), v2.close_upload(location, digest, b"x"),
                   v2.request("POST", v2.path(f"blobs/uploads/?digest={digest}"), b"x"),
                   v2.request("POST", v2.path(f"blobs/uploads/?mount={digest}")),
                   v2.request("POST", v2.path("blobs/uploads/?digest-algorithm=sha512")),
                   v2.put_manifest(digest, b"{}", "application/vnd.oci.image.manifest.v1+json")):
        assert answer.status == 400 and answer.code == "DIGEST_INVALID", answer


def test_nothing_is_mounted(server, v2):
    server.client("ecr").create_repository(repositoryName=v2.repository + "/source")
    source = V2(server, v2.repository + "/source")
    digest = source.push_blob(pattern(100, b"mount"))
    assert v2.head_blob(digest).status == 404
    for query in (f"mount={digest}&from={source.repository}", f"mount={digest}"):
        assert v2.request("POST", v2.path(f"blobs/uploads/?{query}")).status == 202
    assert v2.get_blob(digest).status == 404


def test_the_last_tag_takes_the_image(v2):
    manifest = v2.push_image("one")
    assert v2.put_manifest("two", manifest).status == 201
    assert v2.request("DELETE", v2.path("manifests/one")).status == 202
    assert v2.get_manifest(digest_of(manifest)).body == manifest
    assert v2.request("DELETE", v2.path("manifests/two")).status == 202
    assert v2.get_manifest(digest_of(manifest)).status == 404


def test_an_immutable_tag_is_refused_to_its_own_image(server):
    server.client("ecr").create_repository(repositoryName="test/fixed", imageTagMutability="IMMUTABLE")
    v2 = V2(server, "test/fixed")
    manifest = v2.push_image("v1")
    answer = v2.put_manifest("v1", manifest)
    assert answer.status == 400
    assert answer.error == ("TAG_INVALID", "The image tag 'v1' already exists in the 'test/fixed' repository and cannot be "
                            "overwritten because the tag is immutable.")
    assert v2.put_manifest(digest_of(manifest), manifest).status == 201


def test_a_movable_tag_is_not(v2):
    manifest = v2.push_image("v1")
    assert v2.put_manifest("v1", manifest).status == 201


@pytest.mark.parametrize("place", ["artifactType", "config", "layer"])
def test_media_types_have_no_parameters(server, v2, place):
    manifest = json.loads(v2.image())
    described = {"config": manifest["config"], "layer": manifest["layers"][0], "artifactType": manifest}[place]
    described["artifactType" if place == "artifactType" else "mediaType"] = "application/vnd.example;version=0.2"
    answer = v2.put_manifest("v1", json.dumps(manifest).encode())
    assert answer.status == 405 and answer.error == ("UNSUPPORTED", NOT_JSON[1])
    put = {"repositoryName": v2.repository, "imageManifest": json.dumps(manifest), "imageTag": "v1"}
    assert fault_of(server.client("ecr").put_image, **put).text == NOT_JSON
    assert v2.get_manifest("v1").status == 404
