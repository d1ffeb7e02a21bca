"""Several listeners, IPv6 beside IPv4, and certificates that are replaced while the server runs."""

import http.client
import signal
import socket
import ssl

import boto3
import pytest
from botocore.config import Config

from harness.server import REGION, Server, free_port, run_entrepot
from harness.storage import wait_until
from harness.v2 import V2, digest_of


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")


def status(address: str, port: int, host: str) -> str:
    with socket.create_connection((address, port), timeout=10) as connection:
        connection.sendall(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(4096), b"")).decode().split(" ")[1]


def challenge(address: str, port: int, host: str) -> str:
    with socket.create_connection((address, port), timeout=10) as connection:
        connection.sendall(f"GET /v2/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(4096), b"")).decode()


def test_several_listeners(tmp_path):
    second = free_port()
    with Server(tmp_path, "--listen", f"127.0.0.1:{second}", "--listen", f"127.0.0.2:{second}") as server:
        for address, port in (("127.0.0.1", server.port), ("127.0.0.1", second), ("127.0.0.2", second)):
            assert status(address, port, f"{address}:{port}") == "200"
            assert f"http://{address}:{port}" in server.log()


@needs_ipv6
def test_ipv6_alone(tmp_path):
    port = free_port("127.0.0.1")
    with Server(tmp_path, "--listen", f"[::1]:{port}"):
        assert status("::1", port, f"[::1]:{port}") == "200"
        assert f'realm="http://[::1]:{port}/"' in challenge("::1", port, f"[::1]:{port}")


@needs_ipv6
def test_what_the_api_prints_over_ipv6_is_reached_over_ipv6(tmp_path):
    port = free_port("127.0.0.1")
    with Server(tmp_path, "--listen", f"[::1]:{port}") as server:
        host, (key, secret) = f"[::1]:{port}", server.credentials()
        ecr = boto3.client("ecr", endpoint_url=f"http://{host}", region_name=REGION, aws_access_key_id=key,
                           aws_secret_access_key=secret, config=Config(retries={"max_attempts": 0}, proxies={}))
        assert ecr.create_repository(repositoryName="six/app")["repository"]["repositoryUri"] == f"{host}/six/app"
        data = ecr.get_authorization_token()["authorizationData"][0]
        assert data["proxyEndpoint"] == f"http://{host}"

        def ask(method: str, path: str, body: bytes | None = None, authorization: str | None = None):
            connection = http.client.HTTPConnection("::1", port, timeout=10)
            headers = {"Host": host, **({"Authorization": authorization} if authorization else {})}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            return answer.status, content

        layer, token = b"over ipv6", "Basic " + data["authorizationToken"]
        push = f"/v2/six/app/blobs/uploads/?digest={digest_of(layer)}"
        assert ask("POST", push, layer, token)[0] == 201
        assert ask("GET", f"/v2/six/app/blobs/{digest_of(layer)}", authorization=token) == (200, layer)
        V2(server, "six/app").push_image("v1", layer)  # over IPv4: the registry is one
        url = ecr.get_download_url_for_layer(repositoryName="six/app", layerDigest=digest_of(layer))["downloadUrl"]
        assert url.startswith(f"http://{host}/")
        assert ask("GET", url.removeprefix(f"http://{host}")) == (200, layer)


@needs_ipv6
def test_the_ipv6_wildcard_is_ipv4_too(tmp_path):
    port = free_port()
    with Server(tmp_path, "--insecure-http", "--listen", f"[::]:{port}"):
        for address in ("::1", "127.0.0.1"):
            assert status(address, port, "localhost") == "200"


@needs_ipv6
def test_both_wildcards_of_one_port(tmp_path):
    port = free_port()
    with Server(tmp_path, "--insecure-http", "--listen", f"0.0.0.0:{port}", "--listen", f"[::]:{port}"):
        for address in ("::1", "127.0.0.1"):
            assert status(address, port, "localhost") == "200"


def test_one_address_twice_is_refused(tmp_path):
    outcome = run_entrepot("serve", "--data-dir", tmp_path / "data", "--listen", "127.0.0.1:5999", "--listen",
                           "127.0.0.1:5999")
    assert outcome.returncode == 3 and "given twice" in outcome.stderr


# ---- certificates


@pytest.fixture
def issued(tmp_path):
    """Makes a certificate of an authority of its own: the directory with server.crt, server.key and ca.crt."""
    def issue(name: str):
        (tmp_path / name).mkdir()
        with Server(tmp_path / name, "--tls", "auto"):
            pass
        return tmp_path / name / "data" / "tls"

    return issue


class Served:
    """A server with given certificate files, and which authority's certificate it shows."""

    def __init__(self, scratch, first):
        self.directory = scratch / "served"
        self.directory.mkdir()
        for name in ("server.crt", "server.key"):
            self.install(first, name)
        (scratch / "main").mkdir()
        self.server = Server(scratch / "main", "--tls-cert", str(self.directory / "server.crt"), "--tls-key",
                             str(self.directory / "server.key"))
        self.server.authority = first / "ca.crt"

    def install(self, source, name):
        (self.directory / f"{name}.new").write_bytes((source / name).read_bytes())
        (self.directory / f"{name}.new").rename(self.directory / name)

    def shows(self, authority) -> bool:
        context = ssl.create_default_context(cafile=str(authority / "ca.crt"))
        try:
            with socket.create_connection(("127.0.0.1", self.server.port), timeout=10) as plain:
                with context.wrap_socket(plain, server_hostname="127.0.0.1"):
                    return True
        except ssl.SSLCertVerificationError:
            return False


def test_a_broken_pair_leaves_the_old_certificate(tmp_path, issued):
    first, second = issued("first"), issued("second")
    served = Served(tmp_path, first)
    with served.server as server:
        served.install(second, "server.crt")  # the key is still the first one's
        wait_until(lambda: "the old one stays" in server.log(), "the refusal to be logged")
        assert "server.key" in server.log()
        assert served.shows(first)
        served.install(second, "server.key")
        wait_until(lambda: served.shows(second), "the whole pair to be served")
        assert server.log().count("the old one stays") == 1, "a bad pair is reported once"


def test_a_swapped_symbolic_link_replaces_the_pair(tmp_path, issued):
    """As kubelet and cert-manager do: the directory behind a link changes at once."""
    first, second = issued("first"), issued("second")
    (tmp_path / "current").symlink_to(first)
    (tmp_path / "main").mkdir()
    served = Served.__new__(Served)
    served.server = Server(tmp_path / "main", "--tls-cert", str(tmp_path / "current" / "server.crt"), "--tls-key",
                           str(tmp_path / "current" / "server.key"))
    served.server.authority = first / "ca.crt"
    with served.server:
        (tmp_path / "next").symlink_to(second)
        (tmp_path / "next").rename(tmp_path / "current")
        wait_until(lambda: served.shows(second), "the pair behind the new link to be served")


def test_sighup_reloads_and_does_not_end_the_server(tmp_path, issued):
    first, second = issued("first"), issued("second")
    served = Served(tmp_path, first)
    with served.server as server:
        for name in ("server.crt", "server.key"):
            served.install(second, name)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: served.shows(second), "the new certificate to be served")


def test_sighup_without_tls_does_nothing(own_server):
    own_server.process.send_signal(signal.SIGHUP)
    assert own_server.get("/healthz")[0] == 200
