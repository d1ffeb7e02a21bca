"""regctl: copies with referrers and digest tags, tag deletion, single layers."""

import json

import pytest


@pytest.fixture
def reference(go, repository):
    go.regctl_login()
    return f"{go.host}/{repository}"


@pytest.fixture
def pushed(go, reference, layout):
    """An image for two platforms under v1: its digest."""
    index = layout.index(layout.content)
    layout.name(index, "v1")
    go.regctl("image", "copy", f"ocidir://{layout.folder}:v1", f"{reference}:v1")
    return index["digest"]


def test_copy_in_and_out(go, reference, pushed, layout, tmp_path):
    assert go.regctl("image", "digest", f"{reference}:v1").strip() == pushed
    go.regctl("image", "copy", f"{reference}:v1", f"ocidir://{tmp_path}/back:v1")
    for path in (layout.folder / "blobs" / "sha256").iterdir():
        assert (tmp_path / "back" / "blobs" / "sha256" / path.name).read_bytes() == path.read_bytes()
    assert json.loads(go.regctl("image", "config", "--platform", "linux/arm64", f"{reference}:v1",
                                "--format", "{{json .}}"))["architecture"] == "arm64"


def test_tags(go, registry, repository, reference, pushed):
    for tag in ("v2", "v3"):
        go.regctl("image", "copy", f"{reference}:v1", f"{reference}:{tag}")
    assert set(go.regctl("tag", "ls", reference).split()) == {"v1", "v2", "v3"}
    go.regctl("tag", "delete", f"{reference}:v2")
    assert set(go.regctl("tag", "ls", reference).split()) == {"v1", "v3"}, "only the tag that was named went"
    go.regctl("manifest", "delete", f"{reference}@{pushed}")
    assert go.regctl("tag", "ls", reference).split() == []
    assert repository in go.regctl("repo", "ls", "--limit", "1000", go.host).split()


def test_artifacts_with_subject(go, registry, repository, reference, pushed, layout):
    go.regctl("artifact", "put", "--artifact-type", "application/vnd.test.note", "--subject", f"{reference}:v1",
              stdin="attached")
    listed = json.loads(go.regctl("artifact", "list", f"{reference}:v1", "--format", "{{json .}}"))
    assert [one["artifactType"] for one in listed["descriptors"]] == ["application/vnd.test.note"]
    assert go.regctl("artifact", "get", "--subject", f"{reference}:v1", "--filter-artifact-type",
                     "application/vnd.test.note") == "attached"
    other = repository + "-other"
    registry.client("ecr").create_repository(repositoryName=other)
    go.regctl("image", "copy", "--referrers", f"{reference}:v1", f"{go.host}/{other}:v1")
    copied = json.loads(go.regctl("artifact", "list", f"{go.host}/{other}:v1", "--format", "{{json .}}"))
    assert copied["descriptors"] == listed["descriptors"]


def test_layers_by_themselves(go, reference, layout):
    content = layout.content["message"].decode()
    digest = go.regctl("blob", "put", reference, stdin=content).strip()
    assert go.regctl("blob", "get", reference, digest) == content
    go.regctl("blob", "delete", reference, digest)
    go.fails("regctl", "blob", "head", reference, digest)
