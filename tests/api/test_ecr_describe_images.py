"""DescribeImages."""

import datetime
import json

import pytest

from harness.api import OTHER_ACCOUNT, WRONG_SIZES, Api, denied, digest_of_text, fault_of, invalid, no_repository, pages_of
from harness.server import ACCOUNT
from harness.v2 import CONFIG_TYPE, IMAGE_TYPE, INDEX_TYPE, digest_of, index_manifest, pattern

IMAGES = 101


@pytest.fixture(scope="module")
def crowded(server):
    """A repository of 101 images, every second one tagged."""
    server.client("ecr").create_repository(repositoryName="crowded")
    api = Api(server, "crowded")
    manifest = json.loads(api.image())
    texts = [json.dumps({**manifest, "annotations": {"number": str(i)}}) for i in range(IMAGES)]
    for i, text in enumerate(texts):
        api.put_image(text, f"t{i}" if i % 2 else None)
    api.digests = [digest_of_text(text) for text in texts]
    return api


def describe(api, **parameters):
    return api.call("describe_images", **parameters)["imageDetails"]


def not_found(api, digest="null", tag="null"):
    image_id = f"{{imageDigest:'{digest}', imageTag:'{tag}'}}"
    return ("ImageNotFoundException", f"The image with imageId {image_id} does not exist within the {api.where()}")


# ---- one image


def test_the_answer(api):
    manifest = api.push_image("v1", pattern(5000))
    api.put_image(manifest, "latest")
    (detail,) = describe(api, registryId=ACCOUNT)
    age = datetime.datetime.now(datetime.timezone.utc) - detail.pop("imagePushedAt")
    assert abs(age) < datetime.timedelta(minutes=5)
    config_size = json.loads(manifest)["config"]["size"]
    assert detail.pop("imageSizeInBytes") in (5000, 5000 + config_size)  # AWS does not say
    assert sorted(detail.pop("imageTags")) == ["latest", "v1"]
    assert detail == {"registryId": ACCOUNT, "repositoryName": api.repository, "imageDigest": digest_of_text(manifest),
                      "imageManifestMediaType": IMAGE_TYPE, "artifactMediaType": CONFIG_TYPE, "imageStatus": "ACTIVE"}


def test_an_untagged_image_has_no_tags_at_all(api):
    api.push_image()
    (detail,) = describe(api)
    assert "imageTags" not in detail


def test_an_artifact_says_its_type(api):
    api.push_image("sbom", artifactType="application/spdx+json")
    assert describe(api)[0]["artifactMediaType"] == "application/spdx+json"


def test_an_index_is_as_large_as_its_largest_child(api):
    children = [api.push_image(content=pattern(size)) for size in (10, 3000, 200)]
    sizes = [detail["imageSizeInBytes"] for detail in describe(api)]
    api.put_image(index_manifest([child.encode() for child in children]).decode(), "multi")
    (index,) = describe(api, imageIds=[{"imageTag": "multi"}])
    assert index["imageSizeInBytes"] == max(sizes)
    assert index["imageManifestMediaType"] == INDEX_TYPE
    assert "artifactMediaType" not in index


def test_a_tag_does_not_change_when_it_was_pushed(api):
    manifest = api.push_image("v1")
    before = describe(api)[0]["imagePushedAt"]
    api.put_image(manifest, "v2")
    assert describe(api)[0]["imagePushedAt"] == before


# ---- named images


def test_named_ones(api):
    first, second = api.push_image("v1", b"1"), api.push_image("v2", b"2")
    digests = {digest_of_text(first), digest_of_text(second)}
    asked = [{"imageTag": "v1"}, {"imageDigest": digest_of_text(second)}]
    assert {detail["imageDigest"] for detail in describe(api, imageIds=asked)} == digests
    same = [{"imageTag": "v1"}, {"imageDigest": digest_of_text(first)}, {"imageTag": "v1", "imageDigest": digest_of_text(first)}]
    assert [detail["imageDigest"] for detail in describe(api, imageIds=same)] == [digest_of_text(first)]


def test_a_missing_one_fails_the_call(api):
    api.push_image("v1")
    absent = digest_of(b"absent")
    for image_id, text in [({"imageTag": "v2"}, not_found(api, tag="v2")), ({"imageDigest": absent}, not_found(api, absent)),
                           ({"imageDigest": "md5:00"}, not_found(api, "md5:00")),
                           ({"imageTag": "v1", "imageDigest": absent}, not_found(api, absent, "v1"))]:
        assert api.fault("describe_images", imageIds=[{"imageTag": "v1"}, image_id]).text == text


def test_filters_hold_for_named_ones(api):
    manifest = api.push_image("v1")
    asked = [{"imageDigest": digest_of_text(manifest)}]
    assert len(describe(api, imageIds=asked, filter={"tagStatus": "TAGGED"})) == 1
    assert describe(api, imageIds=asked, filter={"tagStatus": "UNTAGGED"}) == []
    assert describe(api, imageIds=asked, filter={"imageStatus": "ARCHIVED"}) == []


@pytest.mark.parametrize("image_id, text", [
    ({"imageTag": "a b"}, invalid("imageTag", "must satisfy regular expression '[a-zA-Z0-9-_.]+'")),
    ({"imageDigest": "none"}, invalid("imageDigest", "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'")),
])
def test_ids_that_cannot_be(api, image_id, text):
    assert api.fault("describe_images", imageIds=[image_id]).text == text


def test_an_id_of_nothing(api):
    assert api.fault("describe_images", imageIds=[{}]).text[0] == "InvalidParameterException"


def test_named_ones_have_no_pages(crowded):
    asked = {"imageIds": [{"imageDigest": crowded.digests[0]}]}
    token = crowded.call("describe_images", maxResults=1)["nextToken"]
    for paging in ({"maxResults": 10}, {"nextToken": token}):
        assert crowded.fault("describe_images", **asked, **paging).text[0] == "InvalidParameterException"


# ---- pages


@pytest.mark.parametrize("size", [None, 1, 40, 1000])
@pytest.mark.parametrize("status", [None, "ANY", "TAGGED", "UNTAGGED"])
def test_pages_of_any_size_are_the_whole(crowded, size, status):
    parameters = {"repositoryName": crowded.repository, **({"maxResults": size} if size else {}),
                  **({"filter": {"tagStatus": status}} if status else {})}
    pages = pages_of(crowded.ecr.describe_images, "imageDetails", **parameters)
    assert all(len(page) <= (size or 100) for page in pages)
    wanted = {"TAGGED": crowded.digests[1::2], "UNTAGGED": crowded.digests[::2]}.get(status, crowded.digests)
    assert sorted(detail["imageDigest"] for page in pages for detail in page) == sorted(wanted)


@pytest.mark.own_server("ECR's order is not documented")
def test_newest_first(crowded):
    """ECR's order is not documented; ours is (docs/compatibility.md)."""
    pages = pages_of(crowded.ecr.describe_images, "imageDetails", repositoryName=crowded.repository, maxResults=30)
    described = [(detail["imagePushedAt"], detail["imageDigest"]) for page in pages for detail in page]
    assert [digest for _, digest in described] == crowded.digests[::-1]
    assert described == sorted(described, key=lambda one: (-one[0].timestamp(), one[1]))
    listed = pages_of(crowded.ecr.list_images, "imageIds", repositoryName=crowded.repository, maxResults=30)
    assert [one["imageDigest"] for page in listed for one in page] == crowded.digests[::-1]


def test_a_page_is_a_hundred(crowded):
    pages = pages_of(crowded.ecr.describe_images, "imageDetails", repositoryName=crowded.repository)
    assert [len(page) for page in pages] == [100, 1]


def test_a_token_is_good_for_its_list_alone(crowded, api):
    token = crowded.call("describe_images", maxResults=1)["nextToken"]
    for parameters in ({"repositoryName": api.repository}, {"filter": {"tagStatus": "TAGGED"}},
                       {"filter": {"imageStatus": "ARCHIVED"}}):
        assert crowded.fault("describe_images", nextToken=token, **parameters).text[0] == "InvalidParameterException"
    assert crowded.fault("list_images", nextToken=token).text[0] == "InvalidParameterException"
    assert crowded.call("describe_images", nextToken=token)["imageDetails"]


@pytest.mark.parametrize("size, constraint", WRONG_SIZES)
def test_sizes_that_no_page_has(api, size, constraint):
    assert api.fault("describe_images", maxResults=size).text == invalid("maxResults", constraint)


def test_an_empty_repository(api):
    assert api.call("describe_images") == {"imageDetails": []}


def test_no_such_repository(api):
    assert fault_of(api.ecr.describe_images, repositoryName="not/here").text == no_repository("not/here")


def test_another_accounts_repository(api):
    assert api.fault("describe_images", registryId=OTHER_ACCOUNT).text == denied("ecr:DescribeImages", api.repository)
