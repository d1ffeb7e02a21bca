"""What every test from outside starts from: a registry of its own, and the clients' credentials for it."""

import itertools
import re

import pytest

from harness.aws import AwsAccount
from harness.server import Server, binary_path


def pytest_addoption(parser):
    parser.addoption("--aws", action="store_true",
                     help="the tests of the ECR API against the empty AWS account and region that AWS's environment names")


def pytest_configure(config):
    config.addinivalue_line("markers", "own_server(reason): why it is not run with --aws")
    config.aws_account = AwsAccount.adopt() if config.getoption("--aws") else None


def pytest_unconfigure(config):
    if getattr(config, "aws_account", None):
        config.aws_account.leave()


def pytest_collection_modifyitems(config, items):
    if config.aws_account is None:
        return
    for item in items:
        if not item.path.name.startswith(("test_ecr_", "test_sts_")):
            item.add_marker(pytest.mark.skip("--aws: it is not about ECR's API"))
        elif marker := item.get_closest_marker("own_server"):
            item.add_marker(pytest.mark.skip(f"--aws: {marker.args[0]}"))


@pytest.fixture(scope="session")
def binary():
    path = binary_path()
    assert path.exists(), f"{path} is not there: run `make build`, or set ENTREPOT_BINARY"
    return path


@pytest.fixture(scope="module")
def server(request, tmp_path_factory):
    """A registry that the tests of one file share. Each test uses repositories of its own."""
    if request.config.aws_account:
        yield request.config.aws_account
        return
    with Server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory):
    """The same with --tls auto."""
    with Server(tmp_path_factory.mktemp("tls-server"), "--tls", "auto", "--tls-names", "registry.test") as running:
        yield running


@pytest.fixture
def own_server(tmp_path):
    """A registry that the test may stop, kill and start again."""
    with Server(tmp_path) as running:
        yield running


@pytest.fixture
def ecr(server):
    return server.client("ecr")


_numbers = itertools.count(1)


@pytest.fixture
def repository(server, request):
    """A new repository, named after the test."""
    words = re.sub("[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    name = f"test/{words[:200]}-{next(_numbers)}"  # parameters may differ in nothing that a name can hold
    server.client("ecr").create_repository(repositoryName=name)
    return name


@pytest.fixture
def api(server, repository):
    """The JSON API on a new repository; only the server checks the parameters."""
    from harness.api import Api  # not before --aws has been looked at: it copies the account's names

    return Api(server, repository)
