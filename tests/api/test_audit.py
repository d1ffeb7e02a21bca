"""The audit log: one line a call of the API, a change on /v2/ or a refusal, in one form."""

import json

import botocore.exceptions
import pytest

from harness.server import ACCOUNT, Server
from harness.storage import wait_until
from harness.v2 import V2, basic, digest_of

FIELDS = {"time", "level", "message", "door", "request_id", "service", "operation", "principal", "access_key_id", "region",
          "resource", "target", "source_ip", "status", "error", "micros"}
ADMIN = f"arn:aws:iam::{ACCOUNT}:user/admin"


def lines(server: Server, message: str = "audit") -> list[dict]:
    parsed = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
    return [line for line in parsed if line["message"] == message]


def of_operation(server: Server, operation: str) -> dict:
    """The line of that operation; it may be written just behind the answer."""
    found = []
    wait_until(lambda: found.extend(line for line in lines(server) if line["operation"] == operation) or found,
               f"a line for {operation}")
    return found[-1]


def test_an_api_call(own_server):
    answer = own_server.client("ecr").create_repository(repositoryName="team/app")
    line = of_operation(own_server, "CreateRepository")
    assert set(line) == FIELDS
    assert (line["door"], line["service"], line["status"], line["error"]) == ("aws", "ecr", 200, "")
    assert line["principal"] == ADMIN and line["access_key_id"] == own_server.credentials()[0]
    assert line["request_id"] == answer["ResponseMetadata"]["RequestId"]
    assert line["resource"] == answer["repository"]["repositoryArn"] and line["source_ip"] == "127.0.0.1"


def test_a_failed_api_call(own_server):
    with pytest.raises(botocore.exceptions.ClientError):
        own_server.client("ecr").delete_repository(repositoryName="absent")
    line = of_operation(own_server, "DeleteRepository")
    assert line["status"] == 400 and line["error"].startswith("RepositoryNotFound")


def test_changes_on_v2_and_no_reads(own_server):
    own_server.client("ecr").create_repository(repositoryName="team/app")
    client = V2(own_server, "team/app")
    client.push_image("latest", b"audited")
    client.get_manifest("latest")
    client.get_blob(digest_of(b"audited"))
    assert client.request("DELETE", client.path("manifests/latest")).status == 202
    line = of_operation(own_server, "DeleteManifest")
    assert set(line) == FIELDS
    assert (line["door"], line["status"]) == ("oci", 202)
    assert line["target"] == "DELETE /v2/team/app/manifests/latest"
    assert line["resource"] == f"arn:aws:ecr:us-west-2:{ACCOUNT}:repository/team/app"
    assert line["principal"] == ADMIN and line["access_key_id"] == own_server.credentials()[0]
    operations = [line["operation"] for line in lines(own_server) if line["door"] == "oci"]
    assert operations.count("CloseUpload") == 2 and operations.count("PutManifest") == 1
    assert not {"GetManifest", "GetBlob"} & set(operations)


def test_a_layer_that_a_push_is_spared_was_read_where_it_is(own_server):
    for name in ("team/source", "team/target"):
        own_server.client("ecr").create_repository(repositoryName=name)
    layer = b"a layer that both need"
    V2(own_server, "team/source").push_image("latest", layer)
    target = V2(own_server, "team/target")
    assert target.head_blob(digest_of(layer)).status == 200
    line = of_operation(own_server, "GetBlob")
    assert line["resource"].endswith(":repository/team/source") and line["status"] == 200
    assert line["principal"] == ADMIN and line["target"].startswith("HEAD /v2/team/target/blobs/")


def test_refusals_of_one_source_are_one_line_and_a_count(tmp_path):
    with Server(tmp_path) as server:
        guesser = V2(server, authorization=basic("AWS", "a guess"))
        assert {guesser.request("GET", "/v2/").status for _ in range(20)} == {401}
        anonymous = V2(server, authorization="")
        assert anonymous.request("GET", "/v2/").status == 401  # asks for the challenge: no refusal
        assert server.stop() == 0
        assert [line["status"] for line in lines(server)] == [401]
        assert [(line["source_ip"], line["count"]) for line in lines(server, "audit refusals")] == [("127.0.0.1", 19)]


def test_no_secret_is_in_it(own_server):
    ecr = own_server.client("ecr")
    ecr.create_repository(repositoryName="team/app")
    password = own_server.password()
    V2(own_server, "team/app", basic("AWS", password)).push_image("latest")
    of_operation(own_server, "PutManifest")
    text = own_server.log()
    assert password not in text and own_server.credentials()[1] not in text
