"""The process itself: starting, refusing to start, being looked at, stopping."""

import os
import pathlib
import re
import resource
import signal
import socket
import ssl
import stat
import subprocess
import time

import boto3
import botocore.exceptions
import pytest

from harness.server import ACCOUNT, Server, binary_path, clean_environment, free_port, run_entrepot
from harness.v2 import V2, pattern


def refused(*flags, environment=None, **options) -> subprocess.CompletedProcess:
    """`serve` with flags that must keep it from starting."""
    outcome = run_entrepot("serve", *flags, environment=environment, **options)
    assert outcome.returncode != 0, outcome.stderr
    assert "Traceback" not in outcome.stderr and "Sanitizer" not in outcome.stderr
    return outcome


def wait_for(condition, what: str, seconds: float = 20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited in vain for {what}")


# ---- looked at from outside


def test_healthz_and_readyz_answer_without_credentials(server):
    assert server.get("/healthz")[0] == 200
    assert server.get("/readyz")[0] == 200


def test_metrics_need_credentials_or_their_own_listener(tmp_path):
    metrics_port = free_port()
    with Server(tmp_path, "--metrics-listen", f"127.0.0.1:{metrics_port}") as server:
        assert server.get("/metrics")[0] in (401, 403)
        with socket.create_connection(("127.0.0.1", metrics_port), timeout=5) as connection:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
    assert b"# TYPE entrepot_" in answer


def test_caller_identity_of_the_first_administrator(server):
    identity = server.client("sts").get_caller_identity()
    assert identity["Account"] == ACCOUNT
    assert identity["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/admin"


def test_no_core_file_is_left(tmp_path):
    """Its keys would be in it. The limit is inherited: that of the test is raised, as a host's may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        with Server(tmp_path) as server:
            limits = pathlib.Path(f"/proc/{server.process.pid}/limits").read_text()
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
    assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE), limits


# ---- first start


def test_files_of_first_start_are_private(server):
    assert stat.S_IMODE(os.stat(server.data_dir).st_mode) == 0o700
    for name in ("credentials", "aws-config", "lock", "admin.sock"):
        assert stat.S_IMODE(os.stat(server.data_dir / name).st_mode) == 0o600, name


def test_first_start_prints_what_to_copy_and_no_secret(own_server):
    text = own_server.log()
    assert f"http://{own_server.host}" in text
    assert str(own_server.data_dir / "credentials") in text
    assert f"docker push {own_server.host}/" in text
    assert own_server.credentials()[1] not in text
    own_server.stop()
    own_server.log_file.write_text("")
    own_server.start()
    assert "docker push" not in own_server.log()


def test_credentials_survive_a_restart_and_a_crash(own_server):
    before = own_server.credentials()
    own_server.restart()
    own_server.kill()
    own_server.start()
    assert own_server.credentials() == before
    assert own_server.client("sts").get_caller_identity()["Account"] == ACCOUNT


def test_given_administrator_key_is_the_one(tmp_path):
    given = {"ENTREPOT_ADMIN_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
             "ENTREPOT_ADMIN_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
    with Server(tmp_path, environment=given) as server:
        assert server.credentials() == tuple(given.values())
        assert server.client("sts").get_caller_identity()["Account"] == ACCOUNT


def test_half_an_administrator_key_is_refused(tmp_path):
    outcome = refused("--data-dir", tmp_path / "data", "--listen", f"127.0.0.1:{free_port()}",
                      environment=clean_environment(ENTREPOT_ADMIN_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE"))
    assert "ENTREPOT_ADMIN_SECRET_ACCESS_KEY" in outcome.stderr


def test_account_and_region_of_the_flags(tmp_path):
    with Server(tmp_path, "--account-id", "210987654321", "--region", "eu-west-1") as server:
        assert server.client("sts", "eu-west-1").get_caller_identity()["Account"] == "210987654321"
        assert "region = eu-west-1" in (server.data_dir / "aws-config").read_text()


def test_ephemeral_directory_goes_with_the_server(tmp_path):
    port = free_port()
    process = subprocess.Popen([binary_path(), "serve", "--ephemeral", "--listen", f"127.0.0.1:{port}"],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env=clean_environment(TMPDIR=tmp_path))
    try:
        wait_for(lambda: list(tmp_path.glob("entrepot-*/aws-config")), "the temporary data directory")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=40)
        assert process.returncode == 0
        assert not list(tmp_path.iterdir())
    finally:
        process.kill()
        process.communicate()


# ---- refusing to start, clearly


@pytest.mark.parametrize("flags, status, words", [
    (["--listen", "nowhere"], 3, ["--listen", "nowhere", "host:port"]),
    (["--listen", "0.0.0.0:5000"], 3, ["--insecure-http", "--tls auto"]),
    (["--region", "Mars"], 3, ["--region", "Mars"]),
    (["--account-id", "1"], 3, ["--account-id", "twelve digits"]),
    (["--log-level", "loud"], 3, ["loud", "debug, info, warning or error"]),
    (["--tls-cert", "/nowhere.pem"], 3, ["--tls-key"]),
    (["--tls-cert", "/nowhere.pem", "--tls-key", "/nowhere.key"], 3, ["/nowhere"]),
    (["--ephemeral", "--data-dir", "/somewhere"], 3, ["--data-dir"]),
    (["--lisen", "127.0.0.1:1"], 2, ["--lisen", "did you mean --listen?"]),
])
def test_bad_flags(flags, status, words, tmp_path):
    flags = flags if "--data-dir" in flags or "--ephemeral" in flags else [*flags, "--data-dir", tmp_path / "data"]
    outcome = refused(*flags)
    assert outcome.returncode == status, outcome.stderr
    for word in words:
        assert word in outcome.stderr


def test_bad_variable():
    outcome = refused(environment=clean_environment(ENTREPOT_TLS="perhaps"))
    assert outcome.returncode == 3
    assert "ENTREPOT_TLS" in outcome.stderr and "off or auto" in outcome.stderr


@pytest.mark.parametrize("text, words", [
    ("listn = ['127.0.0.1:1']\n", [":1:", "unknown key listn", "did you mean listen?"]),
    ("[log]\nlevel = 'loud'\n", [":2:", "loud"]),
    ("region = \n", [":1:"]),
])
def test_bad_configuration_file(text, words, tmp_path):
    (tmp_path / "entrepot.toml").write_text(text)
    outcome = refused("--config", tmp_path / "entrepot.toml")
    assert outcome.returncode == 3
    for word in words:
        assert word in outcome.stderr


def test_missing_configuration_file(tmp_path):
    assert "cannot read" in refused("--config", tmp_path / "absent.toml").stderr


def test_port_in_use(server, tmp_path):
    outcome = refused("--data-dir", tmp_path / "data", "--listen", server.host)
    assert outcome.returncode == 3
    assert server.host in outcome.stderr and "in use" in outcome.stderr.lower()


def test_second_server_on_one_data_directory(server):
    outcome = refused("--data-dir", server.data_dir, "--listen", f"127.0.0.1:{free_port()}")
    assert outcome.returncode == 3
    assert f"process {server.process.pid}" in outcome.stderr
    assert server.get("/readyz")[0] == 200


def test_directory_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("…")
    outcome = refused("--data-dir", tmp_path, "--listen", f"127.0.0.1:{free_port()}")
    assert outcome.returncode == 3
    assert "not Entrepot's" in outcome.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_unwritable_data_directory():
    outcome = refused("--data-dir", "/proc/entrepot", "--listen", f"127.0.0.1:{free_port()}")
    assert outcome.returncode == 3
    assert "/proc/entrepot" in outcome.stderr and "--data-dir" in outcome.stderr


def test_print_config_is_a_configuration(tmp_path):
    environment = clean_environment(ENTREPOT_REGION="eu-west-1")
    first = run_entrepot("serve", "--data-dir", tmp_path / "data", "--print-config", environment=environment)
    assert first.returncode == 0, first.stderr
    assert 'region = "eu-west-1"  # ENTREPOT_REGION' in first.stdout
    assert 'account_id = "123456789012"  # default' in first.stdout
    (tmp_path / "entrepot.toml").write_text(first.stdout)
    second = run_entrepot("serve", "--config", tmp_path / "entrepot.toml", "--print-config")
    assert second.returncode == 0, second.stderr
    without_comments = [re.sub(r"  #.*", "", text) for text in (first.stdout, second.stdout)]
    assert without_comments[0] == without_comments[1]
    assert not (tmp_path / "data").exists()


# ---- stopping


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_stops_cleanly(how, tmp_path):
    with Server(tmp_path) as server:
        process, server.process = server.process, None
        process.send_signal(how)
        assert process.wait(40) == 0
        with pytest.raises(OSError):
            server.get("/healthz")


def test_stop_lets_a_request_in_progress_end(own_server):
    """A drain stops new connections, answers what was begun, and is bounded by drain_seconds."""
    own_server.client("ecr").create_repository(repositoryName="stop/one")
    v2 = V2(own_server, "stop/one")
    location = v2.open_upload()
    process = own_server.process

    def refuses() -> bool:
        try:
            own_server.get("/healthz")
            return False
        except OSError:
            return True

    def body():
        yield pattern(1 << 20)
        wait_for(lambda: v2.request("GET", location).headers["Range"] != "0-0", "the first half to be received")
        process.send_signal(signal.SIGTERM)
        wait_for(refuses, "the server to refuse connections")
        yield pattern(1 << 20)

    answer = v2.request("PATCH", location, body(), chunked=True)
    assert (answer.status, answer.headers["Range"]) == (202, f"0-{(2 << 20) - 1}"), answer
    own_server.process = None
    assert process.wait(40) == 0


# ---- the commands beside it


def test_env_is_evaluated_by_a_shell(server):
    script = f'eval "$("{binary_path()}" env --data-dir "{server.data_dir}")" && env'
    outcome = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, timeout=30,
                             env=clean_environment(AWS_SESSION_TOKEN="stale", AWS_PROFILE="work"))
    variables = dict(line.split("=", 1) for line in outcome.stdout.splitlines() if "=" in line)
    key, secret = server.credentials()
    assert variables["AWS_ENDPOINT_URL"] == server.endpoint
    assert variables["AWS_ACCESS_KEY_ID"] == key
    assert variables["AWS_SECRET_ACCESS_KEY"] == secret
    assert variables["AWS_REGION"] == variables["AWS_DEFAULT_REGION"] == "us-west-2"
    assert "AWS_SESSION_TOKEN" not in variables and "AWS_PROFILE" not in variables


def test_env_without_a_server_says_what_to_do(tmp_path):
    outcome = run_entrepot("env", "--data-dir", tmp_path / "never")
    assert outcome.returncode == 3
    assert outcome.stdout == "" and "entrepot serve" in outcome.stderr
    assert not (tmp_path / "never").exists()


def assert_key_is_refused(server, key: str, secret: str):
    client = boto3.client("sts", endpoint_url=server.endpoint, region_name="us-west-2", aws_access_key_id=key,
                          aws_secret_access_key=secret)
    with pytest.raises(botocore.exceptions.ClientError) as refusal:
        client.get_caller_identity()
    assert refusal.value.response["Error"]["Code"] in ("InvalidClientTokenId", "UnrecognizedClientException")


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_credentials_reset(running, own_server):
    old = own_server.credentials()
    own_server.client("sts").get_caller_identity()
    if not running:
        own_server.stop()
    outcome = run_entrepot("credentials", "reset", "--data-dir", own_server.data_dir)
    assert outcome.returncode == 0, outcome.stderr
    if not running:
        own_server.start()
    new = own_server.credentials()
    assert new[0] != old[0] and new[0] in outcome.stdout and new[1] not in outcome.stdout
    assert own_server.client("sts").get_caller_identity()["Account"] == ACCOUNT
    assert_key_is_refused(own_server, *old)


def test_doctor_is_content_with_a_running_server(server):
    outcome = run_entrepot("doctor", "--data-dir", server.data_dir)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "problem" not in outcome.stdout


def test_doctor_sees_that_no_server_runs(own_server):
    own_server.stop()
    outcome = run_entrepot("doctor", "--data-dir", own_server.data_dir,
                           environment={**clean_environment(), "ENTREPOT_LISTEN": own_server.host})
    assert outcome.returncode == 1
    assert "no server runs" in outcome.stdout and "entrepot serve" in outcome.stdout


def test_version_and_help():
    assert re.fullmatch(r"entrepot \d+\.\d+\.\d+\n", run_entrepot("version").stdout)
    for command in ([], ["serve"], ["env"], ["credentials", "reset"], ["doctor"], ["version"], ["completion", "bash"]):
        outcome = run_entrepot(*command, "--help")
        assert outcome.returncode == 0 and "Usage" in outcome.stdout, command


# ---- TLS


def test_tls_auto_is_trusted_by_its_authority_only(tls_server):
    assert tls_server.get("/readyz")[0] == 200  # verified against tls/ca.crt
    assert tls_server.client("sts").get_caller_identity()["Account"] == ACCOUNT
    with pytest.raises(ssl.SSLError):
        with socket.create_connection(("127.0.0.1", tls_server.port), timeout=10) as plain:
            ssl.create_default_context().wrap_socket(plain, server_hostname="localhost")


def test_env_of_tls_auto_names_the_authority(tls_server):
    outcome = run_entrepot("env", "--data-dir", tls_server.data_dir)
    assert f"export AWS_CA_BUNDLE='{tls_server.authority}'" in outcome.stdout
    assert f"ca_bundle = {tls_server.authority}" in (tls_server.data_dir / "aws-config").read_text()


def test_given_certificate_is_reloaded_when_it_changes(tmp_path):
    """The certificate of one authority, then of another, without a restart."""
    def issue(name: str):
        directory = tmp_path / name
        directory.mkdir()
        with Server(directory, "--tls", "auto"):
            pass
        return directory / "data" / "tls"

    first, second, served = issue("first"), issue("second"), tmp_path / "served"
    served.mkdir()

    def install(source):
        for name in ("server.crt", "server.key"):
            (served / f"{name}.new").write_bytes((source / name).read_bytes())
            (served / f"{name}.new").rename(served / name)

    install(first)
    (tmp_path / "main").mkdir()
    server = Server(tmp_path / "main", "--tls-cert", str(served / "server.crt"), "--tls-key", str(served / "server.key"))
    server.authority = first / "ca.crt"
    with server:
        install(second)
        server.authority = second / "ca.crt"

        def trusts_the_second():
            try:
                return server.get("/healthz")[0] == 200
            except OSError:
                return False

        wait_for(trusts_the_second, "the new certificate to be served")
