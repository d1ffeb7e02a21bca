"""CreateRepositoryCreationTemplate."""

import datetime
import json

import pytest

from harness.api import fault_of, invalid
from harness.policies import PULL, PULL_AS_RETURNED, policy, statement
from harness.server import ACCOUNT, REGION
from harness.templates import PUSH, REFUSALS, new_prefix

FILTERS = "imageTagMutabilityExclusionFilters"
LIFECYCLE = json.dumps({"rules": [{
    "rulePriority": 1, "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1},
    "action": {"type": "expire"}}]})


def wildcards(*filters: str) -> list[dict]:
    return [{"filterType": "WILDCARD", "filter": one} for one in filters]


@pytest.fixture
def ecr(server):
    return server.client("ecr", parameter_validation=False)


@pytest.fixture
def prefix():
    return new_prefix()


def described(ecr, prefix) -> list[dict]:
    return ecr.describe_repository_creation_templates(prefixes=[prefix])["repositoryCreationTemplates"]


def test_defaults(ecr, prefix):
    answer = ecr.create_repository_creation_template(prefix=prefix, appliedFor=PUSH)
    assert answer["registryId"] == ACCOUNT
    template = dict(answer["repositoryCreationTemplate"])
    assert template.pop("createdAt") == template.pop("updatedAt")
    assert template == {"prefix": prefix, "appliedFor": PUSH, "imageTagMutability": "MUTABLE",
                        "encryptionConfiguration": {"encryptionType": "AES256"}}
    assert described(ecr, prefix) == [answer["repositoryCreationTemplate"]]


@pytest.mark.parametrize("asked", [
    {"description": "d" * 256}, {"imageTagMutability": "IMMUTABLE"},
    {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", FILTERS: wildcards("latest", "dev-*")},
    {"customRoleArn": f"arn:aws:iam::{ACCOUNT}:role/ecr-templates"}, {"lifecyclePolicy": LIFECYCLE},
    {"resourceTags": [{"Key": "team", "Value": "build"}]},
    {"encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"}},
    {"encryptionConfiguration": {"encryptionType": "AES256"}},
])
def test_what_is_asked_for_is_kept(ecr, prefix, asked):
    created = ecr.create_repository_creation_template(prefix=prefix, appliedFor=PUSH, **asked)["repositoryCreationTemplate"]
    assert {member: created[member] for member in asked} == asked
    assert described(ecr, prefix) == [created]


def test_its_policy_means_what_it_meant(ecr, prefix):
    created = ecr.create_repository_creation_template(prefix=prefix, appliedFor=PUSH, repositoryPolicy=json.dumps(PULL))
    assert json.loads(created["repositoryCreationTemplate"]["repositoryPolicy"]) == json.loads(PULL_AS_RETURNED)


@pytest.mark.parametrize("scenarios", [["REPLICATION"], ["PULL_THROUGH_CACHE", "CREATE_ON_PUSH"],
                                       ["CREATE_ON_PUSH", "REPLICATION", "PULL_THROUGH_CACHE"]])
def test_scenarios(ecr, prefix, scenarios):
    created = ecr.create_repository_creation_template(prefix=prefix, appliedFor=scenarios)["repositoryCreationTemplate"]
    assert sorted(created["appliedFor"]) == sorted(scenarios)


def test_when_it_was_made(ecr, prefix):
    created = ecr.create_repository_creation_template(prefix=prefix, appliedFor=PUSH)["repositoryCreationTemplate"]
    age = datetime.datetime.now(datetime.timezone.utc) - created["createdAt"]
    assert abs(age) < datetime.timedelta(minutes=5)


@pytest.mark.parametrize("end", ["", "/"])
def test_a_prefix_that_is_taken_with_or_without_its_slash(ecr, prefix, end):
    ecr.create_repository_creation_template(prefix=prefix, appliedFor=PUSH)
    assert fault_of(ecr.create_repository_creation_template, prefix=prefix + end, appliedFor=["REPLICATION"]).text == (
        "TemplateAlreadyExistsException",
        f"The repository creation template with prefix '{prefix + end}' already exists in the registry with id '{ACCOUNT}'")
    assert described(ecr, prefix)[0]["appliedFor"] == PUSH


@pytest.mark.parametrize("bad", ["", "UPPER", "/a", "a//b", "root", "a b", "p" * 257])
def test_prefixes_that_are_none(ecr, bad):
    if bad == "root":  # a prefix as any other, unlike ROOT
        ecr.create_repository_creation_template(prefix=bad, appliedFor=PUSH)
        return
    code, message = fault_of(ecr.create_repository_creation_template, prefix=bad, appliedFor=PUSH).text
    assert code in REFUSALS and "prefix" in message


@pytest.mark.parametrize("member, bad", [
    ("appliedFor", ["NEVER"]), ("description", "d" * 257), ("imageTagMutability", "SOMETIMES"),
    ("imageTagMutability", "IMMUTABLE_WITH_EXCLUSION"), ("customRoleArn", "r" * 2049),
    ("encryptionConfiguration", {"encryptionType": "KMS", "kmsKey": "alias/app"}),
    ("encryptionConfiguration", {"encryptionType": "AES256", "kmsKey": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"}),
    ("encryptionConfiguration", {}), (FILTERS, wildcards("latest")),
    ("resourceTags", [{"Key": "aws:x", "Value": ""}]), ("resourceTags", [{"Key": f"k{i}", "Value": ""} for i in range(51)]),
    ("lifecyclePolicy", "no json"), ("lifecyclePolicy", '{"rules":[]}'), ("description", "a\0b"), ("customRoleArn", "\0"),
    ("resourceTags", [{"Key": "k", "Value": "\0"}]),
])
def test_what_cannot_be_makes_nothing(ecr, prefix, member, bad):
    parameters = {"appliedFor": PUSH, member: bad}
    code, message = fault_of(ecr.create_repository_creation_template, prefix=prefix, **parameters).text
    assert code in REFUSALS and member.lower() in message.lower()
    assert described(ecr, prefix) == []


@pytest.mark.parametrize("bad", [
    "no json", policy(statement("Allow", "s3:GetObject")),
    policy(statement("Allow", "ecr:*", Resource=f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/app"))])
def test_a_policy_that_its_repositories_could_not_have(ecr, prefix, bad):
    assert fault_of(ecr.create_repository_creation_template, prefix=prefix, appliedFor=PUSH, repositoryPolicy=bad).text == (
        invalid("repositoryPolicy", "Invalid repository policy provided"))
    assert described(ecr, prefix) == []


@pytest.mark.parametrize("missing", ["prefix", "appliedFor"])
def test_what_is_missing(ecr, prefix, missing):
    parameters = {"prefix": prefix, "appliedFor": PUSH}
    del parameters[missing]
    code, message = fault_of(ecr.create_repository_creation_template, **parameters).text
    assert code in REFUSALS and missing in message
