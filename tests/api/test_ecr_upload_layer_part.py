"""UploadLayerPart."""

import concurrent.futures
import uuid

import pytest

from harness.api import MIB, MIN_PART, OTHER_ACCOUNT, Api, denied, fault_of, no_repository
from harness.server import ACCOUNT
from harness.v2 import digest_of, pattern


def part(first, data, **changes):
    return {"partFirstByte": first, "partLastByte": first + len(data) - 1, "layerPartBlob": data, **changes}


def no_upload(api, upload):
    return ("UploadNotFoundException", f"The upload with id '{upload}' could not be found in the {api.where()}")


def assert_wants(fault, api, upload, received):
    """An InvalidLayerPartException from which a client can resume."""
    assert fault.text[0] == "InvalidLayerPartException"
    members = {"registryId": ACCOUNT, "repositoryName": api.repository, "uploadId": upload}
    assert {name: fault.members[name] for name in members} == members
    assert fault.members.get("lastValidByteReceived") == (received - 1 if received else None)


@pytest.fixture
def upload(api):
    return api.open_upload()


def test_the_answer(api, upload):
    answer = api.call("upload_layer_part", uploadId=upload, registryId=ACCOUNT, **part(0, b"0123456789"))
    assert answer == {"registryId": ACCOUNT, "repositoryName": api.repository, "uploadId": upload, "lastByteReceived": 9}
    assert api.send_part(upload, 10, b"x") == 10


@pytest.mark.parametrize("first", [0, 5, 11, 1000])
def test_parts_follow_each_other(api, upload, first):
    api.send_part(upload, 0, b"0123456789")
    assert_wants(api.fault("upload_layer_part", uploadId=upload, **part(first, b"0123456789")), api, upload, 10)
    assert api.send_part(upload, 10, b"abc") == 12  # nothing was lost by it


def test_the_first_part_begins_at_the_beginning(api, upload):
    assert_wants(api.fault("upload_layer_part", uploadId=upload, **part(1, b"x")), api, upload, 0)
    assert api.send_part(upload, 0, b"x") == 0


def test_a_part_that_is_sent_twice_at_once_counts_once(api, upload):
    first, second = pattern(MIN_PART, b"1"), pattern(MIN_PART, b"2")
    api.send_part(upload, 0, first)

    def send(_):
        try:
            return api.send_part(upload, MIN_PART, second)
        except api.ecr.exceptions.InvalidLayerPartException as refused:
            return refused.response["lastValidByteReceived"]

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        assert list(pool.map(send, range(3))) == [2 * MIN_PART - 1] * 3
    assert api.complete(upload, digest_of(first + second)) == digest_of(first + second)


@pytest.mark.parametrize("last", [8, 10, 0, 1 << 40, (1 << 63) - 1])
def test_both_ends_are_inclusive(api, upload, last):
    fault = api.fault("upload_layer_part", uploadId=upload, **part(0, b"0123456789", partLastByte=last))
    assert_wants(fault, api, upload, 0)
    assert api.send_part(upload, 0, b"0123456789") == 9


def test_a_part_may_have_twenty_mebibytes(api, upload):
    data = pattern(20 * MIB)
    assert api.send_part(upload, 0, data) == len(data) - 1
    code, message = api.fault("upload_layer_part", uploadId=upload, **part(len(data), data + b"x")).text
    assert code == "InvalidParameterException" and "layerPartBlob" in message
    assert api.complete(upload, digest_of(data)) == digest_of(data)


def test_a_layer_has_at_most_4200_parts(api, upload):
    for first in range(4200):
        api.send_part(upload, first, b"x")
    assert api.fault("upload_layer_part", uploadId=upload, **part(4200, b"x")).text[0] == "LimitExceededException"


@pytest.mark.parametrize("changes, parameter", [({"partFirstByte": -1}, "partFirstByte"), ({"partLastByte": -1}, "partLastByte"),
                                                ({"uploadId": "nonsense"}, "uploadId")])
def test_parameters_that_cannot_be(api, upload, changes, parameter):
    code, message = api.fault("upload_layer_part", **{"uploadId": upload, **part(0, b"x"), **changes}).text
    assert code == "InvalidParameterException" and f"'{parameter}'" in message


@pytest.mark.parametrize("missing", ["uploadId", "partFirstByte", "partLastByte", "layerPartBlob"])
def test_parameters_that_are_missing(api, upload, missing):
    parameters = {"uploadId": upload, **part(0, b"x")}
    del parameters[missing]
    code, message = api.fault("upload_layer_part", **parameters).text
    assert code == "InvalidParameterException" and f"'{missing}'" in message


def test_no_such_upload(api):
    unknown = str(uuid.uuid4())
    assert api.fault("upload_layer_part", uploadId=unknown, **part(0, b"x")).text == no_upload(api, unknown)


def test_another_repositorys_upload(api, upload):
    other = Api(api.server, api.repository + "/other")
    other.ecr.create_repository(repositoryName=other.repository)
    assert other.fault("upload_layer_part", uploadId=upload, **part(0, b"x")).text == no_upload(other, upload)
    assert api.send_part(upload, 0, b"x") == 0


def test_a_completed_upload_takes_no_more(api, upload):
    api.send_part(upload, 0, b"whole")
    api.complete(upload, digest_of(b"whole"))
    assert api.fault("upload_layer_part", uploadId=upload, **part(5, b"x")).text == no_upload(api, upload)


def test_no_such_repository(api, upload):
    fault = fault_of(api.ecr.upload_layer_part, repositoryName="not/here", uploadId=upload, **part(0, b"x"))
    assert fault.text == no_repository("not/here")


def test_another_accounts_repository(api, upload):
    fault = api.fault("upload_layer_part", registryId=OTHER_ACCOUNT, uploadId=upload, **part(0, b"x"))
    assert fault.text == denied("ecr:UploadLayerPart", api.repository)
