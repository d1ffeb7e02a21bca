"""buildah: built from scratch without a daemon, pushed and pulled, one platform and several."""

import json

import pytest


def test_build_push_delete_pull(registry, repository, tools, context):
    reference = f"{registry.host}/{repository}:v1"
    tools.run("buildah", "build", "-t", reference, context)
    tools.login("buildah")
    tools.run("buildah", "push", *tools.trust(), "--digestfile", tools.scratch / "digest", reference)
    pushed = (tools.scratch / "digest").read_text()
    before = json.loads(tools.run("buildah", "inspect", "--type", "image", reference))["FromImageID"]
    tools.run("buildah", "rmi", "--all", "--force")
    assert tools.run("buildah", "images", "-q") == ""
    tools.run("buildah", "pull", *tools.trust(), reference)
    after = json.loads(tools.run("buildah", "inspect", "--type", "image", reference))
    assert after["FromImageID"] == before
    assert after["FromImageDigest"] == pushed
    image = registry.client("ecr").describe_images(repositoryName=repository)["imageDetails"][0]
    assert (image["imageDigest"], image["imageTags"]) == (pushed, ["v1"])


@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_several_platforms(form, registry, repository, tools, context):
    reference = f"{registry.host}/{repository}:multi"
    tools.run("buildah", "build", "--platform", "linux/amd64,linux/arm64", "--manifest", "localhost/multi", context)
    tools.login("buildah")
    tools.run("buildah", "manifest", "push", "--all", "--format", form, *tools.trust(), "localhost/multi",
              f"docker://{reference}")
    index = json.loads(tools.raw_manifest(reference))
    assert {child["platform"]["architecture"] for child in index["manifests"]} == {"amd64", "arm64"}
    digests = {image["imageDigest"] for image in registry.client("ecr").describe_images(repositoryName=repository)["imageDetails"]}
    assert {child["digest"] for child in index["manifests"]} < digests and len(digests) == 3
    for architecture in ("amd64", "arm64"):
        tools.run("buildah", "rmi", "--all", "--force", check=False)
        tools.run("buildah", "pull", "--arch", architecture, *tools.trust(), reference)
        inspected = json.loads(tools.run("buildah", "inspect", "--type", "image", reference))
        assert inspected["OCIv1"]["architecture"] == architecture


def test_cache_in_the_registry(registry, repository, tools, context):
    """--cache-to from one store, --cache-from into an empty one: the step is not run again."""
    cache = f"{registry.host}/{repository}"
    (context / "Dockerfile").write_text(
        'FROM scratch\nCOPY busybox /bin/busybox\nCOPY message /message\n'
        'RUN ["/bin/busybox", "sh", "-c", "/bin/busybox cat /proc/sys/kernel/random/uuid > /once"]\n')
    tools.login("buildah")
    build = ["buildah", "build", "--layers", *tools.trust(), "--cache-to", cache, "--cache-from", cache]
    tools.run(*build, "-t", "localhost/first", context)
    first = json.loads(tools.run("buildah", "inspect", "--type", "image", "localhost/first"))["OCIv1"]["rootfs"]
    assert registry.client("ecr").list_images(repositoryName=repository)["imageIds"]
    tools.run("buildah", "rmi", "--all", "--force")
    assert "Cache pulled from remote" in tools.run(*build, "-t", "localhost/second", context)
    assert json.loads(tools.run("buildah", "inspect", "--type", "image", "localhost/second"))["OCIv1"]["rootfs"] == first
