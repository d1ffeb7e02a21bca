"""SetRepositoryPolicy: what is taken, in which form it comes back, and what it does."""

import json

import pytest

from harness.api import OTHER_ACCOUNT, denied, fault_of, invalid, no_repository, repository_arn
from harness.policies import ADMIN, PULL, PULL_AS_RETURNED, policy, statement
from harness.server import ACCOUNT, CALLER, REGION
from harness.v2 import V2

REFUSED = invalid("PolicyText", "Invalid repository policy provided")


def stored(api):
    try:
        return api.call("get_repository_policy")["policyText"]
    except api.ecr.exceptions.RepositoryPolicyNotFoundException:
        return None


def test_the_canonical_text_is_returned_and_kept(api):
    answer = api.call("set_repository_policy", policyText=json.dumps(PULL), registryId=ACCOUNT)
    assert answer == {"registryId": ACCOUNT, "repositoryName": api.repository, "policyText": PULL_AS_RETURNED}
    assert stored(api) == PULL_AS_RETURNED


def test_a_second_one_takes_the_firsts_place(api):
    for action in ("ecr:BatchGetImage", "ecr:PutImage", "ecr:PutImage"):
        api.call("set_repository_policy", policyText=policy(statement("Allow", action)))
        assert json.loads(stored(api))["Statement"][0]["Action"] == action


@pytest.mark.parametrize("good", [
    {"Version": "2008-10-17", "Statement": [statement("Allow", "ecr:*")]},
    {"Statement": statement("Allow", "ecr:*")},
    {"Id": "mine", "Statement": [statement("Allow", "ecr:Batch*", {"AWS": [ACCOUNT, f"arn:aws:iam::{OTHER_ACCOUNT}:root"]})]},
    {"Statement": [statement("Allow", "ecr:PutImage", {"AWS": f"arn:aws:iam::{ACCOUNT}:role/does-not-exist"})]},
    {"Statement": [statement("Allow", "ecr:BatchGetImage", {"Service": "codebuild.amazonaws.com"}, Sid="twice"),
                   statement("Deny", "ecr:PutImage", Sid="twice", Resource="*",
                             Condition={"StringNotEquals": {"aws:SourceVpc": "vpc-1"}, "Bool": {"aws:SecureTransport": "false"}})]},
    {"Statement": [{"Effect": "Allow", "Principal": "*", "NotAction": ["ecr:DeleteRepository", "ecr:PutImage"]}]},
])
def test_what_is_taken_means_what_it_meant(api, good):
    text = api.call("set_repository_policy", policyText=json.dumps(good), force=True)["policyText"]
    assert json.loads(text).keys() == good.keys()
    wanted = good["Statement"] if isinstance(good["Statement"], list) else [good["Statement"]]
    assert [one["Effect"] for one in json.loads(text)["Statement"]] == [one["Effect"] for one in wanted]
    assert api.call("set_repository_policy", policyText=text, force=True)["policyText"] == text


def test_its_resource_can_be_the_repository(api):
    for resource in ("*", repository_arn(api.repository)):
        api.call("set_repository_policy", policyText=policy(statement("Allow", "ecr:PutImage", Resource=resource)))
    for resource in (repository_arn("another"), repository_arn("*"), "arn:aws:s3:::bucket"):
        text = policy(statement("Allow", "ecr:PutImage", Resource=resource))
        assert api.fault("set_repository_policy", policyText=text).text == REFUSED


@pytest.mark.parametrize("bad", [
    "", "no json", "[]", "{}", '{"Statement":[]}', '{"Version":"2012-10-17"}',
    policy(statement("Allow", "*")), policy(statement("Allow", "s3:GetObject")), policy(statement("Permit", "ecr:*")),
    policy({"Effect": "Allow", "Action": "ecr:*"}), policy({"Effect": "Allow", "Principal": "*"}),
    policy(statement("Allow", "ecr:*", {"AWS": "nobody"})), policy(statement("Allow", "ecr:*", {"Nobody": "x"})),
    policy(statement("Allow", "ecr:*", Condition={"Resembles": {"aws:SourceIp": "x"}})),
    policy(statement("Allow", "ecr:*", Surprise=1)),
    '{"Version":"2020-01-01","Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:*"}]}',
    '{"Statement":[{"Effect":"Allow","Effect":"Deny","Principal":"*","Action":"ecr:*"}]}',
])
def test_what_is_no_policy_changes_nothing(api, bad):
    api.call("set_repository_policy", policyText=json.dumps(PULL))
    assert api.fault("set_repository_policy", policyText=bad).text == REFUSED
    assert stored(api) == PULL_AS_RETURNED


def test_the_longest(api):
    def text(length: int) -> str:
        short = policy(statement("Allow", "ecr:PutImage", Sid=""))
        return short.replace('"Sid": ""', f'"Sid": "{"s" * (length - len(short))}"')

    api.call("set_repository_policy", policyText=text(10240))
    assert api.fault("set_repository_policy", policyText=text(10241)).text == invalid(
        "policyText", "must have length less than or equal to 10240")


# ---- what it does


def test_a_deny_is_obeyed_by_the_next_request_at_both_doors(server, api):
    manifest = api.push_image("v1")
    over_v2 = V2(server, api.repository)
    assert over_v2.get_manifest("v1").status == 200
    api.call("set_repository_policy", policyText=policy(statement("Deny", ["ecr:BatchGetImage", "ecr:PutImage"], ADMIN)))
    reason = (f"User: {CALLER} is not authorized to perform: ecr:BatchGetImage on resource: "
              f"{repository_arn(api.repository)} with an explicit deny in a resource-based policy")
    assert api.fault("batch_get_image", imageIds=[{"imageTag": "v1"}]).text == ("AccessDeniedException", reason)
    answer = over_v2.get_manifest("v1")
    assert (answer.status, answer.error) == (403, ("DENIED", reason))
    assert over_v2.put_manifest("v2", manifest.encode()).status == 403
    assert len(api.call("describe_images")["imageDetails"]) == 1  # of which it says nothing
    api.call("delete_repository_policy")
    assert over_v2.get_manifest("v1").status == 200


def test_a_deny_to_all_but_some(api):
    def denied_to_all_but(*principals: str) -> str:
        left_out = {"Effect": "Deny", "NotPrincipal": {"AWS": [*principals, ACCOUNT]}, "Action": "ecr:ListImages"}
        return api.call("set_repository_policy", policyText=policy(left_out))["policyText"]

    (kept,) = json.loads(denied_to_all_but(CALLER))["Statement"]
    assert kept["NotPrincipal"]["AWS"] == [CALLER, f"arn:aws:iam::{ACCOUNT}:root"]
    assert api.image_ids() == []
    denied_to_all_but(f"arn:aws:iam::{ACCOUNT}:user/other")
    assert api.fault("list_images").code == "AccessDeniedException"


def test_a_deny_under_a_condition_that_does_not_hold(api):
    api.push_image("v1")
    for address, allowed in (("127.0.0.0/8", True), ("192.0.2.0/24", False)):
        condition = {"NotIpAddress": {"aws:SourceIp": address}}
        api.call("set_repository_policy", policyText=policy(statement("Deny", "ecr:ListImages", Condition=condition)))
        if allowed:
            assert api.image_ids()
        else:
            assert api.fault("list_images").text[0] == "AccessDeniedException"


def test_it_goes_with_its_repository(api):
    api.call("set_repository_policy", policyText=policy(statement("Deny", "ecr:ListImages")))
    api.call("delete_repository", force=True)
    api.call("create_repository")
    assert stored(api) is None
    assert api.image_ids() == []


def test_it_survives_a_restart(own_server):
    ecr = own_server.client("ecr")
    ecr.create_repository(repositoryName="kept")
    ecr.set_repository_policy(repositoryName="kept", policyText=policy(statement("Deny", "ecr:ListImages")))
    own_server.restart()
    assert fault_of(own_server.client("ecr").list_images, repositoryName="kept").code == "AccessDeniedException"


# ---- the guard


@pytest.mark.own_server("it leaves repositories that only the root user of the account may delete")
@pytest.mark.parametrize("action", ["ecr:SetRepositoryPolicy", "ecr:*"])
@pytest.mark.parametrize("principal", ["*", ADMIN, {"AWS": ACCOUNT}])
def test_nobody_locks_itself_out_unless_it_means_to(api, action, principal):
    text = policy(statement("Deny", action, principal))
    fault = api.fault("set_repository_policy", policyText=text)
    assert fault.code == "InvalidParameterException" and "PolicyText" in fault.message
    assert "Invalid repository policy provided" not in fault.message  # which Terraform would try again
    assert stored(api) is None
    api.call("set_repository_policy", policyText=text, force=True)
    assert api.fault("set_repository_policy", policyText=json.dumps(PULL), force=True).code == "AccessDeniedException"


def test_others_can_be_locked_out(api):
    text = policy(statement("Deny", "ecr:*", {"AWS": f"arn:aws:iam::{ACCOUNT}:user/other"}))
    api.call("set_repository_policy", policyText=text)


# ---- whom and what it is about


def test_no_such_repository(api):
    fault = api.fault("set_repository_policy", repositoryName="not/here", policyText=json.dumps(PULL))
    assert fault.text == no_repository("not/here")


def test_no_text(api):
    code, message = api.fault("set_repository_policy").text
    assert code == "InvalidParameterException" and "policyText" in message


def test_another_accounts_registry(api):
    fault = fault_of(api.ecr.set_repository_policy, repositoryName="app", registryId=OTHER_ACCOUNT,
                     policyText=json.dumps(PULL))
    assert fault.text == denied("ecr:SetRepositoryPolicy", "app")
