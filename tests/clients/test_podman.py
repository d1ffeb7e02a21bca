"""podman: build, push, pull and run."""

import json

import pytest


def test_build_push_delete_pull_run(registry, repository, tools, context):
    reference = f"{registry.host}/{repository}:v1"
    tools.run("podman", "build", "--isolation", "chroot", "-t", reference, context)
    tools.login("podman")
    tools.run("podman", "push", *tools.trust(), "--digestfile", tools.scratch / "digest", reference)
    image_id = tools.run("podman", "image", "inspect", "--format", "{{.Id}}", reference)
    tools.run("podman", "rmi", "--all", "--force")
    tools.run("podman", "pull", *tools.trust(), reference)
    assert tools.run("podman", "image", "inspect", "--format", "{{.Id}}", reference) == image_id
    assert tools.run("podman", "image", "inspect", "--format", "{{.Digest}}", reference).strip() == \
        (tools.scratch / "digest").read_text()
    printed = tools.run("podman", "run", "--rm", "--network", "none", reference)
    assert printed == (context / "message").read_text()


def test_pull_by_digest(registry, repository, tools, context):
    reference = f"{registry.host}/{repository}"
    tools.run("podman", "build", "--isolation", "chroot", "-t", f"{reference}:v1", context)
    tools.login("podman")
    tools.run("podman", "push", *tools.trust(), f"{reference}:v1")
    digest = registry.client("ecr").describe_images(repositoryName=repository)["imageDetails"][0]["imageDigest"]
    tools.run("podman", "rmi", "--all", "--force")
    tools.run("podman", "pull", *tools.trust(), f"{reference}@{digest}")


@pytest.mark.parametrize("registry", ["http"], indirect=True)  # podman 4.3's search takes no --cert-dir
def test_search_lists_the_tags(registry, repository, tools, context):
    reference = f"{registry.host}/{repository}"
    tools.run("podman", "build", "--isolation", "chroot", "-t", f"{reference}:v1", context)
    tools.login("podman")
    for tag in ("v1", "v2"):
        tools.run("podman", "push", *tools.trust(), f"{reference}:v1", f"docker://{reference}:{tag}")
    listed = json.loads(tools.run("podman", "search", "--list-tags", *tools.trust(), "--format", "json", reference))
    assert sorted(listed[0]["Tags"]) == ["v1", "v2"]
