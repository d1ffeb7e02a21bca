"""Real container clients, each with storage, settings and credentials in a scratch folder of the test's own."""

import json
import os
import pathlib
import shutil
import subprocess
import time

from .server import Server, clean_environment

COMMAND_SECONDS = 120
DAEMON_SECONDS = 30


def run(command, environment: dict, stdin: str | None = None, check: bool = True,
        seconds: float = COMMAND_SECONDS) -> subprocess.CompletedProcess:
    outcome = subprocess.run([str(part) for part in command], input=stdin, capture_output=True, text=True, check=False,
                             timeout=seconds, env=environment)
    if check and outcome.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}\nended with {outcome.returncode}:\n{outcome.stdout}{outcome.stderr}")
    return outcome


def image_context(directory: pathlib.Path, message: str) -> pathlib.Path:
    """A folder to build a small image from scratch in: a static busybox, and a message that makes it unlike others."""
    directory.mkdir(parents=True)
    shutil.copy("/bin/busybox", directory / "busybox")
    (directory / "message").write_text(message)
    (directory / "Dockerfile").write_text(
        "FROM scratch\nCOPY busybox /bin/busybox\nCOPY message /message\n"
        'CMD ["/bin/busybox", "cat", "/message"]\n')
    return directory


def trust_directory(scratch: pathlib.Path, server: Server) -> pathlib.Path:
    """For --cert-dir: the authority and nothing else."""
    directory = scratch / "certs"
    directory.mkdir(exist_ok=True)
    shutil.copy(server.authority, directory / "ca.crt")
    return directory


class ContainersTools:
    """skopeo, buildah and podman, which share a library and its files."""

    def __init__(self, scratch: pathlib.Path, server: Server):
        self.server = server
        self.scratch = scratch
        (scratch / "containers.conf").write_text(
            '[containers]\ndefault_ulimits = ["nofile=8192:8192", "nproc=8192:8192"]\n'
            '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n'
            f'tmp_dir = "{scratch}/tmp"\n[network]\nnetwork_backend = "netavark"\nnetwork_config_dir = "{scratch}/net"\n')
        (scratch / "storage.conf").write_text(
            f'[storage]\ndriver = "vfs"\ngraphroot = "{scratch}/graph"\nrunroot = "{scratch}/run"\n')
        (scratch / "registries.conf").write_text("")
        (scratch / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        (scratch / "auth.json").write_text("{}")
        (scratch / "xdg").mkdir(mode=0o700)
        (scratch / "home").mkdir()
        self.environment = clean_environment(
            HOME=scratch / "home", XDG_RUNTIME_DIR=scratch / "xdg", CONTAINERS_CONF=scratch / "containers.conf",
            CONTAINERS_STORAGE_CONF=scratch / "storage.conf", CONTAINERS_REGISTRIES_CONF=scratch / "registries.conf",
            REGISTRY_AUTH_FILE=scratch / "auth.json", BUILDAH_ISOLATION="chroot")

    def trust(self, prefix: str = "") -> list[str]:
        """The flags that make the client accept the server; `prefix` is src- or dest- for skopeo copy."""
        if not self.server.tls:
            return [f"--{prefix}tls-verify=false"]
        return [f"--{prefix}cert-dir", str(trust_directory(self.scratch, self.server))]

    def run(self, *command, **options) -> str:
        return run(command, self.environment, **options).stdout

    def login(self, program: str, host: str | None = None) -> None:
        self.run(program, "login", *self.trust(), "-u", "AWS", "--password-stdin", host or self.server.host,
                 stdin=self.server.password())

    def skopeo(self, *arguments, **options) -> str:
        return self.run("skopeo", "--policy", self.scratch / "policy.json", *arguments, **options)

    def raw_manifest(self, reference: str) -> str:
        return self.skopeo("inspect", "--raw", *self.trust(), f"docker://{reference}")


class DockerDaemon:
    """dockerd with everything of its own, no bridge and no packet filter; a context manager."""

    def __init__(self, scratch: pathlib.Path, **daemon_environment):
        self.scratch = scratch
        self.process: subprocess.Popen | None = None
        self.daemon_environment = clean_environment(HOME=scratch, **daemon_environment)
        self.environment = clean_environment(DOCKER_HOST=f"unix://{scratch}/docker.sock", DOCKER_CONFIG=scratch / "config",
                                             HOME=scratch, DOCKER_BUILDKIT="0")

    def __enter__(self) -> "DockerDaemon":
        log = open(self.scratch / "dockerd.log", "wb")
        self.process = subprocess.Popen(
            ["dockerd", "-H", f"unix://{self.scratch}/docker.sock", "--data-root", self.scratch / "data", "--exec-root",
             self.scratch / "exec", "--pidfile", self.scratch / "dockerd.pid", "--iptables=false", "--ip6tables=false",
             "--bridge=none", "--ip-forward=false", "--storage-driver", "vfs"],
            stdout=log, stderr=subprocess.STDOUT, env=self.daemon_environment)
        log.close()
        wait_for_daemon(self.process, lambda: self.run("version", check=False).returncode == 0, self.scratch / "dockerd.log")
        return self

    def __exit__(self, *_) -> None:
        stop_daemon(self.process)

    def run(self, *arguments, environment: dict | None = None, **options) -> subprocess.CompletedProcess:
        program = "/usr/bin/docker" if os.path.exists("/usr/bin/docker") else "docker"
        return run([program, *arguments], {**self.environment, **(environment or {})}, **options)

    def login(self, server: Server, host: str | None = None, password: str | None = None) -> None:
        self.run("login", "--username", "AWS", "--password-stdin", host or server.host, stdin=password or server.password())

    def repository_digest(self, reference: str) -> str:
        inspected = json.loads(self.run("image", "inspect", reference).stdout)[0]
        return inspected["RepoDigests"][0].split("@")[1]


class Containerd:
    """containerd and its client ctr; a context manager."""

    def __init__(self, scratch: pathlib.Path):
        self.scratch = scratch
        self.process: subprocess.Popen | None = None

    def __enter__(self) -> "Containerd":
        configuration = self.scratch / "config.toml"
        configuration.write_text(
            f'version = 2\nroot = "{self.scratch}/root"\nstate = "{self.scratch}/state"\n'
            f'[grpc]\naddress = "{self.scratch}/containerd.sock"\n[plugins."io.containerd.grpc.v1.cri"]\n'
            f'restrict_oom_score_adj = true\n[plugins."io.containerd.grpc.v1.cri".registry]\n'
            f'config_path = "{self.scratch}/certs.d"\n')
        log = open(self.scratch / "containerd.log", "wb")
        self.process = subprocess.Popen(["containerd", "-c", configuration], stdout=log, stderr=subprocess.STDOUT,
                                        env=clean_environment())
        log.close()
        wait_for_daemon(self.process, lambda: self.run("version", check=False).returncode == 0,
                        self.scratch / "containerd.log")
        return self

    def __exit__(self, *_) -> None:
        stop_daemon(self.process)

    def run(self, *arguments, **options) -> subprocess.CompletedProcess:
        return run(["ctr", "-a", self.scratch / "containerd.sock", *arguments], clean_environment(), **options)

    def trust(self, server: Server, host: str | None = None) -> list[str]:
        """For ctr; what it and the runtime interface read is written on the way. `host`: of a relay in front."""
        host = host or server.host
        endpoint = f"{'https' if server.tls else 'http'}://{host}"
        directory = self.scratch / "certs.d" / host
        directory.mkdir(parents=True, exist_ok=True)
        if not server.tls:
            (directory / "hosts.toml").write_text(f'server = "{endpoint}"\n')
            return ["--plain-http"]
        (directory / "hosts.toml").write_text(
            f'server = "{endpoint}"\n[host."{endpoint}"]\n  capabilities = ["pull", "resolve", "push"]\n'
            f'  ca = "{server.authority}"\n')
        return ["--hosts-dir", str(self.scratch / "certs.d")]


def wait_for_daemon(process: subprocess.Popen, ready, log: pathlib.Path) -> None:
    deadline = time.monotonic() + DAEMON_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        if ready():
            return
        time.sleep(0.1)  # between two looks at the condition waited for
    stop_daemon(process)
    raise AssertionError(f"it did not come up:\n{log.read_text(errors='replace')[-4000:]}")


def stop_daemon(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(DAEMON_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
