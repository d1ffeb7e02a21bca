"""The data sources of Terraform's AWS provider, over TLS: what they read is what is there, and a plan after it has
nothing to do. aws_ecr_images is of later providers than the one that the suite asks for."""

import base64
import dataclasses
import datetime

import pytest

from harness.api import Api, digest_of_text, repository_arn
from harness.server import ACCOUNT

pytestmark = pytest.mark.timeout(1200)  # the provider is slow to start

NAME, PREFIX = "terraform/read", "terraform/template"
TAGS = [{"Key": "team", "Value": "build"}]


@dataclasses.dataclass
class Read:
    """What Terraform has read, and the registry that it has read from."""

    api: Api
    digest: str  # of the newest image
    attributes: dict
    settled: bool

    def __getitem__(self, address: str) -> dict:
        return self.attributes["data." + address]

    def uri(self) -> str:
        (found,) = self.api.ecr.describe_repositories(repositoryNames=[NAME])["repositories"]
        return found["repositoryUri"]


@pytest.fixture(scope="module")
def read(tls_server, new_workspace):
    ecr = tls_server.client("ecr")
    ecr.create_repository(repositoryName=NAME, imageTagMutability="IMMUTABLE", tags=TAGS,
                          imageScanningConfiguration={"scanOnPush": True})
    ecr.create_repository(repositoryName=NAME + "/below")
    ecr.create_repository_creation_template(prefix=PREFIX, appliedFor=["PULL_THROUGH_CACHE"], resourceTags=TAGS,
                                            description="for all of the team", imageTagMutability="IMMUTABLE")
    api = Api(tls_server, NAME)
    api.push_image("v1", b"older")
    newest = api.push_image("v2", b"newest")
    api.put_image(newest, "latest")
    digest = digest_of_text(newest)
    workspace = new_workspace(tls_server)
    workspace.configure(data={
        "aws_ecr_repository": {"one": {"name": NAME}},
        "aws_ecr_repositories": {"all": {}},
        "aws_ecr_image": {"by_tag": {"repository_name": NAME, "image_tag": "v2"},
                          "by_digest": {"repository_name": NAME, "image_digest": digest},
                          "newest": {"repository_name": NAME, "most_recent": True}},
        "aws_ecr_repository_creation_template": {"one": {"prefix": PREFIX}},
        "aws_ecr_authorization_token": {"own": {}, "by_id": {"registry_id": ACCOUNT}},
    })
    workspace.apply()
    return Read(api, digest, workspace.attributes(), workspace.has_nothing_to_do())


def test_repository(read):
    found = read["aws_ecr_repository.one"]
    assert found["arn"] == repository_arn(NAME)
    assert found["registry_id"] == ACCOUNT
    assert found["repository_url"] == read.uri()
    assert found["image_tag_mutability"] == "IMMUTABLE"
    assert found["image_scanning_configuration"] == [{"scan_on_push": True}]
    assert [one["encryption_type"] for one in found["encryption_configuration"]] == ["AES256"]
    assert found["tags"] == {"team": "build"}
    assert sorted(found["most_recent_image_tags"]) == ["latest", "v2"]


def test_repositories(read):
    assert sorted(read["aws_ecr_repositories.all"]["names"]) == [NAME, NAME + "/below"]


@pytest.mark.parametrize("chosen", ["by_tag", "by_digest", "newest"])
def test_image(read, chosen):
    found = read[f"aws_ecr_image.{chosen}"]
    (detail,) = read.api.call("describe_images", imageIds=[{"imageTag": "v2"}])["imageDetails"]
    assert found["image_digest"] == read.digest
    assert sorted(found["image_tags"]) == ["latest", "v2"]
    assert found["image_uri"] == f"{read.uri()}@{read.digest}"
    assert found["registry_id"] == ACCOUNT
    assert found["image_pushed_at"] == int(detail["imagePushedAt"].timestamp())
    assert found["image_size_in_bytes"] == detail["imageSizeInBytes"]


def test_repository_creation_template(read):
    found = read["aws_ecr_repository_creation_template.one"]
    assert (found["prefix"], found["description"], found["image_tag_mutability"], found["registry_id"]) == (
        PREFIX, "for all of the team", "IMMUTABLE", ACCOUNT)
    assert found["applied_for"] == ["PULL_THROUGH_CACHE"]
    assert found["resource_tags"] == {"team": "build"}


@pytest.mark.parametrize("asked", ["own", "by_id"])
def test_authorization_token(read, tls_server, asked):
    found = read[f"aws_ecr_authorization_token.{asked}"]
    assert base64.b64decode(found["authorization_token"]).decode() == f"{found['user_name']}:{found['password']}"
    assert found["user_name"] == "AWS"
    expires = datetime.datetime.fromisoformat(found["expires_at"])
    assert expires > datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=11)
    assert found["proxy_endpoint"] == tls_server.endpoint
    assert tls_server.get("/v2/", {"Authorization": f"Basic {found['authorization_token']}"})[0] == 200


def test_a_plan_after_it_has_nothing_to_do(read):
    assert read.settled
