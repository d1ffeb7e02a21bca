"""GetAccountSetting and PutAccountSetting, which no test can tell apart. LimitExceededException cannot occur: there are
three settings."""

import itertools

import pytest

from harness.api import fault_of
from harness.server import Server
from harness.v2 import V2

# Regions are registries of their own: each test has one in which nothing was set.
REGIONS = itertools.cycle(["us-east-1", "us-east-2", "us-west-1", "eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1",
                           "ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "sa-east-1", "ca-central-1"])


@pytest.fixture
def ecr(server):
    return server.client("ecr", next(REGIONS), parameter_validation=False)


def value_of(ecr, name: str) -> str:
    answer = ecr.get_account_setting(name=name)
    assert answer["name"] == name
    return answer["value"]


@pytest.mark.parametrize("name, value", [("BASIC_SCAN_TYPE_VERSION", "AWS_NATIVE"), ("REGISTRY_POLICY_SCOPE", "V2")])
def test_what_holds_while_nothing_was_set(ecr, name, value):
    assert value_of(ecr, name) == value


@pytest.mark.parametrize("name, values", [
    ("BASIC_SCAN_TYPE_VERSION", ["AWS_NATIVE"]), ("REGISTRY_POLICY_SCOPE", ["V1", "V2", "V2"]),
    ("BLOB_MOUNTING", ["ENABLED", "DISABLED", "DISABLED"])])
def test_values_are_kept(ecr, name, values):
    for value in values:
        answer = ecr.put_account_setting(name=name, value=value)
        assert (answer["name"], answer["value"]) == (name, value)
        assert value_of(ecr, name) == value


def test_settings_are_of_a_region(server, ecr):
    ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value="V1")
    assert value_of(server.client("ecr", "af-south-1"), "REGISTRY_POLICY_SCOPE") == "V2"


@pytest.mark.parametrize("name", ["NONSENSE", "blob_mounting", "", "n" * 65])
def test_names_that_are_none(ecr, name):
    for call, more in ((ecr.get_account_setting, {}), (ecr.put_account_setting, {"value": "ENABLED"})):
        code, message = fault_of(call, name=name, **more).text
        assert code in ("InvalidParameterException", "ValidationException") and "'name'" in message


@pytest.mark.parametrize("name, value", [("BLOB_MOUNTING", "enabled"), ("BLOB_MOUNTING", ""), ("BLOB_MOUNTING", "V2"),
                                         ("REGISTRY_POLICY_SCOPE", "V3"), ("BASIC_SCAN_TYPE_VERSION", "GRYPE")])
def test_values_that_are_none_change_nothing(ecr, name, value):
    before = value_of(ecr, name)
    code, message = fault_of(ecr.put_account_setting, name=name, value=value).text
    assert code in ("InvalidParameterException", "ValidationException") and "'value'" in message
    assert value_of(ecr, name) == before


@pytest.mark.parametrize("parameters", [{}, {"name": "BLOB_MOUNTING"}, {"value": "ENABLED"}])
def test_what_is_missing(ecr, parameters):
    assert fault_of(ecr.put_account_setting, **parameters).code in ("InvalidParameterException", "ValidationException")
    assert fault_of(ecr.get_account_setting).code in ("InvalidParameterException", "ValidationException")


# ---- BLOB_MOUNTING


def mount(server, source: str, digest: str) -> int:
    """The status of a mount of the layer into another repository."""
    target = V2(server, source + "-target")
    return target.request("POST", target.path(f"blobs/uploads/?mount={digest}&from={source}")).status


@pytest.fixture
def pushed(server, repository):
    """A repository, and a layer of an image in it."""
    server.client("ecr").create_repository(repositoryName=repository + "-target")
    v2 = V2(server, repository)
    v2.push_image("v1", repository.encode())
    return repository, v2.push_blob(repository.encode())


def test_disabled_there_are_no_mounts_and_no_reuse(server, pushed):
    home = server.client("ecr")
    home.put_account_setting(name="BLOB_MOUNTING", value="DISABLED")
    source, digest = pushed
    assert mount(server, *pushed) == 202
    assert V2(server, source + "-target").head_blob(digest).status == 404
    home.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    assert mount(server, *pushed) == 201
    home.put_account_setting(name="BLOB_MOUNTING", value="DISABLED")
    assert V2(server, source + "-target").get_blob(digest).status == 200  # what is mounted stays


def test_with_ecrs_quirks_it_is_off_at_first_and_for_images_only(tmp_path):
    with Server(tmp_path, environment={"ENTREPOT_COMPAT_ECR_QUIRKS": "true"}) as server:
        ecr = server.client("ecr")
        for name in ("app", "app-target"):
            ecr.create_repository(repositoryName=name)
        app = V2(server, "app")
        app.push_image("v1", b"in an image")
        referenced, loose = app.push_blob(b"in an image"), app.push_blob(b"in none")
        assert value_of(ecr, "BLOB_MOUNTING") == "DISABLED"
        assert mount(server, "app", referenced) == 202
        ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
        assert mount(server, "app", loose) == 202
        assert mount(server, "app", referenced) == 201
