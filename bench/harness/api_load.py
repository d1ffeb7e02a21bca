"""The ECR API under load: the requests of each workload, signed one by one as clients sign them. A signature is good for
minutes, so that what has none of its own to say may be sent again."""

import base64
import hashlib
import json
import os
from pathlib import Path
from typing import NamedTuple

from .content import MANIFEST_TYPE

REPOSITORY = "bench"
_SMALL_PART = os.urandom(1024)
_LARGE_PART = 10 << 20

# A second's worth of each operation (ecr-semantics 9).
RATES = {"GetAuthorizationToken": 500, "BatchCheckLayerAvailability": 1000, "BatchGetImage": 2000,
         "GetDownloadUrlForLayer": 3000, "InitiateLayerUpload": 100, "UploadLayerPart": 500, "CompleteLayerUpload": 100,
         "PutImage": 10}
_START_SECONDS = 0.01  # so that nothing is due before all connections are there


class Request(NamedTuple):
    """`due`: seconds after the start; 0 = as soon as a connection is free."""
    due: float
    operation: str
    parameters: dict


def write_script(file: Path, server, requests: list):
    """For the generator's --script."""
    with open(file, "wb") as output:
        for request in requests:
            text = server.signed(request.operation, request.parameters)
            output.write(b"%f %d\n" % (request.due, len(text)))
            output.write(text)


def tokens(_server, _effort) -> list:
    return [Request(0, "GetAuthorizationToken", {})]


def pages_of(images: int):
    def describe(_server, _effort) -> list:
        return [Request(0, "DescribeImages", {"repositoryName": REPOSITORY, "maxResults": images})]
    return describe


def put_images(server, effort) -> list:
    """Images of the repository's own layer, each a new one under a new tag."""
    return [Request(0, "PutImage", _new_image(server, f"put-{os.urandom(6).hex()}")) for _ in range(effort.images)]


def large_parts(server, effort) -> list:
    """One layer, in parts as large as ECR takes them."""
    upload, data = _open_upload(server), os.urandom(_LARGE_PART)
    return [Request(0, "UploadLayerPart", _part(upload, data, first=i * _LARGE_PART)) for i in range(4 * effort.pushes)]


def uploaded_bytes(requests: list) -> int:
    """Of all layer parts in them."""
    return sum(request.parameters["partLastByte"] - request.parameters["partFirstByte"] + 1 for request in requests
               if request.operation == "UploadLayerPart")


def every_rate(server, effort) -> list:
    """The eight operations at the rates that ECR grants by default, evenly spaced. Parts are small: at 10 MiB each the
    rate would be more than SHA-256 does (performance.md A4). The uploads that they belong to are there already."""
    image, layer = {"imageTag": "latest"}, server.content.digest("blob_1k")
    times = {operation: round(rate * effort.seconds) for operation, rate in RATES.items()}
    opened = [_open_upload(server) for _ in range(times["UploadLayerPart"])]
    sent = [_open_upload(server) for _ in range(times["CompleteLayerUpload"])]
    parts = [os.urandom(1024) for _ in sent]
    for upload, part in zip(sent, parts):
        server.call("UploadLayerPart", _part(upload, part))
    makers = {
        "GetAuthorizationToken": lambda _: {},
        "BatchCheckLayerAvailability": lambda _: {"layerDigests": [layer]},
        "BatchGetImage": lambda _: {"imageIds": [image]},
        "GetDownloadUrlForLayer": lambda _: {"layerDigest": layer},
        "InitiateLayerUpload": lambda _: {},
        "UploadLayerPart": lambda i: _part(opened[i], _SMALL_PART),
        "CompleteLayerUpload": lambda i: {"uploadId": sent[i], "layerDigests": [_digest(parts[i])]},
        "PutImage": lambda i: _new_image(server, f"rate-{i}"),
    }
    requests = []
    for operation, make in makers.items():
        named = {} if operation == "GetAuthorizationToken" else {"repositoryName": REPOSITORY}
        requests += [Request(_START_SECONDS + i / RATES[operation], operation, {**named, **make(i)})
                     for i in range(times[operation])]
    return sorted(requests, key=lambda request: request.due)


SCRIPTS = {"tokens": tokens, "pages of 100": pages_of(100), "pages of 1000": pages_of(1000), "put images": put_images,
           "large parts": large_parts, "every rate": every_rate}


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _new_image(server, tag: str) -> dict:
    manifest = {**json.loads(server.content.manifest), "annotations": {"org.example.unique": tag}}
    return {"repositoryName": REPOSITORY, "imageManifest": json.dumps(manifest), "imageTag": tag,
            "imageManifestMediaType": MANIFEST_TYPE}


def _open_upload(server) -> str:
    return server.call("InitiateLayerUpload", {"repositoryName": REPOSITORY})["uploadId"]


def _part(upload: str, data: bytes, first: int = 0) -> dict:
    return {"repositoryName": REPOSITORY, "uploadId": upload, "partFirstByte": first,
            "partLastByte": first + len(data) - 1, "layerPartBlob": base64.b64encode(data).decode()}
