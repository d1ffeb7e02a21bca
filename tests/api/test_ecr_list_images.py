"""ListImages."""

import pytest

from harness.api import (OTHER_ACCOUNT, WRONG_SIZES, Api, aws_cli, denied, digest_of_text, fault_of, invalid, no_repository,
                         pages_of)
from harness.server import ACCOUNT


@pytest.fixture(scope="module")
def crowded(server):
    """A repository of 101 (digest, tag) pairs: 96 tags of one image, five untagged images."""
    server.client("ecr").create_repository(repositoryName="crowded/listed")
    api = Api(server, "crowded/listed")
    tagged = api.push_image("t0")
    for i in range(1, 96):
        api.put_image(tagged, f"t{i}")
    untagged = [digest_of_text(api.push_image(content=b"%d" % i)) for i in range(5)]
    api.tagged = [(digest_of_text(tagged), f"t{i}") for i in range(96)]
    api.untagged = [(digest, None) for digest in untagged]
    return api


def pairs_of(image_ids):
    return [(one["imageDigest"], one.get("imageTag")) for one in image_ids]


def list_pages(api, **parameters):
    pages = pages_of(api.ecr.list_images, "imageIds", repositoryName=api.repository, **parameters)
    return [pairs_of(page) for page in pages]


def flat(pages):
    return sorted((pair for page in pages for pair in page), key=str)


def test_an_empty_repository(api):
    assert api.call("list_images", registryId=ACCOUNT) == {"imageIds": []}


def test_one_entry_a_tag_and_one_an_untagged_image(crowded):
    pages = list_pages(crowded)
    assert [len(page) for page in pages] == [100, 1]
    assert flat(pages) == sorted(crowded.tagged + crowded.untagged, key=str)


@pytest.mark.parametrize("size", [1, 7, 50, 1000])
@pytest.mark.parametrize("status", ["ANY", "TAGGED", "UNTAGGED"])
def test_pages_of_any_size_are_the_whole(crowded, size, status):
    pages = list_pages(crowded, maxResults=size, filter={"tagStatus": status})
    wanted = {"ANY": crowded.tagged + crowded.untagged, "TAGGED": crowded.tagged, "UNTAGGED": crowded.untagged}[status]
    assert all(len(page) <= size for page in pages)
    assert flat(pages) == sorted(wanted, key=str)


def test_order_is_stable(crowded):
    assert list_pages(crowded) == list_pages(crowded)


def test_the_cli_pages(server, crowded):
    ask = ["ecr", "list-images", "--repository-name", crowded.repository]
    assert flat([pairs_of(aws_cli(server, *ask, "--page-size", "30")["imageIds"])]) == flat(list_pages(crowded))
    first = aws_cli(server, *ask, "--max-items", "55", "--page-size", "20")
    second = aws_cli(server, *ask, "--starting-token", first["NextToken"])
    assert len(first["imageIds"]) == 55
    assert flat([pairs_of(first["imageIds"] + second["imageIds"])]) == flat(list_pages(crowded))


@pytest.mark.parametrize("status, there", [("ACTIVE", True), ("ANY", True), ("ARCHIVED", False), ("ACTIVATING", False)])
def test_image_status(api, status, there):
    api.push_image("v1")
    assert len(api.call("list_images", filter={"imageStatus": status})["imageIds"]) == there


def test_a_token_is_good_for_its_list_alone(crowded, api):
    token = crowded.call("list_images", maxResults=1)["nextToken"]
    for parameters in ({"repositoryName": api.repository}, {"filter": {"tagStatus": "TAGGED"}},
                       {"filter": {"imageStatus": "ARCHIVED"}}):
        assert crowded.fault("list_images", nextToken=token, **parameters).text[0] == "InvalidParameterException"
    assert crowded.fault("describe_images", nextToken=token).text[0] == "InvalidParameterException"
    assert crowded.call("list_images", nextToken=token)["imageIds"]


@pytest.mark.parametrize("token", ["nonsense", "", "A" * 500])
def test_what_is_no_token(api, token):
    code, message = api.fault("list_images", nextToken=token).text
    assert code == "InvalidParameterException" and "nextToken" in message


def test_a_token_outlives_what_it_points_at(api):
    for i in range(3):
        api.push_image(f"v{i}", b"%d" % i)
    first = api.call("list_images", maxResults=1)
    api.call("batch_delete_image", imageIds=first["imageIds"])
    rest = api.call("list_images", nextToken=first["nextToken"])["imageIds"]
    assert sorted(tag for _, tag in pairs_of(first["imageIds"] + rest)) == ["v0", "v1", "v2"]


@pytest.mark.parametrize("size, constraint", WRONG_SIZES)
def test_sizes_that_no_page_has(api, size, constraint):
    assert api.fault("list_images", maxResults=size).text == invalid("maxResults", constraint)


def test_a_filter_that_cannot_be(api):
    code, message = api.fault("list_images", filter={"tagStatus": "SOMETIMES"}).text
    assert code == "InvalidParameterException" and "tagStatus" in message


def test_no_such_repository(api):
    assert fault_of(api.ecr.list_images, repositoryName="not/here").text == no_repository("not/here")


def test_another_accounts_repository(api):
    assert api.fault("list_images", registryId=OTHER_ACCOUNT).text == denied("ecr:ListImages", api.repository)
