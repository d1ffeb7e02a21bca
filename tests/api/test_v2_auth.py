"""Who may come in through /v2/, and what those hear who may not."""

import base64
import json

import pytest

from harness.server import ACCOUNT, run_entrepot
from harness.v2 import V2, basic, digest_of, pattern

DIGEST = "sha256:" + "a" * 64
OTHER_ACCOUNT = "999999999999"


def registry_host(account=ACCOUNT, region="us-west-2", domain="amazonaws.com"):
    return f"{account}.dkr.ecr.{region}.{domain}"


@pytest.fixture
def v2(server):
    return V2(server)


def assert_challenged(answer, host, scheme="http"):
    assert answer.status == 401, answer
    assert answer.headers["Www-Authenticate"] == f'Basic realm="{scheme}://{host}/",service="ecr.amazonaws.com"'
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


# ---- without credentials


@pytest.mark.parametrize("method, path", [
    ("GET", "/v2/"), ("GET", "/v2"), ("GET", "/v2/_catalog"), ("GET", "/v2/app/tags/list"),
    ("GET", "/v2/app/manifests/latest"), ("PUT", "/v2/app/manifests/latest"), ("DELETE", "/v2/app/manifests/latest"),
    ("GET", f"/v2/app/blobs/{DIGEST}"), ("DELETE", f"/v2/app/blobs/{DIGEST}"), ("POST", "/v2/app/blobs/uploads/"),
    ("PATCH", "/v2/app/blobs/uploads/x"), ("PUT", "/v2/app/blobs/uploads/x"),
    ("GET", "/v2/no/such/thing"), ("GET", "/v2/APP/tags/list"), ("BREW", "/v2/"),
])
def test_everything_is_challenged_first(server, method, path):
    answer = V2(server, authorization="").request(method, path)
    assert_challenged(answer, server.host)
    assert answer.body == b"Not Authorized\n"


def test_the_challenge_of_head_has_no_body(server):
    answer = V2(server, authorization="").request("HEAD", "/v2/")
    assert_challenged(answer, server.host)
    assert answer.body == b"" and answer.headers["Content-Length"] == str(len(b"Not Authorized\n"))


def test_the_challenge_names_the_host_that_was_asked(server):
    host = registry_host()
    assert_challenged(V2(server, authorization="", host=host).request("GET", "/v2/"), host)


def test_the_challenge_names_the_scheme_that_is_served(tls_server):
    assert_challenged(V2(tls_server, authorization="").request("GET", "/v2/"), tls_server.host, "https")


@pytest.mark.parametrize("authorization", [
    "Basic", "Basic ", "Basic !!!", "Basic " + base64.b64encode(b"AWS").decode(),
    basic("AWS", ""), basic("AWS", "nonsense"), basic("aws", "nonsense"), basic("", ""), "Bearer abc", "Digest x",
    "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-west-2/ecr/aws4_request, SignedHeaders=host, Signature=00",
    "Basic " + "A" * 8000,
])
def test_wrong_credentials_are_challenged(server, authorization):
    assert_challenged(V2(server, authorization=authorization).request("GET", "/v2/"), server.host)


def test_a_token_is_of_the_user_aws(server):
    password = server.password()
    assert V2(server, authorization=basic("AWS", password)).request("GET", "/v2/").status == 200
    assert_challenged(V2(server, authorization=basic("someone", password)).request("GET", "/v2/"), server.host)


def test_an_altered_token_is_refused(server):
    password = server.password()
    for at in (0, len(password) // 2, len(password) - 1):
        altered = password[:at] + ("0" if password[at] != "0" else "1") + password[at + 1:]
        assert_challenged(V2(server, authorization=basic("AWS", altered)).request("GET", "/v2/"), server.host)


def test_a_token_ends_with_its_access_key(own_server):
    v2 = V2(own_server)
    assert v2.request("GET", "/v2/").status == 200
    reset = run_entrepot("credentials", "reset", "--data-dir", own_server.data_dir)
    assert reset.returncode == 0, reset.stderr
    assert_challenged(v2.request("GET", "/v2/"), own_server.host)  # the very next request
    assert V2(own_server).request("GET", "/v2/").status == 200


def test_a_token_outlives_a_restart(own_server):
    v2 = V2(own_server)
    own_server.kill()
    own_server.start()
    assert v2.request("GET", "/v2/").status == 200


# ---- with credentials


@pytest.mark.parametrize("path", ["/v2/", "/v2"])
def test_the_version_check(v2, path):
    answer = v2.request("GET", path)
    assert answer.status == 200 and answer.json() == {}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    head = v2.request("HEAD", path)
    assert head.status == 200 and head.body == b"" and head.headers["Content-Length"] == answer.headers["Content-Length"]


def test_every_answer_is_fenced_from_the_origin(v2, server):
    for answer in (v2.request("GET", "/v2/"), v2.request("GET", "/v2/missing/tags/list"), v2.request("GET", "/v2/x"),
                   V2(server, authorization="").request("GET", "/v2/"), v2.request("POST", "/v2/")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert answer.headers["Content-Disposition"] == "attachment"
        assert answer.headers["Access-Control-Allow-Origin"] is None
        assert answer.headers["Set-Cookie"] is None


def test_the_header_of_the_documentation(server):
    """ECR's guide: TOKEN=$(aws ecr get-authorization-token …) and curl -H "Authorization: Basic $TOKEN"."""
    token = server.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    server.client("ecr").create_repository(repositoryName="amazonlinux")
    answer = V2(server, authorization="Basic " + token).request("GET", "/v2/amazonlinux/tags/list")
    assert answer.status == 200
    assert answer.json() == {"name": "amazonlinux", "tags": []}


# ---- which registry


def test_the_host_names_the_registry_and_else_the_token_does(server):
    name = "where/is-it"
    server.client("ecr", region="eu-central-1").create_repository(repositoryName=name)
    path = f"/v2/{name}/tags/list"
    assert V2(server).request("GET", path).code == "NAME_UNKNOWN"
    assert V2(server, host=registry_host(region="eu-central-1")).request("GET", path).status == 200
    assert V2(server, host=registry_host(region="eu-central-1") + ":5000").request("GET", path).status == 200
    assert V2(server, host=registry_host(region="us-west-2")).request("GET", path).status == 404
    frankfurt = server.client("ecr", region="eu-central-1").get_authorization_token()
    token = "Basic " + frankfurt["authorizationData"][0]["authorizationToken"]
    assert V2(server, authorization=token).request("GET", path).status == 200
    # the token is the principal, the Host the resource (design.md 1.3)
    assert V2(server, authorization=token, host=registry_host(region="us-west-2")).request("GET", path).status == 404


@pytest.mark.parametrize("host", [
    registry_host(domain="amazonaws.com"), f"{ACCOUNT}.dkr.ecr-fips.us-west-2.amazonaws.com",
    f"{ACCOUNT}.dkr-ecr.us-west-2.on.aws", "localhost", "registry.example.org:5000", "[::1]:5000",
])
def test_hosts_that_are_believed(server, host):
    assert V2(server, host=host).request("GET", "/v2/").status == 200


@pytest.mark.parametrize("host", ["Registry.Example.org", "a_b", "user@host", "host/path", "host:0", "host:65536",
                                  "-a.example", 'x"y', f"{ACCOUNT}.dkr.ecr.nowhere.amazonaws.com"])
def test_hosts_that_are_not(server, host):
    answer = V2(server, host=host).request("GET", "/v2/")
    assert answer.status == 400, answer
    assert answer.headers["Www-Authenticate"] is None


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/download/x", "/"])
def test_every_page_holds_host_to_its_grammar(server, path):
    """Whoever probes by the listener's address or by a name is answered; what is no host's name never is."""
    for host in (f"127.0.0.1:{server.port}", "127.0.0.1", "[::1]:5000", "registry.example.org"):
        assert V2(server, authorization="", host=host).request("HEAD", path).status == V2(
            server, authorization="").request("HEAD", path).status
    for host in ("Registry.Example.org", "LOCALHOST", "a_b", "host:0", "-a.example", "[::FF]"):
        assert V2(server, authorization="", host=host).request("GET", path).status == 400, host


def test_another_accounts_registry_needs_its_leave(server):
    v2 = V2(server, host=registry_host(account=OTHER_ACCOUNT))
    answer = v2.request("GET", "/v2/app/tags/list")
    assert answer.status == 403
    code, message = answer.error
    assert code == "DENIED"
    arn = f"arn:aws:ecr:us-west-2:{OTHER_ACCOUNT}:repository/app"
    assert message == (f"User: arn:aws:iam::{ACCOUNT}:user/admin is not authorized to perform: ecr:ListImages on resource: "
                       f"{arn} because no resource-based policy allows the ecr:ListImages action")
    # the same whether the repository is there or not, and for every way in
    for method, path in [("GET", f"/v2/app/blobs/{DIGEST}"), ("PUT", "/v2/app/manifests/x"), ("POST", "/v2/app/blobs/uploads/"),
                         ("DELETE", "/v2/app/manifests/x"), ("PATCH", "/v2/app/blobs/uploads/x")]:
        assert v2.request(method, path).code == "DENIED"
    head = v2.request("HEAD", "/v2/app/manifests/latest")
    assert head.status == 403 and head.body == b""
    assert v2.request("GET", "/v2/").status == 200  # a good token is all that this needs


# ---- the shape of a request


@pytest.mark.parametrize("path", [
    "/v2/app%2Fother/tags/list", "/v2/app%2fother/tags/list", "/v2/app%5Cother/tags/list", "/v2/app/../other/tags/list",
    "/v2/./app/tags/list", "/v2/app/%2e%2e/other/tags/list", "/v2//app/tags/list", "/v2/app//tags/list",
    "/v2/app/tags/list%", "/v2/app%00/tags/list",
])
def test_paths_that_two_might_read_differently(server, v2, path):
    """The request itself is bad, whoever sent it: with a token, without one, with a wrong one."""
    for client in (v2, V2(server, authorization=""), V2(server, authorization=basic("AWS", "wrong"))):
        for method in ("GET", "PUT"):
            answer = client.request(method, path)
            assert answer.status == 400 and answer.headers["Www-Authenticate"] is None, answer


@pytest.mark.parametrize("path, code", [
    ("/v2/a/tags/list", "NAME_INVALID"), ("/v2/App/tags/list", "NAME_INVALID"), ("/v2/app_/tags/list", "NAME_INVALID"),
    ("/v2/" + "a" * 257 + "/tags/list", "NAME_INVALID"), ("/v2/app/manifests/a+b", "TAG_INVALID"),
    ("/v2/app/manifests/" + "t" * 301, "TAG_INVALID"), ("/v2/app/manifests/sha256:abc", "DIGEST_INVALID"),
    ("/v2/app/blobs/latest", "DIGEST_INVALID"), ("/v2/app/blobs/md5:" + "0" * 32, "DIGEST_INVALID"),
])
def test_names_that_cannot_be(v2, path, code):
    answer = v2.request("GET", path)
    assert answer.status == 400 and answer.code == code


@pytest.mark.parametrize("path", ["/v2/app", "/v2/app/tags", "/v2/app/tags/list/x", "/v2/_catalog/", "/v2/tags/list"])
def test_what_is_no_route(v2, path):
    answer = v2.request("GET", path)
    assert answer.status == 404 and answer.error


@pytest.mark.parametrize("method, path, allow", [
    ("POST", "/v2/", "GET, HEAD"), ("PUT", "/v2/app/tags/list", "GET, HEAD"), ("POST", "/v2/app/manifests/x", "GET, HEAD, PUT, DELETE"),
    ("PUT", f"/v2/app/blobs/{DIGEST}", "GET, HEAD, DELETE"), ("GET", "/v2/app/blobs/uploads/", "POST"),
    ("POST", "/v2/app/blobs/uploads/x", "PATCH, PUT, GET, HEAD, DELETE"), ("OPTIONS", "/v2/app/tags/list", "GET, HEAD"),
    ("BREW", "/v2/app/tags/list", "GET, HEAD"),
])
def test_methods_that_are_not_served(v2, method, path, allow):
    answer = v2.request(method, path)
    assert answer.status == 405 and answer.code == "UNSUPPORTED"
    assert answer.headers["Allow"] == allow


def test_a_repository_that_is_not_there(v2):
    text = f"The repository with name 'not/here' does not exist in the registry with id '{ACCOUNT}'"
    for method, path in [("GET", "tags/list"), ("GET", "manifests/latest"), ("GET", f"blobs/{DIGEST}"),
                         ("POST", "blobs/uploads/"), ("DELETE", "manifests/latest"), ("PUT", "manifests/latest")]:
        answer = v2.request(method, f"/v2/not/here/{path}", headers={"Content-Type": "application/json"})
        assert answer.status == 404, (method, path, answer)
        assert answer.error == ("NAME_UNKNOWN", text)


def test_error_details_are_facts_for_programs(v2):
    (error,) = v2.request("GET", "/v2/not/here/tags/list").json()["errors"]
    assert error["detail"] == {"repository": "not/here", "account": ACCOUNT}


def test_a_large_body_without_credentials_is_not_read(server):
    v2 = V2(server, authorization="")
    connection = v2.connect()
    connection.putrequest("PUT", "/v2/app/manifests/latest")
    connection.putheader("Content-Length", str(4 << 20))
    connection.endheaders()
    answer = connection.getresponse()  # before a byte of the body was sent
    assert answer.status == 401
    assert answer.headers["Connection"] == "close"
    connection.close()


def test_both_ways_of_writing_a_digest(server, repository):
    v2 = V2(server, repository)
    data = pattern(1000)
    digest = v2.push_blob(data)
    assert v2.request("GET", v2.path("blobs/" + digest.replace(":", "%3A"))).body == data


def test_a_token_reads_nothing_of_a_name_that_was_made_again(server, repository):
    """Sessions hold the repository's id, never its name (design-storage 1.3)."""
    v2 = V2(server, repository)
    location = v2.open_upload()
    ecr = server.client("ecr")
    ecr.delete_repository(repositoryName=repository, force=True)
    ecr.create_repository(repositoryName=repository)
    answer = v2.close_upload(location, digest_of(b"x"), b"x")
    assert answer.status == 404 and answer.code == "BLOB_UPLOAD_UNKNOWN"
    assert json.loads(v2.request("GET", v2.path("tags/list")).body)["tags"] == []
