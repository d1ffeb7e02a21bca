"""GetRepositoryPolicy."""

import json

from harness.api import OTHER_ACCOUNT, denied, fault_of, no_repository
from harness.policies import PULL, PULL_AS_RETURNED
from harness.server import ACCOUNT


def test_the_policy(api):
    api.call("set_repository_policy", policyText=json.dumps(PULL))
    assert api.call("get_repository_policy", registryId=ACCOUNT) == {
        "registryId": ACCOUNT, "repositoryName": api.repository, "policyText": PULL_AS_RETURNED}


def test_no_policy(api):
    assert api.fault("get_repository_policy").text == (
        "RepositoryPolicyNotFoundException", f"Repository policy does not exist for the {api.where()}")


def test_no_such_repository(api):
    assert api.fault("get_repository_policy", repositoryName="not/here").text == no_repository("not/here")


def test_a_name_that_is_none(api):
    code, message = api.fault("get_repository_policy", repositoryName="UPPER").text
    assert code == "InvalidParameterException" and "repositoryName" in message


def test_another_accounts_registry(api):
    fault = fault_of(api.ecr.get_repository_policy, repositoryName="app", registryId=OTHER_ACCOUNT)
    assert fault.text == denied("ecr:GetRepositoryPolicy", "app")
