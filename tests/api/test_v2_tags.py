"""Lists: a repository's tags and the registry's repositories, in pages."""

import re

import pytest

from harness.policies import ADMIN, policy, statement
from harness.v2 import V2, digest_of

TAGS = ["10", "9", "Latest", "_x", "a", "a.b", "b", "latest", "v1", "v1.0", "z-z"]


@pytest.fixture(scope="module")
def tagged(server):
    server.client("ecr").create_repository(repositoryName="test/tagged")
    v2 = V2(server, "test/tagged")
    manifest = v2.push_image(TAGS[3])
    for tag in reversed(TAGS):
        assert v2.put_manifest(tag, manifest).status == 201
    return v2


def tags_of(v2, query=""):
    answer = v2.request("GET", v2.path("tags/list") + query)
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["name"] == v2.repository
    return answer


def follow(v2, query, member="tags"):
    """Every page, by its Link, as a client does."""
    path, pages = v2.path("tags/list") + query if member == "tags" else "/v2/_catalog" + query, []
    while path:
        answer = v2.request("GET", path)
        assert answer.status == 200, answer
        pages.append(answer.json()[member])
        link = answer.headers["Link"]
        path = re.fullmatch(r'<(/[^>]*)>; rel="next"', link).group(1) if link else None
    return pages


def test_all_in_ascii_order(tagged):
    answer = tags_of(tagged)
    assert answer.json()["tags"] == sorted(TAGS)
    assert answer.headers["Link"] is None


def test_an_empty_repository(server, repository):
    assert tags_of(V2(server, repository)).json()["tags"] == []


@pytest.mark.parametrize("size", [1, 2, 5, len(TAGS) - 1, len(TAGS), len(TAGS) + 1, 1000, 5000])
def test_pages(tagged, size):
    pages = follow(tagged, f"?n={size}")
    assert sum(pages, []) == sorted(TAGS)
    assert all(len(page) == min(size, len(TAGS)) for page in pages[:-1])
    assert pages[-1]


def test_last_is_not_included(tagged):
    everything = sorted(TAGS)
    for i, tag in enumerate(everything):
        assert tags_of(tagged, f"?last={tag}").json()["tags"] == everything[i + 1:]
        assert tags_of(tagged, f"?n=2&last={tag}").json()["tags"] == everything[i + 1:i + 3]


def test_last_need_not_exist(tagged):
    assert tags_of(tagged, "?last=a.a").json()["tags"] == [tag for tag in sorted(TAGS) if tag > "a.a"]
    assert tags_of(tagged, "?last=%7E%7E").json()["tags"] == []
    assert tags_of(tagged, "?last=" + "x" * 2000).json()["tags"] == ["z-z"]


@pytest.mark.parametrize("last", ["%00", "a%00b", "%FF", "%C3%A4"])
def test_a_place_that_no_list_has(tagged, last):
    for path in (tagged.path(f"tags/list?last={last}"), f"/v2/_catalog?last={last}"):
        assert tagged.request("GET", path).status == 400


def test_none_is_an_empty_list_without_a_link(tagged):
    answer = tags_of(tagged, "?n=0")
    assert answer.json()["tags"] == [] and answer.headers["Link"] is None


@pytest.mark.parametrize("number", ["-1", "x", "", "1.5", "0x10", "%31%20", "-99999999999999999999"])
def test_numbers_that_are_none(tagged, number):
    answer = tagged.request("GET", tagged.path(f"tags/list?n={number}"))
    assert answer.status == 400 and answer.code == "PAGINATION_NUMBER_INVALID"


def test_a_huge_number_means_as_many_as_there_may_be(tagged):
    assert tags_of(tagged, "?n=99999999999999999999").json()["tags"] == sorted(TAGS)


def test_changes_are_seen_by_the_next_request(server, repository):
    v2 = V2(server, repository)
    manifest = v2.push_image("one")
    assert tags_of(v2).json()["tags"] == ["one"]
    v2.put_manifest("two", manifest)
    assert tags_of(v2).json()["tags"] == ["one", "two"]
    v2.request("DELETE", v2.path("manifests/one"))
    assert tags_of(v2).json()["tags"] == ["two"]
    v2.request("DELETE", v2.path(f"manifests/{digest_of(manifest)}"))
    assert tags_of(v2).json()["tags"] == []


def test_the_catalog(server):
    """Its own region, so that other tests' repositories do not show."""
    names = sorted(["team/app", "team/base", "alpha", "zulu", "team2"])
    ecr = server.client("ecr", region="ap-south-1")
    for name in names:
        ecr.create_repository(repositoryName=name)
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    v2 = V2(server, authorization="Basic " + token)
    answer = v2.request("GET", "/v2/_catalog")
    assert answer.status == 200 and answer.json() == {"repositories": names}
    assert answer.headers["Content-Type"] == "application/json"
    for size in (1, 2, 4, 5, 6):
        assert sum(follow(v2, f"?n={size}", "repositories"), []) == names
    assert v2.request("GET", "/v2/_catalog?n=0").json() == {"repositories": []}
    assert v2.request("GET", "/v2/_catalog?last=team/app").json() == {"repositories": names[2:]}
    assert v2.request("GET", "/v2/_catalog?n=x").code == "PAGINATION_NUMBER_INVALID"
    ecr.delete_repository(repositoryName="alpha")
    assert v2.request("GET", "/v2/_catalog").json() == {"repositories": names[1:]}


def test_head_of_the_lists(tagged):
    for path in (tagged.path("tags/list?n=3"), "/v2/_catalog?n=1"):
        get, head = tagged.request("GET", path), tagged.request("HEAD", path)
        assert (head.status, head.body) == (200, b"")
        for name in ("Content-Type", "Content-Length", "Link"):
            assert head.headers[name] == get.headers[name]


def test_the_catalog_shows_nothing_of_a_repository_whose_policy_denies_it(server):
    ecr = server.client("ecr", region="ap-southeast-2")
    for name in ("aa/hidden", "app", "hidden", "zz/hidden", "zz/zz"):
        ecr.create_repository(repositoryName=name)
        if "hidden" in name:
            ecr.set_repository_policy(repositoryName=name, policyText=policy(statement("Deny", "ecr:DescribeRepositories", ADMIN)))
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    v2 = V2(server, authorization="Basic " + token)
    for size in (1, 2, 3, 10):
        assert sum(follow(v2, f"?n={size}", "repositories"), []) == ["app", "zz/zz"]
    answer = v2.request("GET", "/v2/_catalog?n=1")
    assert "hidden" not in answer.headers["Link"]
    assert v2.request("GET", "/v2/_catalog?n=2").headers["Link"] is None


def test_the_catalog_hides_what_may_not_be_described(server):
    other = V2(server, host="999999999999.dkr.ecr.us-west-2.amazonaws.com")
    assert other.request("GET", "/v2/_catalog").json() == {"repositories": []}
