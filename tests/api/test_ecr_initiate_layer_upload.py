"""InitiateLayerUpload."""

import re

from harness.api import OTHER_ACCOUNT, denied, fault_of, invalid, no_repository
from harness.server import ACCOUNT


def test_the_answer(api):
    first, second = (api.call("initiate_layer_upload", registryId=ACCOUNT) for _ in range(2))
    assert set(first) == {"uploadId", "partSize"}
    assert first["uploadId"] != second["uploadId"]
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", first["uploadId"])
    assert 5 * 1024 * 1024 <= first["partSize"] <= 20_971_520


def test_it_outlives_a_crash(own_server):
    ecr = own_server.client("ecr")
    ecr.create_repository(repositoryName="app")
    upload = ecr.initiate_layer_upload(repositoryName="app")["uploadId"]
    own_server.kill()
    own_server.start()
    part = {"partFirstByte": 0, "partLastByte": 4, "layerPartBlob": b"after"}
    assert own_server.client("ecr").upload_layer_part(repositoryName="app", uploadId=upload, **part)["lastByteReceived"] == 4


def test_no_such_repository(api):
    assert fault_of(api.ecr.initiate_layer_upload, repositoryName="not/here").text == no_repository("not/here")


def test_another_accounts_repository(api):
    assert api.fault("initiate_layer_upload", registryId=OTHER_ACCOUNT).text == denied("ecr:InitiateLayerUpload", api.repository)


def test_a_name_that_cannot_be(api):
    assert fault_of(api.ecr.initiate_layer_upload, repositoryName="a").text == invalid(
        "repositoryName", "must have length greater than or equal to 2")
