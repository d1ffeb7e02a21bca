"""/v2/ spoken byte by byte: what a container client sends, and what it should not."""

import base64
import dataclasses
import hashlib
import http.client
import json

from harness.server import Server

IMAGE_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
STEP = 64 * 1024


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def pattern(size: int, seed: bytes = b"") -> bytes:
    """Bytes that differ at every place and for every seed."""
    return hashlib.shake_128(seed + size.to_bytes(8, "big")).digest(size)


@dataclasses.dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self):
        return json.loads(self.body)

    @property
    def error(self) -> tuple[str, str]:
        """Code and message; holds the body to the specification's form on the way."""
        assert self.headers["Content-Type"].startswith("application/json"), self
        assert self.body.endswith(b"\n"), self
        (error,) = self.json()["errors"]
        return error["code"], error["message"]

    @property
    def code(self) -> str:
        return self.error[0]

    @property
    def location(self) -> str:
        return self.headers["Location"]


class V2:
    """One repository (or none) of a server, as one principal. A connection per request: a test that keeps one alive
    says so by using `connect`."""

    def __init__(self, server: Server, repository: str = "", authorization: str | None = None, host: str | None = None,
                 port: int | None = None):
        """`port`: of a relay in front of the server."""
        self.server = server
        self.repository = repository
        self.authorization = basic("AWS", server.password()) if authorization is None else authorization
        self.host = host
        self.port = port

    def connect(self) -> http.client.HTTPConnection:
        return self.server.connect(self.port)

    def request(self, method: str, path: str, body=None, headers: dict | None = None, chunked: bool = False) -> Answer:
        """`path` as it goes on the wire. An iterable body with `chunked` is sent in chunks."""
        connection = self.connect()
        try:
            connection.putrequest(method, path, skip_host=self.host is not None, skip_accept_encoding=True)
            if self.host is not None:
                connection.putheader("Host", self.host)
            if self.authorization:
                connection.putheader("Authorization", self.authorization)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if chunked:
                connection.putheader("Transfer-Encoding", "chunked")
            elif body is not None or method in ("POST", "PUT", "PATCH"):
                connection.putheader("Content-Length", str(len(body or b"")))
            connection.endheaders(body, encode_chunked=chunked)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    # ---- layers

    def path(self, rest: str) -> str:
        return f"/v2/{self.repository}/{rest}"

    def open_upload(self) -> str:
        answer = self.request("POST", self.path("blobs/uploads/"))
        assert answer.status == 202, answer
        return answer.location

    def patch(self, location: str, data: bytes, content_range: str | None = None, chunked: bool = False) -> Answer:
        headers = {"Content-Type": "application/octet-stream"}
        if content_range:
            headers["Content-Range"] = content_range
        body = [data[at:at + STEP] for at in range(0, len(data), STEP)] if chunked else data
        return self.request("PATCH", location, body, headers, chunked=chunked)

    def close_upload(self, location: str, digest: str, data: bytes = b"", content_range: str | None = None) -> Answer:
        headers = {"Content-Range": content_range} if content_range else {}
        return self.request("PUT", f"{location}&digest={digest}", data, headers)

    def push_blob(self, data: bytes, algorithm: str = "sha256") -> str:
        digest = digest_of(data, algorithm)
        answer = self.close_upload(self.open_upload(), digest, data)
        assert answer.status == 201, answer
        return digest

    def get_blob(self, digest: str, **headers) -> Answer:
        return self.request("GET", self.path(f"blobs/{digest}"), headers=headers)

    def head_blob(self, digest: str) -> Answer:
        return self.request("HEAD", self.path(f"blobs/{digest}"))

    # ---- manifests

    def put_manifest(self, reference: str, manifest, media_type: str | None = None, **headers) -> Answer:
        content = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
        if media_type is None:
            media_type = json.loads(content).get("mediaType", IMAGE_TYPE)
        return self.request("PUT", self.path(f"manifests/{reference}"), content,
                            {"Content-Type": media_type, **headers})

    def delete_manifest(self, reference: str, **headers) -> Answer:
        return self.request("DELETE", self.path(f"manifests/{reference}"), headers=headers)

    def get_manifest(self, reference: str, method: str = "GET", **headers) -> Answer:
        return self.request(method, self.path(f"manifests/{reference}"), headers=headers)

    def push_image(self, tag: str, content: bytes = b"layer") -> bytes:
        """An image of one layer under `tag`; its manifest's bytes."""
        manifest = self.image(content)
        answer = self.put_manifest(tag, manifest)
        assert answer.status == 201, answer
        return manifest

    def image(self, content: bytes = b"layer", **members) -> bytes:
        """The manifest of an image whose blobs are pushed, in bytes no serialiser would write again."""
        config = json.dumps({"architecture": "amd64", "os": "linux", "made_of": digest_of(content)}).encode()
        self.push_blob(config)
        self.push_blob(content)
        return image_manifest(config, [content], **members)


def descriptor(media_type: str, data: bytes) -> dict:
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


def image_manifest(config: bytes, layers: list[bytes], **members) -> bytes:
    return json.dumps({"schemaVersion": 2, "mediaType": IMAGE_TYPE, "config": descriptor(CONFIG_TYPE, config),
                       "layers": [descriptor(LAYER_TYPE, layer) for layer in layers], **members}, indent=3).encode()


def index_manifest(children: list[bytes]) -> bytes:
    entries = [{**descriptor(IMAGE_TYPE, child), "platform": {"architecture": "amd64", "os": "linux", "variant": f"v{i}"}}
               for i, child in enumerate(children)]
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries}, indent=3).encode()
