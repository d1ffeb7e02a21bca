"""skopeo: images copied in and out with their digests kept."""

import hashlib
import json
import os

import pytest

from harness.layout import Layout


@pytest.fixture
def layout(tools, context):
    """An OCI layout of one image, made without any registry."""
    path = tools.scratch / "layout"
    tools.run("umoci", "init", "--layout", path)
    tools.run("umoci", "new", "--image", f"{path}:v1")
    tools.run("umoci", "insert", "--image", f"{path}:v1", context / "busybox", "/bin/busybox")
    tools.run("umoci", "insert", "--image", f"{path}:v1", context / "message", "/message")
    tools.run("umoci", "config", "--image", f"{path}:v1", "--architecture", "amd64", "--os", "linux")
    return path


def blobs(layout) -> dict:
    return {path.name: path.read_bytes() for path in (layout / "blobs" / "sha256").iterdir()}


def test_copy_in_and_out_keeps_every_byte(registry, repository, tools, layout):
    reference = f"{registry.host}/{repository}:v1"
    tools.login("skopeo")
    tools.skopeo("copy", "--preserve-digests", *tools.trust("dest-"), f"oci:{layout}:v1", f"docker://{reference}")
    back = tools.scratch / "back"
    tools.skopeo("copy", "--preserve-digests", *tools.trust("src-"), f"docker://{reference}", f"oci:{back}:v1")
    sent, received = blobs(layout), blobs(back)
    assert received and all(sent[name] == content for name, content in received.items())
    assert all(hashlib.sha256(content).hexdigest() == name for name, content in received.items())


@pytest.mark.parametrize("form", ["v2s2", "oci"])
def test_both_manifest_forms(form, registry, repository, tools, layout):
    reference = f"{registry.host}/{repository}:{form}"
    tools.login("skopeo")
    tools.skopeo("copy", "--format", form, *tools.trust("dest-"), f"oci:{layout}:v1", f"docker://{reference}")
    raw = tools.raw_manifest(reference)
    media_type = json.loads(raw).get("mediaType", "application/vnd.oci.image.manifest.v1+json")
    assert ("docker" in media_type) == (form == "v2s2")
    image = registry.client("ecr").batch_get_image(repositoryName=repository, imageIds=[{"imageTag": form}])["images"][0]
    assert image["imageManifest"] == raw
    assert image["imageId"]["imageDigest"] == "sha256:" + hashlib.sha256(raw.encode()).hexdigest()


def test_zstd_layers(registry, repository, tools):
    layout, content = tools.scratch / "zstd", tools.scratch / "content"
    content.write_bytes(os.urandom(100_000))  # a layer that skopeo's cache knows no gzip form of
    tools.run("umoci", "init", "--layout", layout)
    tools.run("umoci", "new", "--image", f"{layout}:v1")
    tools.run("umoci", "insert", "--image", f"{layout}:v1", content, "/content")
    reference = f"{registry.host}/{repository}:zstd"
    tools.login("skopeo")
    tools.skopeo("copy", "--dest-compress", "--dest-compress-format", "zstd", *tools.trust("dest-"), f"oci:{layout}:v1",
                 f"docker://{reference}")
    assert all("zstd" in layer["mediaType"] for layer in json.loads(tools.raw_manifest(reference))["layers"])


def test_list_tags_and_delete(registry, repository, tools, layout):
    reference = f"{registry.host}/{repository}"
    tools.login("skopeo")
    for tag in ("v1", "v2"):
        tools.skopeo("copy", *tools.trust("dest-"), f"oci:{layout}:v1", f"docker://{reference}:{tag}")
    listed = json.loads(tools.skopeo("list-tags", *tools.trust(), f"docker://{reference}"))["Tags"]
    assert sorted(listed) == ["v1", "v2"]
    tools.skopeo("delete", *tools.trust(), f"docker://{reference}:v1")  # by digest: both tags go
    assert registry.client("ecr").list_images(repositoryName=repository)["imageIds"] == []


def test_copy_from_registry_to_registry_mounts(registry, repository, tools, layout):
    other = repository + "-other"
    registry.client("ecr").create_repository(repositoryName=other)
    tools.login("skopeo")
    tools.skopeo("copy", *tools.trust("dest-"), f"oci:{layout}:v1", f"docker://{registry.host}/{repository}:v1")
    tools.skopeo("copy", *tools.trust("src-"), *tools.trust("dest-"), f"docker://{registry.host}/{repository}:v1",
                 f"docker://{registry.host}/{other}:v1")
    assert tools.raw_manifest(f"{registry.host}/{other}:v1") == tools.raw_manifest(f"{registry.host}/{repository}:v1")


def test_push_to_a_missing_repository_says_so(registry, tools, layout):
    tools.login("skopeo")
    with pytest.raises(AssertionError, match="does not exist in the registry"):
        tools.skopeo("copy", *tools.trust("dest-"), f"oci:{layout}:v1", f"docker://{registry.host}/clients/absent:v1")


def test_wrong_password_and_none_are_refused(registry, repository, tools, layout):
    with pytest.raises(AssertionError, match="(?i)unauthorized|authentication"):
        tools.skopeo("copy", *tools.trust("dest-"), f"oci:{layout}:v1", f"docker://{registry.host}/{repository}:v1")
    with pytest.raises(AssertionError, match="(?i)invalid username/password|unauthorized|authentication"):
        tools.run("skopeo", "login", *tools.trust(), "-u", "AWS", "--password-stdin", registry.host, stdin="wrong")


def test_untrusted_certificate_is_refused(tls_server, tmp_path):
    from harness.clients import ContainersTools
    scratch = tmp_path / "untrusting"
    scratch.mkdir()
    with pytest.raises(AssertionError, match="certificate"):
        ContainersTools(scratch, tls_server).skopeo("inspect", f"docker://{tls_server.host}/clients/any:v1")


def test_all_platforms_sync_and_inspect(registry, repository, tools, tmp_path):
    """copy --all, sync out to a folder and back in under another name, inspect."""
    made = Layout(tmp_path / "multi")
    index = made.index({"message": os.urandom(16)})
    made.name(index, "multi")
    synced = f"{repository}/synced"
    registry.client("ecr").create_repository(repositoryName=f"{synced}/{repository.rsplit('/', 1)[1]}")
    tools.login("skopeo")
    tools.skopeo("copy", "--all", "--preserve-digests", *tools.trust("dest-"), f"oci:{made.folder}:multi",
                 f"docker://{registry.host}/{repository}:multi")
    assert "sha256:" + hashlib.sha256(tools.raw_manifest(f"{registry.host}/{repository}:multi").encode()).hexdigest() \
        == index["digest"]
    tools.skopeo("sync", "--all", "--src", "docker", "--dest", "dir", *tools.trust("src-"), f"{registry.host}/{repository}",
                 tmp_path / "out")
    tools.skopeo("sync", "--all", "--src", "dir", "--dest", "docker", *tools.trust("dest-"), tmp_path / "out",
                 f"{registry.host}/{synced}")
    back = f"{registry.host}/{synced}/{repository.rsplit('/', 1)[1]}:multi"
    assert {child["digest"] for child in json.loads(tools.raw_manifest(back))["manifests"]} == children_of(made, index)
    inspected = json.loads(tools.skopeo("inspect", "--override-arch", "arm64", *tools.trust(), f"docker://{back}"))
    assert (inspected["Architecture"], inspected["RepoTags"]) == ("arm64", ["multi"])


def children_of(made: Layout, index: dict) -> set:
    content = (made.folder / "blobs" / "sha256" / index["digest"].removeprefix("sha256:")).read_bytes()
    return {child["digest"] for child in json.loads(content)["manifests"]}


def test_layout_that_umoci_unpacks(registry, repository, tools, layout, context):
    """From a layout through the registry into a layout, of which umoci makes the file system again."""
    tools.login("skopeo")
    tools.skopeo("copy", *tools.trust("dest-"), f"oci:{layout}:v1", f"docker://{registry.host}/{repository}:v1")
    back = tools.scratch / "unpackable"
    tools.skopeo("copy", *tools.trust("src-"), f"docker://{registry.host}/{repository}:v1", f"oci:{back}:v1")
    tools.run("umoci", "unpack", "--rootless", "--image", f"{back}:v1", tools.scratch / "bundle")
    assert (tools.scratch / "bundle" / "rootfs" / "message").read_text() == (context / "message").read_text()
