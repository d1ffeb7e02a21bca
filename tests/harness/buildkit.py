"""BuildKit's daemon and its client, rootful, with everything of their own; a context manager.

BuildKit speaks plain HTTP to whatever is called 127.0.0.1, so that over TLS it needs a name: the daemon runs in a mount
namespace of its own, whose /etc/hosts knows one."""

import base64
import json
import pathlib
import subprocess

from .clients import run, stop_daemon, wait_for_daemon
from .go_clients import program
from .server import Server, clean_environment


NAME = "registry.test"


class BuildKit:
    def __init__(self, scratch: pathlib.Path, server: Server):
        self.scratch, self.server = scratch, server
        self.host = f"{NAME}:{server.port}" if server.tls else server.host
        self.process: subprocess.Popen | None = None
        self.socket = f"unix://{scratch}/buildkitd.sock"
        (scratch / "docker").mkdir(parents=True)
        trust = f'ca = ["{server.authority}"]' if server.tls else "http = true"
        (scratch / "buildkitd.toml").write_text(
            f'root = "{scratch}/root"\n[grpc]\naddress = ["{self.socket}"]\n[worker.oci]\nsnapshotter = "native"\n'
            f'networkMode = "host"\n[worker.containerd]\nenabled = false\n[registry."{self.host}"]\n{trust}\n')
        (scratch / "hosts").write_text(f"127.0.0.1 localhost {NAME}\n")
        self.environment = clean_environment(HOME=scratch, DOCKER_CONFIG=scratch / "docker")

    def login(self) -> None:
        auth = base64.b64encode(f"AWS:{self.server.password()}".encode()).decode()
        (self.scratch / "docker" / "config.json").write_text(json.dumps({"auths": {self.host: {"auth": auth}}}))

    def __enter__(self) -> "BuildKit":
        with open(self.scratch / "buildkitd.log", "wb") as log:
            self.process = subprocess.Popen(
                ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', self.scratch / "hosts",
                 program("buildkitd"), "--config", self.scratch / "buildkitd.toml"],
                stdout=log, stderr=subprocess.STDOUT, env=self.environment)
        wait_for_daemon(self.process, lambda: self.buildctl("debug", "workers", check=False).returncode == 0,
                        self.scratch / "buildkitd.log")
        return self

    def __exit__(self, *_) -> None:
        stop_daemon(self.process)

    def buildctl(self, *arguments, **options) -> subprocess.CompletedProcess:
        return run([program("buildctl"), "--addr", self.socket, *arguments], self.environment, **options)

    def build(self, context: pathlib.Path, reference: str, *arguments) -> str:
        """Builds and pushes; what the build said."""
        outcome = self.buildctl("build", "--progress", "plain", "--frontend", "dockerfile.v0", "--local", f"context={context}",
                                "--local", f"dockerfile={context}", "--output", f"type=image,name={reference},push=true",
                                *arguments)
        return outcome.stdout + outcome.stderr

    def forget(self) -> None:
        self.buildctl("prune", "--all")
