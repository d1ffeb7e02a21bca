"""docker: a daemon of the test's own, over plain HTTP and TLS on loopback, and over verified TLS beyond it."""

import json
import random
import secrets

import pytest

from harness.clients import DockerDaemon, image_context
from harness.cutting_proxy import CuttingProxy
from harness.namespace import ADDRESS, run_in_namespace
from harness.server import Server
from harness.v2 import V2, digest_of


@pytest.fixture(scope="module")
def docker(tmp_path_factory):
    with DockerDaemon(tmp_path_factory.mktemp("docker")) as daemon:
        yield daemon


def test_build_push_delete_pull_run(registry, repository, docker, context):
    reference = f"{registry.host}/{repository}:v1"
    docker.login(registry)
    docker.run("build", "-t", reference, context)
    docker.run("push", reference)
    digest, image_id = docker.repository_digest(reference), docker.run("image", "inspect", "-f", "{{.Id}}", reference).stdout
    docker.run("rmi", "-f", reference)
    docker.run("pull", reference)
    assert docker.repository_digest(reference) == digest
    assert docker.run("image", "inspect", "-f", "{{.Id}}", reference).stdout == image_id
    assert docker.run("run", "--rm", "--network", "none", reference).stdout == (context / "message").read_text()
    image = registry.client("ecr").describe_images(repositoryName=repository)["imageDetails"][0]
    assert (image["imageDigest"], image["imageTags"]) == (digest, ["v1"])


def test_buildkit(registry, repository, docker, context):
    reference = f"{registry.host}/{repository}:bk"
    docker.login(registry)
    docker.run("build", "--network", "none", "-t", reference, context, environment={"DOCKER_BUILDKIT": "1"})
    docker.run("push", reference)
    docker.run("rmi", "-f", reference)
    docker.run("pull", reference)


def test_push_of_all_tags(registry, repository, docker, context):
    reference = f"{registry.host}/{repository}"
    docker.login(registry)
    for tag in ("v1", "v2"):
        docker.run("build", "-t", f"{reference}:{tag}", context)
    docker.run("push", "--all-tags", reference)
    tags = {image["imageTag"] for image in registry.client("ecr").list_images(repositoryName=repository)["imageIds"]}
    assert tags == {"v1", "v2"}


def test_manifest_list(server, docker, tmp_path):
    """Over plain HTTP: below 127.0.0.0/8 `docker manifest` tries nothing else."""
    repository = f"clients/{secrets.token_hex(4)}"
    server.client("ecr").create_repository(repositoryName=repository)
    docker.login(server)
    make_manifest_list(docker, f"{server.host}/{repository}", tmp_path, ["--insecure"])


def make_manifest_list(docker, reference: str, folder, flags: list[str], **environment) -> None:
    """Several platforms by `docker manifest`, which talks to the registry itself."""
    for architecture in ("amd64", "arm64"):
        docker.run("build", "-t", f"{reference}:{architecture}", image_context(folder / architecture, architecture))
        docker.run("push", f"{reference}:{architecture}")

    def manifest(command: str, *arguments) -> str:
        cli = {"DOCKER_CLI_EXPERIMENTAL": "enabled", **environment}
        return docker.run("manifest", command, *arguments, environment=cli).stdout

    manifest("create", *flags, f"{reference}:multi", f"{reference}:amd64", f"{reference}:arm64")
    manifest("annotate", f"{reference}:multi", f"{reference}:arm64", "--os", "linux", "--arch", "arm64")
    manifest("push", *flags, f"{reference}:multi")
    index = json.loads(manifest("inspect", *flags, f"{reference}:multi"))
    assert {child["platform"]["architecture"] for child in index["manifests"]} == {"amd64", "arm64"}
    docker.run("rmi", "-f", f"{reference}:amd64")
    docker.run("pull", "--platform", "linux/amd64", f"{reference}:multi")
    assert docker.run("run", "--rm", "--network", "none", f"{reference}:multi").stdout == "amd64"


@pytest.mark.parametrize("direction", ["push", "pull"])
def test_a_broken_line(direction, registry, repository, docker, context):
    """A line that breaks in the midst of a layer costs another attempt, the daemon's own or a person's."""
    (context / "message").write_bytes(random.Random(repository).randbytes(24 << 20))
    with CuttingProxy(registry, direction, 9 << 20) as proxy:
        reference = f"{proxy.host}/{repository}:v1"
        docker.login(registry, proxy.host)
        docker.run("build", "-t", reference, context)
        if direction == "pull":
            docker.login(registry)
            docker.run("tag", reference, f"{registry.host}/{repository}:v1")
            docker.run("push", f"{registry.host}/{repository}:v1")
            docker.run("image", "prune", "--all", "--force")
        if docker.run(direction, reference, check=False).returncode != 0:
            docker.run(direction, reference)
    assert proxy.cuts == 1
    v2 = V2(registry, repository)
    manifest = v2.get_manifest("v1")
    assert docker.repository_digest(reference) == digest_of(manifest.body)
    assert all(digest_of(v2.get_blob(layer["digest"]).body) == layer["digest"] for layer in manifest.json()["layers"])


def test_refusals_read_well(registry, repository, docker, context):
    reference = f"{registry.host}/{repository}:v1"
    docker.run("logout", registry.host)
    docker.run("build", "-t", reference, context)
    unknown = docker.run("push", reference, check=False)
    assert unknown.returncode != 0 and "no basic auth credentials" in unknown.stderr
    wrong = docker.run("login", "-u", "AWS", "--password-stdin", registry.host, stdin="wrong", check=False)
    assert wrong.returncode != 0
    if not registry.tls:  # on TLS the daemon tries plain HTTP last, and tells how that failed
        assert "401 Unauthorized" in wrong.stderr
    docker.login(registry)
    absent = docker.run("pull", f"{registry.host}/{repository}:absent", check=False)
    assert absent.returncode != 0 and "manifest unknown" in absent.stderr


def test_verified_tls(tmp_path):
    """By a name and an address for which docker does verify: refused without the authority, served with it."""

    def scenario():
        with Server(tmp_path / "server", "--tls", "auto", "--tls-names", "registry.test", address=ADDRESS) as server:
            repository = "clients/verified"
            server.client("ecr").create_repository(repositoryName=repository)
            host = f"registry.test:{server.port}"
            with DockerDaemon(tmp_path / "mistrusting") as daemon:
                refused = daemon.run("login", "-u", "AWS", "--password-stdin", host, stdin=server.password(), check=False)
                assert refused.returncode != 0 and "certificate signed by unknown authority" in refused.stderr
            with DockerDaemon(tmp_path / "trusting", SSL_CERT_FILE=server.authority) as daemon:
                daemon.login(server, host)
                reference = f"{host}/{repository}:v1"
                daemon.run("build", "-t", reference, image_context(tmp_path / "context", "verified"))
                daemon.run("push", reference)
                daemon.run("rmi", "-f", reference)
                daemon.run("pull", reference)
                assert daemon.run("run", "--rm", "--network", "none", reference).stdout == "verified"
                make_manifest_list(daemon, f"{host}/{repository}", tmp_path, [], SSL_CERT_FILE=server.authority)

    for name in ("server", "mistrusting", "trusting"):
        (tmp_path / name).mkdir()
    run_in_namespace(tmp_path, {"registry.test": ADDRESS}, scenario)
