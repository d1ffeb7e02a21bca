"""PutRegistryPolicy: what is taken under each scope, and what it does."""

import json

import pytest

from harness.api import OTHER_ACCOUNT, Api, fault_of, invalid, repository_arn
from harness.policies import ADMIN, ALL_REPOSITORIES, policy, statement
from harness.server import ACCOUNT, REGION
from harness.v2 import V2

REFUSED = invalid("PolicyText", "Invalid registry policy provided")
OTHER = {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"}


@pytest.fixture
def ecr(server):
    ecr = server.client("ecr", parameter_validation=False)
    ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value="V2")
    yield ecr
    if stored(ecr):
        ecr.delete_registry_policy()


def stored(ecr):
    try:
        return ecr.get_registry_policy()["policyText"]
    except ecr.exceptions.RegistryPolicyNotFoundException:
        return None


def test_the_canonical_text_is_returned_and_kept(ecr):
    text = policy(statement("Allow", ["ecr:ReplicateImage"], {"AWS": [OTHER_ACCOUNT]}, Sid="r", Resource=[ALL_REPOSITORIES]))
    answer = ecr.put_registry_policy(policyText=text)
    del answer["ResponseMetadata"]
    assert answer == {"registryId": ACCOUNT, "policyText": f"""{{
  "Version" : "2012-10-17",
  "Statement" : [ {{
    "Sid" : "r",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "arn:aws:iam::{OTHER_ACCOUNT}:root"
    }},
    "Action" : "ecr:ReplicateImage",
    "Resource" : "{ALL_REPOSITORIES}"
  }} ]
}}"""}
    assert stored(ecr) == answer["policyText"]


def test_a_second_one_takes_the_firsts_place(ecr):
    for action in ("ecr:ReplicateImage", "ecr:CreateRepository", "ecr:CreateRepository"):
        ecr.put_registry_policy(policyText=policy(statement("Allow", action, OTHER, Resource=ALL_REPOSITORIES)))
        assert json.loads(stored(ecr))["Statement"][0]["Action"] == action


@pytest.mark.parametrize("scope, action, taken", [
    ("V1", "ecr:ReplicateImage", True), ("V1", "ecr:CreateRepository", True), ("V1", "ecr:BatchImportUpstreamImage", True),
    ("V1", "ecr:*", True), ("V1", "ecr:PutImage", False), ("V1", "ecr:Batch*", False), ("V1", "*", False),
    ("V2", "ecr:PutImage", True), ("V2", "ecr:Batch*", True), ("V2", "ecr:*", True), ("V2", "*", False),
    ("V2", "s3:GetObject", False),
])
def test_the_scope_says_which_actions(ecr, scope, action, taken):
    ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value=scope)
    text = policy(statement("Allow", action, OTHER, Resource=ALL_REPOSITORIES))
    if taken:
        ecr.put_registry_policy(policyText=text)
    else:
        assert fault_of(ecr.put_registry_policy, policyText=text).text == REFUSED
        assert stored(ecr) is None


@pytest.mark.parametrize("resource", [
    None, "*", f"arn:aws:ecr:{REGION}:{ACCOUNT}:registry", f"arn:aws:ecr:{REGION}:{OTHER_ACCOUNT}:repository/*",
    f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/*"])
def test_it_names_repositories_of_the_registry(ecr, resource):
    more = {"Resource": resource} if resource else {}
    text = policy(statement("Allow", "ecr:ReplicateImage", OTHER, **more))
    assert fault_of(ecr.put_registry_policy, policyText=text).text == REFUSED


@pytest.mark.parametrize("bad", [
    "", "no json", "{}", '{"Statement":[]}', policy({"Effect": "Allow", "Action": "ecr:*", "Resource": ALL_REPOSITORIES})])
def test_what_is_no_policy_changes_nothing(ecr, bad):
    ecr.put_registry_policy(policyText=policy(statement("Allow", "ecr:ReplicateImage", OTHER, Resource=ALL_REPOSITORIES)))
    before = stored(ecr)
    assert fault_of(ecr.put_registry_policy, policyText=bad).text == REFUSED
    assert stored(ecr) == before


def test_too_long(ecr):
    text = policy(statement("Allow", "ecr:*", OTHER, Resource=ALL_REPOSITORIES, Sid="s" * 10240))
    code, message = fault_of(ecr.put_registry_policy, policyText=text).text
    assert code in ("InvalidParameterException", "ValidationException") and "policyText" in message


def test_no_text(ecr):
    code, message = fault_of(ecr.put_registry_policy).text
    assert code in ("InvalidParameterException", "ValidationException") and "policyText" in message


def test_a_deny_holds_for_the_repositories_that_it_names(server, ecr, repository):
    api, another = Api(server, repository), Api(server, repository + "-other")
    another.call("create_repository")
    text = policy(statement("Deny", "ecr:ListImages", ADMIN, Resource=repository_arn(repository)))
    ecr.put_registry_policy(policyText=text)
    assert api.fault("list_images").code == "AccessDeniedException"
    assert V2(server, repository).request("GET", f"/v2/{repository}/tags/list").status == 403
    assert another.image_ids() == []
    ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value="V1")
    assert api.image_ids() == []  # a registry's policy is not asked about images then
    ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value="V2")
    ecr.delete_registry_policy()
    assert api.image_ids() == []


def test_a_deny_of_creating_holds_under_v1_too(ecr):
    ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value="V1")
    text = policy(statement("Deny", "ecr:CreateRepository", "*", Resource=repository_arn("fenced/*")))
    ecr.put_registry_policy(policyText=text)
    assert fault_of(ecr.create_repository, repositoryName="fenced/app").code == "AccessDeniedException"
    ecr.create_repository(repositoryName="open-field/app")
