"""The servers that are measured: each a process of ours on loopback with its files in the run's directory."""

import contextlib
import ctypes
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from . import goals
from .content import MANIFEST_TYPE, Content
from .registry_client import SetUpError, call_ecr, connect, push_content, registry_token, signed_text

_START_LIMIT_SECONDS = 30
_STOP_LIMIT_SECONDS = 30
_REGION = "us-west-2"
_DEFAULT_MODE = (goals.ENTREPOT, goals.FULL, goals.FULLER)
_ENTREPOTS = (*_DEFAULT_MODE, goals.DISK, goals.CHUNKED, goals.DISK_TLS)


class Server:
    """One process. `directory` is its own; `data` in it is what wipe() empties."""

    ready_path: str | None = None  # answers 200 without credentials once the server serves; None = only listens
    tls = False

    def __init__(self, name: str, directory: Path, content: Content):
        self.name, self.directory, self.content = name, directory, content
        self.data = directory / "data"
        self.port = _free_port()
        self.process: subprocess.Popen | None = None
        self.data.mkdir(parents=True)

    def command(self) -> list:
        raise NotImplementedError

    def headers(self) -> dict:
        """What every request of the generator carries."""
        return {}

    def seed(self, digests: set):
        """Makes the image, and the blobs of these digests, be there to pull. Runs while the server does."""

    def start(self, processors: set):
        log = open(self.directory / "log", "ab")
        with log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=lambda: confine(processors))
        deadline = time.monotonic() + _START_LIMIT_SECONDS
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise SetUpError(f"{self.name} did not start; see {self.directory / 'log'}")
            time.sleep(0.005)

    def stop(self):
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def wipe(self):
        """Back to an empty data directory. The server is stopped."""
        shutil.rmtree(self.data)
        self.data.mkdir()

    def _ready(self) -> bool:
        try:
            if self.ready_path is None:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                return True
            connection = connect(self.port, self.tls, timeout=5)
            connection.request("GET", self.ready_path)
            ready = connection.getresponse().status == 200
            connection.close()
            return ready
        except OSError:
            return False


class Nginx(Server):
    """The bound for pulls: static files at the paths a registry serves them under, one process, sendfile."""

    ready_path = "/ready"

    def __init__(self, name, directory, content):
        super().__init__(name, directory, content)
        self.tls = name == goals.NGINX_TLS

    def command(self):
        temporary = "\n".join(f"  {kind}_temp_path {self.directory}/{kind};"
                              for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        tls = ""
        if self.tls:
            certificate, key = make_certificate(self.directory)
            tls = f"ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols TLSv1.3;"
        configuration = self.directory / "nginx.conf"
        configuration.write_text(f"""daemon off;
master_process off;
error_log stderr error;
pid {self.directory}/pid;
events {{ worker_connections 8192; }}
http {{
{temporary}
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout 600;
  default_type {MANIFEST_TYPE};
  server {{ listen 127.0.0.1:{self.port}{" ssl" if self.tls else ""}; {tls} root {self.data}; location = /ready {{ return 200; }} }}
}}
""")
        return [shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(configuration), "-p", str(self.directory)]

    def seed(self, digests):
        repository = self.data / "v2" / "bench"
        for folder in ("blobs", "manifests"):
            (repository / folder).mkdir(parents=True, exist_ok=True)
        for digest in digests:
            (repository / "blobs" / digest).unlink(missing_ok=True)
            os.link(self.content.files[digest], repository / "blobs" / digest)
        for reference in ("latest", self.content.manifest_digest):
            (repository / "manifests" / reference).write_bytes(self.content.manifest)


class DockerRegistry(Server):
    """Debian's docker-registry with its default storage and cache, its logs off, without authentication."""

    ready_path = "/v2/"

    def command(self):
        configuration = self.directory / "config.yml"
        configuration.write_text(f"""version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  cache: {{blobdescriptor: inmemory}}
  filesystem: {{rootdirectory: {self.data}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{self.port}", secret: bench}}
""")
        return ["docker-registry", "serve", str(configuration)]

    def headers(self):
        return {"Accept": MANIFEST_TYPE}

    def seed(self, digests):
        push_content(self.port, self.headers(), self.content, digests)


class EcrServer(Server):
    """One that also answers ECR's API."""

    def credentials(self) -> Path:
        """An AWS credentials file."""
        raise NotImplementedError

    def call(self, operation: str, parameters: dict) -> dict:
        return call_ecr(self.port, self.credentials(), _REGION, operation, parameters, self.tls)

    def signed(self, operation: str, parameters: dict) -> bytes:
        """The request as it goes on the wire."""
        return signed_text(self.port, self.credentials(), _REGION, operation, parameters)


class Moto(EcrServer):
    """Its repository holds 100 images: it knows no pages, and answers with all that there are."""

    ready_path = "/moto-api/"

    def command(self):
        return ["moto_server", "-H", "127.0.0.1", "-p", str(self.port)]

    def seed(self, digests):
        self.call("CreateRepository", {"repositoryName": "bench"})
        for i in range(100):
            manifest = {**json.loads(self.content.manifest), "annotations": {"org.example.unique": str(i)}}
            self.call("PutImage", {"repositoryName": "bench", "imageManifest": json.dumps(manifest), "imageTag": f"v{i}"})

    def credentials(self):
        file = self.data / "credentials"
        file.write_text("[default]\naws_access_key_id = any\naws_secret_access_key = any\n")
        return file


class Entrepot(EcrServer):
    """In its default mode, or trusting the disk below to encrypt; every request of the generator has a token."""

    ready_path = "/readyz"

    def __init__(self, name, directory, content, binary: Path):
        super().__init__(name, directory, content)
        self._binary = binary
        self._token = ""
        self.tls = name == goals.DISK_TLS

    def command(self):
        mode = [] if self.name in _DEFAULT_MODE else ["--storage-encryption", "disk"]
        if self.tls:
            certificate, key = make_certificate(self.directory)
            mode += ["--tls-cert", str(certificate), "--tls-key", str(key)]
        return [str(self._binary), "serve", "--data-dir", str(self.data), "--listen", f"127.0.0.1:{self.port}", *mode]

    def start(self, processors):
        super().start(processors)
        self._token = registry_token(self.port, self.credentials(), _REGION, self.tls)

    def headers(self):
        return {"Accept": MANIFEST_TYPE, "Authorization": f"Basic {self._token}"}

    def seed(self, digests):
        if not self.call("DescribeRepositories", {})["repositories"]:
            self.call("CreateRepository", {"repositoryName": "bench"})
        push_content(self.port, self.headers(), self.content, digests, self.tls)

    def credentials(self):
        return self.data / "credentials"


class Bound(Server):
    """upload_bound or pull_bound: `name` ends in the letters or the way that its command line takes."""

    def __init__(self, name, directory, content, build: Path):
        super().__init__(name, directory, content)
        self._build = build

    def command(self):
        program, how = self.name.split()
        size = [str(1 << 30)] if program == "pull-bound" else []
        return [str(self._build / program.replace("-", "_")), str(self.port), how, *size, str(self.data)]


def make_server(name: str, directory: Path, content: Content, build: Path) -> Server:
    own = directory / name.replace(" ", "-")
    if name in (goals.NGINX, goals.NGINX_TLS):
        return Nginx(name, own, content)
    if name == goals.REGISTRY:
        return DockerRegistry(name, own, content)
    if name == goals.MOTO:
        return Moto(name, own, content)
    if name in _ENTREPOTS:
        return Entrepot(name, own, content, build / "entrepot")
    return Bound(name, own, content, build)


def make_certificate(directory: Path) -> tuple:
    """A certificate for 127.0.0.1 signed by itself, and its key, made once a directory."""
    certificate, key = directory / "tls.crt", directory / "tls.key"
    if not certificate.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=127.0.0.1",
                        "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return certificate, key


def missing_program(name: str, build: Path) -> str | None:
    """The program that a server needs and this machine does not have."""
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    program = {goals.NGINX: nginx, goals.NGINX_TLS: nginx if shutil.which("wrk") else None,
               goals.REGISTRY: shutil.which("docker-registry"), goals.MOTO: shutil.which("moto_server"),
               **{entrepot: build / "entrepot" for entrepot in _ENTREPOTS}}.get(
                   name, build / name.split()[0].replace("-", "_"))
    return None if program and Path(program).exists() else str(program or name)


def confine(processors: set):
    """Runs in a new child: on these processors only, and not beyond the end of this process."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
    os.sched_setaffinity(0, processors)


def _free_port() -> int:
    """Below the range from which the generator's own connections take theirs, so that a restart finds it free."""
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", random.randrange(20000, 30000)))
            return probe.getsockname()[1]
