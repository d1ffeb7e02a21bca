"""GetAuthorizationToken: the token is what clients of every kind can take apart."""

import base64
import datetime

import pytest

from harness.api import OTHER_ACCOUNT, aws_cli, fault_of, invalid
from harness.server import ACCOUNT, REGION, Server
from harness.v2 import V2, basic

HOUR = datetime.timedelta(hours=1)


def tokens(ecr, **parameters):
    return ecr.get_authorization_token(**parameters)["authorizationData"]


def version_check(server, token, **options):
    return V2(server, authorization="Basic " + token, **options).request("GET", "/v2/").status


@pytest.fixture
def unchecked(server):
    return server.client("ecr", parameter_validation=False)


def test_the_answer(server, ecr):
    (token,) = tokens(ecr)
    assert set(token) == {"authorizationToken", "expiresAt", "proxyEndpoint"}
    assert token["proxyEndpoint"] == server.endpoint
    life = token["expiresAt"] - datetime.datetime.now(datetime.timezone.utc)
    assert 11.9 * HOUR < life <= 12.1 * HOUR
    assert version_check(server, token["authorizationToken"]) == 200


def test_its_text_suits_every_client(ecr):
    """awscli and terraform split at one colon; terraform decodes now with one base64 alphabet, now with the other."""
    for _ in range(50):
        text = tokens(ecr)[0]["authorizationToken"]
        assert not set("+/-_") & set(text)
        plain = base64.b64decode(text, validate=True).decode("ascii")
        assert plain == base64.urlsafe_b64decode(text).decode("ascii")
        user, password = plain.split(":")
        assert user == "AWS" and password
        assert len(text) < 2048


def test_each_call_makes_a_new_one(server, ecr):
    first, second = tokens(ecr)[0]["authorizationToken"], tokens(ecr)[0]["authorizationToken"]
    assert first != second
    assert version_check(server, first) == version_check(server, second) == 200


def test_one_for_each_registry(server, ecr):
    found = tokens(ecr, registryIds=[OTHER_ACCOUNT, ACCOUNT])
    assert len(found) == 2
    assert all(version_check(server, one["authorizationToken"]) == 200 for one in found)


def test_a_registrys_host_is_its_endpoint(tmp_path):
    with Server(tmp_path, "--domain", "registry.example") as server:
        found = tokens(server.client("ecr"), registryIds=[OTHER_ACCOUNT, ACCOUNT])
        ends = [one["proxyEndpoint"].split("//")[1].split(":")[0] for one in found]
        assert ends == [f"{account}.dkr.ecr.{REGION}.registry.example" for account in (OTHER_ACCOUNT, ACCOUNT)]


def test_another_accounts_registry_gives_no_rights_there(server, ecr):
    (token,) = tokens(ecr, registryIds=[OTHER_ACCOUNT])
    answer = V2(server, authorization="Basic " + token["authorizationToken"]).request("GET", "/v2/app/tags/list")
    assert answer.status == 403 and answer.code == "DENIED"


def test_the_cli_reads_it(server):
    password = server.password()
    assert V2(server, authorization=basic("AWS", password)).request("GET", "/v2/").status == 200
    (token,) = aws_cli(server, "ecr", "get-authorization-token")["authorizationData"]
    assert version_check(server, token["authorizationToken"]) == 200


@pytest.mark.parametrize("ids, constraint", [(["1" * 12] * 11, "must have length less than or equal to 10"),
                                             ([], "must have length greater than or equal to 1")])
def test_how_many_registries(unchecked, ids, constraint):
    assert fault_of(unchecked.get_authorization_token, registryIds=ids).text == invalid("registryIds", constraint)


def test_what_is_no_registry(unchecked):
    code, message = fault_of(unchecked.get_authorization_token, registryIds=["12"]).text
    assert code == "InvalidParameterException"
    assert message.endswith("failed to satisfy constraint: 'must satisfy regular expression '[0-9]{12}''")
