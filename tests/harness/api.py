"""ECR's JSON API as a program uses it that brings no container client: layers in parts, manifests by PutImage."""

import dataclasses
import json
import pathlib
import subprocess
import sys

import botocore.exceptions
import pytest

from harness.server import ACCOUNT, CALLER, REGION, Server
from harness.v2 import digest_of, image_manifest

MIB = 1 << 20
MIN_PART = 5 * MIB  # every part but the last
OTHER_ACCOUNT = "999999999999"

# What fails an image id of a batch alone, with its reason and the id that the answer repeats.
IMAGE_NOT_FOUND = ("ImageNotFound", "Requested image not found")
USELESS_IDS = [
    (*IMAGE_NOT_FOUND, {"imageTag": "absent"}),
    (*IMAGE_NOT_FOUND, {"imageDigest": digest_of(b"absent")}),
    (*IMAGE_NOT_FOUND, {"imageDigest": "md5:00"}),  # it fits the expression for digests
    ("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null", {}),
    ("InvalidImageTag", "Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9-_.]+'",
     {"imageTag": "a b"}),
    ("InvalidImageDigest",
     "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
     {"imageDigest": "no digest"}),
]

# maxResults that no page has.
WRONG_SIZES = [(0, "must be greater than or equal to 1"), (-1, "must be greater than or equal to 1"),
               (1001, "must be less than or equal to 1000")]


@dataclasses.dataclass(frozen=True)
class Fault:
    """An error answer of a service."""

    code: str
    message: str
    status: int
    members: dict

    @property
    def text(self) -> tuple[str, str]:
        """Code and message; holds the status to that of every modelled error of a client's (ecr-semantics 3.1)."""
        assert self.status == 400, self
        return self.code, self.message


def fault_of(call, **parameters) -> Fault:
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        call(**parameters)
    response = raised.value.response
    return Fault(response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"],
                 response)


def invalid(parameter: str, constraint: str) -> tuple[str, str]:
    return ("InvalidParameterException", f"Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'")


def no_repository(name: str) -> tuple[str, str]:
    return ("RepositoryNotFoundException",
            f"The repository with name '{name}' does not exist in the registry with id '{ACCOUNT}'")


def denied(action: str, repository: str) -> tuple[str, str]:
    """What another account's repository answers, whether it is there or not."""
    arn = f"arn:aws:ecr:{REGION}:{OTHER_ACCOUNT}:repository/{repository}"
    return ("AccessDeniedException",
            f"User: {CALLER} is not authorized to perform: {action} on resource: {arn} because no "
            f"resource-based policy allows the {action} action")


def repository_arn(name: str, region: str = REGION) -> str:
    return f"arn:aws:ecr:{region}:{ACCOUNT}:repository/{name}"


class Api:
    """One repository."""

    def __init__(self, server: Server, repository: str, region: str = REGION):
        self.server, self.repository = server, repository
        self.ecr = server.client("ecr", region, parameter_validation=False)

    def call(self, operation: str, **parameters) -> dict:
        answer = getattr(self.ecr, operation)(**{"repositoryName": self.repository, **parameters})
        del answer["ResponseMetadata"]
        return answer

    def fault(self, operation: str, **parameters) -> Fault:
        return fault_of(getattr(self.ecr, operation), **{"repositoryName": self.repository, **parameters})

    def where(self) -> str:
        """How most messages end."""
        return f"repository with name '{self.repository}' in the registry with id '{ACCOUNT}'"

    # ---- layers

    def open_upload(self) -> str:
        return self.call("initiate_layer_upload")["uploadId"]

    def send_part(self, upload: str, first: int, data: bytes) -> int:
        answer = self.call("upload_layer_part", uploadId=upload, partFirstByte=first, partLastByte=first + len(data) - 1,
                           layerPartBlob=data)
        return answer["lastByteReceived"]

    def complete(self, upload: str, *digests: str) -> str:
        return self.call("complete_layer_upload", uploadId=upload, layerDigests=list(digests))["layerDigest"]

    def push_layer(self, data: bytes, part_size: int = MIN_PART) -> str:
        upload = self.open_upload()
        for first in range(0, len(data), part_size):
            part = data[first:first + part_size]
            assert self.send_part(upload, first, part) == first + len(part) - 1
        return self.complete(upload, digest_of(data))

    # ---- images

    def image(self, content: bytes = b"layer", **members) -> str:
        """The manifest of an image whose config and layer are pushed."""
        config = json.dumps({"architecture": "amd64", "os": "linux", "made_of": digest_of(content)}).encode()
        for blob in (config, content):
            if not self.has_layer(digest_of(blob)):
                self.push_layer(blob)
        return image_manifest(config, [content], **members).decode()

    def has_layer(self, digest: str) -> bool:
        (layer,) = self.call("batch_check_layer_availability", layerDigests=[digest])["layers"]
        return layer["layerAvailability"] == "AVAILABLE"

    def put_image(self, manifest: str, tag: str | None = None, **parameters) -> dict:
        tagged = {"imageTag": tag} if tag else {}
        return self.call("put_image", imageManifest=manifest, **tagged, **parameters)["image"]

    def push_image(self, tag: str | None = None, content: bytes = b"layer", **members) -> str:
        manifest = self.image(content, **members)
        self.put_image(manifest, tag)
        return manifest

    def get_image(self, **image_id) -> str:
        """The manifest as BatchGetImage returns it."""
        answer = self.call("batch_get_image", imageIds=[image_id])
        assert answer["failures"] == [], answer
        (image,) = answer["images"]
        return image["imageManifest"]

    def image_ids(self) -> list[tuple[str, str | None]]:
        """Every (digest, tag), sorted."""
        pages = self.ecr.get_paginator("list_images").paginate(repositoryName=self.repository)
        ids = [(one["imageDigest"], one.get("imageTag")) for page in pages for one in page["imageIds"]]
        return sorted(ids, key=str)


def digest_of_text(manifest: str) -> str:
    return digest_of(manifest.encode())


def pages_of(call, member: str, **parameters) -> list[list]:
    """Every page, by the tokens alone."""
    pages, token = [], {}
    while True:
        answer = call(**parameters, **token)
        pages.append(answer[member])
        if "nextToken" not in answer:
            return pages
        assert answer["nextToken"], answer
        token = {"nextToken": answer["nextToken"]}


def aws_cli(server: Server, *arguments: str) -> dict:
    """The AWS CLI of the pinned set; what it printed."""
    aws = pathlib.Path(sys.executable).parent / "aws"
    outcome = subprocess.run([aws, *arguments, "--output", "json"], check=False, capture_output=True, text=True,
                             timeout=120, env=server.environment(AWS_PAGER=""))
    assert outcome.returncode == 0, outcome.stderr
    return json.loads(outcome.stdout)
