"""containerd, as Kubernetes nodes pull: HEAD without credentials first, one PUT for a layer."""

import json
import pathlib
import random

import pytest

from harness.clients import Containerd, run
from harness.cutting_proxy import CuttingProxy
from harness.server import clean_environment
from harness.v2 import digest_of


@pytest.fixture(scope="module")
def containerd(tmp_path_factory):
    with Containerd(tmp_path_factory.mktemp("containerd")) as daemon:
        yield daemon


@pytest.fixture
def pushed(registry, repository, tools, context):
    """An image that buildah pushed."""
    reference = f"{registry.host}/{repository}:v1"
    tools.run("buildah", "build", "-t", reference, context)
    tools.login("buildah")
    tools.run("buildah", "push", *tools.trust(), reference)
    return reference


def test_pull_push_pull(registry, repository, containerd, tools, pushed):
    user = f"AWS:{registry.password()}"
    trust = containerd.trust(registry)
    containerd.run("images", "pull", *trust, "--user", user, pushed)
    copy = pushed.replace(":v1", ":copy")
    containerd.run("images", "tag", pushed, copy)
    containerd.run("images", "push", *trust, "--user", user, copy)
    assert json.loads(tools.raw_manifest(copy)) == json.loads(tools.raw_manifest(pushed))
    containerd.run("images", "rm", pushed, copy)
    containerd.run("images", "pull", *trust, "--user", user, copy)


def test_pushes_layers_of_its_own(registry, repository, containerd, tools, context):
    """Layers that the registry does not have yet, imported from an archive."""
    reference = f"{registry.host}/{repository}:own"
    tools.run("buildah", "build", "-t", reference, context)
    tools.run("buildah", "push", reference, f"docker-archive:{tools.scratch}/image.tar:{reference}")
    containerd.run("images", "import", tools.scratch / "image.tar")
    containerd.run("images", "push", *containerd.trust(registry), "--user", f"AWS:{registry.password()}", reference)
    containerd.run("images", "rm", reference)
    containerd.run("images", "pull", *containerd.trust(registry), "--user", f"AWS:{registry.password()}", reference)


def test_every_platform_of_an_index(registry, repository, containerd, tools, layout):
    """In and out again under another name, with all that the index names."""
    index = layout.index(layout.content)
    layout.name(index, "multi")
    tools.login("skopeo")
    tools.skopeo("copy", "--all", "--preserve-digests", *tools.trust("dest-"), f"oci:{layout.folder}:multi",
                 f"docker://{registry.host}/{repository}:multi")
    reference, user, trust = f"{registry.host}/{repository}", f"AWS:{registry.password()}", containerd.trust(registry)
    containerd.run("images", "pull", *trust, "--user", user, "--all-platforms", f"{reference}:multi")
    containerd.run("images", "tag", f"{reference}:multi", f"{reference}:again")
    registry.client("ecr").batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "multi"}])
    containerd.run("images", "push", *trust, "--user", user, f"{reference}:again")
    assert digest_of(tools.raw_manifest(f"{reference}:again").encode()) == index["digest"]


@pytest.mark.parametrize("direction", ["push", "pull"])
def test_a_broken_line(direction, registry, repository, containerd, tools, layout):
    """A line that breaks in the midst of a layer costs another attempt, of its own or of a person's."""
    image = layout.image({"content": random.Random(layout.content["message"]).randbytes(24 << 20)})
    layout.name(image, "v1")
    user = f"AWS:{registry.password()}"
    with CuttingProxy(registry, direction, 9 << 20) as proxy:
        through = f"{proxy.host}/{repository}:v1"
        tools.login("skopeo")
        if direction == "pull":
            tools.skopeo("copy", *tools.trust("dest-"), f"oci:{layout.folder}:v1", f"docker://{registry.host}/{repository}:v1")
        else:
            tools.skopeo("copy", f"oci:{layout.folder}:v1", f"oci-archive:{tools.scratch}/image.tar:v1")
            containerd.run("images", "import", "--base-name", f"{proxy.host}/{repository}", tools.scratch / "image.tar")
        command = ["images", direction, *containerd.trust(registry, proxy.host), "--user", user, through]
        if containerd.run(*command, check=False).returncode != 0:
            containerd.run(*command)
    assert proxy.cuts == 1
    assert digest_of(tools.raw_manifest(f"{registry.host}/{repository}:v1").encode()) == image["digest"]
    if direction == "pull":
        containerd.run("content", "get", image["digest"])


def test_without_credentials_it_is_refused(registry, containerd, pushed):
    refused = containerd.run("images", "pull", *containerd.trust(registry), pushed, check=False)
    assert refused.returncode != 0 and "401 Unauthorized" in refused.stdout + refused.stderr


def test_runtime_interface_pulls_with_credentials(registry, repository, containerd, pushed):
    """PullImage with AuthConfig, as a kubelet calls it; without, it is refused."""
    containerd.trust(registry)
    pull = ["/usr/bin/python3", pathlib.Path(__file__).with_name("cri_pull.py"), containerd.scratch / "containerd.sock", pushed]
    refused = run(pull, clean_environment(), check=False)
    assert refused.returncode != 0 and "401 Unauthorized" in refused.stderr
    assert run([*pull, "AWS", registry.password()], clean_environment()).stdout.startswith("sha256:")
    digest = registry.client("ecr").describe_images(repositoryName=repository)["imageDetails"][0]["imageDigest"]
    listed = containerd.run("--namespace", "k8s.io", "images", "list").stdout
    assert any(line.startswith(pushed) and digest in line for line in listed.splitlines()), listed
