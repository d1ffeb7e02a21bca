"""PutImageTagMutability: the four modes, and what later pushes may then do."""

import pytest

from harness.api import OTHER_ACCOUNT, denied, fault_of, invalid, no_repository
from harness.server import ACCOUNT
from harness.v2 import V2

FILTERS = "imageTagMutabilityExclusionFilters"


def wildcards(*filters: str) -> list[dict]:
    return [{"filterType": "WILDCARD", "filter": one} for one in filters]


def described(api) -> dict:
    (repository,) = api.ecr.describe_repositories(repositoryNames=[api.repository])["repositories"]
    return repository


@pytest.mark.parametrize("asked", [
    {"imageTagMutability": "MUTABLE"}, {"imageTagMutability": "IMMUTABLE"},
    {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", FILTERS: wildcards("z", "latest", "dev-*")},
    {"imageTagMutability": "MUTABLE_WITH_EXCLUSION", FILTERS: wildcards("v*.*")},
])
def test_the_answer_repeats_the_settings_and_they_are_kept(api, asked):
    assert api.call("put_image_tag_mutability", registryId=ACCOUNT, **asked) == {
        "registryId": ACCOUNT, "repositoryName": api.repository, **asked}
    kept = described(api)
    assert {member: kept[member] for member in asked} == asked


def test_filters_are_replaced_with_the_mode(api):
    for filters in (wildcards("a", "b"), wildcards("c")):
        api.call("put_image_tag_mutability", imageTagMutability="IMMUTABLE_WITH_EXCLUSION", **{FILTERS: filters})
        assert described(api)[FILTERS] == filters
    api.call("put_image_tag_mutability", imageTagMutability="IMMUTABLE")
    assert FILTERS not in described(api)


def test_it_repeats(api):
    for _ in range(2):
        api.call("put_image_tag_mutability", imageTagMutability="IMMUTABLE")


# The table of ecr-semantics 4.4 (6): may the tag move to another digest?
@pytest.mark.parametrize("mode, tag, moves", [
    ("MUTABLE", "v1", True), ("IMMUTABLE", "v1", False),
    ("IMMUTABLE_WITH_EXCLUSION", "dev-1", True), ("IMMUTABLE_WITH_EXCLUSION", "v1", False),
    ("IMMUTABLE_WITH_EXCLUSION", "a-dev-1", False),
    ("MUTABLE_WITH_EXCLUSION", "dev-1", False), ("MUTABLE_WITH_EXCLUSION", "v1", True),
])
def test_what_the_mode_means_for_the_next_push(server, api, mode, tag, moves):
    api.push_image(tag, b"first")
    second, third = api.image(b"second"), api.image(b"third").encode()
    filters = {FILTERS: wildcards("dev-*")} if "EXCLUSION" in mode else {}
    api.call("put_image_tag_mutability", imageTagMutability=mode, **filters)
    over_v2 = V2(server, api.repository)
    if moves:
        api.put_image(second, tag)
        assert over_v2.put_manifest(tag, third).status == 201
    else:
        text = (f"The image tag '{tag}' already exists in the '{api.repository}' repository and cannot be overwritten because "
                "the tag is immutable.")
        assert api.fault("put_image", imageManifest=second, imageTag=tag).text == ("ImageTagAlreadyExistsException", text)
        answer = over_v2.put_manifest(tag, third)
        assert (answer.status, answer.error) == (400, ("TAG_INVALID", text))


def test_tags_that_moved_before_stay(api):
    api.push_image("latest", b"first")
    moved = api.push_image("latest", b"second")
    api.call("put_image_tag_mutability", imageTagMutability="IMMUTABLE")
    assert api.get_image(imageTag="latest") == moved


def test_an_immutable_tag_can_be_deleted(api):
    api.push_image("v1")
    api.call("put_image_tag_mutability", imageTagMutability="IMMUTABLE")
    assert api.call("batch_delete_image", imageIds=[{"imageTag": "v1"}])["failures"] == []


@pytest.mark.parametrize("mode", ["IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"])
def test_exclusion_needs_filters(api, mode):
    assert api.fault("put_image_tag_mutability", imageTagMutability=mode).text == invalid(
        FILTERS, f"ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as {mode}")


@pytest.mark.parametrize("mode, filters", [
    ("MUTABLE", wildcards("latest")), ("IMMUTABLE", wildcards("latest")),
    ("IMMUTABLE_WITH_EXCLUSION", wildcards("a*b*c*")), ("IMMUTABLE_WITH_EXCLUSION", wildcards("a+b")),
    ("IMMUTABLE_WITH_EXCLUSION", wildcards(*"abcdef")), ("SOMETIMES", None),
])
def test_what_cannot_be_changes_nothing(api, mode, filters):
    before = described(api)
    parameters = {FILTERS: filters} if filters else {}
    fault = api.fault("put_image_tag_mutability", imageTagMutability=mode, **parameters)
    assert fault.text[0] == "InvalidParameterException"
    assert (FILTERS if filters else "imageTagMutability") in fault.message
    assert described(api) == before


def test_no_mode(api):
    code, message = api.fault("put_image_tag_mutability").text
    assert code == "InvalidParameterException" and "imageTagMutability" in message


def test_no_such_repository(api):
    fault = api.fault("put_image_tag_mutability", repositoryName="not/here", imageTagMutability="MUTABLE")
    assert fault.text == no_repository("not/here")


def test_another_accounts_registry(api):
    fault = fault_of(api.ecr.put_image_tag_mutability, repositoryName="app", registryId=OTHER_ACCOUNT,
                     imageTagMutability="MUTABLE")
    assert fault.text == denied("ecr:PutImageTagMutability", "app")
