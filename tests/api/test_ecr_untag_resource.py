"""UntagResource. TooManyTagsException and InvalidTagParameterException cannot occur: taking tags away makes neither."""

import pytest

from harness.api import OTHER_ACCOUNT, denied, fault_of, invalid, no_repository, repository_arn
from harness.server import ACCOUNT, REGION


@pytest.fixture
def ecr(server):
    return server.client("ecr", parameter_validation=False)


@pytest.fixture
def arn(ecr, repository):
    arn = repository_arn(repository)
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": key, "Value": key * 2} for key in ("a", "b", "c")])
    return arn


def keys(ecr, arn) -> list[str]:
    return sorted(tag["Key"] for tag in ecr.list_tags_for_resource(resourceArn=arn)["tags"])


def test_the_keys_go_and_no_others(ecr, arn):
    answer = ecr.untag_resource(resourceArn=arn, tagKeys=["a", "c"])
    assert set(answer) == {"ResponseMetadata"}
    assert keys(ecr, arn) == ["b"]


def test_absent_keys_are_no_error(ecr, arn):
    for _ in range(2):
        ecr.untag_resource(resourceArn=arn, tagKeys=["b", "never-there", "aws:what"])
    assert keys(ecr, arn) == ["a", "c"]


def test_no_keys_change_nothing(ecr, arn):
    ecr.untag_resource(resourceArn=arn, tagKeys=[])
    assert keys(ecr, arn) == ["a", "b", "c"]


def test_no_such_repository(ecr):
    assert fault_of(ecr.untag_resource, resourceArn=repository_arn("not/here"), tagKeys=["a"]).text == (
        no_repository("not/here"))


@pytest.mark.parametrize("wrong", ["nonsense", "", f"arn:aws:ecr:{REGION}:{ACCOUNT}:registry/app",
                                   f"arn:aws-cn:ecr:{REGION}:{ACCOUNT}:repository/app"])
def test_arns_that_name_no_repository(ecr, wrong):
    assert fault_of(ecr.untag_resource, resourceArn=wrong, tagKeys=["a"]).text == invalid("resourceArn", "Invalid ARN")


@pytest.mark.parametrize("missing", ["resourceArn", "tagKeys"])
def test_what_is_missing(ecr, arn, missing):
    parameters = {"resourceArn": arn, "tagKeys": ["a"]}
    del parameters[missing]
    code, message = fault_of(ecr.untag_resource, **parameters).text
    assert code == "InvalidParameterException" and missing in message


def test_another_accounts_repository(ecr):
    other = f"arn:aws:ecr:{REGION}:{OTHER_ACCOUNT}:repository/app"
    assert fault_of(ecr.untag_resource, resourceArn=other, tagKeys=["a"]).text == denied("ecr:UntagResource", "app")
