"""CompleteLayerUpload."""

import concurrent.futures
import uuid

import pytest

from harness.api import MIB, MIN_PART, OTHER_ACCOUNT, Api, denied, digest_of_text, fault_of, no_repository
from harness.server import ACCOUNT
from harness.v2 import V2, digest_of, image_manifest, pattern

LARGE = pattern(12 * MIB)


@pytest.fixture
def upload(api):
    return api.open_upload()


def complete_fault(api, upload, *digests):
    return api.fault("complete_layer_upload", uploadId=upload, layerDigests=list(digests)).text


def no_upload(api, upload):
    return ("UploadNotFoundException", f"The upload with id '{upload}' could not be found in the {api.where()}")


def test_the_answer(api, upload):
    api.send_part(upload, 0, b"layer")
    answer = api.call("complete_layer_upload", uploadId=upload, layerDigests=[digest_of(b"layer")], registryId=ACCOUNT)
    assert answer == {"registryId": ACCOUNT, "repositoryName": api.repository, "uploadId": upload,
                      "layerDigest": digest_of(b"layer")}
    assert api.has_layer(digest_of(b"layer"))


def test_one_of_several_digests(api, upload):
    api.send_part(upload, 0, b"layer")
    assert api.complete(upload, digest_of(b"other"), "md5:" + "0" * 32, digest_of(b"layer")) == digest_of(b"layer")


def assert_pulls(api, data):
    """From both doors, in one piece and in ranges."""
    config = b'{"architecture": "amd64", "os": "linux"}'
    api.push_layer(config)
    manifest = image_manifest(config, [data]).decode()
    api.put_image(manifest, "v1")
    v2 = V2(api.server, api.repository)
    assert v2.get_manifest("v1").headers["Docker-Content-Digest"] == digest_of_text(manifest)
    assert v2.get_blob(digest_of(data)).body == data
    assert v2.get_blob(digest_of(data), Range="bytes=5242879-5242881").body == data[5242879:5242882]


def test_a_large_layer_in_parts(api):
    assert api.push_layer(LARGE, MIN_PART) == digest_of(LARGE)
    assert_pulls(api, LARGE)


@pytest.mark.parametrize("sent", [1, 2, 3])
def test_a_large_layer_goes_on_after_a_crash(own_server, sent):
    api = Api(own_server, "app")
    api.ecr.create_repository(repositoryName="app")
    upload = api.open_upload()
    parts = [(first, LARGE[first:first + MIN_PART]) for first in range(0, len(LARGE), MIN_PART)]
    for first, data in parts[:sent]:
        api.send_part(upload, first, data)
    own_server.kill()
    own_server.start()
    # a client that does not know how far it came sends its last part again, and hears
    again = api.fault("upload_layer_part", uploadId=upload, partFirstByte=0, partLastByte=0, layerPartBlob=LARGE[:1])
    assert again.members["lastValidByteReceived"] == sum(len(data) for _, data in parts[:sent]) - 1
    for first, data in parts[sent:]:
        api.send_part(upload, first, data)
    assert api.complete(upload, digest_of(LARGE)) == digest_of(LARGE)
    own_server.kill()
    own_server.start()
    assert_pulls(api, LARGE)


@pytest.mark.parametrize("digests", [[digest_of(b"other")], [digest_of(b"other"), digest_of(b"others")], ["md5:00"]])
def test_other_digests(api, upload, digests):
    api.send_part(upload, 0, b"layer")
    assert complete_fault(api, upload, *digests)[0] == "InvalidLayerException"
    assert not api.has_layer(digest_of(b"layer")) and not api.has_layer(digest_of(b"other"))


def test_another_digest_of_a_large_layer(api, upload):
    for first in range(0, len(LARGE), MIN_PART):
        api.send_part(upload, first, LARGE[first:first + MIN_PART])
    assert complete_fault(api, upload, digest_of(b"other"))[0] == "InvalidLayerException"
    assert not api.has_layer(digest_of(LARGE))


def test_nothing_uploaded(api, upload):
    for digest in (digest_of(b""), "md5:00"):
        assert complete_fault(api, upload, digest)[0] == "EmptyUploadException"


@pytest.mark.parametrize("sizes", [[1, 1], [MIN_PART - 1, 1], [MIN_PART, 100, MIN_PART]])
def test_parts_that_are_too_small(api, upload, sizes):
    data = pattern(sum(sizes))
    first = 0
    for size in sizes:
        api.send_part(upload, first, data[first:first + size])
        first += size
    assert complete_fault(api, upload, digest_of(data)) == (
        "LayerPartTooSmallException", "All layer parts except the last part should be at least 5MB")
    assert not api.has_layer(digest_of(data))


def test_a_layer_that_is_there(api, upload):
    digest = api.push_layer(b"layer")
    api.send_part(upload, 0, b"layer")
    assert complete_fault(api, upload, digest) == (
        "LayerAlreadyExistsException", f"The layer with digest '{digest}' already exists in the repository with name "
                                       f"'{api.repository}' in registry with id '{ACCOUNT}'")
    assert api.has_layer(digest)


def test_again(api, upload):
    """An answer that was lost is given again; the session takes nothing more. ECR forgets it (docs/compatibility.md)."""
    api.send_part(upload, 0, b"layer")
    digest = api.complete(upload, digest_of(b"layer"))
    assert api.complete(upload, digest_of(b"layer")) == digest
    assert complete_fault(api, upload, digest_of(b"other")) == no_upload(api, upload)
    part = api.fault("upload_layer_part", uploadId=upload, partFirstByte=5, partLastByte=5, layerPartBlob=b"s")
    assert part.text == no_upload(api, upload)


def test_again_when_the_layer_was_there(api, upload):
    """Clients take both answers for success."""
    digest = api.push_layer(b"layer")
    api.send_part(upload, 0, b"layer")
    assert complete_fault(api, upload, digest)[0] == "LayerAlreadyExistsException"
    assert api.complete(upload, digest) == digest


def test_of_many_that_bring_the_same_layer_one_is_first(api):
    def push(_):
        try:
            return api.push_layer(LARGE)
        except api.ecr.exceptions.LayerAlreadyExistsException:
            return None

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert [digest for digest in pool.map(push, range(4)) if digest] == [digest_of(LARGE)]
    assert_pulls(api, LARGE)


def test_no_such_upload(api):
    unknown = str(uuid.uuid4())
    assert complete_fault(api, unknown, digest_of(b"x")) == no_upload(api, unknown)


def test_another_repositorys_upload(api, upload):
    other = Api(api.server, api.repository + "/other")
    other.ecr.create_repository(repositoryName=other.repository)
    api.send_part(upload, 0, b"layer")
    assert complete_fault(other, upload, digest_of(b"layer")) == no_upload(other, upload)
    assert api.complete(upload, digest_of(b"layer"))


@pytest.mark.parametrize("digests", [[], [digest_of(b"x")] * 101, ["nonsense"]])
def test_digests_that_cannot_be(api, upload, digests):
    code, message = complete_fault(api, upload, *digests)
    assert code == "InvalidParameterException" and "layerDigests" in message


def test_no_such_repository(api, upload):
    fault = fault_of(api.ecr.complete_layer_upload, repositoryName="not/here", uploadId=upload, layerDigests=[digest_of(b"x")])
    assert fault.text == no_repository("not/here")


def test_another_accounts_repository(api, upload):
    fault = api.fault("complete_layer_upload", registryId=OTHER_ACCOUNT, uploadId=upload, layerDigests=[digest_of(b"x")])
    assert fault.text == denied("ecr:CompleteLayerUpload", api.repository)
