"""Layers on their way in: opened, fed in order, resumed, cancelled, closed; by one, by many, and across a crash."""

import concurrent.futures
import re
import socket
import time

import pytest

from harness.server import ACCOUNT
from harness.storage import blob_files, wait_until
from harness.v2 import V2, digest_of, pattern

MIB = 1 << 20
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


@pytest.fixture
def v2(server, repository):
    return V2(server, repository)


@pytest.fixture
def own(own_server):
    own_server.client("ecr").create_repository(repositoryName="app")
    return V2(own_server, "app")


def assert_progress(answer, status, received):
    assert answer.status == status, answer
    assert answer.headers["Range"] == f"0-{max(received - 1, 0)}"
    assert re.fullmatch(UUID, answer.headers["Docker-Upload-UUID"])
    assert answer.location.startswith("/v2/") and answer.headers["Docker-Upload-UUID"] in answer.location


def assert_created(v2, answer, data, digest=None):
    digest = digest or digest_of(data)
    assert answer.status == 201, answer
    assert answer.body == b""
    assert answer.headers["Docker-Content-Digest"] == digest
    assert answer.location == v2.path(f"blobs/{digest}")
    assert v2.request("GET", answer.location).body == data


def assert_wrong_offset(answer, received):
    assert answer.status == 416, answer
    assert answer.code == "BLOB_UPLOAD_INVALID"
    assert answer.headers["Range"] == f"0-{max(received - 1, 0)}"


def assert_gone(answer):
    assert answer.status == 404, answer
    if answer.body:
        assert answer.code == "BLOB_UPLOAD_UNKNOWN"


def received_of(v2, location):
    answer = v2.request("GET", location)
    assert answer.status == 204, answer
    last = int(answer.headers["Range"].removeprefix("0-"))
    return (last + 1 if last else 0), answer.location


# ---- every way in


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 5 * MIB])
@pytest.mark.parametrize("way", ["put", "patch", "chunked", "patches", "last chunk in put", "post"])
def test_every_way_in(v2, size, way):
    data = pattern(size, way.encode())
    digest = digest_of(data)
    if way == "post":
        answer = v2.request("POST", v2.path(f"blobs/uploads/?digest={digest}"), data)
        return assert_created(v2, answer, data)
    location, rest = v2.open_upload(), b""
    if way in ("patch", "chunked"):
        answer = v2.patch(location, data, chunked=way == "chunked")
        assert_progress(answer, 202, size)
        location = answer.location
    elif way == "put":
        rest = data
    else:
        cuts = [0, size // 3, size // 2, size]
        chunks = [(first, last) for first, last in zip(cuts, cuts[1:], strict=False) if first < last]
        if way == "last chunk in put" and chunks:
            first, _ = chunks.pop()
            rest = data[first:]
        for first, last in chunks:
            answer = v2.patch(location, data[first:last], f"{first}-{last - 1}")
            assert_progress(answer, 202, last)
            location = answer.location
    assert_created(v2, v2.close_upload(location, digest, rest), data)


def test_opening(v2):
    answer = v2.request("POST", v2.path("blobs/uploads/"))
    assert_progress(answer, 202, 0)
    assert answer.headers["Content-Length"] == "0"
    assert v2.request("POST", v2.path("blobs/uploads")).status == 202
    other = v2.request("POST", v2.path("blobs/uploads/"))
    assert other.headers["Docker-Upload-UUID"] != answer.headers["Docker-Upload-UUID"]


def test_a_put_in_chunked_encoding(v2):
    for size in (0, 1000, 3 * MIB):
        data = pattern(size, b"chunked put")
        pieces = [data[at:at + 50_000] for at in range(0, size, 50_000)]
        answer = v2.request("PUT", f"{v2.open_upload()}&digest={digest_of(data)}", pieces, chunked=True)
        assert_created(v2, answer, data)


def test_sha512_in_patches(v2):
    data = pattern(3 * MIB, b"512")
    digest = digest_of(data, "sha512")
    location = v2.patch(v2.open_upload(), data[:MIB]).location
    location = v2.patch(location, data[MIB:]).location
    assert_created(v2, v2.close_upload(location, digest), data, digest)


def test_many_small_patches(v2):
    data = pattern(40_000, b"small")
    location = v2.open_upload()
    for at in range(0, len(data), 999):
        answer = v2.patch(location, data[at:at + 999])
        assert_progress(answer, 202, min(at + 999, len(data)))
        location = answer.location
    assert_created(v2, v2.close_upload(location, digest_of(data)), data)


def test_an_empty_patch_changes_nothing(v2):
    data = pattern(100)
    location = v2.patch(v2.open_upload(), b"").location
    location = v2.patch(location, data).location
    answer = v2.patch(location, b"")
    assert_progress(answer, 202, 100)
    assert_created(v2, v2.close_upload(answer.location, digest_of(data)), data)


# ---- where an upload stands


def test_status(v2):
    location = v2.open_upload()
    assert_progress(v2.request("GET", location), 204, 0)
    location = v2.patch(location, pattern(5000)).location
    answer = v2.request("GET", location)
    assert_progress(answer, 204, 5000)
    assert answer.body == b""
    assert v2.request("HEAD", location).headers["Range"] == "0-4999"


def test_out_of_order_is_told_where_to_go_on(v2):
    data = pattern(10_000)
    location = v2.open_upload()
    assert_wrong_offset(v2.patch(location, data[500:1000], "500-999"), 0)
    location = v2.patch(location, data[:1000], "0-999").location
    for first, last in ((0, 999), (999, 1998), (1001, 2000), (5000, 9999)):
        assert_wrong_offset(v2.patch(location, data[first:last + 1], f"{first}-{last}"), 1000)
    answer = v2.patch(location, data[2000:3000], "2000-2999")
    answer = v2.patch(answer.location, data[1000:2000], "1000-1999")  # the Location of a 416 goes on from there
    assert_progress(answer, 202, 2000)
    assert_wrong_offset(v2.close_upload(answer.location, digest_of(data), data[3000:], "3000-9999"), 2000)
    assert_created(v2, v2.close_upload(answer.location, digest_of(data), data[2000:], "2000-9999"), data)


def test_an_older_location_is_for_asking_only(v2):
    """design-storage 1.2: its offset is not the session's, unless Content-Range says where the session is."""
    data = pattern(9000)
    first = v2.open_upload()
    second = v2.patch(first, data[:3000]).location
    assert_wrong_offset(v2.patch(first, data[:3000]), 3000)
    assert_wrong_offset(v2.close_upload(first, digest_of(data), data), 3000)
    assert_progress(v2.request("GET", first), 204, 3000)
    third = v2.patch(first, data[3000:6000], "3000-5999")
    assert_progress(third, 202, 6000)
    assert_wrong_offset(v2.patch(second, data[3000:]), 6000)
    assert_created(v2, v2.close_upload(third.location, digest_of(data), data[6000:]), data)


@pytest.mark.parametrize("field", ["0-98", "0-100", "99-0", "x-y", "0-", "-99", "bytes=0-99x"])
def test_content_ranges_that_cannot_be(v2, field):
    answer = v2.patch(v2.open_upload(), pattern(100), field)
    assert answer.status == 400 and answer.code == "SIZE_INVALID"


@pytest.mark.parametrize("size", [100, 3 * MIB])
@pytest.mark.parametrize("more", [-MIB, -1, 1, MIB])
@pytest.mark.parametrize("begin", [0, 70_000], ids=["first", "later"])
def test_a_chunk_in_chunked_encoding_is_as_long_as_its_range(v2, size, more, begin):
    """Its length shows at its end only; what of it lies in the range may count, and the state says how much."""
    data = pattern(begin + size, b"other length")
    last = begin + max(size + more, 1) - 1
    location = v2.patch(v2.open_upload(), data[:begin]).location
    for answer in (v2.patch(location, data[begin:], f"{begin}-{last}", chunked=True),
                   v2.request("PUT", f"{v2.open_upload()}&digest={digest_of(data)}", [data],
                              {"Content-Range": f"0-{last}"}, chunked=True)):
        assert answer.status == 400 and answer.code == "SIZE_INVALID", answer
    assert v2.get_blob(digest_of(data)).status == 404
    received, newest = received_of(v2, location)
    assert begin <= received <= min(begin + size, last + 1)
    answer = v2.patch(newest, data[received:], chunked=True)
    assert_progress(answer, 202, begin + size)
    assert_created(v2, v2.close_upload(answer.location, digest_of(data)), data)


def test_the_content_range_of_http(v2):
    data = pattern(100)
    location = v2.patch(v2.open_upload(), data, "bytes 0-99/*").location
    assert_created(v2, v2.close_upload(location, digest_of(data)), data)


# ---- closing


@pytest.mark.parametrize("size", [10, 3 * MIB])
def test_a_digest_that_is_not_the_contents(v2, size):
    data = pattern(size, b"mismatch")
    answer = v2.close_upload(v2.open_upload(), digest_of(b"other"), data)
    assert answer.status == 400 and answer.code == "DIGEST_INVALID"
    location = v2.patch(v2.open_upload(), data).location
    answer = v2.close_upload(location, digest_of(b"other"))
    assert answer.status == 400 and answer.code == "DIGEST_INVALID"
    for digest in (digest_of(data), digest_of(b"other")):
        assert v2.head_blob(digest).status == 404


@pytest.mark.parametrize("query", ["", "&digest=", "&digest=sha256:abc", "&digest=md5:" + "0" * 32, "&digest=%zz"])
def test_closing_needs_a_digest(v2, query):
    location = v2.patch(v2.open_upload(), b"data").location
    answer = v2.request("PUT", location + query, b"")
    assert answer.status == 400 and answer.code == "DIGEST_INVALID"
    assert_created(v2, v2.close_upload(location, digest_of(b"data")), b"data")  # no harm done


@pytest.mark.parametrize("size", [0, 10, 3 * MIB])
def test_a_repeated_closing_put_gets_the_same_answer(v2, size):
    """The client may not have seen the first (design-storage 1.3)."""
    data = pattern(size, b"repeat")
    location = v2.open_upload()
    for _ in range(3):
        assert_created(v2, v2.close_upload(location, digest_of(data), data), data)
    answer = v2.close_upload(location, digest_of(b"another"), b"another")
    assert_gone(answer)
    after = v2.patch(v2.open_upload(), data).location
    for _ in range(2):
        assert_created(v2, v2.close_upload(after, digest_of(data)), data)


def test_a_closed_session_takes_nothing_more(v2):
    data = pattern(1000)
    location = v2.patch(v2.open_upload(), data).location
    assert_created(v2, v2.close_upload(location, digest_of(data)), data)
    assert_gone(v2.patch(location, b"more"))
    assert_gone(v2.request("GET", location))
    assert_gone(v2.request("DELETE", location))


@pytest.mark.parametrize("size", [0, 100, 5 * MIB])
def test_cancelled(v2, size):
    location = v2.open_upload()
    if size:
        location = v2.patch(location, pattern(size)).location
    answer = v2.request("DELETE", location)
    assert answer.status == 204 and answer.body == b""
    assert_gone(v2.request("GET", location))
    assert_gone(v2.patch(location, b"more"))
    assert_gone(v2.close_upload(location, digest_of(b"")))
    assert_gone(v2.request("DELETE", location))


# ---- whose an upload is


def test_locations_that_were_not_given(v2, server):
    location = v2.open_upload()
    path, state = location.split("?_state=")
    for forged in (path, path + "?_state=", path + "?_state=nonsense", path + "?_state=" + state[:-4],
                   path + "?_state=" + ("B" if state[0] == "A" else "A") + state[1:],
                   v2.path("blobs/uploads/00000000-0000-4000-8000-000000000000") + "?_state=" + state,
                   v2.path("blobs/uploads/nonsense") + "?_state=" + state):
        join = "&" if "?" in forged else "?"
        for method, target in (("GET", forged), ("PATCH", forged), ("DELETE", forged),
                               ("PUT", f"{forged}{join}digest={digest_of(b'')}")):
            answer = v2.request(method, target, b"" if method in ("PATCH", "PUT") else None)
            assert_gone(answer)
    assert f"'{ACCOUNT}'" in v2.request("GET", path).error[1]
    server.client("ecr").create_repository(repositoryName="other/" + v2.repository)
    assert_gone(v2.request("GET", location.replace(v2.repository, "other/" + v2.repository)))
    assert v2.request("GET", location).status == 204


# ---- mounts


@pytest.fixture
def source(v2, server):
    server.client("ecr").create_repository(repositoryName="source/" + v2.repository)
    return V2(server, "source/" + v2.repository)


def mount(v2, digest, source):
    return v2.request("POST", v2.path(f"blobs/uploads/?mount={digest}&from={source}"))


@pytest.mark.parametrize("size", [0, 100, 2 * MIB])
def test_a_mounted_layer(v2, source, size):
    data = pattern(size, b"mount")
    digest = source.push_blob(data)
    assert v2.get_blob(digest).status == 404
    assert_created(v2, mount(v2, digest, source.repository), data)
    assert_created(v2, mount(v2, digest, source.repository.replace("/", "%2F")), data)
    source.request("DELETE", source.path(f"blobs/{digest}"))
    assert v2.get_blob(digest).body == data  # the links are apart


def test_what_cannot_be_mounted_is_uploaded(v2, source):
    digest = digest_of(b"never pushed")
    for name in (source.repository, "not/here", "Not/A.Name!", "x"):
        assert_progress(mount(v2, digest, name), 202, 0)
    answer = v2.request("POST", v2.path(f"blobs/uploads/?mount={digest}"))
    assert_progress(answer, 202, 0)
    assert_created(v2, v2.close_upload(answer.location, digest, b"never pushed"), b"never pushed")


def test_a_mount_of_nonsense(v2, source):
    answer = mount(v2, "sha256:nonsense", source.repository)
    assert answer.status == 400 and answer.code == "DIGEST_INVALID"


# ---- cut off, crashed, and at once


def half_a_patch(v2, location, data, promised):
    """Sends the beginning of a body and hangs up."""
    with socket.create_connection(("127.0.0.1", v2.server.port), timeout=30) as connection:
        head = (f"PATCH {location} HTTP/1.1\r\nHost: {v2.server.host}\r\nAuthorization: {v2.authorization}\r\n"
                f"Content-Length: {promised}\r\n\r\n")
        connection.sendall(head.encode() + data)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass


def wait_for_progress(v2, location, least, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        received, newest = received_of(v2, location)
        if received >= least:
            return received, newest
        time.sleep(0.05)
    raise AssertionError(f"{least} bytes did not arrive")


@pytest.mark.parametrize("sent", [300_000, 3 * MIB])
def test_what_arrived_before_the_line_broke_is_kept(v2, sent):
    data = pattern(6 * MIB, b"broken line")
    location = v2.open_upload()
    half_a_patch(v2, location, data[:sent], len(data))
    received, newest = wait_for_progress(v2, location, 1) if sent > MIB else received_of(v2, location)
    assert received <= sent
    answer = v2.patch(newest, data[received:])
    assert_progress(answer, 202, len(data))
    assert_created(v2, v2.close_upload(answer.location, digest_of(data)), data)


def test_an_upload_goes_on_after_a_crash(own):
    """From its last checkpoint, which is never more than 4 MiB behind what a 202 acknowledged (design-storage 1.2)."""
    data = pattern(24 * MIB, b"crash")
    location, sent = own.open_upload(), 0
    for size in (10 * MIB, 1000, 7 * MIB):
        answer = own.patch(location, data[sent:sent + size])
        sent += size
        assert_progress(answer, 202, sent)
        location = answer.location
    own.server.kill()
    own.server.start()
    received, newest = received_of(own, location)
    assert sent - 4 * MIB <= received <= sent
    if received < sent:
        assert_wrong_offset(own.patch(location, data[sent:]), received)
    answer = own.patch(newest, data[received:])
    assert_progress(answer, 202, len(data))
    assert_created(own, own.close_upload(answer.location, digest_of(data)), data)


def test_an_upload_goes_on_after_an_orderly_restart_where_it_was(own):
    data = pattern(9 * MIB, b"restart")
    location = own.patch(own.open_upload(), data[:5_000_001]).location
    own.server.restart()
    assert received_of(own, location)[0] == 5_000_001
    answer = own.patch(location, data[5_000_001:])
    assert_created(own, own.close_upload(answer.location, digest_of(data)), data)


def test_a_small_upload_that_a_crash_took_begins_again(own):
    """What waits in memory for its PUT is not promised; the answer says so (design-storage 1.2)."""
    data = pattern(1000)
    location = own.patch(own.open_upload(), data).location
    own.server.kill()
    own.server.start()
    received, newest = received_of(own, location)
    assert_created(own, own.close_upload(newest, digest_of(data), data[received:]), data)


def test_a_completed_upload_is_remembered_across_a_crash(own):
    data = pattern(2 * MIB)
    location = own.patch(own.open_upload(), data).location
    assert_created(own, own.close_upload(location, digest_of(data)), data)
    own.server.kill()
    own.server.start()
    assert_created(own, own.close_upload(location, digest_of(data)), data)


def test_a_cancelled_upload_stays_cancelled_across_a_crash(own):
    location = own.patch(own.open_upload(), pattern(6 * MIB)).location
    assert own.request("DELETE", location).status == 204
    own.server.kill()
    own.server.start()
    assert_gone(own.request("GET", location))
    assert_gone(own.patch(location, b"more"))


def test_one_writer_a_session(v2):
    """Many requests at the same place: a newer one ends an older one, whose bytes stay, so that none or one of them
    is taken whole; whoever goes on from where the session stands ends up with the layer (design-storage 1.3)."""
    for size in (1000, 3 * MIB):
        data = pattern(size, b"rivals")
        location = v2.open_upload()
        with concurrent.futures.ThreadPoolExecutor(6) as rivals:
            answers = list(rivals.map(lambda _: v2.patch(location, data), range(6)))
        assert {answer.status for answer in answers} <= {202, 416, 503}, [answer.status for answer in answers]
        assert sum(answer.status == 202 for answer in answers) <= 1
        received, newest = received_of(v2, location)
        assert_created(v2, v2.close_upload(newest, digest_of(data), data[received:]), data)


def test_a_newer_request_takes_a_stalled_session_over(v2):
    data = pattern(5 * MIB, b"stalled")
    location = v2.open_upload()
    with socket.create_connection(("127.0.0.1", v2.server.port), timeout=30) as stalled:
        head = (f"PATCH {location} HTTP/1.1\r\nHost: {v2.server.host}\r\nAuthorization: {v2.authorization}\r\n"
                f"Content-Length: {len(data)}\r\n\r\n")
        stalled.sendall(head.encode() + data[:2 * MIB])  # and no more, with the connection open
        received, newest = wait_for_progress(v2, location, MIB)
        answer = v2.patch(newest, data[received:])
        while answer.status in (416, 503):  # bytes of the stalled one were still on their way
            received, newest = received_of(v2, newest)
            answer = v2.patch(newest, data[received:])
        assert_progress(answer, 202, len(data))
    assert_created(v2, v2.close_upload(answer.location, digest_of(data)), data)


def test_a_chunk_of_a_session_that_is_cancelled_hears_so(v2):
    location = v2.open_upload()
    with socket.create_connection(("127.0.0.1", v2.server.port), timeout=30) as stalled:
        head = (f"PATCH {location} HTTP/1.1\r\nHost: {v2.server.host}\r\nAuthorization: {v2.authorization}\r\n"
                f"Content-Length: {5 * MIB}\r\n\r\n")
        stalled.sendall(head.encode() + pattern(2 * MIB))  # and no more, with the connection open
        _, newest = wait_for_progress(v2, location, MIB)
        assert v2.request("DELETE", newest).status == 204
        answer = b"".join(iter(lambda: stalled.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 404 ") and b"BLOB_UPLOAD_UNKNOWN" in answer
    assert_gone(v2.request("GET", newest))


def test_the_same_layer_by_many_at_once(v2):
    for size in (1000, 2 * MIB):
        data = pattern(size, b"crowd")
        with concurrent.futures.ThreadPoolExecutor(8) as crowd:
            digests = list(crowd.map(lambda _: v2.push_blob(data), range(16)))
        assert set(digests) == {digest_of(data)}
        assert v2.get_blob(digest_of(data)).body == data


def test_many_layers_at_once(v2):
    blobs = [pattern(200_000 + i, b"many") for i in range(24)]
    with concurrent.futures.ThreadPoolExecutor(8) as crowd:
        digests = list(crowd.map(v2.push_blob, blobs))
    for digest, data in zip(digests, blobs, strict=True):
        assert v2.get_blob(digest).body == data


# ---- both doors


def test_layers_of_the_api_are_pulled_here(v2, server):
    ecr = server.client("ecr")
    data = pattern(6 * MIB, b"api")
    upload = ecr.initiate_layer_upload(repositoryName=v2.repository)["uploadId"]
    for at in range(0, len(data), 5 * MIB):
        part = data[at:at + 5 * MIB]
        ecr.upload_layer_part(repositoryName=v2.repository, uploadId=upload, partFirstByte=at,
                              partLastByte=at + len(part) - 1, layerPartBlob=part)
    ecr.complete_layer_upload(repositoryName=v2.repository, uploadId=upload, layerDigests=[digest_of(data)])
    assert v2.get_blob(digest_of(data)).body == data
    (layer,) = ecr.batch_check_layer_availability(repositoryName=v2.repository, layerDigests=[v2.push_blob(b"here")])["layers"]
    assert layer["layerAvailability"] == "AVAILABLE" and layer["layerSize"] == 4


def test_a_single_post_that_fails_leaves_nothing(own):
    """Nobody knows its session, so nobody could go on with it."""
    data = pattern(3 * MIB)
    refused = own.request("POST", own.path(f"blobs/uploads/?digest={digest_of(b'other')}"), data)
    assert (refused.status, refused.code) == (400, "DIGEST_INVALID")
    assert not blob_files(own.server)
    connection = own.connect()
    connection.putrequest("POST", own.path(f"blobs/uploads/?digest={digest_of(data)}"))
    connection.putheader("Authorization", own.authorization)
    connection.putheader("Content-Length", str(len(data)))
    connection.endheaders(data[:2 * MIB + 1])
    wait_until(lambda: blob_files(own.server), "what arrives is being written")
    connection.close()
    wait_until(lambda: not blob_files(own.server), "it is gone with the connection")
