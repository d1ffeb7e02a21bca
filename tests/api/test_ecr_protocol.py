"""AWS JSON 1.1 on the wire, and operations that are not served (ecr-semantics 3.1)."""

import json
import re

import botocore.session
import pytest

from harness.api import invalid
from harness.server import ACCOUNT
from harness.signed import call_json, json_error
from harness.v2 import V2

SERVED = {
    "BatchCheckLayerAvailability", "BatchDeleteImage", "BatchGetImage", "CompleteLayerUpload", "CreateRepository",
    "CreateRepositoryCreationTemplate", "DeleteRegistryPolicy", "DeleteRepository", "DeleteRepositoryCreationTemplate",
    "DeleteRepositoryPolicy", "DeregisterPullTimeUpdateExclusion", "DescribeImages", "DescribeRegistry",
    "DescribeRepositories", "DescribeRepositoryCreationTemplates", "GetAccountSetting", "GetAuthorizationToken",
    "GetDownloadUrlForLayer", "GetRegistryPolicy", "GetRepositoryPolicy", "InitiateLayerUpload", "ListImageReferrers", "ListImages",
    "ListPullTimeUpdateExclusions", "ListTagsForResource", "PutAccountSetting", "PutImage",
    "PutImageScanningConfiguration", "PutImageTagMutability", "PutRegistryPolicy", "RegisterPullTimeUpdateExclusion",
    "SetRepositoryPolicy", "TagResource", "UntagResource", "UpdateImageStorageClass", "UpdateRepositoryCreationTemplate",
    "UploadLayerPart",
}
OPERATIONS = botocore.session.get_session().get_service_model("ecr").operation_names


def call(server, operation, body, **options):
    return call_json(server, operation, body if isinstance(body, bytes) else json.dumps(body).encode(), **options)


def test_a_success(server):
    answer = call(server, "CreateRepository", {"repositoryName": "wire/one"})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/x-amz-json-1.1"
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", answer.headers["x-amzn-RequestId"])
    created = answer.json()["repository"]["createdAt"]
    assert isinstance(created, (int, float)) and created > 1_500_000_000  # seconds


def test_an_error(server):
    body = {"repositoryName": "not/here"}
    answer = call(server, "ListImages", body)
    assert answer.status == 400
    assert answer.json() == {"__type": "RepositoryNotFoundException",
                             "message": f"The repository with name 'not/here' does not exist in the registry with id '{ACCOUNT}'"}
    assert answer.headers["x-amzn-ErrorType"] in (None, "RepositoryNotFoundException")
    assert answer.headers["x-amzn-RequestId"] != call(server, "ListImages", body).headers["x-amzn-RequestId"]


def test_members_of_errors_stand_at_the_top(server):
    call(server, "CreateRepository", {"repositoryName": "wire/parts"})
    upload = call(server, "InitiateLayerUpload", {"repositoryName": "wire/parts"}).json()["uploadId"]
    part = {"repositoryName": "wire/parts", "uploadId": upload, "partFirstByte": 0, "partLastByte": 1, "layerPartBlob": "YWI="}
    assert call(server, "UploadLayerPart", part).json()["lastByteReceived"] == 1
    error = call(server, "UploadLayerPart", part).json()
    assert error.pop("message")
    assert error == {"__type": "InvalidLayerPartException", "registryId": ACCOUNT, "repositoryName": "wire/parts",
                     "uploadId": upload, "lastValidByteReceived": 1}


def test_an_empty_list_is_there_and_what_is_absent_is_not(server):
    call(server, "CreateRepository", {"repositoryName": "wire/empty"})
    assert call(server, "ListImages", {"repositoryName": "wire/empty"}).body == b'{"imageIds":[]}'
    answer = call(server, "BatchGetImage", {"repositoryName": "wire/empty", "imageIds": [{}]}).json()
    assert answer["images"] == [] and answer["failures"][0]["imageId"] == {}


@pytest.mark.parametrize("body", [b"{", b"nonsense", b"[]", b'"x"', b"12", b"{} {}", b"\xff{}", b'{"repositoryName": "a\nb"}'])
def test_what_is_no_json_object(server, body):
    assert json_error(call(server, "ListImages", body))[:2] == (400, "SerializationException")


@pytest.mark.parametrize("body, text", [
    ({"repositoryName": 12}, "NUMBER_VALUE cannot be converted to String"),
    ({"repositoryName": ["app"]}, "Unexpected value type in payload"),
    ({"repositoryName": "app", "filter": "x"}, None), ({"repositoryName": "app", "maxResults": "ten"}, None),
    ({"repositoryName": "app", "filter": []}, None),
])
def test_values_of_another_type(server, body, text):
    status, code, message = json_error(call(server, "ListImages", body))
    assert (status, code) == (400, "SerializationException")
    assert text is None or message == text


def test_null_is_absent_and_what_is_unknown_is_passed_over(server):
    call(server, "CreateRepository", {"repositoryName": "wire/null"})
    body = {"repositoryName": "wire/null", "nextToken": None, "filter": None, "somethingNew": {"a": [1, None]}}
    assert call(server, "ListImages", body).json() == {"imageIds": []}
    assert json_error(call(server, "ListImages", {"repositoryName": None}))[1] == "InvalidParameterException"


def test_text_beyond_ascii(server):
    code, message = json_error(call(server, "ListImages", b'{"repositoryName": "\\u00e4\\ud834\\udd1e"}'))[1:]
    assert code == "InvalidParameterException"
    too_short = json_error(call(server, "ListImages", '{"repositoryName": "𝄞"}'.encode()))  # one character, four bytes
    assert too_short[1:] == invalid("repositoryName", "must have length greater than or equal to 2")
    assert message.startswith("Invalid parameter at 'repositoryName'")


# ---- what is not served


@pytest.mark.parametrize("operation", sorted(SERVED))
def test_what_is_served_is_known(server, operation):
    assert operation in OPERATIONS
    answer = call(server, operation, {})
    assert answer.status in (200, 400), answer


@pytest.mark.parametrize("operation", sorted(set(OPERATIONS) - SERVED))
def test_what_is_not_served_is_unknown(server, operation):
    assert json_error(call(server, operation, {"repositoryName": "app"}))[:2] == (404, "UnknownOperationException")


@pytest.mark.parametrize("target", ["AmazonEC2ContainerRegistry_V20150921.Nonsense", "AmazonEC2ContainerRegistry_V20150921.",
                                    "AmazonEC2ContainerRegistry_V20150921", "AmazonEC2ContainerRegistry_V20150921.listimages",
                                    "SpencerFrontendService.DescribeRepositories", "TrentService.CreateKey",
                                    "Nonsense.ListImages"])
def test_unknown_targets(server, target):
    assert json_error(call_json(server, "", target=target))[:2] == (404, "UnknownOperationException")


def test_an_unknown_target_tells_strangers_no_more(server):
    answer = V2(server, authorization="").request("POST", "/", b"{}", {"X-Amz-Target": "Nonsense.Nonsense"})
    assert json_error(answer)[:2] in ((404, "UnknownOperationException"), (400, "MissingAuthenticationTokenException"))
