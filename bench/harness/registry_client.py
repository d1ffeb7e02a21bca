"""The set-up calls: signed ECR operations, and pushes of known content. Standard library only."""

import base64
import configparser
import datetime
import hashlib
import hmac
import http.client
import json
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from .content import MANIFEST_TYPE, Content

_TARGET = "AmazonEC2ContainerRegistry_V20150921"
_JSON_TYPE = "application/x-amz-json-1.1"


class SetUpError(Exception):
    """A server did not take what a measurement needs."""


def connect(port: int, tls: bool = False, **options) -> http.client.HTTPConnection:
    """To one of our servers on loopback; its certificate is its own and proves nothing."""
    if tls:
        return http.client.HTTPSConnection("127.0.0.1", port, context=ssl._create_unverified_context(), **options)
    return http.client.HTTPConnection("127.0.0.1", port, **options)


def signed_headers(port: int, credentials_file: Path, region: str, operation: str, body: bytes) -> dict:
    """Of one operation of the ECR API, signed with SigV4 by the default profile of an AWS credentials file."""
    profile = configparser.ConfigParser()
    profile.read(credentials_file)
    key_id = profile["default"]["aws_access_key_id"]
    secret = profile["default"]["aws_secret_access_key"]
    time = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers = {"content-type": _JSON_TYPE, "host": f"127.0.0.1:{port}", "x-amz-date": time,
               "x-amz-target": f"{_TARGET}.{operation}"}
    names = ";".join(headers)  # already in order
    canonical = "\n".join(["POST", "/", "", *(f"{name}:{value}" for name, value in headers.items()), "", names,
                           hashlib.sha256(body).hexdigest()])
    scope = f"{time[:8]}/{region}/ecr/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", time, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={names}, "
                                        f"Signature={signature}"}


def signed_text(port: int, credentials_file: Path, region: str, operation: str, parameters: dict) -> bytes:
    """The whole request as it goes on the wire."""
    body = json.dumps(parameters).encode()
    headers = {**signed_headers(port, credentials_file, region, operation, body), "content-length": len(body)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST / HTTP/1.1\r\n{lines}\r\n".encode() + body


def call_ecr(port: int, credentials_file: Path, region: str, operation: str, parameters: dict,
             tls: bool = False) -> dict:
    """One operation of the ECR API."""
    body = json.dumps(parameters).encode()
    headers = signed_headers(port, credentials_file, region, operation, body)
    status, _, answer = _request(port, "POST", "/", headers, body, tls)
    if status != 200:
        raise SetUpError(f"{operation}: status {status}: {answer[:300]!r}")
    return json.loads(answer)


def registry_token(port: int, credentials_file: Path, region: str, tls: bool = False) -> str:
    """A Basic credential for /v2/."""
    answer = call_ecr(port, credentials_file, region, "GetAuthorizationToken", {}, tls)
    token = answer["authorizationData"][0]["authorizationToken"]
    if not base64.b64decode(token).startswith(b"AWS:"):
        raise SetUpError("GetAuthorizationToken: not a token")
    return token


def push_content(port: int, headers: dict, content: Content, digests: set, tls: bool = False):
    """Pushes blobs to the repository `bench`, an image of all of them, and the image that its tag `latest` names."""
    for digest in sorted(digests):
        _push_blob(port, headers, digest, content.files[digest], tls)
    for tag, manifest in (("everything", content.image_of(sorted(digests))), ("latest", content.manifest)):
        status, _, answer = _request(port, "PUT", f"/v2/bench/manifests/{tag}",
                                     {**headers, "Content-Type": MANIFEST_TYPE}, manifest, tls)
        if status != 201:
            raise SetUpError(f"PUT manifest: status {status}: {answer[:300]!r}")


def _push_blob(port: int, headers: dict, digest: str, path: Path, tls: bool):
    status, answer_headers, answer = _request(port, "POST", "/v2/bench/blobs/uploads/", headers, b"", tls)
    if status != 202:
        raise SetUpError(f"POST upload: status {status}: {answer[:300]!r}")
    location = urlsplit(answer_headers["Location"])
    query = f"{location.query}&digest={digest}" if location.query else f"digest={digest}"
    with open(path, "rb") as file:
        status, _, answer = _request(
            port, "PUT", f"{location.path}?{query}",
            {**headers, "Content-Type": "application/octet-stream", "Content-Length": str(path.stat().st_size)}, file,
            tls)
    if status != 201:
        raise SetUpError(f"PUT {digest}: status {status}: {answer[:300]!r}")


def _request(port, method, target, headers, body, tls):
    connection = connect(port, tls, timeout=120, blocksize=1 << 20)
    try:
        connection.request(method, target, body=body, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()
