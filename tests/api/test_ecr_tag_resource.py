"""TagResource."""

import pytest

from harness.api import OTHER_ACCOUNT, denied, fault_of, invalid, no_repository, repository_arn
from harness.server import ACCOUNT, REGION


def tags(**values: str) -> list[dict]:
    return [{"Key": key, "Value": value} for key, value in values.items()]


@pytest.fixture
def ecr(server):
    return server.client("ecr", parameter_validation=False)


@pytest.fixture
def arn(repository):
    return repository_arn(repository)


@pytest.fixture
def listed(ecr, arn):
    def read() -> dict:
        return {tag["Key"]: tag["Value"] for tag in ecr.list_tags_for_resource(resourceArn=arn)["tags"]}
    return read


def test_keys_are_merged(ecr, arn, listed):
    answer = ecr.tag_resource(resourceArn=arn, tags=tags(team="build", stage="test"))
    assert set(answer) == {"ResponseMetadata"}
    ecr.tag_resource(resourceArn=arn, tags=tags(stage="production", owner=""))
    assert listed() == {"team": "build", "stage": "production", "owner": ""}


def test_it_repeats(ecr, arn, listed):
    for _ in range(2):
        ecr.tag_resource(resourceArn=arn, tags=tags(team="build"))
    assert listed() == {"team": "build"}


def test_no_tags_change_nothing(ecr, arn, listed):
    ecr.tag_resource(resourceArn=arn, tags=[])
    assert listed() == {}


def test_fifty_fit_and_not_one_more(ecr, arn, listed):
    ecr.tag_resource(resourceArn=arn, tags=tags(**{f"k{number}": "" for number in range(50)}))
    ecr.tag_resource(resourceArn=arn, tags=tags(k7="again"))
    assert fault_of(ecr.tag_resource, resourceArn=arn, tags=tags(one="more")).text[0] == "TooManyTagsException"
    assert len(listed()) == 50 and listed()["k7"] == "again" and "one" not in listed()


@pytest.mark.parametrize("wrong", [
    [{"Key": "aws:team", "Value": "x"}], [{"Key": "", "Value": "x"}], [{"Key": "k" * 129, "Value": "x"}],
    [{"Key": "k", "Value": "v" * 257}], [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}],
])
def test_tags_that_cannot_be(ecr, arn, listed, wrong):
    assert fault_of(ecr.tag_resource, resourceArn=arn, tags=[*tags(good="one"), *wrong]).text[0] == (
        "InvalidTagParameterException")
    assert listed() == {}


def test_any_characters_but_nul(ecr, arn, listed):
    strange = {" ": " ", "\x7f\x01": "\x1f", "a=b,c;d": "\n\"\\", "\U0001f600": "\u2028"}
    ecr.tag_resource(resourceArn=arn, tags=tags(**strange))
    assert listed() == strange
    for key, value, member in (("k\0", "v", "Key"), ("k", "\0", "Value")):
        assert fault_of(ecr.tag_resource, resourceArn=arn, tags=[{"Key": key, "Value": value}]).text == invalid(
            f"tags.1.member.{member}", "must not contain U+0000")
    assert fault_of(ecr.untag_resource, resourceArn=arn, tagKeys=["k\0"]).text == invalid(
        "tagKeys.1.member", "must not contain U+0000")
    assert listed() == strange


def test_lengths_are_of_characters(ecr, arn, listed):
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "ü" * 128, "Value": "日" * 256}])
    assert listed() == {"ü" * 128: "日" * 256}
    for key, value in (("ü" * 129, ""), ("k", "日" * 257)):
        assert fault_of(ecr.tag_resource, resourceArn=arn, tags=[{"Key": key, "Value": value}]).text[0] == (
            "InvalidTagParameterException")


def test_no_such_repository(ecr):
    assert fault_of(ecr.tag_resource, resourceArn=repository_arn("not/here"), tags=[]).text == no_repository("not/here")


@pytest.mark.parametrize("wrong", ["nonsense", "", f"arn:aws:ecr:{REGION}:{ACCOUNT}:registry/app",
                                   f"arn:aws-cn:ecr:{REGION}:{ACCOUNT}:repository/app"])
def test_arns_that_name_no_repository(ecr, wrong):
    assert fault_of(ecr.tag_resource, resourceArn=wrong, tags=[]).text == invalid("resourceArn", "Invalid ARN")


@pytest.mark.parametrize("missing", ["resourceArn", "tags"])
def test_what_is_missing(ecr, arn, missing):
    parameters = {"resourceArn": arn, "tags": []}
    del parameters[missing]
    code, message = fault_of(ecr.tag_resource, **parameters).text
    assert code == "InvalidParameterException" and missing in message


def test_another_accounts_repository(ecr):
    other = f"arn:aws:ecr:{REGION}:{OTHER_ACCOUNT}:repository/app"
    assert fault_of(ecr.tag_resource, resourceArn=other, tags=[]).text == denied("ecr:TagResource", "app")


def test_a_repository_of_another_region_or_partition(server, ecr, arn, listed):
    """The API's region selects the resource: an ARN cannot lead elsewhere, nor past a policy that spells it right."""
    elsewhere = server.client("ecr", "eu-west-1", parameter_validation=False)
    for client, wrong in ((elsewhere, arn), (ecr, arn.replace("arn:aws:", "arn:aws-cn:")), (ecr, arn.replace("ecr:", "ecr-public:"))):
        for call in (lambda: client.tag_resource(resourceArn=wrong, tags=tags(team="build")),
                     lambda: client.untag_resource(resourceArn=wrong, tagKeys=["team"]),
                     lambda: client.list_tags_for_resource(resourceArn=wrong)):
            assert fault_of(call).text == invalid("resourceArn", "Invalid ARN")
    assert listed() == {}
