"""CreateRepository."""

import concurrent.futures
import datetime
import uuid

import pytest

from harness.api import OTHER_ACCOUNT, denied, fault_of, invalid, no_repository, repository_arn
from harness.server import ACCOUNT

NAME_PATTERN = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
FILTERS = "imageTagMutabilityExclusionFilters"


def wildcards(*filters: str) -> list[dict]:
    return [{"filterType": "WILDCARD", "filter": one} for one in filters]


@pytest.fixture
def ecr(server):
    return server.client("ecr", parameter_validation=False)


@pytest.fixture
def name():
    return f"made/r{uuid.uuid4().hex}"


def assert_not_stored(ecr, name):
    assert fault_of(ecr.describe_repositories, repositoryNames=[name]).text == no_repository(name)


def test_defaults(server, ecr, name):
    answer = ecr.create_repository(repositoryName=name)
    assert answer["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/x-amz-json-1.1"
    repository = answer["repository"]
    age = datetime.datetime.now(datetime.timezone.utc) - repository.pop("createdAt")
    assert abs(age) < datetime.timedelta(minutes=5)
    assert repository == {
        "registryId": ACCOUNT,
        "repositoryName": name,
        "repositoryArn": repository_arn(name),
        "repositoryUri": f"{server.host}/{name}",
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }


@pytest.mark.parametrize("asked", [
    {"imageScanningConfiguration": {"scanOnPush": True}},
    {"encryptionConfiguration": {"encryptionType": "AES256"}},
    {"imageTagMutability": "IMMUTABLE"},
    {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", FILTERS: wildcards("latest", "dev-*", "*-rc*")},
    {"imageTagMutability": "MUTABLE_WITH_EXCLUSION", FILTERS: wildcards("z", "a", "v1._-", "m" * 128, "*")},
])
def test_what_is_asked_for_is_kept(ecr, name, asked):
    created = ecr.create_repository(repositoryName=name, registryId=ACCOUNT, **asked)["repository"]
    (described,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    assert described == created
    assert {member: created[member] for member in asked} == asked


def test_tags_are_kept(ecr, name):
    tags = [{"Key": "team", "Value": "build"}, {"Key": "k" * 128, "Value": "v" * 256}, {"Key": "empty", "Value": ""}]
    ecr.create_repository(repositoryName=name, tags=tags)
    listed = ecr.list_tags_for_resource(resourceArn=repository_arn(name))["tags"]
    assert sorted(map(str, listed)) == sorted(map(str, tags))


def test_a_name_that_is_taken(ecr, name):
    ecr.create_repository(repositoryName=name)
    assert fault_of(ecr.create_repository, repositoryName=name).text == (
        "RepositoryAlreadyExistsException",
        f"The repository with name '{name}' already exists in the registry with id '{ACCOUNT}'")


def test_of_many_at_once_one_creates(ecr, name):
    def create(_):
        try:
            return ecr.create_repository(repositoryName=name)["repository"]["repositoryName"]
        except ecr.exceptions.RepositoryAlreadyExistsException:
            return None

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert [one for one in pool.map(create, range(8)) if one] == [name]


def test_regions_are_registries_of_their_own(server, ecr, name):
    ecr.create_repository(repositoryName=name)
    ohio = server.client("ecr", "us-east-2")
    created = ohio.create_repository(repositoryName=name)["repository"]
    assert created["repositoryArn"] == repository_arn(name, "us-east-2")


@pytest.mark.parametrize("good", ["ab", "0-9", "a.b_c__d-e---f", "a/b/c/d", "n" * 256])
def test_names(ecr, good):
    assert ecr.create_repository(repositoryName=good)["repository"]["repositoryName"] == good


@pytest.mark.parametrize("bad", ["Upper", "a b", "-a", "a-", "a..b", "a___b", "a//b", "/ab", "ab/", "a._b", "ä-b", "ab\n"])
def test_names_that_do_not_fit_the_pattern(ecr, bad):
    assert fault_of(ecr.create_repository, repositoryName=bad).text == invalid(
        "repositoryName", f"must satisfy regular expression '{NAME_PATTERN}'")


@pytest.mark.parametrize("bad, constraint", [("a", "must have length greater than or equal to 2"),
                                             ("n" * 257, "must have length less than or equal to 256")])
def test_names_too_short_or_long(ecr, bad, constraint):
    assert fault_of(ecr.create_repository, repositoryName=bad).text == invalid("repositoryName", constraint)


def test_no_name(ecr):
    code, message = fault_of(ecr.create_repository).text
    assert code == "InvalidParameterException" and "repositoryName" in message


def test_a_mutability_that_is_none(ecr, name):
    code, message = fault_of(ecr.create_repository, repositoryName=name, imageTagMutability="SOMETIMES").text
    values = message[message.index("[") + 1:message.index("]")]  # in an order that AWS does not say
    assert (code, message) == invalid("imageTagMutability", f"Member must satisfy enum value set: [{values}]")
    assert sorted(values.split(", ")) == ["IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE", "MUTABLE_WITH_EXCLUSION"]


@pytest.mark.parametrize("mode", ["IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"])
def test_exclusion_needs_filters(ecr, name, mode):
    assert fault_of(ecr.create_repository, repositoryName=name, imageTagMutability=mode).text == invalid(
        FILTERS, f"ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as {mode}")


@pytest.mark.parametrize("mode, filters", [
    ("MUTABLE", wildcards("latest")), ("IMMUTABLE", wildcards("latest")),
    ("IMMUTABLE_WITH_EXCLUSION", wildcards("a*b*c*")), ("IMMUTABLE_WITH_EXCLUSION", wildcards("a+b")),
    ("IMMUTABLE_WITH_EXCLUSION", wildcards("")), ("IMMUTABLE_WITH_EXCLUSION", wildcards("m" * 129)),
    ("IMMUTABLE_WITH_EXCLUSION", wildcards(*"abcdef")),
    ("IMMUTABLE_WITH_EXCLUSION", [{"filterType": "REGEX", "filter": "a"}]),
])
def test_filters_that_cannot_be(ecr, name, mode, filters):
    fault = fault_of(ecr.create_repository, repositoryName=name, imageTagMutability=mode, **{FILTERS: filters})
    code, message = fault.text
    assert code == "InvalidParameterException" and FILTERS in message
    assert_not_stored(ecr, name)


@pytest.mark.parametrize("configuration", [
    {"encryptionType": "KMS"}, {"encryptionType": "KMS", "kmsKey": "alias/app"}, {"encryptionType": "KMS_DSSE"}])
def test_without_keys_kms_is_refused(ecr, name, configuration):
    fault = fault_of(ecr.create_repository, repositoryName=name, encryptionConfiguration=configuration)
    assert fault.text[0] == "KmsException"
    assert fault.members["kmsError"]
    assert_not_stored(ecr, name)


@pytest.mark.parametrize("configuration", [{"encryptionType": "AES256", "kmsKey": "alias/app"}, {"encryptionType": "ROT13"}, {}])
def test_encryption_that_cannot_be(ecr, name, configuration):
    fault = fault_of(ecr.create_repository, repositoryName=name, encryptionConfiguration=configuration)
    assert fault.text[0] == "InvalidParameterException" and "encryptionConfiguration" in fault.message
    assert_not_stored(ecr, name)


@pytest.mark.parametrize("code, tags", [
    ("TooManyTagsException", [{"Key": f"k{i}", "Value": ""} for i in range(51)]),
    ("InvalidTagParameterException", [{"Key": "aws:team", "Value": "x"}]),
    ("InvalidTagParameterException", [{"Key": "", "Value": "x"}]),
    ("InvalidTagParameterException", [{"Key": "k" * 129, "Value": "x"}]),
    ("InvalidTagParameterException", [{"Key": "k", "Value": "v" * 257}]),
    ("InvalidTagParameterException", [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]),
])
def test_tags_that_cannot_be(ecr, name, code, tags):
    assert fault_of(ecr.create_repository, repositoryName=name, tags=tags).text[0] == code
    assert_not_stored(ecr, name)


def test_another_accounts_registry(ecr, name):
    assert fault_of(ecr.create_repository, repositoryName=name, registryId=OTHER_ACCOUNT).text == denied(
        "ecr:CreateRepository", name)


@pytest.mark.parametrize("bad", ["12345678901", "1234567890123", "12345678901a", ""])
def test_a_registry_id_that_is_none(ecr, name, bad):
    assert fault_of(ecr.create_repository, repositoryName=name, registryId=bad).text == invalid(
        "registryId", "must satisfy regular expression '[0-9]{12}'")
