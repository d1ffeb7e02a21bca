"""Terraform and its AWS provider, the real programs, with a configuration and a state of the test's own. To start the
provider takes seconds, and Terraform does it for every plan: the tests do much in one."""

import json
import os
import pathlib
import shutil
import subprocess

from .clients import run
from .server import REGION, Server, clean_environment

INIT_SECONDS = 150
RUN_SECONDS = 300
CONFIGURATION = "main.tf.json"
SOURCE = "registry.terraform.io/hashicorp/aws"
REQUIRED = {"required_providers": {"aws": {"source": SOURCE, "version": ">= 5.100"}}}
NO_CHANGES, CHANGES = 0, 2  # of plan -detailed-exitcode


class Absent(Exception):
    """This machine has no Terraform, or Terraform finds no AWS provider."""


def cli_configuration(scratch: pathlib.Path) -> pathlib.Path:
    """The user's own, or one that names the filesystem mirror under /opt, where there is one."""
    own = pathlib.Path(os.environ.get("TF_CLI_CONFIG_FILE") or pathlib.Path.home() / ".terraformrc")
    if own.exists():
        return own
    mirrors = sorted(path.parents[2] for path in pathlib.Path("/opt").glob(f"*/{SOURCE}"))
    written = scratch / "terraformrc"
    written.write_text("".join(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n'
                               for mirror in mirrors[:1]))
    return written


def install_provider(scratch: pathlib.Path) -> pathlib.Path:
    """A folder in which `terraform init` has put the provider: from a mirror, or from the network."""
    if shutil.which("terraform") is None:
        raise Absent("this machine has no Terraform")
    folder = scratch / "installed"
    folder.mkdir()
    (folder / CONFIGURATION).write_text(json.dumps({"terraform": REQUIRED}))
    environment = {**os.environ, "TF_CLI_CONFIG_FILE": str(cli_configuration(scratch)), "CHECKPOINT_DISABLE": "1"}
    try:
        outcome = subprocess.run(["terraform", "init", "-no-color", "-input=false"], cwd=folder, env=environment, check=False,
                                 capture_output=True, text=True, timeout=INIT_SECONDS)
    except subprocess.TimeoutExpired:
        raise Absent(f"Terraform finds no AWS provider: nothing within {INIT_SECONDS} s") from None
    if outcome.returncode != 0:
        raise Absent(f"Terraform finds no AWS provider: {' '.join(outcome.stderr.split())}")
    return folder


class Workspace:
    """A configuration and its state, for one region of a registry."""

    def __init__(self, folder: pathlib.Path, installed: pathlib.Path, server: Server, region: str = REGION):
        self.folder = folder
        shutil.copytree(installed, folder, symlinks=True)
        self.environment = clean_environment(HOME=folder, CHECKPOINT_DISABLE="1", TF_CLI_CONFIG_FILE=os.devnull)
        key, secret = server.credentials()
        self.provider = {"region": region, "access_key": key, "secret_key": secret,
                         "endpoints": [{"ecr": server.endpoint, "sts": server.endpoint}],
                         **({"custom_ca_bundle": str(server.authority)} if server.tls else {})}

    def configure(self, **blocks) -> None:
        """`resource`, `data` and `import`, as JSON spells the language."""
        (self.folder / CONFIGURATION).write_text(
            json.dumps({"terraform": REQUIRED, "provider": {"aws": self.provider}, **blocks}))

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        return run(["terraform", f"-chdir={self.folder}", *arguments], self.environment, check=check, seconds=RUN_SECONDS)

    def apply(self) -> dict:
        """How many were added, changed, removed and imported."""
        return summary_of(self.run("apply", "-json", "-auto-approve", "-input=false").stdout)

    def destroy(self, check: bool = True) -> subprocess.CompletedProcess:
        return self.run("destroy", "-json", "-auto-approve", "-input=false", check=check)

    def has_nothing_to_do(self) -> bool:
        """Whether a plan finds everything as the configuration wants it."""
        outcome = self.run("plan", "-detailed-exitcode", "-no-color", "-input=false", check=False)
        if outcome.returncode not in (NO_CHANGES, CHANGES):
            raise AssertionError(outcome.stdout + outcome.stderr)
        if outcome.returncode == CHANGES:
            print(outcome.stdout)
        return outcome.returncode == NO_CHANGES

    def forget(self) -> None:
        """Takes everything from the state; it stays where it is."""
        self.run("state", "rm", *self.run("state", "list").stdout.split())

    def attributes(self) -> dict[str, dict]:
        """By address, what the state has of every resource and data source."""
        state = json.loads(self.run("show", "-json").stdout)
        return {one["address"]: one["values"] for one in state["values"]["root_module"]["resources"]}


def summary_of(lines: str) -> dict:
    """The counts at the end of a run with -json."""
    events = [json.loads(line) for line in lines.splitlines()]
    (summary,) = [event["changes"] for event in events
                  if event["type"] == "change_summary" and event["changes"]["operation"] == "apply"]
    return {what: summary[what] for what in ("add", "change", "remove", "import")}
