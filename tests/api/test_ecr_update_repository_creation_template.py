"""UpdateRepositoryCreationTemplate: what is given changes, the rest stays."""

import json

import pytest

from harness.api import fault_of
from harness.policies import PULL
from harness.templates import PUSH, REFUSALS, new_prefix, not_there

FILTERS = "imageTagMutabilityExclusionFilters"
LATEST = [{"filterType": "WILDCARD", "filter": "latest"}]
WHOLE = {"appliedFor": PUSH, "description": "first", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", FILTERS: LATEST,
         "resourceTags": [{"Key": "team", "Value": "build"}]}


@pytest.fixture
def ecr(server):
    return server.client("ecr", parameter_validation=False)


@pytest.fixture
def prefix(ecr):
    prefix = new_prefix()
    ecr.create_repository_creation_template(prefix=prefix, repositoryPolicy=json.dumps(PULL), **WHOLE)
    return prefix


def stored(ecr, prefix) -> dict:
    (template,) = ecr.describe_repository_creation_templates(prefixes=[prefix])["repositoryCreationTemplates"]
    return template


@pytest.mark.parametrize("change", [
    {"description": "second"}, {"appliedFor": ["REPLICATION", "CREATE_ON_PUSH"]},
    {"resourceTags": [{"Key": "stage", "Value": "test"}]},
    {FILTERS: [{"filterType": "WILDCARD", "filter": "dev-*"}]},
    {"imageTagMutability": "MUTABLE_WITH_EXCLUSION"},
])
def test_one_member(ecr, prefix, change):
    before = stored(ecr, prefix)
    updated = ecr.update_repository_creation_template(prefix=prefix, **change)["repositoryCreationTemplate"]
    assert stored(ecr, prefix) == updated
    assert updated.pop("updatedAt") > before.pop("updatedAt")
    assert updated == {**before, **change}


def test_a_mode_without_exclusions_drops_the_filters(ecr, prefix):
    updated = ecr.update_repository_creation_template(prefix=prefix, imageTagMutability="MUTABLE")["repositoryCreationTemplate"]
    assert updated["imageTagMutability"] == "MUTABLE" and FILTERS not in updated


@pytest.mark.parametrize("member, empty", [("repositoryPolicy", ""), ("description", ""), ("resourceTags", [])])
def test_what_is_empty_goes(ecr, prefix, member, empty):
    updated = ecr.update_repository_creation_template(prefix=prefix, **{member: empty})["repositoryCreationTemplate"]
    assert not updated.get(member)


def test_nothing_given_changes_nothing(ecr, prefix):
    before = stored(ecr, prefix)
    updated = ecr.update_repository_creation_template(prefix=prefix + "/")["repositoryCreationTemplate"]
    assert {**updated, "updatedAt": None} == {**before, "updatedAt": None}


@pytest.mark.parametrize("change", [
    {"imageTagMutability": "MUTABLE", FILTERS: LATEST}, {FILTERS: []}, {"appliedFor": ["NEVER"]},
    {"description": "fine", "repositoryPolicy": "no json"}, {"description": "fine", "lifecyclePolicy": "no json"},
])
def test_what_cannot_be_changes_nothing(ecr, prefix, change):
    before = stored(ecr, prefix)
    assert fault_of(ecr.update_repository_creation_template, prefix=prefix, **change).text[0] in REFUSALS
    assert stored(ecr, prefix) == before


def test_one_that_is_not_there(ecr):
    prefix = new_prefix()
    assert fault_of(ecr.update_repository_creation_template, prefix=prefix, description="x").text == not_there(prefix)


def test_no_prefix(ecr):
    assert fault_of(ecr.update_repository_creation_template, description="x").text[0] in REFUSALS
