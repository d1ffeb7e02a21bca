"""One layer of 6 GiB, and ten thousand of 1 KiB. ENTREPOT_LARGE_GIB=60 for the size that is tried by hand."""

import concurrent.futures
import hashlib
import http.client
import os
import shutil
import threading

import pytest

from harness.server import Server
from harness.v2 import V2, digest_of

from .stream import BLOCK, digest, part

GIB = 1 << 30
SIZE = int(os.environ.get("ENTREPOT_LARGE_GIB", "6")) * GIB
CHUNK = 512 << 20
CONNECTIONS = 16
SMALL_LAYERS = 10_000

# What the server may grow by between the first part of a layer and the last: it holds blocks, never the layer.
GROWTH_KIB = 64 << 10


@pytest.fixture
def roomy(tmp_path):
    """A registry whose data goes when the test ends: pytest would keep it."""
    if shutil.disk_usage(tmp_path).free < SIZE + 4 * GIB:
        pytest.skip(f"needs {SIZE // GIB + 4} GiB of disk")
    with Server(tmp_path, "--log-level", "warning") as running:
        running.client("ecr").create_repository(repositoryName="large/one")
        yield running
    shutil.rmtree(tmp_path / "data")


def most_memory(server: Server) -> int:
    """VmHWM in KiB."""
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def send(v2: V2, location: str, first: int, size: int, chunked: bool = False):
    """A PATCH of a part, its length said beforehand or not."""
    connection = v2.connect()
    try:
        connection.putrequest("PATCH", location, skip_accept_encoding=True)
        connection.putheader("Authorization", v2.authorization)
        if chunked:
            connection.putheader("Transfer-Encoding", "chunked")
        else:
            connection.putheader("Content-Length", str(size))
            connection.putheader("Content-Range", f"{first}-{first + size - 1}")
        connection.endheaders(part(first, size), encode_chunked=chunked)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 202, body
        return answer.headers["Location"]
    finally:
        connection.close()


def pull(v2: V2, layer: str, first: int = 0) -> str:
    """The digest of the whole; before `first` the stream's own bytes stand for what was pulled earlier."""
    sha256 = hashlib.sha256()
    for piece in part(0, first):
        sha256.update(piece)
    connection = v2.connect()
    try:
        headers = {"Authorization": v2.authorization, **({"Range": f"bytes={first}-"} if first else {})}
        connection.request("GET", v2.path(f"blobs/{layer}"), headers=headers)
        answer = connection.getresponse()
        assert answer.status == (206 if first else 200)
        while piece := answer.read(BLOCK):
            sha256.update(piece)
    finally:
        connection.close()
    return f"sha256:{sha256.hexdigest()}"


@pytest.mark.timeout(60 * 60)
def test_streamed_killed_resumed_and_pulled(roomy):
    """A stream that ends in a kill -9 at the half; from the checkpoint on in parts; memory stays where it was."""
    v2 = V2(roomy, "large/one")
    location = send(v2, v2.open_upload(), 0, CHUNK)
    killed_at = SIZE // 2

    def stream_until_killed():
        for number, piece in enumerate(part(CHUNK, SIZE - CHUNK)):
            if CHUNK + number * BLOCK == killed_at:
                roomy.kill()
            yield piece

    connection = v2.connect()
    connection.putrequest("PATCH", location, skip_accept_encoding=True)
    connection.putheader("Authorization", v2.authorization)
    connection.putheader("Transfer-Encoding", "chunked")
    with pytest.raises((OSError, http.client.HTTPException)):
        connection.endheaders(stream_until_killed(), encode_chunked=True)
        connection.getresponse()
    connection.close()

    roomy.start()
    state = v2.request("GET", location)
    assert state.status == 204, state
    at = int(state.headers["Range"].split("-")[1]) + 1
    assert CHUNK <= at <= killed_at, "what was acknowledged is kept, and as much of the rest as was checkpointed"
    print(f"killed at {killed_at >> 20} MiB, goes on at {at >> 20} MiB")

    location, after_first_part = state.location, None
    while at < SIZE:
        size = min(CHUNK, SIZE - at)
        location = send(v2, location, at, size)
        at += size
        after_first_part = after_first_part or most_memory(roomy)
    layer = digest(SIZE)
    closed = v2.close_upload(location, layer)
    assert closed.status == 201, closed

    assert pull(v2, layer) == layer
    assert pull(v2, layer, first=SIZE // 2 + 12_345) == layer, "a pull that was cut goes on by a range"
    print(f"memory: {after_first_part >> 10} MiB after the first part, {most_memory(roomy) >> 10} MiB at most")
    assert most_memory(roomy) <= after_first_part + GROWTH_KIB
    roomy.kill()
    roomy.start()
    assert v2.head_blob(layer).status == 200


@pytest.mark.timeout(60 * 60)
def test_one_put_without_a_length(roomy):
    """The whole layer in one request that does not say how long it is."""
    v2 = V2(roomy, "large/one")
    layer = digest(SIZE)
    connection = v2.connect()
    connection.putrequest("PUT", f"{v2.open_upload()}&digest={layer}", skip_accept_encoding=True)
    connection.putheader("Authorization", v2.authorization)
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders(part(0, SIZE), encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 201, answer.read()
    connection.close()
    assert pull(v2, layer) == layer


@pytest.mark.timeout(30 * 60)
def test_many_small_layers_at_sixteen_connections(roomy):
    """Acknowledged is there: while the server runs, and after a kill."""
    v2 = V2(roomy, "large/one")
    lines = threading.local()

    def request(method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        if not hasattr(lines, "connection"):
            lines.connection = v2.connect()
        lines.connection.request(method, path, body, {"Authorization": v2.authorization})
        answer = lines.connection.getresponse()
        return answer.status, answer.read()

    def content(number: int) -> bytes:
        return number.to_bytes(4, "big") * 256

    def push(number: int) -> int:
        return request("POST", v2.path(f"blobs/uploads/?digest={digest_of(content(number))}"), content(number))[0]

    def is_there(number: int) -> bool:
        return request("GET", v2.path(f"blobs/{digest_of(content(number))}")) == (200, content(number))

    for step in (push, is_there):
        with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
            outcomes = list(pool.map(step, range(SMALL_LAYERS)))
        assert set(outcomes) <= {201, True}
    roomy.kill()
    roomy.start()
    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
        assert all(pool.map(lambda number: V2.get_blob(v2, digest_of(content(number))).body == content(number),
                            range(0, SMALL_LAYERS, 7)))
