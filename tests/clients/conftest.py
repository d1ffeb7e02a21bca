import os
import secrets
import shutil

import pytest

from harness import go_clients
from harness.clients import ContainersTools, image_context
from harness.go_clients import GoClients
from harness.layout import Layout

NEEDED = {"docker": ["dockerd"], "containerd": ["containerd", "ctr"], "podman": ["podman", "runc"], "buildah": ["buildah"],
          "skopeo": ["skopeo", "umoci"], "aws_cli": ["aws"]}
NEEDED_OF_GO = {"crane": ["crane"], "oras": ["oras"], "regctl": ["regctl"], "helm": ["helm"],
                "interrupted": ["crane", "regctl"], "buildkit": ["buildkitd", "buildctl"],
                "credential_helper": ["docker-credential-ecr-login", "crane"]}


@pytest.fixture(autouse=True)
def programs(request):
    """Skips a file whose client is not installed (tools/setup test installs all of them) or needs root."""
    client = request.module.__name__.rsplit(".", 1)[-1].removeprefix("test_")
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", os.path.dirname(os.sys.executable)])
    missing = [program for program in NEEDED.get(client, []) if shutil.which(program, path=path) is None]
    if missing:
        pytest.skip(f"not installed: {' '.join(missing)}")
    for reason in filter(None, map(go_clients.missing, NEEDED_OF_GO.get(client, []))):
        pytest.skip(reason)
    if client in ("docker", "containerd", "podman", "buildkit", "credential_helper") and os.geteuid() != 0:
        pytest.skip("needs root")


@pytest.fixture(params=["http", "tls"])
def registry(request):
    return request.getfixturevalue("server" if request.param == "http" else "tls_server")


@pytest.fixture
def repository(registry):
    name = f"clients/{secrets.token_hex(4)}"
    registry.client("ecr").create_repository(repositoryName=name)
    return name


@pytest.fixture
def tools(tmp_path, registry):
    scratch = tmp_path / "tools"
    scratch.mkdir()
    return ContainersTools(scratch, registry)


@pytest.fixture
def context(tmp_path):
    """A folder to build an image in that no other test has built."""
    return image_context(tmp_path / "context", secrets.token_hex(16))


@pytest.fixture
def go(tmp_path, registry):
    return GoClients(tmp_path / "go", registry)


@pytest.fixture
def layout(tmp_path):
    """An OCI layout to add images to, and content that no other test has pushed."""
    made = Layout(tmp_path / "layout")
    made.content = {"message": secrets.token_hex(16).encode()}
    return made
