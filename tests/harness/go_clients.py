"""crane, oras, regctl, helm and BuildKit, which tools/setup installs with the Go toolchain; each with its files in a
scratch folder of the test's own."""

import json
import os
import pathlib

from .clients import run
from .server import ROOT, Server, clean_environment

FOLDER = ROOT / "build" / "tools" / "go"


def program(name: str) -> pathlib.Path:
    return FOLDER / name


def missing(name: str) -> str | None:
    """Why a program is not there; nothing when it is."""
    if os.access(program(name), os.X_OK):
        return None
    reason = FOLDER / f"{name}.absent"
    if reason.exists():
        return f"this machine cannot have {name}: {reason.read_text().strip()}"
    return f"not installed: {name}"


class GoClients:
    """Over TLS every program trusts the server's own authority, and nothing else."""

    def __init__(self, scratch: pathlib.Path, server: Server, host: str | None = None):
        """`host`: under which the clients reach the server, when not directly."""
        self.folder, self.scratch, self.server, self.host = FOLDER, scratch, server, host or server.host
        scratch.mkdir(parents=True, exist_ok=True)
        trust = {"SSL_CERT_FILE": server.authority, "SSL_CERT_DIR": scratch / "none"} if server.tls else {}
        self.environment = clean_environment(HOME=scratch, DOCKER_CONFIG=scratch / "docker", XDG_CONFIG_HOME=scratch / "config",
                                             XDG_CACHE_HOME=scratch / "cache", XDG_DATA_HOME=scratch / "share", **trust)

    def run(self, name: str, *arguments, **options) -> str:
        return run([program(name), *arguments], self.environment, **options).stdout

    def fails(self, name: str, *arguments, **options) -> str:
        """What a command that must fail says."""
        outcome = run([program(name), *arguments], self.environment, check=False, **options)
        assert outcome.returncode != 0, outcome.stdout
        return outcome.stdout + outcome.stderr

    # ---- crane

    def crane(self, *arguments, **options) -> str:
        return self.run("crane", *arguments, **options)

    def crane_login(self) -> None:
        self.crane("auth", "login", self.host, "-u", "AWS", "--password-stdin", stdin=self.server.password())

    # ---- oras

    def oras_trust(self, prefix: str = "") -> list[str]:
        """`prefix`: from- or to- for `oras copy`."""
        return [f"--{prefix}ca-file", str(self.server.authority)] if self.server.tls else [f"--{prefix}plain-http"]

    def oras(self, command: str, *arguments, **options) -> str:
        trust = [*self.oras_trust("from-"), *self.oras_trust("to-")] if command == "copy" else self.oras_trust()
        return self.run("oras", *command.split(), *trust, *arguments, **options)

    def oras_login(self) -> None:
        self.oras("login", "-u", "AWS", "--password-stdin", self.host, stdin=self.server.password())

    # ---- regctl

    def regctl(self, *arguments, **options) -> str:
        return self.run("regctl", *arguments, **options)

    def regctl_login(self) -> None:
        trust = ["--tls", "enabled", "--cacert", self.server.authority.read_text()] if self.server.tls else ["--tls", "disabled"]
        self.regctl("registry", "set", "--skip-check", self.host, *trust)
        self.regctl("registry", "login", self.host, "-u", "AWS", "--pass-stdin", stdin=self.server.password())

    # ---- helm

    def helm_trust(self) -> list[str]:
        return ["--ca-file", str(self.server.authority)] if self.server.tls else ["--plain-http"]

    def helm(self, *arguments, **options) -> str:
        return self.run("helm", *arguments, **options)

    def helm_login(self) -> None:
        self.helm("registry", "login", self.host, *self.helm_trust(), "--username", "AWS", "--password-stdin",
                  stdin=self.server.password())

    # ---- all of them

    def json(self, name: str, *arguments, **options):
        return json.loads(self.run(name, *arguments, **options))
