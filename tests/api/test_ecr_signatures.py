"""Signatures that are none, and what those hear who send them (ecr-semantics 2.4)."""

import datetime
import re
import socket

import pytest

from harness.server import ACCOUNT, Server, run_entrepot
from harness.signed import TARGET, Signer, call_json, json_error, now
from harness.v2 import V2

OPERATION = "DescribeRepositories"
UNKNOWN_KEY = (400, "UnrecognizedClientException", "The security token included in the request is invalid.")
MISSING = (400, "MissingAuthenticationTokenException", "Missing Authentication Token")
MISMATCH = (400, "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and "
            "signing method. Consult the service documentation for details.")
STAMP = r"\d{8}T\d{6}Z"


def ask(server, body=b"{}", unsigned=None, **changes):
    return json_error(call_json(server, OPERATION, body, Signer.of(server, **changes), unsigned))


def send(server, authorization, body=b"{}", query="", **headers):
    """What a request with this Authorization hears."""
    headers = {"x-amz-target": TARGET + OPERATION, "content-type": "application/x-amz-json-1.1", **headers}
    return json_error(V2(server, authorization=authorization).request("POST", "/" + query, body, headers))


def test_a_good_one(server):
    answer = call_json(server, OPERATION)
    assert answer.status == 200 and "repositories" in answer.json()


def test_none_at_all(server):
    assert send(server, "") == MISSING


@pytest.mark.parametrize("changes", [{"secret": "x" * 40}, {"secret": ""}])
def test_another_secret(server, changes):
    assert ask(server, **changes) == MISMATCH


def test_an_unknown_key(server):
    assert ask(server, key="AKIAIOSFODNN7EXAMPLE") == UNKNOWN_KEY


def test_a_session_token_that_is_none(server):
    assert ask(server, unsigned={"x-amz-security-token": "nonsense"})[:2] in (UNKNOWN_KEY[:2], MISMATCH[:2])


def test_a_body_that_was_changed(server):
    signer = Signer.of(server)
    headers = {"host": server.host, "x-amz-date": signer.stamp, "x-amz-target": TARGET + OPERATION}
    authorization = signer.authorization("POST", headers, b"{}")
    assert send(server, authorization, b'{"maxResults": 1}', **{"x-amz-date": signer.stamp}) == MISMATCH
    assert send(server, authorization, b"{}", "?x=y", **{"x-amz-date": signer.stamp}) == MISMATCH


def test_a_target_that_was_changed(server):
    signer = Signer.of(server)
    headers = {"host": server.host, "x-amz-date": signer.stamp, "x-amz-target": TARGET + "ListImages"}
    authorization = signer.authorization("POST", headers, b"{}")
    assert send(server, authorization, **{"x-amz-date": signer.stamp}) == MISMATCH


def test_another_service(server):
    assert ask(server, service="s3") == (
        400, "InvalidSignatureException", "Credential should be scoped to correct service: 'ecr'. ")


def test_another_terminator(server):
    assert ask(server, terminator="aws5_request") == (
        400, "InvalidSignatureException",
        "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. ")


def test_what_is_no_region(server):
    assert ask(server, region="nowhere") == (400, "InvalidSignatureException", "Credential should be scoped to a valid region. ")


def test_a_region_that_is_not_served(tmp_path):
    with Server(tmp_path, "--regions", "us-west-2") as server:
        assert ask(server, region="us-east-1") == (
            400, "InvalidSignatureException", "Credential should be scoped to a valid region. ")
        assert call_json(server, OPERATION).status == 200
        both = ask(server, region="us-east-1", service="s3")
        assert both[2] == "Credential should be scoped to a valid region. Credential should be scoped to correct service: 'ecr'. "


@pytest.mark.parametrize("minutes", [6, 60, 24 * 60])
def test_clocks_that_are_slow(server, minutes):
    status, code, message = ask(server, time=now() - datetime.timedelta(minutes=minutes))
    assert (status, code) == (400, "InvalidSignatureException")
    assert re.fullmatch(rf"Signature expired: {STAMP} is now earlier than {STAMP} \({STAMP} - 5 min\.\)", message)


@pytest.mark.parametrize("minutes", [6, 24 * 60])
def test_clocks_that_are_fast(server, minutes):
    status, code, message = ask(server, time=now() + datetime.timedelta(minutes=minutes))
    assert (status, code) == (400, "InvalidSignatureException")
    assert re.fullmatch(rf"Signature not yet current: {STAMP} is still later than {STAMP} \({STAMP} \+ 5 min\.\)", message)


@pytest.mark.parametrize("minutes", [-4, 4])
def test_clocks_that_are_a_little_off(server, minutes):
    assert call_json(server, OPERATION, signer=Signer.of(server, time=now() + datetime.timedelta(minutes=minutes))).status == 200


def test_a_header_of_amazons_that_is_not_signed(server):
    status, code, message = ask(server, unsigned={"x-amz-acl": "public"})
    assert status == 400 and code in ("IncompleteSignatureException", "InvalidSignatureException")
    assert "x-amz-acl" in message


def test_headers_that_need_no_signature(server):
    unsigned = {"user-agent": "test", "x-amzn-trace-id": "Root=1", "accept": "*/*"}
    assert call_json(server, OPERATION, unsigned=unsigned).status == 200


def test_a_host_that_is_not_signed(server):
    signer = Signer.of(server)
    headers = {"x-amz-date": signer.stamp, "x-amz-target": TARGET + OPERATION}
    status, code, message = send(server, signer.authorization("POST", headers, b"{}"), **{"x-amz-date": signer.stamp})
    assert status == 400 and code in ("IncompleteSignatureException", "InvalidSignatureException")
    assert "Host" in message


@pytest.mark.parametrize("authorization, named", [
    ("AWS4-HMAC-SHA256", ["Credential", "Signature", "SignedHeaders"]),
    ("AWS4-HMAC-SHA256 Credential=A/B/C/D/aws4_request", ["Signature", "SignedHeaders"]),
    ("AWS4-HMAC-SHA256 SignedHeaders=host, Signature=00", ["Credential"]),
])
def test_parts_that_are_missing(server, authorization, named):
    status, code, message = send(server, authorization, **{"x-amz-date": Signer.of(server).stamp})
    assert (status, code) == (400, "IncompleteSignatureException")
    for part in ("Credential", "Signature", "SignedHeaders"):
        assert (f"Authorization header requires '{part}' parameter." in message) == (part in named)


def test_a_date_that_is_missing(server):
    signer = Signer.of(server)
    authorization = signer.authorization("POST", {"host": server.host, "x-amz-target": TARGET + OPERATION}, b"{}")
    status, code, message = send(server, authorization)
    assert (status, code) == (400, "IncompleteSignatureException")
    assert "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header." in message


def test_presigned_queries_are_for_sts_alone(server):
    """A link must not be able to do anything (design-access 5)."""
    query = Signer.of(server).presigned("POST", {}, {"host": server.host, "x-amz-target": TARGET + OPERATION}, b"{}")
    assert send(server, "", query="?" + query)[:2] == MISSING[:2]


def test_registry_tokens_open_no_other_door(server):
    token = server.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    status, code, _ = send(server, "Basic " + token)
    assert status == 400 and code in (MISSING[1], "IncompleteSignatureException")


def test_who_may_not_learns_no_shape(server):
    """Authentication comes before anyone looks at the parameters (ecr-semantics 4.0)."""
    assert ask(server, b"not json", secret="wrong") == MISMATCH
    assert ask(server, b'{"maxResults": 0}', key="AKIAIOSFODNN7EXAMPLE") == UNKNOWN_KEY


def test_a_key_that_was_reset(own_server):
    old = Signer.of(own_server)
    assert call_json(own_server, OPERATION, signer=old).status == 200
    assert run_entrepot("credentials", "reset", "--data-dir", own_server.data_dir).returncode == 0
    assert json_error(call_json(own_server, OPERATION, signer=Signer(old.key, old.secret))) == UNKNOWN_KEY  # at once
    assert call_json(own_server, OPERATION).status == 200
    own_server.restart()
    assert json_error(call_json(own_server, OPERATION, signer=Signer(old.key, old.secret))) == UNKNOWN_KEY


def test_every_region_has_its_registry(server):
    """Without --regions all are served, each by its own scope."""
    server.client("ecr", "eu-north-1").create_repository(repositoryName="only/here")
    north = call_json(server, OPERATION, signer=Signer.of(server, region="eu-north-1")).json()["repositories"]
    assert [one["repositoryArn"] for one in north] == [f"arn:aws:ecr:eu-north-1:{ACCOUNT}:repository/only/here"]
    assert call_json(server, OPERATION, signer=Signer.of(server, region="ap-south-1")).json()["repositories"] == []


def test_a_large_body_is_asked_for_only_when_its_head_claims_a_good_key(server):
    """Memory is for those who might be who they say (design-access 15): no byte of the body is sent here."""
    def ask_with_head(**changes):
        signer = Signer.of(server, **changes)
        headers = {"host": server.host, "x-amz-date": signer.stamp, "x-amz-target": TARGET + "UploadLayerPart",
                   "content-type": "application/x-amz-json-1.1"}
        headers["authorization"] = signer.authorization("POST", headers, b"")
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(f"POST / HTTP/1.1\r\n{lines}Content-Length: 10000000\r\nExpect: 100-continue\r\n\r\n".encode())
            return connection.recv(4096).decode()

    assert ask_with_head().startswith("HTTP/1.1 100 ")
    unknown = ask_with_head(key="AKIAIOSFODNN7EXAMPLE")
    assert unknown.startswith("HTTP/1.1 400 ") and "UnrecognizedClientException" in unknown
    assert "Connection: close" in unknown
    assert ask_with_head(service="sts").startswith("HTTP/1.1 400 ")
    assert ask_with_head(time=now() - datetime.timedelta(minutes=20)).startswith("HTTP/1.1 400 ")
