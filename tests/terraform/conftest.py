"""Terraform with the AWS provider, where the machine has them: their absence is one skip a case."""

import pytest

from harness.terraform import Absent, Workspace, install_provider


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """A folder in which `terraform init` has put the provider."""
    try:
        return install_provider(tmp_path_factory.mktemp("terraform"))
    except Absent as absence:
        pytest.skip(str(absence))


@pytest.fixture(scope="module")
def new_workspace(installed, tmp_path_factory):
    """Makes workspaces for (server, region)."""
    return lambda *where: Workspace(tmp_path_factory.mktemp("workspaces") / "workspace", installed, *where)
