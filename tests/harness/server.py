"""One registry process: started on a free port with a data directory of its own, and always stopped."""

import base64
import http.client
import itertools
import os
import pathlib
import random
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.config import Config

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
START_SECONDS = 30
STOP_SECONDS = 40

# With --aws these are an account's of AWS (harness/aws.py).
ACCOUNT = "123456789012"
REGION = "us-west-2"
CALLER = f"arn:aws:iam::{ACCOUNT}:user/admin"


def binary_path() -> pathlib.Path:
    return pathlib.Path(os.environ.get("ENTREPOT_BINARY", ROOT / "build" / "release" / "entrepot"))


# Below the ports that outgoing connections get, which could take one between our look and the server's bind. Each process
# of a run that is sharded has some of its own, and begins anywhere among them, for another run may be under way.
_PORTS_OF_A_SHARD = range(3000)
_first_port = 12000 + len(_PORTS_OF_A_SHARD) * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 6)
_offset = itertools.count(random.choice(_PORTS_OF_A_SHARD))


def free_port(address: str = "127.0.0.1") -> int:
    for _ in _PORTS_OF_A_SHARD:
        port = _first_port + next(_offset) % len(_PORTS_OF_A_SHARD)
        with socket.socket() as probe:
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return port
    raise AssertionError(f"no port from {_first_port} on is free")


def clean_environment(**extra) -> dict:
    """This process's environment without what would point AWS's tools or the registry elsewhere."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("AWS_", "ENTREPOT_")) and not name.lower().endswith("_proxy")}
    return {**kept, "AWS_EC2_METADATA_DISABLED": "true", **{name: str(value) for name, value in extra.items()}}


def run_entrepot(*arguments, environment: dict | None = None, **options) -> subprocess.CompletedProcess:
    """A command that ends by itself."""
    return subprocess.run([binary_path(), *map(str, arguments)], capture_output=True, text=True, check=False,
                          timeout=START_SECONDS, env=environment or clean_environment(), **options)


class Server:
    """A context manager; inside, `endpoint` answers. The data directory outlives restarts and kills."""

    refusal: str | None = None  # why a test that needs one is skipped

    def __init__(self, scratch: pathlib.Path, *flags: str, environment: dict | None = None,
                 address: str = "127.0.0.1"):
        if self.refusal:
            pytest.skip(self.refusal)
        self.scratch = scratch
        self.data_dir = scratch / "data"
        self.address = address
        self.port = free_port(address)
        self.flags = flags
        self.extra_environment = environment or {}
        self.process: subprocess.Popen | None = None
        self.log_file = scratch / "server.log"
        self.authority = self.data_dir / "tls" / "ca.crt"
        self.tls = "--tls" in flags or "--tls-cert" in flags

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(self, *_) -> None:
        status = self.stop()
        assert status in (0, None), f"the server ended with status {status}:\n{self.log()}"

    # ---- life

    def start(self) -> None:
        assert self.process is None, "it runs already"
        greetings = self._greetings()
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [binary_path(), "serve", "--data-dir", str(self.data_dir), "--listen", self.host, *self.flags],
                stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                env=clean_environment(**self.extra_environment))
        self._wait_until_ready(greetings)

    def _wait_until_ready(self, greetings: int) -> None:
        """/readyz is for clients; after the greeting the administrator's socket is there too."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with status {self.process.returncode}:\n{self.log()}")
            try:
                if self.get("/readyz")[0] == 200 and self._greetings() > greetings:
                    return
            except OSError:
                pass
            time.sleep(0.02)  # between two looks at the condition waited for
        self.kill()
        raise AssertionError(f"the server was not ready within {START_SECONDS} s:\n{self.log()}")

    def _greetings(self) -> int:
        return self.log().count("Entrepot listens on") if self.log_file.exists() else 0

    def stop(self) -> int | None:
        """SIGTERM; its status, or None when it did not run. Kills and fails when it does not stop in time."""
        if self.process is None:
            return None
        process, self.process = self.process, None
        if process.poll() is not None:
            raise AssertionError(f"the server had ended by itself, with status {process.returncode}:\n{self.log()}")
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the server did not stop within {STOP_SECONDS} s of SIGTERM:\n{self.log()}") from None

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        process, self.process = self.process, None
        process.kill()
        process.wait()

    def restart(self) -> None:
        self.stop()
        self.start()

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    # ---- talking to it

    @property
    def host(self) -> str:
        """As image names begin."""
        return f"{self.address}:{self.port}"

    @property
    def endpoint(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}"

    def get(self, path: str, headers: dict | None = None) -> tuple[int, dict, bytes]:
        """Status, headers and body, whatever the status."""
        context = ssl.create_default_context(cafile=str(self.authority)) if self.tls else None
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                             *([urllib.request.HTTPSHandler(context=context)] if context else []))
        request = urllib.request.Request(self.endpoint + path, headers=headers or {})
        try:
            with opener.open(request, timeout=10) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, dict(answer.headers), answer.read()

    def credentials(self) -> tuple[str, str]:
        lines = dict(line.split(" = ", 1) for line in (self.data_dir / "credentials").read_text().splitlines()[1:])
        return lines["aws_access_key_id"], lines["aws_secret_access_key"]

    def environment(self, **extra) -> dict:
        """For AWS's command-line tools."""
        key, secret = self.credentials()
        tls = {"AWS_CA_BUNDLE": self.authority} if self.tls else {}
        return clean_environment(AWS_ENDPOINT_URL=self.endpoint, AWS_REGION=REGION, AWS_DEFAULT_REGION=REGION,
                                 AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret, **tls, **extra)

    def connect(self, port: int | None = None) -> http.client.HTTPConnection:
        """`port`: of a relay in front of it."""
        if not self.tls:
            return http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=60)
        context = ssl.create_default_context(cafile=str(self.authority))
        return http.client.HTTPSConnection("127.0.0.1", port or self.port, timeout=60, context=context)

    def client(self, service: str, region: str = REGION, **config):
        """`config` is botocore's: parameter_validation=False leaves it to the server to refuse."""
        key, secret = self.credentials()
        return boto3.client(service, endpoint_url=self.endpoint, region_name=region, aws_access_key_id=key,
                            aws_secret_access_key=secret, verify=str(self.authority) if self.tls else None,
                            config=Config(retries={"max_attempts": 0}, proxies={}, **config))

    def password(self) -> str:
        """What docker login takes, for the user AWS."""
        token = self.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
        return base64.b64decode(token).decode().removeprefix("AWS:")
