"""ListTagsForResource."""

import pytest

from harness.api import OTHER_ACCOUNT, denied, fault_of, invalid, no_repository, repository_arn
from harness.server import ACCOUNT, REGION


@pytest.fixture
def list_tags(server):
    return server.client("ecr", parameter_validation=False).list_tags_for_resource


def test_no_tags(list_tags, repository):
    assert list_tags(resourceArn=repository_arn(repository))["tags"] == []


def test_tags_have_capital_members(ecr, list_tags):
    ecr.create_repository(repositoryName="with/tags", tags=[{"Key": "team", "Value": "build"}, {"Key": "aws", "Value": ""}])
    listed = list_tags(resourceArn=repository_arn("with/tags"))["tags"]
    assert sorted(listed, key=str) == [{"Key": "aws", "Value": ""}, {"Key": "team", "Value": "build"}]


def test_no_such_repository(list_tags):
    assert fault_of(list_tags, resourceArn=repository_arn("not/here")).text == no_repository("not/here")


@pytest.mark.parametrize("arn", [
    "nonsense", "", "arn:aws:ecr", f"arn:aws:ecr:{REGION}:{ACCOUNT}:app", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/",
    f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/UPPER", f"arn:aws:s3:{REGION}:{ACCOUNT}:repository/app",
    f"arn:aws-cn:ecr:{REGION}:{ACCOUNT}:repository/app",
])
def test_arns_that_name_no_repository(list_tags, arn):
    assert fault_of(list_tags, resourceArn=arn).text == invalid("resourceArn", "Invalid ARN")


def test_no_arn(list_tags):
    code, message = fault_of(list_tags).text
    assert code == "InvalidParameterException" and "resourceArn" in message


def test_another_accounts_repository(list_tags):
    arn = f"arn:aws:ecr:{REGION}:{OTHER_ACCOUNT}:repository/app"
    assert fault_of(list_tags, resourceArn=arn).text == denied("ecr:ListTagsForResource", "app")
