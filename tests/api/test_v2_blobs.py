"""Layers by digest: the bytes that went in come out, whole and in parts, and nothing else does."""

import concurrent.futures

import pytest

from harness.server import ACCOUNT
from harness.v2 import V2, digest_of, pattern

MIB = 1 << 20
CHUNK = 65520  # plaintext of one encrypted chunk (design-storage 2.3)
SIZES = [0, 1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1, MIB - 1, MIB, MIB + 1, 5 * MIB, 5 * MIB + 17]


@pytest.fixture
def v2(server, repository):
    return V2(server, repository)


def assert_is_blob(answer, data, digest):
    assert answer.status == 200, answer.status
    assert answer.body == data
    assert answer.headers["Content-Length"] == str(len(data))
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Docker-Content-Digest"] == digest
    assert answer.headers["ETag"] == f'"{digest}"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Disposition"] == "attachment"
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


@pytest.mark.parametrize("size", SIZES)
def test_in_and_out(v2, size):
    data = pattern(size)
    digest = v2.push_blob(data)
    for _ in range(2):  # the first answer may fill a cache that the second is made from
        assert_is_blob(v2.get_blob(digest), data, digest)
        head = v2.head_blob(digest)
        assert head.status == 200 and head.body == b""
        assert head.headers["Content-Length"] == str(size)
        assert head.headers["Docker-Content-Digest"] == digest


@pytest.mark.parametrize("size", [0, 1000, 2 * MIB])
def test_sha512(v2, size):
    data = pattern(size, b"sha512")
    digest = v2.push_blob(data, "sha512")
    assert_is_blob(v2.get_blob(digest), data, digest)
    assert v2.head_blob(digest).headers["Docker-Content-Digest"] == digest


def test_the_same_again_and_again(v2):
    data = pattern(3000)
    assert {v2.push_blob(data) for _ in range(3)} == {digest_of(data)}
    assert v2.get_blob(digest_of(data)).body == data


def test_the_inline_answer_is_the_workers_byte_for_byte(v2, server):
    """Of an image's layer, which both ways may answer (design-storage 3.2)."""
    v2.push_image("v1", content := pattern(5000))
    digest = digest_of(content)
    answers = [v2.get_blob(digest) for _ in range(4)]
    answers.append(v2.request("GET", v2.path("blobs/" + digest.replace(":", "%3A"))))  # never answered inline
    plain = [sorted((name, value) for name, value in answer.headers.items() if name != "Date") for answer in answers]
    assert all(fields == plain[0] for fields in plain)
    assert all(answer.body == content for answer in answers)
    heads = [v2.head_blob(digest), v2.head_blob(digest), v2.request("HEAD", v2.path("blobs/" + digest.replace(":", "%3A")))]
    plain = [sorted((name, value) for name, value in answer.headers.items() if name != "Date") for answer in heads]
    assert all(fields == plain[0] for fields in plain)


# ---- ranges


@pytest.mark.parametrize("size", [2000, 3 * MIB])
@pytest.mark.parametrize("field, first, last", [
    ("bytes=500-1499", 500, 1499), ("bytes=500-", 500, None), ("bytes=-500", -500, None), ("bytes=0-0", 0, 0),
    ("bytes=1500-999999999", 1500, None),
], ids=["middle", "rest", "suffix", "first", "beyond"])
def test_a_part(v2, size, field, first, last):
    data = pattern(size, b"range")
    digest = v2.push_blob(data)
    first = size + first if first < 0 else first
    last = size - 1 if last is None else last
    answer = v2.get_blob(digest, Range=field)
    assert answer.status == 206
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{size}"
    assert answer.headers["Content-Length"] == str(last - first + 1)
    assert answer.body == data[first:last + 1]
    assert answer.headers["Docker-Content-Digest"] == digest


@pytest.mark.parametrize("first, last", [(CHUNK - 1, CHUNK), (CHUNK, CHUNK), (CHUNK - 3, 3 * CHUNK + 5), (MIB - 1, MIB + 1)])
def test_a_part_across_the_files_chunks(v2, first, last):
    data = pattern(2 * MIB, b"chunks")
    answer = v2.get_blob(v2.push_blob(data), Range=f"bytes={first}-{last}")
    assert answer.status == 206 and answer.body == data[first:last + 1]


@pytest.mark.parametrize("field", ["bytes=2000-", "bytes=5000-10000", "bytes=-0", "bytes=500-0"])
def test_a_part_that_is_not_there(v2, field):
    digest = v2.push_blob(pattern(2000, b"range"))
    answer = v2.get_blob(digest, Range=field)
    assert answer.status == 416
    assert answer.headers["Content-Range"] == "bytes */2000"


@pytest.mark.parametrize("field", ["bytes=0-1,4-5", "lines=0-1", "bytes=x-y", "bytes=", "nonsense"])
def test_ranges_that_are_not_honoured_mean_the_whole(v2, field):
    data = pattern(2000, b"range")
    assert_is_blob(v2.get_blob(v2.push_blob(data), Range=field), data, digest_of(data))


def test_a_range_of_head_and_of_other_content_is_ignored(v2):
    data = pattern(2000, b"range")
    digest = v2.push_blob(data)
    head = v2.request("HEAD", v2.path(f"blobs/{digest}"), headers={"Range": "bytes=0-1"})
    assert head.status == 200 and head.headers["Content-Length"] == "2000"
    assert v2.get_blob(digest, Range="bytes=0-1", **{"If-Range": '"other"'}).status == 200
    assert v2.get_blob(digest, Range="bytes=0-1", **{"If-Range": f'"{digest}"'}).status == 206


def test_content_that_the_client_has(v2):
    digest = v2.push_blob(pattern(2000))
    for field in (f'"{digest}"', f'"x", W/"{digest}"', "*"):
        answer = v2.get_blob(digest, **{"If-None-Match": field})
        assert answer.status == 304 and answer.body == b"" and answer.headers["ETag"] == f'"{digest}"'
    assert v2.get_blob(digest, **{"If-None-Match": '"other"'}).status == 200


def test_only_the_content_that_the_client_means(v2):
    """If-Match, from a worker and from memory."""
    v2.push_image("v1", content := pattern(2000, b"match"))
    digest = digest_of(content)
    for _ in range(3):
        assert v2.get_blob(digest, **{"If-Match": f'"{digest}"'}).body == content
        for fields in ({"If-Match": '"other"'}, {"If-Match": '"other"', "Range": "bytes=0-1"},
                       {"If-Match": '"other"', "If-None-Match": f'"{digest}"'}):
            for method in ("GET", "HEAD"):
                answer = v2.request(method, v2.path(f"blobs/{digest}"), headers=fields)
                assert (answer.status, answer.body) == (412, b"")
                assert answer.headers["ETag"] == f'"{digest}"' and answer.headers["Cache-Control"] is None
        assert v2.get_blob(digest, **{"If-Match": "*", "Range": "bytes=0-1"}).status == 206


# ---- what is not there


def test_a_layer_that_was_never_pushed(v2):
    digest = digest_of(b"never")
    answer = v2.get_blob(digest)
    assert answer.status == 404 and answer.code == "BLOB_UNKNOWN"
    assert (f"'{digest}'" in answer.error[1]) and (f"'{ACCOUNT}'" in answer.error[1])
    head = v2.head_blob(digest)
    assert head.status == 404 and head.body == b""
    delete = v2.request("DELETE", v2.path(f"blobs/{digest}"))
    assert delete.status == 404 and delete.code == "BLOB_UNKNOWN"


def test_a_layer_is_of_its_repository_alone(server, v2):
    digest = v2.push_blob(pattern(1234))
    server.client("ecr").create_repository(repositoryName="another/" + v2.repository)
    other = V2(server, "another/" + v2.repository)
    assert other.get_blob(digest).status == 404  # only who may push and asks by HEAD gets it: test_v2_reuse.py


def test_a_deleted_layer_is_gone_for_the_next_request(v2):
    data = pattern(4321)
    digest = v2.push_blob(data)
    assert v2.get_blob(digest).status == 200
    assert v2.request("DELETE", v2.path(f"blobs/{digest}")).status == 202
    assert v2.get_blob(digest).status == 404
    assert v2.head_blob(digest).status == 404
    assert v2.request("DELETE", v2.path(f"blobs/{digest}")).status == 404
    assert v2.push_blob(data) == digest  # pushing it again heals
    assert v2.get_blob(digest).body == data


def test_a_layer_of_an_image_cannot_be_deleted(v2):
    content = pattern(777)
    v2.push_image("v1", content)
    answer = v2.request("DELETE", v2.path(f"blobs/{digest_of(content)}"))
    assert answer.status == 405 and answer.code == "UNSUPPORTED"
    assert v2.get_blob(digest_of(content)).body == content
    assert v2.request("DELETE", v2.path(f"manifests/{digest_of(v2.get_manifest('v1').body)}")).status == 202
    assert v2.request("DELETE", v2.path(f"blobs/{digest_of(content)}")).status == 202


def test_a_deleted_repository_takes_its_layers(server, v2):
    content = pattern(778)
    v2.push_image("v1", content)
    assert v2.get_blob(digest_of(content)).status == 200
    server.client("ecr").delete_repository(repositoryName=v2.repository, force=True)
    assert v2.get_blob(digest_of(content)).code == "NAME_UNKNOWN"
    server.client("ecr").create_repository(repositoryName=v2.repository)
    assert v2.get_blob(digest_of(content)).code == "BLOB_UNKNOWN"


# ---- many, and again after a crash


def test_many_readers(v2):
    data = pattern(4 * MIB, b"readers")
    digest = v2.push_blob(data)
    with concurrent.futures.ThreadPoolExecutor(8) as readers:
        answers = list(readers.map(lambda _: v2.get_blob(digest), range(24)))
    assert all(answer.body == data for answer in answers)


def test_a_reader_that_leaves_harms_nobody(v2):
    data = pattern(8 * MIB, b"leaves")
    digest = v2.push_blob(data)
    for _ in range(8):
        connection = v2.connect()
        connection.request("GET", v2.path(f"blobs/{digest}"), headers={"Authorization": v2.authorization})
        assert len(connection.getresponse().read(1000)) == 1000
        connection.close()
    assert v2.get_blob(digest).body == data


def test_one_connection_for_many_layers(v2):
    """Keep-alive over inline answers, worker answers, errors and streams."""
    blobs = {v2.push_blob(data): data for data in (pattern(size, b"keep") for size in (10, 70_000, 2 * MIB))}
    connection = v2.connect()
    for digest in [*blobs, digest_of(b"never"), *blobs, *blobs]:
        connection.request("GET", v2.path(f"blobs/{digest}"), headers={"Authorization": v2.authorization})
        answer = connection.getresponse()
        body = answer.read()
        assert (answer.status, body) == (200, blobs[digest]) if digest in blobs else answer.status == 404
    connection.close()


def test_what_was_acknowledged_survives_a_crash(own_server):
    own_server.client("ecr").create_repository(repositoryName="app")
    v2 = V2(own_server, "app")
    blobs = {v2.push_blob(data): data for data in (pattern(size, b"crash") for size in (0, 1, 70_000, 3 * MIB))}
    own_server.kill()
    own_server.start()
    for digest, data in blobs.items():
        assert_is_blob(v2.get_blob(digest), data, digest)


def test_nothing_is_readable_on_the_disk(own_server):
    own_server.client("ecr").create_repository(repositoryName="app")
    v2 = V2(own_server, "app")
    secret = b"a sentence that nobody may find on the disk. " * 200
    v2.push_blob(secret)
    v2.patch(v2.open_upload(), secret * 600)  # and one that is still open, past its checkpoint
    own_server.stop()
    for file in own_server.data_dir.rglob("*"):
        if file.is_file():
            assert secret[:40] not in file.read_bytes(), file
