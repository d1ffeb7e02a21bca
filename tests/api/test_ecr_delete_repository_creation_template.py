"""DeleteRepositoryCreationTemplate."""

import pytest

from harness.api import fault_of
from harness.templates import PUSH, REFUSALS, new_prefix, not_there


@pytest.fixture
def ecr(server):
    return server.client("ecr", parameter_validation=False)


@pytest.mark.parametrize("made, deleted", [("", ""), ("/", ""), ("", "/")])
def test_the_template_goes_and_is_returned(ecr, made, deleted):
    prefix = new_prefix()
    created = ecr.create_repository_creation_template(
        prefix=prefix + made, appliedFor=PUSH, resourceTags=[{"Key": "team", "Value": "build"}])
    answer = ecr.delete_repository_creation_template(prefix=prefix + deleted)
    assert answer["registryId"] == created["registryId"]
    assert answer["repositoryCreationTemplate"] == created["repositoryCreationTemplate"]
    assert ecr.describe_repository_creation_templates(prefixes=[prefix])["repositoryCreationTemplates"] == []
    again = ecr.create_repository_creation_template(prefix=prefix, appliedFor=PUSH)["repositoryCreationTemplate"]
    assert "resourceTags" not in again


def test_one_that_is_not_there(ecr):
    prefix = new_prefix()
    assert fault_of(ecr.delete_repository_creation_template, prefix=prefix).text == not_there(prefix)


@pytest.mark.parametrize("bad", [{}, {"prefix": "UPPER"}])
def test_no_prefix(ecr, bad):
    assert fault_of(ecr.delete_repository_creation_template, **bad).text[0] in REFUSALS
