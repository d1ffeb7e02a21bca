"""A push to a repository that is not there: made by a CREATE_ON_PUSH template, refused without one."""

import concurrent.futures
import json

import pytest

from harness.api import fault_of, no_repository, repository_arn
from harness.policies import ADMIN, PULL, PULL_AS_RETURNED, policy, statement
from harness.server import Server
from harness.templates import PUSH, new_prefix
from harness.v2 import V2, digest_of


@pytest.fixture
def ecr(server):
    return server.client("ecr", parameter_validation=False)


@pytest.fixture
def prefix():
    return new_prefix()


def described(ecr, name) -> dict:
    (repository,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    return repository


def is_there(ecr, name) -> bool:
    try:
        return bool(described(ecr, name))
    except ecr.exceptions.RepositoryNotFoundException:
        return False


def test_without_a_template_it_is_refused(server, ecr, prefix):
    v2 = V2(server, f"{prefix}/app")
    refused = ("NAME_UNKNOWN", no_repository(f"{prefix}/app")[1])
    for answer in (v2.request("POST", v2.path("blobs/uploads/")), v2.put_manifest("v1", {"schemaVersion": 2})):
        assert (answer.status, answer.error) == (404, refused)
    assert not is_there(ecr, f"{prefix}/app")


def test_the_first_push_makes_it_as_the_template_says(server, ecr, prefix):
    tags = [{"Key": "team", "Value": "build"}]
    filters = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    ecr.create_repository_creation_template(
        prefix=prefix, appliedFor=PUSH, imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=filters, repositoryPolicy=json.dumps(PULL), resourceTags=tags)
    name = f"{prefix}/deep/app"
    v2 = V2(server, name)
    v2.push_image("v1", b"first")
    made = described(ecr, name)
    assert made["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert made["imageTagMutabilityExclusionFilters"] == filters
    assert ecr.list_tags_for_resource(resourceArn=repository_arn(name))["tags"] == tags
    assert ecr.get_repository_policy(repositoryName=name)["policyText"] == PULL_AS_RETURNED
    assert v2.put_manifest("v1", v2.image(b"second")).code == "TAG_INVALID"


def test_asking_for_layers_makes_nothing(server, ecr, prefix):
    ecr.create_repository_creation_template(prefix=prefix, appliedFor=PUSH)
    v2 = V2(server, f"{prefix}/app")
    assert v2.head_blob(digest_of(b"x")).status == 404
    assert v2.get_manifest("v1").status == 404
    assert v2.request("GET", v2.path("tags/list")).status == 404
    assert v2.request("DELETE", v2.path("manifests/v1")).status == 404
    assert not is_there(ecr, f"{prefix}/app")


@pytest.mark.parametrize("begin", ["upload", "whole layer", "mount", "manifest"])
def test_whatever_a_push_begins_with_makes_it(server, ecr, prefix, repository, begin):
    ecr.create_repository_creation_template(prefix=prefix, appliedFor=PUSH)
    source, v2 = V2(server, repository), V2(server, f"{prefix}/app")
    digest = source.push_blob(b"layer")
    uploads = v2.path("blobs/uploads/")
    answer = {
        "upload": lambda: v2.request("POST", uploads),
        "whole layer": lambda: v2.request("POST", f"{uploads}?digest={digest}", b"layer"),
        "mount": lambda: v2.request("POST", f"{uploads}?mount={digest}&from={repository}"),
        "manifest": lambda: v2.put_manifest("v1", source.image(b"layer")),
    }[begin]()
    assert answer.status == {"upload": 202, "manifest": 404}.get(begin, 201), answer  # its layers are not there
    assert is_there(ecr, f"{prefix}/app")


def test_the_longest_prefix_for_the_scenario_is_taken(server, ecr, prefix):
    for end, scenarios, mode in (("", PUSH, "IMMUTABLE"), ("/a", PUSH, "MUTABLE"), ("/a/b", ["REPLICATION"], "IMMUTABLE")):
        ecr.create_repository_creation_template(prefix=prefix + end, appliedFor=scenarios, imageTagMutability=mode)
    for name, mode in ((f"{prefix}/a/b/app", "MUTABLE"), (f"{prefix}/a/app", "MUTABLE"), (f"{prefix}/ab/app", "IMMUTABLE"),
                       (f"{prefix}/a", "IMMUTABLE")):
        V2(server, name).open_upload()
        assert described(ecr, name)["imageTagMutability"] == mode, name


def test_a_prefix_ends_at_a_slash(server, ecr, prefix):
    ecr.create_repository_creation_template(prefix=prefix, appliedFor=PUSH)
    for name in (prefix, prefix + "x/app"):
        v2 = V2(server, name)
        assert v2.request("POST", v2.path("blobs/uploads/")).code == "NAME_UNKNOWN"


@pytest.mark.parametrize("scenario", ["REPLICATION", "PULL_THROUGH_CACHE"])
def test_a_template_for_something_else_is_none(server, ecr, prefix, scenario):
    ecr.create_repository_creation_template(prefix=prefix, appliedFor=[scenario])
    v2 = V2(server, f"{prefix}/app")
    assert v2.request("POST", v2.path("blobs/uploads/")).code == "NAME_UNKNOWN"


def test_root_is_for_what_no_other_is_for(own_server):
    ecr = own_server.client("ecr")
    ecr.create_repository_creation_template(prefix="ROOT", appliedFor=PUSH, imageTagMutability="IMMUTABLE")
    ecr.create_repository_creation_template(prefix="team", appliedFor=PUSH)
    for name, mode in (("app", "IMMUTABLE"), ("other/app", "IMMUTABLE"), ("team/app", "MUTABLE")):
        V2(own_server, name).push_image("v1")
        assert described(ecr, name)["imageTagMutability"] == mode
    own_server.restart()
    V2(own_server, "after/restart").push_image("v1")


def test_a_template_counts_at_creation_only(server, ecr, prefix):
    ecr.create_repository_creation_template(prefix=prefix, appliedFor=PUSH)
    V2(server, f"{prefix}/one").push_image("v1")
    ecr.update_repository_creation_template(prefix=prefix, imageTagMutability="IMMUTABLE")
    V2(server, f"{prefix}/two").push_image("v1")
    V2(server, f"{prefix}/one").push_image("v1", b"moved")
    assert described(ecr, f"{prefix}/one")["imageTagMutability"] == "MUTABLE"
    assert described(ecr, f"{prefix}/two")["imageTagMutability"] == "IMMUTABLE"
    ecr.delete_repository_creation_template(prefix=prefix)
    V2(server, f"{prefix}/one").push_image("v2")


def test_who_may_push_and_not_create_is_denied(server, ecr, prefix):
    ecr.create_repository_creation_template(prefix=prefix, appliedFor=PUSH)
    ecr.put_registry_policy(policyText=policy(statement("Deny", "ecr:CreateRepository", ADMIN, Resource=repository_arn(prefix + "/*"))))
    v2 = V2(server, f"{prefix}/app")
    try:
        answer = v2.request("POST", v2.path("blobs/uploads/"))
        assert (answer.status, answer.code) == (403, "DENIED")
        assert "ecr:CreateRepository" in answer.error[1]
    finally:
        ecr.delete_registry_policy()
    assert not is_there(ecr, f"{prefix}/app")
    v2.open_upload()


def test_pushes_at_once_make_one(server, ecr, prefix):
    ecr.create_repository_creation_template(prefix=prefix, appliedFor=PUSH)
    v2 = V2(server, f"{prefix}/app")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: v2.push_image(f"v{number}", b"%d" % number), range(8)))
    assert len(v2.request("GET", v2.path("tags/list")).json()["tags"]) == 8


def test_a_key_that_is_not_there_makes_nothing(server, ecr, prefix):
    ecr.create_repository_creation_template(prefix=prefix, appliedFor=PUSH, encryptionConfiguration={"encryptionType": "KMS"})
    v2 = V2(server, f"{prefix}/app")
    answer = v2.request("POST", v2.path("blobs/uploads/"))
    assert (answer.status, answer.code) == (403, "DENIED")  # clients show its text, and do not try again
    assert b"KMS" in answer.body
    assert not is_there(ecr, f"{prefix}/app")


def test_the_api_makes_none(ecr, prefix):
    """ECR's documents speak of pushes by container clients alone."""
    ecr.create_repository_creation_template(prefix=prefix, appliedFor=PUSH)
    name = f"{prefix}/app"
    assert fault_of(ecr.initiate_layer_upload, repositoryName=name).text == no_repository(name)
    assert fault_of(ecr.put_image, repositoryName=name, imageManifest="{}").text == no_repository(name)


# ---- `create_on_push`, without a template


@pytest.fixture(scope="module")
def creating(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("creating"), "--create-on-push") as running:
        yield running


def test_the_configuration_lets_every_push_make_its_repository(creating, prefix):
    ecr = creating.client("ecr")
    v2 = V2(creating, f"{prefix}/app")
    assert v2.head_blob(digest_of(b"x")).status == v2.get_manifest("v1").status == 404
    assert not is_there(ecr, v2.repository)
    v2.push_image("v1", b"first")
    made = described(ecr, v2.repository)
    assert (made["imageTagMutability"], made["encryptionConfiguration"]) == ("MUTABLE", {"encryptionType": "AES256"})
    assert fault_of(ecr.initiate_layer_upload, repositoryName=f"{prefix}/api").text == no_repository(f"{prefix}/api")


def test_a_template_comes_first(creating, prefix):
    ecr = creating.client("ecr", parameter_validation=False)
    ecr.create_repository_creation_template(prefix=prefix, appliedFor=PUSH, imageTagMutability="IMMUTABLE")
    V2(creating, f"{prefix}/app").open_upload()
    assert described(ecr, f"{prefix}/app")["imageTagMutability"] == "IMMUTABLE"


def test_it_needs_leave_to_create(creating, prefix):
    ecr = creating.client("ecr")
    ecr.put_registry_policy(policyText=policy(statement("Deny", "ecr:CreateRepository", ADMIN, Resource=repository_arn(prefix + "/*"))))
    try:
        assert V2(creating, f"{prefix}/app").request("POST", f"/v2/{prefix}/app/blobs/uploads/").code == "DENIED"
    finally:
        ecr.delete_registry_policy()
    assert not is_there(ecr, f"{prefix}/app")
    elsewhere = V2(creating, f"{prefix}/app", host="999999999999.dkr.ecr.us-west-2.amazonaws.com")
    assert elsewhere.request("POST", elsewhere.path("blobs/uploads/")).code == "DENIED"
