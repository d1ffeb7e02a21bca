"""crane: HTTP/2 over TLS, POST with a mount's origin, HEAD before every PUT."""

import json

import pytest

from harness.v2 import digest_of


@pytest.fixture
def reference(go, repository):
    go.crane_login()
    return f"{go.host}/{repository}"


def tags_of(registry, repository) -> set:
    return {image.get("imageTag") for image in registry.client("ecr").list_images(repositoryName=repository)["imageIds"]}


def test_push_pull_keeps_every_byte(go, reference, layout, tmp_path):
    image = layout.image(layout.content)
    layout.name(image, "v1")
    pushed = go.crane("push", layout.folder, f"{reference}:v1").strip()
    assert pushed == f"{reference}@{image['digest']}"
    assert go.crane("digest", f"{reference}:v1").strip() == image["digest"]
    assert digest_of(go.crane("manifest", f"{reference}:v1").encode()) == image["digest"]
    go.crane("pull", "--format", "oci", f"{reference}:v1", tmp_path / "back")
    sent = {path.name: path.read_bytes() for path in (layout.folder / "blobs" / "sha256").iterdir()}
    got = {path.name: path.read_bytes() for path in (tmp_path / "back" / "blobs" / "sha256").iterdir()}
    assert got == sent
    assert go.crane("export", f"{reference}:v1", "-")  # a tar of the file system
    go.crane("validate", "--remote", f"{reference}:v1")


def test_index_copy_list_tag_delete(go, registry, repository, reference, layout):
    index = layout.index(layout.content)
    layout.name(index, "multi")
    go.crane("push", "--index", layout.folder, f"{reference}:all")  # the layout's own index, which holds the image index
    other = repository + "-other"
    registry.client("ecr").create_repository(repositoryName=other)
    go.crane("copy", f"{reference}@{index['digest']}", f"{go.host}/{other}:multi")
    assert go.crane("digest", f"{go.host}/{other}:multi").strip() == index["digest"]
    go.crane("validate", "--remote", f"{go.host}/{other}:multi")
    arm = json.loads(go.crane("config", "--platform", "linux/arm64", f"{go.host}/{other}:multi"))
    assert arm["architecture"] == "arm64"
    go.crane("tag", f"{go.host}/{other}:multi", "second")
    assert set(go.crane("ls", f"{go.host}/{other}").split()) == {"multi", "second"}
    assert {repository, other} <= set(go.crane("catalog", go.host).split())
    go.crane("delete", f"{go.host}/{other}@{index['digest']}")
    assert tags_of(registry, other) == {None}, "its platforms stay, untagged"
    assert "MANIFEST_UNKNOWN" in go.fails("crane", "manifest", f"{go.host}/{other}:multi")


def test_append_and_mutate(go, registry, repository, reference, layout, tmp_path):
    image = layout.image(layout.content)
    layout.name(image, "v1")
    go.crane("push", layout.folder, f"{reference}:v1")
    (tmp_path / "more").write_bytes(layout.content["message"][::-1])
    go.run("crane", "append", "--base", f"{reference}:v1", "--new_layer", archive(tmp_path, "more"), "--new_tag", f"{reference}:more")
    assert len(json.loads(go.crane("manifest", f"{reference}:more"))["layers"]) == 2
    go.crane("mutate", f"{reference}:more", "--label", "made=here", "--annotation", "note=yes", "--tag", f"{reference}:noted")
    assert json.loads(go.crane("config", f"{reference}:noted"))["config"]["Labels"] == {"made": "here"}
    go.crane("index", "append", "--manifest", f"{reference}:v1", "--manifest", f"{reference}:more", "--tag", f"{reference}:both")
    children = json.loads(go.crane("manifest", f"{reference}:both"))["manifests"]
    assert [child["digest"] for child in children][0] == image["digest"] and len(children) == 2
    assert tags_of(registry, repository) == {"v1", "more", "noted", "both"}
    go.crane("validate", "--remote", f"{reference}:noted")


def archive(folder, name: str):
    import tarfile
    with tarfile.open(folder / f"{name}.tar", "w") as made:
        made.add(folder / name, arcname=name)
    return folder / f"{name}.tar"


def test_refusals_read_well(go, registry, repository, layout):
    layout.name(layout.image(layout.content), "v1")
    assert "UNAUTHORIZED" in go.fails("crane", "push", layout.folder, f"{go.host}/{repository}:v1").upper()
    go.crane_login()
    assert "does not exist in the registry" in go.fails("crane", "push", layout.folder, f"{go.host}/clients/absent:v1")
