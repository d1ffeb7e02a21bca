"""What every test from outside starts from: a registry of its own, and the clients' credentials for it."""

import itertools
import re

import pytest

from harness.api import Api
from harness.server import Server, binary_path


@pytest.fixture(scope="session")
def binary():
    path = binary_path()
    assert path.exists(), f"{path} is not there: run `make build`, or set ENTREPOT_BINARY"
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A registry that the tests of one file share. Each test uses repositories of its own."""
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
    return Api(server, repository)
