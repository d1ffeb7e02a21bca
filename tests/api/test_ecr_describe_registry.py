"""DescribeRegistry. InvalidParameterException and ValidationException cannot occur: it takes no parameters."""

from harness.server import ACCOUNT


def test_without_replication_the_rules_are_empty(ecr):
    answer = ecr.describe_registry()
    assert (answer["registryId"], answer["replicationConfiguration"]) == (ACCOUNT, {"rules": []})
