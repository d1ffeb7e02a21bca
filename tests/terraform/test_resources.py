"""The resources of Terraform's AWS provider: each is applied, found unchanged, changed, imported and destroyed."""

import dataclasses
import json
import operator

import botocore.exceptions
import pytest

from harness.policies import ADMIN, ALL_REPOSITORIES, policy, statement
from harness.server import ACCOUNT
from harness.v2 import V2

pytestmark = pytest.mark.timeout(1200)  # the provider is slow to start, and started often

TAGS = {"team": "build", "empty": ""}
NAME, UNDER = "terraform/subject", "terraform/under-a-policy"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/templates"


@dataclasses.dataclass(frozen=True)
class Case:
    """A resource, its arguments before and after a change, and what the registry then has."""

    resource: str
    label: str
    before: dict
    after: dict
    import_id: str
    look: object  # client -> what is there; None when nothing is
    seen_before: object
    seen_after: object
    stays: bool = False  # destroy leaves it: there is nothing to delete

    @property
    def address(self) -> str:
        return f"{self.resource}.{self.label}"


def or_none(look):
    """None in place of "not found"."""

    def found(ecr, *name):
        try:
            return look(ecr, *name)
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"].endswith("NotFoundException"), error
            return None

    return found


def tags_of(pairs: list) -> dict:
    return {pair["Key"]: pair["Value"] for pair in pairs}


@or_none
def repository_of(ecr, name: str = NAME) -> dict:
    (found,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    return {"imageTagMutability": found["imageTagMutability"], **found["imageScanningConfiguration"],
            **found["encryptionConfiguration"],
            "tags": tags_of(ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"])}


@or_none
def repository_policy_of(ecr) -> list:
    return actions_of(ecr.get_repository_policy(repositoryName=UNDER)["policyText"])


@or_none
def registry_policy_of(ecr) -> list:
    return actions_of(ecr.get_registry_policy()["policyText"])


def actions_of(policy_text: str) -> list:
    (one,) = json.loads(policy_text)["Statement"]
    return sorted([one["Action"]] if isinstance(one["Action"], str) else one["Action"])


def policy_scope_of(ecr) -> str:
    return ecr.get_account_setting(name="REGISTRY_POLICY_SCOPE")["value"]


def scan_type_of(ecr) -> str:
    return ecr.get_account_setting(name="BASIC_SCAN_TYPE_VERSION")["value"]


@or_none
def template_of(ecr) -> dict | None:
    templates = ecr.describe_repository_creation_templates(prefixes=[NAME])["repositoryCreationTemplates"]
    if not templates:
        return None
    (found,) = templates
    return {"description": found.get("description"), "appliedFor": sorted(found["appliedFor"]),
            "imageTagMutability": found["imageTagMutability"], "customRoleArn": found.get("customRoleArn"),
            **found["encryptionConfiguration"], "resourceTags": tags_of(found.get("resourceTags", [])),
            "repositoryPolicy": "repositoryPolicy" in found}


PULL, PULL_AND_LOOK = "ecr:BatchGetImage", ["ecr:BatchGetImage", "ecr:DescribeImages"]

CASES = [
    Case("aws_ecr_repository", "subject",
         {"name": NAME, "image_tag_mutability": "IMMUTABLE", "image_scanning_configuration": {"scan_on_push": True},
          "encryption_configuration": {"encryption_type": "AES256"}, "force_delete": True, "tags": TAGS},
         {"name": NAME, "image_tag_mutability": "MUTABLE", "image_scanning_configuration": {"scan_on_push": False},
          "encryption_configuration": {"encryption_type": "AES256"}, "tags": {"team": "run", "more": "tags"}},
         NAME, repository_of,
         {"imageTagMutability": "IMMUTABLE", "scanOnPush": True, "encryptionType": "AES256", "tags": TAGS},
         {"imageTagMutability": "MUTABLE", "scanOnPush": False, "encryptionType": "AES256",
          "tags": {"team": "run", "more": "tags"}}),
    Case("aws_ecr_repository_policy", "subject",
         {"repository": "${aws_ecr_repository.under_a_policy.name}", "policy": policy(statement("Allow", PULL))},
         {"repository": "${aws_ecr_repository.under_a_policy.name}", "policy": policy(statement("Allow", PULL_AND_LOOK, ADMIN))},
         UNDER, repository_policy_of, [PULL], PULL_AND_LOOK),
    Case("aws_ecr_registry_policy", "subject",
         {"policy": policy(statement("Allow", "ecr:ReplicateImage", ADMIN, Resource=ALL_REPOSITORIES))},
         {"policy": policy(statement("Allow", ["ecr:CreateRepository", "ecr:ReplicateImage"], ADMIN,
                                     Resource=ALL_REPOSITORIES))},
         ACCOUNT, registry_policy_of, ["ecr:ReplicateImage"], ["ecr:CreateRepository", "ecr:ReplicateImage"]),
    Case("aws_ecr_account_setting", "policy_scope", {"name": "REGISTRY_POLICY_SCOPE", "value": "V1"},
         {"name": "REGISTRY_POLICY_SCOPE", "value": "V2"}, "REGISTRY_POLICY_SCOPE", policy_scope_of, "V1", "V2", stays=True),
    Case("aws_ecr_account_setting", "scan_type", {"name": "BASIC_SCAN_TYPE_VERSION", "value": "CLAIR"},
         {"name": "BASIC_SCAN_TYPE_VERSION", "value": "AWS_NATIVE"}, "BASIC_SCAN_TYPE_VERSION", scan_type_of, "CLAIR",
         "AWS_NATIVE", stays=True),
    Case("aws_ecr_repository_creation_template", "subject", {"prefix": NAME, "applied_for": ["PULL_THROUGH_CACHE"]},
         {"prefix": NAME, "applied_for": ["PULL_THROUGH_CACHE", "REPLICATION"], "description": "for all of the team",
          "image_tag_mutability": "IMMUTABLE", "custom_role_arn": ROLE,
          "encryption_configuration": {"encryption_type": "AES256"}, "resource_tags": TAGS,
          "repository_policy": policy(statement("Allow", PULL))},
         NAME, template_of,
         {"description": None, "appliedFor": ["PULL_THROUGH_CACHE"], "imageTagMutability": "MUTABLE", "customRoleArn": None,
          "encryptionType": "AES256", "resourceTags": {}, "repositoryPolicy": False},
         {"description": "for all of the team", "appliedFor": ["PULL_THROUGH_CACHE", "REPLICATION"],
          "imageTagMutability": "IMMUTABLE", "customRoleArn": ROLE, "encryptionType": "AES256", "resourceTags": TAGS,
          "repositoryPolicy": True}),
]


def configuration(arguments_of) -> dict:
    """All cases at once, and the repository that the repository policy is for."""
    resources: dict = {"aws_ecr_repository": {"under_a_policy": {"name": UNDER}}}
    for case in CASES:
        resources.setdefault(case.resource, {})[case.label] = arguments_of(case)
    return resources


@dataclasses.dataclass
class Life:
    """What a life of all resources left behind: step -> resource -> what the registry had."""

    seen: dict = dataclasses.field(default_factory=dict)
    settled: dict = dataclasses.field(default_factory=dict)  # step -> whether a plan then had nothing to do
    imported: dict = dataclasses.field(default_factory=dict)

    def look(self, step: str, ecr) -> None:
        self.seen[step] = {case.address: case.look(ecr) for case in CASES}


@pytest.fixture(scope="module")
def life(server, new_workspace):
    workspace, ecr, life = new_workspace(server), server.client("ecr"), Life()
    for step in ("before", "after"):
        workspace.configure(resource=configuration(operator.attrgetter(step)))
        workspace.apply()
        life.look(step, ecr)
        life.settled[step] = workspace.has_nothing_to_do()
    workspace.forget()
    workspace.configure(resource=configuration(operator.attrgetter("after")), **{"import": [
        {"to": "aws_ecr_repository.under_a_policy", "id": UNDER},
        *({"to": case.address, "id": case.import_id} for case in CASES)]})
    life.imported = workspace.apply()
    life.look("imported", ecr)
    workspace.destroy()
    life.look("destroyed", ecr)
    return life


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.address)
def test_what_a_resource_makes(case, life):
    assert life.seen["before"][case.address] == case.seen_before
    assert life.seen["after"][case.address] == life.seen["imported"][case.address] == case.seen_after
    assert life.seen["destroyed"][case.address] == (case.seen_after if case.stays else None)


@pytest.mark.parametrize("step", ["before", "after"])
def test_a_plan_after_it_has_nothing_to_do(life, step):
    assert life.settled[step]


def test_what_is_imported_is_as_configured(life):
    assert life.imported == {"add": 0, "change": 0, "remove": 0, "import": len(CASES) + 1}


def test_what_others_did_is_undone(server, new_workspace):
    """One repository was deleted, another made immutable."""
    names = {label: f"terraform/{label}" for label in ("deleted", "altered")}
    workspace, ecr = new_workspace(server), server.client("ecr")
    workspace.configure(resource={"aws_ecr_repository": {label: {"name": name} for label, name in names.items()}})
    workspace.apply()
    ecr.delete_repository(repositoryName=names["deleted"])
    ecr.put_image_tag_mutability(repositoryName=names["altered"], imageTagMutability="IMMUTABLE")
    assert workspace.apply() == {"add": 1, "change": 1, "remove": 0, "import": 0}
    assert repository_of(ecr, names["deleted"]) == repository_of(ecr, names["altered"]) == {
        "imageTagMutability": "MUTABLE", "scanOnPush": False, "encryptionType": "AES256", "tags": {}}


def test_a_repository_with_images_is_destroyed_by_force_only(server, new_workspace):
    workspace, name = new_workspace(server), "terraform/full"
    for force in ({}, {"force_delete": True}):
        workspace.configure(resource={"aws_ecr_repository": {"full": {"name": name, **force}}})
        workspace.apply()
        V2(server, name).push_image("v1")
        assert (workspace.destroy(check=False).returncode == 0) == bool(force)
    assert repository_of(server.client("ecr"), name) is None
