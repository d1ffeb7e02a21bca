"""The registry behind a proxy: whose word on client, scheme and Host counts, and what follows from it."""

import base64
import urllib.request

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config

from harness.policies import policy, statement
from harness.reverse_proxy import ReverseProxy
from harness.server import REGION, Server, run_entrepot
from harness.v2 import V2, basic, digest_of


def x_forwarded(client: str, host: str) -> dict:
    """As behind a proxy that speaks TLS to its clients."""
    return {"X-Forwarded-For": client, "X-Forwarded-Proto": "https", "X-Forwarded-Host": host}


def forwarded(client: str, host: str) -> dict:
    return {"Forwarded": f'for={client};proto=https;host="{host}"'}


def client_of(server: Server, proxy: ReverseProxy, service: str = "ecr"):
    key, secret = server.credentials()
    return boto3.client(service, endpoint_url=f"http://{proxy.host}", region_name=REGION, aws_access_key_id=key,
                        aws_secret_access_key=secret, config=Config(retries={"max_attempts": 0}, proxies={}))


@pytest.fixture(scope="module")
def trusting(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("trusting"), "--trusted-proxies", "127.0.0.1,2001:db8::/32") as running:
        yield running


@pytest.mark.parametrize("fields", [x_forwarded, forwarded])
def test_what_the_api_prints_is_what_the_client_reaches(trusting, fields):
    name = f"proxied/{fields.__name__.replace('_', '-')}"
    with ReverseProxy(trusting, fields) as proxy:
        ecr = client_of(trusting, proxy)
        # The signature covers the Host that the client used, which only the proxy's word restores.
        uri = ecr.create_repository(repositoryName=name)["repository"]["repositoryUri"]
        assert uri == f"{proxy.host}/{name}"
        data = ecr.get_authorization_token()["authorizationData"][0]
        assert data["proxyEndpoint"] == f"https://{proxy.host}"
        password = base64.b64decode(data["authorizationToken"]).decode().removeprefix("AWS:")

        client = V2(trusting, name, basic("AWS", password), port=proxy.port)
        client.push_image("latest", b"through a proxy")
        upload = client.request("POST", client.path("blobs/uploads/"))
        assert upload.location.startswith("/v2/"), "relative, so that every proxy's client can follow it"

        url = ecr.get_download_url_for_layer(repositoryName=name, layerDigest=digest_of(b"through a proxy"))["downloadUrl"]
        assert url.startswith(f"https://{proxy.host}/")
        plain = url.replace("https://", "http://", 1)  # the proxy of this test speaks no TLS
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(plain, timeout=10) as answer:
            assert answer.read() == b"through a proxy"


def test_the_challenge_names_scheme_and_host_of_the_client(trusting):
    with ReverseProxy(trusting, x_forwarded) as proxy:
        answer = V2(trusting, authorization="", port=proxy.port).request("GET", "/v2/")
        assert answer.status == 401
        assert answer.headers["Www-Authenticate"].startswith(f'Basic realm="https://{proxy.host}/"')


def test_an_untrusted_proxy_is_a_client_like_any_other(server):
    with ReverseProxy(server, x_forwarded) as proxy:
        answer = V2(server, authorization="", port=proxy.port).request("GET", "/v2/")
        assert answer.headers["Www-Authenticate"].startswith('Basic realm="http://inner.test/"')
        with pytest.raises(botocore.exceptions.ClientError) as refusal:
            client_of(server, proxy).describe_repositories()
        assert refusal.value.response["Error"]["Code"] == "InvalidSignatureException"


INSIDE = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}


def only_from_inside(server: Server, name: str) -> V2:
    """A repository that is pulled from 203.0.113.0/24 over TLS alone."""
    ecr = server.client("ecr")
    ecr.create_repository(repositoryName=name)
    repository = V2(server, name)
    repository.push_image("v1", b"inside")
    pull = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    ecr.set_repository_policy(repositoryName=name, policyText=policy(
        statement("Deny", pull, Condition={"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
        statement("Deny", pull, Condition={"Bool": {"aws:SecureTransport": "false"}})))
    return repository


def statuses_of_pulls(repository: V2, headers: dict) -> set[int]:
    """From a worker, and then from memory if it may be."""
    layer = repository.path(f"blobs/{digest_of(b'inside')}")
    return {repository.request("GET", path, headers=headers).status for path in (repository.path("manifests/v1"), layer) * 3}


def test_policies_see_the_client_that_a_trusted_proxy_names(trusting):
    repository = only_from_inside(trusting, "proxied/policies")
    for headers, status in [
        (INSIDE, 200), ({"Forwarded": "for=203.0.113.9;proto=https"}, 200),
        ({**INSIDE, "X-Forwarded-For": "198.51.100.1, 203.0.113.7, 127.0.0.1"}, 200),
        ({}, 403), ({**INSIDE, "X-Forwarded-Proto": "http"}, 403), ({"X-Forwarded-For": "203.0.113.7"}, 403),
        ({**INSIDE, "X-Forwarded-For": "203.0.113.7, 198.51.100.1"}, 403),  # the left one is the client's own invention
        ({**INSIDE, "X-Forwarded-For": "203.0.113.7, unknown"}, 403),
        (INSIDE, 200),
    ]:
        assert statuses_of_pulls(repository, headers) == {status}, headers


def test_policies_see_the_sockets_end_when_nobody_is_trusted(server):
    repository = only_from_inside(server, "proxied/mistrusted")
    for headers in (INSIDE, {"Forwarded": "for=203.0.113.9;proto=https"}, {}):
        assert statuses_of_pulls(repository, headers) == {403}, headers


@pytest.mark.parametrize("headers, status, words", [
    ({"X-Forwarded-For": "nowhere"}, 400, b"malformed"),
    ({"X-Forwarded-Host": "a/b"}, 400, b"malformed"),
    ({"Forwarded": 'for="'}, 400, b"malformed"),
    ({"Forwarded": "for=203.0.113.8", "X-Forwarded-For": "203.0.113.7"}, 400, b"differ"),
    ({"X-Forwarded-For": "invented, 203.0.113.7"}, 401, b"Not Authorized"),
    ({"X-Forwarded-For": "203.0.113.7, 2001:db8::5"}, 401, b"Not Authorized"),
])
def test_fields_of_a_trusted_proxy(trusting, headers, status, words):
    answer = V2(trusting, authorization="").request("GET", "/v2/", headers=headers)
    assert answer.status == status and words in answer.body, answer


def test_malformed_fields_of_anybody_else_do_not_count(server):
    assert V2(server, authorization="").request("GET", "/v2/", headers={"Forwarded": 'for="'}).status == 401


@pytest.mark.parametrize("value", ["10.0.0.0/33", "proxy.example", "10.0.0.1:80"])
def test_bad_proxies_are_refused_at_the_start(value, tmp_path):
    outcome = run_entrepot("serve", "--data-dir", tmp_path / "data", "--trusted-proxies", value)
    assert outcome.returncode == 3
    assert "--trusted-proxies" in outcome.stderr and value in outcome.stderr


def test_with_a_domain_uris_have_the_port_that_the_client_uses(tmp_path):
    def behind_443(client, _host):
        return x_forwarded(client, "api.ecr.us-west-2.registry.test")

    with Server(tmp_path, "--trusted-proxies", "127.0.0.1", "--domain", "registry.test") as server:
        with ReverseProxy(server, behind_443) as proxy:
            key, secret = server.credentials()
            ecr = boto3.client("ecr", endpoint_url=f"http://{proxy.host}", region_name=REGION, aws_access_key_id=key,
                               aws_secret_access_key=secret, config=Config(retries={"max_attempts": 0}, proxies={}))
            # The client must sign for the Host that the proxy will name.
            ecr.meta.events.register("before-sign.ecr", lambda request, **_: request.headers.add_header(
                "Host", "api.ecr.us-west-2.registry.test"))
            uri = ecr.create_repository(repositoryName="app")["repository"]["repositoryUri"]
    assert uri == "123456789012.dkr.ecr.us-west-2.registry.test/app"
