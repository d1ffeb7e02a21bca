"""kill -9 after, and in the middle of, every step of a push: what was acknowledged is there after the next start, and
what was not can be pushed again. (That synced order is right as well needs files that forget: the unit tests' fault
layer does that.)"""

import base64
import hashlib
import http.client
import json
import random
import threading

import pytest

from harness.server import Server

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Pusher:
    """The data plane's requests, one connection each, so that a kill ends at most one."""

    def __init__(self, server: Server, repository: str):
        self.server, self.repository = server, repository
        self.authorization = "Basic " + base64.b64encode(f"AWS:{server.password()}".encode()).decode()

    def request(self, method: str, path: str, body: bytes = b"", **headers) -> tuple[int, dict, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            connection.request(method, path if path.startswith("/") else f"/v2/{self.repository}/{path}", body or None,
                               {"Authorization": self.authorization, **{n.replace("_", "-"): v for n, v in headers.items()}})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def open_upload(self) -> str:
        status, headers, body = self.request("POST", "blobs/uploads/")
        assert status == 202, body
        return headers["Location"]

    def push_blob(self, content: bytes) -> None:
        location = self.open_upload()
        separator = "&" if "?" in location else "?"
        status, _, body = self.request("PUT", f"{location}{separator}digest={digest_of(content)}", content)
        assert status == 201, body

    def push_manifest(self, manifest: bytes, tag: str) -> None:
        status, _, body = self.request("PUT", f"manifests/{tag}", manifest, Content_Type=MANIFEST_TYPE)
        assert status == 201, body

    def pull_blob(self, content: bytes) -> None:
        status, _, body = self.request("GET", f"blobs/{digest_of(content)}")
        assert (status, body == content) == (200, True), (status, len(body))

    def pull_manifest(self, tag: str) -> bytes:
        status, _, body = self.request("GET", f"manifests/{tag}", Accept=MANIFEST_TYPE)
        assert status == 200, body
        return body


def image(random_source: random.Random, size: int) -> tuple[bytes, bytes, bytes]:
    """A config, a layer and their manifest."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "seed": random_source.random()}).encode()
    layer = random_source.randbytes(size)
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(config), "size": len(config)},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest_of(layer), "size": len(layer)}],
    }).encode()
    return config, layer, manifest


@pytest.fixture
def pusher(own_server):
    own_server.client("ecr").create_repository(repositoryName="crash/test")
    return Pusher(own_server, "crash/test")


def crash(server: Server) -> None:
    server.kill()
    server.start()


@pytest.mark.parametrize("size", [0, 1, 65_520, 3 << 20], ids=["empty", "byte", "chunk", "large"])
def test_what_was_acknowledged_survives(size, own_server, pusher):
    config, layer, manifest = image(random.Random(size), size)
    pusher.push_blob(config)
    crash(own_server)
    pusher.pull_blob(config)
    pusher.push_blob(layer)
    crash(own_server)
    pusher.pull_blob(layer)
    pusher.push_manifest(manifest, "v1")
    crash(own_server)
    assert pusher.pull_manifest("v1") == manifest
    pusher.pull_blob(config)
    pusher.pull_blob(layer)


def test_a_deleted_image_stays_deleted(own_server, pusher):
    config, layer, manifest = image(random.Random(1), 1000)
    for content in (config, layer):
        pusher.push_blob(content)
    pusher.push_manifest(manifest, "v1")
    ecr = own_server.client("ecr")
    assert ecr.batch_delete_image(repositoryName="crash/test", imageIds=[{"imageTag": "v1"}])["failures"] == []
    crash(own_server)
    assert own_server.client("ecr").list_images(repositoryName="crash/test")["imageIds"] == []


def test_an_upload_goes_on_from_its_checkpoint(own_server, pusher):
    """After a crash the status says how much is safe, and the rest from there completes the layer."""
    content = random.Random(2).randbytes(12 << 20)
    location = pusher.open_upload()
    first = content[:8 << 20]
    status, headers, body = pusher.request("PATCH", location, first, Content_Type="application/octet-stream",
                                           Content_Range=f"0-{len(first) - 1}")
    assert status == 202, body
    location = headers["Location"]
    crash(own_server)
    status, headers, body = pusher.request("GET", location)
    assert status == 204, body
    received = int(headers["Range"].split("-")[1]) + 1
    assert received == len(first), "a PATCH of 4 MiB and more is checkpointed before its 202"
    location = headers.get("Location", location)
    status, headers, body = pusher.request("PATCH", location, content[received:], Content_Type="application/octet-stream",
                                           Content_Range=f"{received}-{len(content) - 1}")
    assert status == 202, body
    location = headers["Location"]
    separator = "&" if "?" in location else "?"
    status, _, body = pusher.request("PUT", f"{location}{separator}digest={digest_of(content)}")
    assert status == 201, body
    pusher.pull_blob(content)


def test_kills_at_random_moments_of_a_stream_of_pushes(own_server, pusher):
    """Whatever was acknowledged before a kill is whole after it; the store opens every time."""
    source = random.Random(20)
    acknowledged: dict[str, tuple[bytes, bytes, bytes]] = {}
    for round_number in range(6):
        stop = threading.Event()

        def push_until_killed():
            for number in range(1000):
                if stop.is_set():
                    return
                pushed = image(source, source.choice([10, 70_000, 2 << 20]))
                tag = f"r{round_number}-{number}"
                try:
                    pusher.push_blob(pushed[0])
                    pusher.push_blob(pushed[1])
                    pusher.push_manifest(pushed[2], tag)
                except (OSError, http.client.HTTPException):
                    return
                acknowledged[tag] = pushed

        thread = threading.Thread(target=push_until_killed)
        thread.start()
        thread.join(source.uniform(0.05, 0.8))  # the moment is what is random here
        own_server.kill()
        stop.set()
        thread.join(60)
        assert not thread.is_alive()
        own_server.start()
        for tag, (config, layer, manifest) in acknowledged.items():
            assert pusher.pull_manifest(tag) == manifest
            pusher.pull_blob(config)
            pusher.pull_blob(layer)
    assert acknowledged
