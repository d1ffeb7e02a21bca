"""DescribeRepositories. Tests of whole lists have a region, and so a registry, of their own."""

import pytest

from harness.api import OTHER_ACCOUNT, WRONG_SIZES, aws_cli, denied, fault_of, invalid, no_repository, pages_of
from harness.server import ACCOUNT

MANY = [f"many/r{i:03}" for i in range(101)]


@pytest.fixture
def ecr(server):
    return server.client("ecr", parameter_validation=False)


@pytest.fixture(scope="module")
def crowded(server):
    """A registry of one repository more than a page."""
    ecr = server.client("ecr", "eu-west-1", parameter_validation=False)
    for name in MANY:
        ecr.create_repository(repositoryName=name)
    return ecr


def names_of(repositories):
    return [repository["repositoryName"] for repository in repositories]


def test_an_empty_registry(server):
    answer = server.client("ecr", "ap-south-1").describe_repositories()
    assert answer["repositories"] == [] and "nextToken" not in answer


def test_named_ones(ecr, repository):
    other = repository + "/other"
    created = ecr.create_repository(repositoryName=other)["repository"]
    answer = ecr.describe_repositories(repositoryNames=[other, repository], registryId=ACCOUNT)
    assert sorted(names_of(answer["repositories"])) == sorted([other, repository])
    assert created in answer["repositories"]
    assert "nextToken" not in answer


def test_one_missing_name_fails_the_call(ecr, repository):
    fault = fault_of(ecr.describe_repositories, repositoryNames=[repository, "not/here", "nor/here"])
    assert fault.text == no_repository("not/here")


def test_a_page_is_a_hundred(crowded):
    pages = pages_of(crowded.describe_repositories, "repositories")
    assert [len(page) for page in pages] == [100, 1]
    assert sorted(name for page in pages for name in names_of(page)) == MANY


@pytest.mark.parametrize("size, pages", [(1, 101), (40, 3), (101, 1), (1000, 1)])
def test_pages_of_any_size_are_the_whole(crowded, size, pages):
    found = pages_of(crowded.describe_repositories, "repositories", maxResults=size)
    assert len(found) == pages and all(len(page) <= size for page in found)
    assert sorted(name for page in found for name in names_of(page)) == MANY


def test_what_comes_meanwhile_shifts_no_page(crowded):
    first = crowded.describe_repositories(maxResults=50)
    crowded.delete_repository(repositoryName=MANY[10])
    rest = crowded.describe_repositories(nextToken=first["nextToken"])["repositories"]
    crowded.create_repository(repositoryName=MANY[10])
    assert names_of(first["repositories"]) + names_of(rest) == MANY


def test_the_cli_pages(server, crowded):
    region = ["--region", "eu-west-1"]
    everything = aws_cli(server, "ecr", "describe-repositories", "--page-size", "30", *region)
    assert names_of(everything["repositories"]) == MANY
    first = aws_cli(server, "ecr", "describe-repositories", "--max-items", "60", "--page-size", "25", *region)
    second = aws_cli(server, "ecr", "describe-repositories", "--starting-token", first["NextToken"], *region)
    assert names_of(first["repositories"] + second["repositories"]) == MANY


def test_tokens_that_are_no_tokens_of_this_list(server, ecr, crowded, api):
    bad_token = "InvalidParameterException"
    token = crowded.describe_repositories(maxResults=1)["nextToken"]
    assert fault_of(ecr.describe_repositories, nextToken=token).text[0] == bad_token  # another region's
    for name in ("a", "b"):
        api.push_image(name)
    token = api.call("list_images", maxResults=1)["nextToken"]
    for wrong in (token, "nonsense", "", "A" * 200, "ä"):
        assert fault_of(ecr.describe_repositories, nextToken=wrong).text[0] == bad_token


def test_names_and_pages_do_not_go_together(crowded):
    token = crowded.describe_repositories(maxResults=1)["nextToken"]
    for paging in ({"maxResults": 10}, {"nextToken": token}):
        fault = fault_of(crowded.describe_repositories, repositoryNames=MANY[:1], **paging)
        assert fault.text[0] == "InvalidParameterException"


@pytest.mark.parametrize("size, constraint", WRONG_SIZES)
def test_sizes_that_no_page_has(ecr, size, constraint):
    assert fault_of(ecr.describe_repositories, maxResults=size).text == invalid("maxResults", constraint)


@pytest.mark.parametrize("names", [[], ["x" * 10] * 101, ["Upper"], ["a"]])
def test_names_that_cannot_be(ecr, names):
    code, message = fault_of(ecr.describe_repositories, repositoryNames=names).text
    assert code == "InvalidParameterException" and "repositoryNames" in message


def test_another_accounts_registry(ecr):
    assert fault_of(ecr.describe_repositories, registryId=OTHER_ACCOUNT).text == denied("ecr:DescribeRepositories", "*")
    assert fault_of(ecr.describe_repositories, registryId=OTHER_ACCOUNT, repositoryNames=["app"]).text == denied(
        "ecr:DescribeRepositories", "app")


def test_after_a_restart(own_server):
    own_server.client("ecr").create_repository(repositoryName="kept", imageTagMutability="IMMUTABLE")
    before = own_server.client("ecr").describe_repositories()["repositories"]
    own_server.restart()
    assert own_server.client("ecr").describe_repositories()["repositories"] == before
