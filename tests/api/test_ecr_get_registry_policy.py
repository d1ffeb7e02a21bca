"""GetRegistryPolicy. InvalidParameterException and ValidationException cannot occur: it takes no parameters."""

import json

from harness.api import fault_of
from harness.policies import ALL_REPOSITORIES, policy, statement
from harness.server import ACCOUNT


def test_no_policy(ecr):
    assert fault_of(ecr.get_registry_policy).text == (
        "RegistryPolicyNotFoundException", f"Registry policy does not exist in the registry with id '{ACCOUNT}'")


def test_the_policy(ecr):
    text = ecr.put_registry_policy(policyText=policy(
        statement("Allow", "ecr:ReplicateImage", {"AWS": ACCOUNT}, Resource=ALL_REPOSITORIES)))["policyText"]
    answer = ecr.get_registry_policy()
    assert (answer["registryId"], answer["policyText"]) == (ACCOUNT, text)
    assert json.loads(text)["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


def test_regions_are_registries_of_their_own(server, ecr):
    ecr.put_registry_policy(policyText=policy(
        statement("Allow", "ecr:ReplicateImage", {"AWS": ACCOUNT}, Resource=ALL_REPOSITORIES)))
    ohio = server.client("ecr", "us-east-2")
    assert fault_of(ohio.get_registry_policy).code == "RegistryPolicyNotFoundException"
