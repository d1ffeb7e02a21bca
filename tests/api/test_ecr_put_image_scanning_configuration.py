"""PutImageScanningConfiguration: the repository's own switch. ValidationException is of registry-level scanning, which is
not served yet."""

import pytest

from harness.api import OTHER_ACCOUNT, denied, fault_of, no_repository
from harness.server import ACCOUNT


def scans_on_push(api) -> bool:
    (repository,) = api.ecr.describe_repositories(repositoryNames=[api.repository])["repositories"]
    return repository["imageScanningConfiguration"]["scanOnPush"]


def test_the_switch_is_kept_and_repeated(api):
    for wanted in (True, True, False):
        assert api.call("put_image_scanning_configuration", registryId=ACCOUNT,
                        imageScanningConfiguration={"scanOnPush": wanted}) == {
            "registryId": ACCOUNT, "repositoryName": api.repository, "imageScanningConfiguration": {"scanOnPush": wanted}}
        assert scans_on_push(api) is wanted


def test_an_empty_configuration_switches_off(api):
    api.call("put_image_scanning_configuration", imageScanningConfiguration={"scanOnPush": True})
    answer = api.call("put_image_scanning_configuration", imageScanningConfiguration={})
    assert answer["imageScanningConfiguration"] == {"scanOnPush": False}
    assert not scans_on_push(api)


def test_no_configuration(api):
    code, message = api.fault("put_image_scanning_configuration").text
    assert code in ("InvalidParameterException", "ValidationException") and "imageScanningConfiguration" in message


@pytest.mark.parametrize("wrong", ["true", 1, []])
def test_a_configuration_of_another_type(api, wrong):
    fault = api.fault("put_image_scanning_configuration", imageScanningConfiguration={"scanOnPush": wrong})
    assert fault.text[0] == "SerializationException"
    assert not scans_on_push(api)


def test_no_such_repository(api):
    fault = api.fault("put_image_scanning_configuration", repositoryName="not/here",
                      imageScanningConfiguration={"scanOnPush": True})
    assert fault.text == no_repository("not/here")


def test_another_accounts_registry(api):
    fault = fault_of(api.ecr.put_image_scanning_configuration, repositoryName="app", registryId=OTHER_ACCOUNT,
                     imageScanningConfiguration={"scanOnPush": True})
    assert fault.text == denied("ecr:PutImageScanningConfiguration", "app")
