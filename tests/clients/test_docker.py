"""docker: a daemon of the test's own, over plain HTTP and TLS on loopback, and over verified TLS beyond it."""

import json
import secrets

import pytest

from harness.clients import DockerDaemon, image_context
from harness.namespace import ADDRESS, run_in_namespace
from harness.server import Server


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
    """Several platforms by `docker manifest`, which talks to the registry itself."""
    repository = f"clients/{secrets.token_hex(4)}"
    server.client("ecr").create_repository(repositoryName=repository)
    reference = f"{server.host}/{repository}"
    docker.login(server)
    for architecture in ("amd64", "arm64"):
        docker.run("build", "-t", f"{reference}:{architecture}", image_context(tmp_path / architecture, architecture))
        docker.run("push", f"{reference}:{architecture}")
    cli = {"DOCKER_CLI_EXPERIMENTAL": "enabled"}
    docker.run("manifest", "create", "--insecure", f"{reference}:multi", f"{reference}:amd64", f"{reference}:arm64", environment=cli)
    docker.run("manifest", "annotate", f"{reference}:multi", f"{reference}:arm64", "--os", "linux", "--arch", "arm64",
               environment=cli)
    docker.run("manifest", "push", "--insecure", f"{reference}:multi", environment=cli)
    index = json.loads(docker.run("manifest", "inspect", "--insecure", f"{reference}:multi", environment=cli).stdout)
    assert {child["platform"]["architecture"] for child in index["manifests"]} == {"amd64", "arm64"}
    docker.run("rmi", "-f", f"{reference}:amd64")
    docker.run("pull", "--platform", "linux/amd64", f"{reference}:multi")
    assert docker.run("run", "--rm", "--network", "none", f"{reference}:multi").stdout == "amd64"


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

    for name in ("server", "mistrusting", "trusting"):
        (tmp_path / name).mkdir()
    run_in_namespace(tmp_path, {"registry.test": ADDRESS}, scenario)
