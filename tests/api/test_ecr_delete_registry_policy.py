"""DeleteRegistryPolicy. InvalidParameterException and ValidationException cannot occur: it takes no parameters."""

from harness.api import fault_of
from harness.policies import ALL_REPOSITORIES, policy, statement
from harness.server import ACCOUNT


def test_the_policy_goes_and_is_returned(ecr):
    text = ecr.put_registry_policy(policyText=policy(
        statement("Allow", "ecr:ReplicateImage", {"AWS": ACCOUNT}, Resource=ALL_REPOSITORIES)))["policyText"]
    answer = ecr.delete_registry_policy()
    assert (answer["registryId"], answer["policyText"]) == (ACCOUNT, text)
    for call in (ecr.get_registry_policy, ecr.delete_registry_policy):
        assert fault_of(call).text == (
            "RegistryPolicyNotFoundException", f"Registry policy does not exist in the registry with id '{ACCOUNT}'")
