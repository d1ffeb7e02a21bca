"""GetCallerIdentity, signed by header and by query as EKS and Vault do it."""

import datetime
import urllib.parse
import xml.etree.ElementTree

import pytest

from harness.api import fault_of
from harness.server import ACCOUNT, CALLER, Server, run_entrepot
from harness.signed import Signer, now
from harness.v2 import V2

SPACE = "{https://sts.amazonaws.com/doc/2011-06-15/}"
FAULT = "{http://webservices.amazon.com/AWSFault/2005-15-09}"
ACTION = {"Action": "GetCallerIdentity", "Version": "2011-06-15"}
FORM = "application/x-www-form-urlencoded; charset=utf-8"
MISMATCH = "The request signature we calculated does not match the signature you provided."


def identity_of(answer) -> dict:
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"].startswith("text/xml")
    root = xml.etree.ElementTree.fromstring(answer.body)
    assert root.tag == SPACE + "GetCallerIdentityResponse"
    request_id = root.findtext(f"{SPACE}ResponseMetadata/{SPACE}RequestId")
    assert request_id == answer.headers["x-amzn-RequestId"]
    return {child.tag.removeprefix(SPACE): child.text for child in root.find(SPACE + "GetCallerIdentityResult")}


def error_of(answer) -> tuple[int, str, str]:
    root = xml.etree.ElementTree.fromstring(answer.body)
    space = root.tag.removesuffix("ErrorResponse")
    assert space in (SPACE, FAULT)
    assert root.findtext(space + "RequestId") == answer.headers["x-amzn-RequestId"]
    error = root.find(space + "Error")
    assert error.findtext(space + "Type") == "Sender"
    return answer.status, error.findtext(space + "Code"), error.findtext(space + "Message")


def signer_of(server, **changes) -> Signer:
    return Signer.of(server, **{"service": "sts", "region": "us-east-1", **changes})


def by_header(server, signer, form=ACTION):
    body = urllib.parse.urlencode(form).encode()
    headers = {"host": server.host, "x-amz-date": signer.stamp, "content-type": FORM}
    authorization = signer.authorization("POST", headers, body)
    del headers["host"]
    return V2(server, authorization=authorization).request("POST", "/", body, headers)


def by_query(server, method, signer, query=ACTION, seconds=60, headers=None, body=b"", send=None):
    """`headers` are signed too; `send` replaces them on the wire."""
    headers = headers or {}
    text = signer.presigned(method, query, {"host": server.host, **headers}, body, seconds)
    return V2(server, authorization="").request(method, "/?" + text, body or None, headers if send is None else send)


@pytest.fixture
def identity(server):
    whole = server.client("sts").get_caller_identity()
    return {name: whole[name] for name in ("UserId", "Account", "Arn")}


# ---- by header


def test_the_answer(identity):
    assert identity["Account"] == ACCOUNT
    assert identity["Arn"] == CALLER
    assert identity["UserId"].startswith("AIDA")


@pytest.mark.parametrize("region", ["us-east-1", "us-west-2", "eu-central-1"])
def test_every_region_is_right(server, identity, region):
    assert identity_of(by_header(server, signer_of(server, region=region))) == identity


def test_even_where_few_are_served(tmp_path):
    with Server(tmp_path, "--regions", "us-west-2") as server:
        assert identity_of(by_header(server, signer_of(server)))["Account"] == ACCOUNT


def test_parameters_may_stand_in_the_query(server, identity):
    signer = signer_of(server)
    query = urllib.parse.urlencode(sorted(ACTION.items()))
    headers = {"host": server.host, "x-amz-date": signer.stamp}
    text = f"SignedHeaders=host;x-amz-date, Signature={signer.signature('GET', ACTION, headers, b'')}"
    authorization = f"AWS4-HMAC-SHA256 Credential={signer.key}/{signer.scope}, {text}"
    answer = V2(server, authorization=authorization).request("GET", "/?" + query, headers={"x-amz-date": signer.stamp})
    assert identity_of(answer) == identity


# ---- by query


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_presigned(server, identity, method):
    assert identity_of(by_query(server, method, signer_of(server))) == identity


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_presigned_by_botos_client(server, identity, method):
    url = server.client("sts").generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod=method)
    path = url.removeprefix(server.endpoint)
    path = path if path.startswith("/") else "/" + path
    assert identity_of(V2(server, authorization="").request(method, path)) == identity


def test_presigned_as_eks_does_it(server, identity):
    header = {"x-k8s-aws-id": "my-cluster"}
    assert identity_of(by_query(server, "GET", signer_of(server), headers=header)) == identity
    other = by_query(server, "GET", signer_of(server), headers=header, send={"x-k8s-aws-id": "other-cluster"})
    assert error_of(other)[:2] == (403, "SignatureDoesNotMatch")


def test_presigned_with_the_parameters_in_the_body(server, identity):
    body = urllib.parse.urlencode(ACTION).encode()
    answer = by_query(server, "POST", signer_of(server), {}, headers={"content-type": FORM}, body=body)
    assert identity_of(answer) == identity


def test_presigned_is_good_for_its_time_alone(server, identity):
    then = now() - datetime.timedelta(minutes=30)
    assert identity_of(by_query(server, "GET", signer_of(server, time=then), seconds=3600)) == identity
    status, code, message = error_of(by_query(server, "GET", signer_of(server, time=then), seconds=900))
    assert (status, code) == (403, "SignatureDoesNotMatch") and message.startswith("Signature expired: ")


@pytest.mark.parametrize("seconds", [0, -1, 604_801])
def test_times_that_none_is_good_for(server, seconds):
    assert by_query(server, "GET", signer_of(server), seconds=seconds).status in (400, 403)


def test_presigned_for_one_method(server):
    query = signer_of(server).presigned("GET", ACTION, {"host": server.host})
    answer = V2(server, authorization="").request("POST", "/?" + query)
    assert error_of(answer)[:2] == (403, "SignatureDoesNotMatch")


def test_presigned_and_altered(server):
    query = signer_of(server).presigned("GET", ACTION, {"host": server.host})
    answer = V2(server, authorization="").request("GET", "/?" + query + "&x=y")
    status, code, message = error_of(answer)
    assert (status, code) == (403, "SignatureDoesNotMatch") and message.startswith(MISMATCH)


# ---- refusals


def test_no_signature(server):
    answer = V2(server, authorization="").request("POST", "/", urllib.parse.urlencode(ACTION).encode(), {"Content-Type": FORM})
    assert error_of(answer) == (403, "MissingAuthenticationToken", "Request is missing Authentication Token")


def test_an_unknown_key(server):
    answer = by_header(server, signer_of(server, key="AKIAIOSFODNN7EXAMPLE"))
    assert error_of(answer) == (403, "InvalidClientTokenId", "The security token included in the request is invalid.")


def test_another_secret(server):
    status, code, message = error_of(by_header(server, signer_of(server, secret="wrong")))
    assert (status, code) == (403, "SignatureDoesNotMatch") and message.startswith(MISMATCH)


def test_another_service(server):
    answer = by_header(server, signer_of(server, service="ecr"))
    assert error_of(answer) == (403, "SignatureDoesNotMatch", "Credential should be scoped to correct service: 'sts'. ")


def test_a_slow_clock(server):
    status, code, message = error_of(by_header(server, signer_of(server, time=now() - datetime.timedelta(minutes=20))))
    assert (status, code) == (403, "SignatureDoesNotMatch") and message.startswith("Signature expired: ")


@pytest.mark.parametrize("form, text", [
    ({"Action": "Nonsense", "Version": "2011-06-15"}, "Could not find operation Nonsense for version 2011-06-15"),
    ({"Action": "AssumeRole", "Version": "2011-06-15"}, "Could not find operation AssumeRole for version 2011-06-15"),
    ({"Action": "GetCallerIdentity", "Version": "2010-05-08"},
     "Could not find operation GetCallerIdentity for version 2010-05-08"),
])
def test_unknown_operations(server, form, text):
    assert error_of(by_header(server, signer_of(server), form)) == (400, "InvalidAction", text)


def test_unserved_operations_through_the_client(server):
    fault = fault_of(server.client("sts").get_session_token)
    assert (fault.code, fault.status) == ("InvalidAction", 400)


def test_a_key_that_was_reset(own_server):
    old = signer_of(own_server)
    assert by_header(own_server, old).status == 200
    assert run_entrepot("credentials", "reset", "--data-dir", own_server.data_dir).returncode == 0
    for answer in (by_header(own_server, old), by_query(own_server, "GET", old)):
        assert error_of(answer)[:2] == (403, "InvalidClientTokenId")
