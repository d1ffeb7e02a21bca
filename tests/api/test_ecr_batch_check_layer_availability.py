"""BatchCheckLayerAvailability."""

import json

import pytest

from harness.api import OTHER_ACCOUNT, Api, denied, fault_of, no_repository
from harness.v2 import CONFIG_TYPE, LAYER_TYPE, V2, digest_of

ABSENT = digest_of(b"absent")


def check(api, *digests):
    answer = api.call("batch_check_layer_availability", layerDigests=list(digests))
    return answer["layers"], answer["failures"]


def test_present_and_absent(api):
    digest = api.push_layer(b"present")
    layers, failures = check(api, digest, ABSENT)
    present, absent = sorted(layers, key=lambda layer: layer["layerAvailability"])
    assert present.pop("mediaType")
    assert present == {"layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": 7}
    assert absent == {"layerDigest": ABSENT, "layerAvailability": "UNAVAILABLE"}
    assert failures == []


def test_an_image_gives_its_layers_their_types(api):
    config = json.loads(api.push_image("v1"))["config"]
    layers, _ = check(api, digest_of(b"layer"), config["digest"])
    assert {layer["layerDigest"]: layer["mediaType"] for layer in layers} == {
        digest_of(b"layer"): LAYER_TYPE, config["digest"]: CONFIG_TYPE}


def test_a_digest_that_nothing_has(api):
    assert check(api, "md5:00") == ([{"layerDigest": "md5:00", "layerAvailability": "UNAVAILABLE"}], [])


def test_layers_from_the_other_door_count(api):
    digest = V2(api.server, api.repository).push_blob(b"from docker")
    assert api.has_layer(digest)


def test_layers_of_another_repository_do_not(api):
    other = Api(api.server, api.repository + "/other")
    other.ecr.create_repository(repositoryName=other.repository)
    assert not other.has_layer(api.push_layer(b"ours"))


def test_an_unfinished_upload_does_not(api):
    api.send_part(api.open_upload(), 0, b"unfinished")
    assert not api.has_layer(digest_of(b"unfinished"))


def test_what_is_no_digest(api):
    digest = api.push_layer(b"present")
    layers, failures = check(api, "", "nonsense", digest)
    assert [layer["layerDigest"] for layer in layers] == [digest]
    assert [(one["failureCode"], one["layerDigest"]) for one in failures] == [
        ("MissingLayerDigest", ""), ("InvalidLayerDigest", "nonsense")]
    assert all(one["failureReason"] for one in failures)


@pytest.mark.parametrize("parameters", [{}, {"layerDigests": []}, {"layerDigests": [ABSENT] * 101},
                                        {"layerDigests": ["x" * 1001]}])
def test_parameters_that_cannot_be(api, parameters):
    code, message = api.fault("batch_check_layer_availability", **parameters).text
    assert code == "InvalidParameterException" and "layerDigests" in message


def test_no_such_repository(api):
    fault = fault_of(api.ecr.batch_check_layer_availability, repositoryName="not/here", layerDigests=[ABSENT])
    assert fault.text == no_repository("not/here")


def test_another_accounts_repository(api):
    fault = api.fault("batch_check_layer_availability", registryId=OTHER_ACCOUNT, layerDigests=[ABSENT])
    assert fault.text == denied("ecr:BatchCheckLayerAvailability", api.repository)
