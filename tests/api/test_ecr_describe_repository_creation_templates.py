"""DescribeRepositoryCreationTemplates."""

import pytest

from harness.api import WRONG_SIZES, fault_of, pages_of
from harness.server import ACCOUNT
from harness.templates import PUSH, REFUSALS, new_prefix

MEMBER = "repositoryCreationTemplates"


@pytest.fixture
def ecr(server):
    return server.client("ecr", parameter_validation=False)


def test_none(server):
    answer = server.client("ecr", "eu-west-1").describe_repository_creation_templates()
    assert (answer["registryId"], answer[MEMBER]) == (ACCOUNT, []) and "nextToken" not in answer


def test_by_prefix_and_what_is_not_there_is_left_out(ecr):
    there, absent = new_prefix(), new_prefix()
    ecr.create_repository_creation_template(prefix=there, appliedFor=PUSH)
    answer = ecr.describe_repository_creation_templates(prefixes=[absent, there])
    assert [template["prefix"] for template in answer[MEMBER]] == [there]


def test_pages_hold_each_once(server):
    ecr = server.client("ecr", "us-east-2")
    prefixes = [f"page/p{number}" for number in range(7)] + ["ROOT"]
    for prefix in prefixes:
        ecr.create_repository_creation_template(prefix=prefix, appliedFor=PUSH)
    pages = pages_of(ecr.describe_repository_creation_templates, MEMBER, maxResults=3)
    assert all(len(page) <= 3 for page in pages)
    assert sorted(template["prefix"] for page in pages for template in page) == sorted(prefixes)


@pytest.mark.parametrize("size", [size for size, _ in WRONG_SIZES])
def test_sizes_that_no_page_has(ecr, size):
    assert fault_of(ecr.describe_repository_creation_templates, maxResults=size).text[0] in REFUSALS


@pytest.mark.parametrize("more", [{"maxResults": 5}, {"nextToken": "x"}])
def test_prefixes_come_in_no_pages(ecr, more):
    assert fault_of(ecr.describe_repository_creation_templates, prefixes=["app"], **more).text[0] == (
        "InvalidParameterException")


def test_a_token_that_is_none(ecr):
    assert fault_of(ecr.describe_repository_creation_templates, nextToken="nonsense").text[0] in REFUSALS


def test_prefixes_that_are_none(ecr):
    assert fault_of(ecr.describe_repository_creation_templates, prefixes=["UPPER"]).text[0] in REFUSALS
