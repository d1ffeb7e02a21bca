"""RegisterPullTimeUpdateExclusion, DeregisterPullTimeUpdateExclusion and ListPullTimeUpdateExclusions."""

import datetime
import itertools

import pytest

from harness.api import WRONG_SIZES, fault_of, pages_of
from harness.server import ACCOUNT, Server

REGIONS = itertools.cycle(["us-east-1", "us-east-2", "us-west-1", "eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1",
                           "ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "sa-east-1", "ca-central-1"])
ROLE = f"arn:aws:iam::{ACCOUNT}:role/scanner"
USER = f"arn:aws:iam::{ACCOUNT}:user/path/to/robot"
REFUSALS = ("InvalidParameterException", "ValidationException")


@pytest.fixture
def ecr(server):
    return server.client("ecr", next(REGIONS), parameter_validation=False)


def listed(ecr) -> list[str]:
    return ecr.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"]


def test_none_at_first(ecr):
    answer = ecr.list_pull_time_update_exclusions()
    assert answer["pullTimeUpdateExclusions"] == [] and "nextToken" not in answer


def test_from_register_to_deregister(ecr):
    for arn in (USER, ROLE):
        answer = ecr.register_pull_time_update_exclusion(principalArn=arn)
        assert answer["principalArn"] == arn
        age = datetime.datetime.now(datetime.timezone.utc) - answer["createdAt"]
        assert abs(age) < datetime.timedelta(minutes=5)
    assert sorted(listed(ecr)) == sorted([ROLE, USER])
    assert ecr.deregister_pull_time_update_exclusion(principalArn=ROLE)["principalArn"] == ROLE
    assert listed(ecr) == [USER]


def test_twice(ecr):
    ecr.register_pull_time_update_exclusion(principalArn=ROLE)
    assert fault_of(ecr.register_pull_time_update_exclusion, principalArn=ROLE).text[0] == "ExclusionAlreadyExistsException"
    assert listed(ecr) == [ROLE]


def test_one_that_is_not_there(ecr):
    ecr.register_pull_time_update_exclusion(principalArn=ROLE)
    assert fault_of(ecr.deregister_pull_time_update_exclusion, principalArn=USER).text[0] == "ExclusionNotFoundException"
    assert listed(ecr) == [ROLE]


@pytest.mark.parametrize("bad", [
    "", "scanner", f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:role/", f"arn:aws:sts::{ACCOUNT}:assumed-role/a/b",
    "arn:aws:iam::1234:role/a", f"arn:aws:iam::{ACCOUNT}:role/" + "r" * 200, f"arn:aws:iam::{ACCOUNT}:role/a b"])
def test_principals_that_are_none(ecr, bad):
    for call in (ecr.register_pull_time_update_exclusion, ecr.deregister_pull_time_update_exclusion):
        code, message = fault_of(call, principalArn=bad).text
        assert code in REFUSALS and "principalArn" in message
    assert listed(ecr) == []


def test_no_principal(ecr):
    for call in (ecr.register_pull_time_update_exclusion, ecr.deregister_pull_time_update_exclusion):
        assert fault_of(call).text[0] in REFUSALS


def test_pages(ecr):
    arns = [f"arn:aws:iam::{ACCOUNT}:role/r{number}" for number in range(7)]
    for arn in arns:
        ecr.register_pull_time_update_exclusion(principalArn=arn)
    pages = pages_of(ecr.list_pull_time_update_exclusions, "pullTimeUpdateExclusions", maxResults=3)
    assert all(len(page) <= 3 for page in pages)
    assert sorted(sum(pages, [])) == arns


@pytest.mark.parametrize("size", [size for size, _ in WRONG_SIZES])
def test_sizes_that_no_page_has(ecr, size):
    code, message = fault_of(ecr.list_pull_time_update_exclusions, maxResults=size).text
    assert code in REFUSALS and "maxResults" in message


def test_a_token_that_is_none(ecr):
    assert fault_of(ecr.list_pull_time_update_exclusions, nextToken="nonsense").text[0] == "InvalidParameterException"


def test_a_hundred_are_ecrs_quota(tmp_path):
    with Server(tmp_path, environment={"ENTREPOT_COMPAT_ECR_QUIRKS": "true"}) as server:
        ecr = server.client("ecr")
        for number in range(100):
            ecr.register_pull_time_update_exclusion(principalArn=f"{ROLE}-{number}")
        assert fault_of(ecr.register_pull_time_update_exclusion, principalArn=ROLE).text[0] == "LimitExceededException"
        ecr.deregister_pull_time_update_exclusion(principalArn=f"{ROLE}-7")
        ecr.register_pull_time_update_exclusion(principalArn=ROLE)
