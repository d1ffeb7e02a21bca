"""oras: artifacts, what is attached to them, and copies with everything that refers."""

import json

import pytest


@pytest.fixture
def reference(go, repository):
    go.oras_login()
    return f"{go.host}/{repository}"


@pytest.fixture
def artifact(go, reference, tmp_path, layout):
    """A pushed artifact with two things attached: its reference, its digest and what is in it."""
    (tmp_path / "note.txt").write_bytes(layout.content["message"])
    (tmp_path / "bill.json").write_text('{"components": []}')
    pushed = json.loads(go.oras("push", f"{reference}:v1", "--artifact-type", "application/vnd.test.note",
                                "--format", "json", "--disable-path-validation", f"{tmp_path}/note.txt:text/plain"))
    for kind in ("bill", "signature"):
        go.oras("attach", f"{reference}:v1", "--artifact-type", f"application/vnd.test.{kind}", "--disable-path-validation",
                f"{tmp_path}/bill.json:application/json")
    return pushed["digest"]


def attached(go, reference: str, *arguments) -> list[str]:
    found = json.loads(go.oras("discover", "--format", "json", *arguments, reference))
    return sorted(one["artifactType"] for one in found.get("referrers") or found.get("manifests") or [])


def test_push_attach_discover_pull(go, reference, artifact, tmp_path, layout):
    assert attached(go, f"{reference}:v1") == ["application/vnd.test.bill", "application/vnd.test.signature"]
    assert attached(go, f"{reference}@{artifact}", "--artifact-type", "application/vnd.test.bill") == ["application/vnd.test.bill"]
    (tmp_path / "out").mkdir()
    go.oras("pull", f"{reference}:v1", "-o", tmp_path / "out", "--allow-path-traversal")
    pulled = [path for path in [*(tmp_path / "out").rglob("note.txt"), tmp_path / "note.txt"] if path.exists()]
    assert all(path.read_bytes() == layout.content["message"] for path in pulled) and pulled
    manifest = json.loads(go.oras("manifest fetch", f"{reference}:v1"))
    assert manifest["artifactType"] == "application/vnd.test.note"


def test_no_fallback_tag_is_needed(go, registry, repository, artifact):
    """The server says OCI-Subject, so that no client writes a tag named after the digest."""
    images = registry.client("ecr").list_images(repositoryName=repository)["imageIds"]
    assert [image["imageTag"] for image in images if "imageTag" in image] == ["v1"]
    assert len(images) == 3


def test_copy_takes_referrers_along(go, registry, repository, reference, artifact):
    other = repository + "-other"
    registry.client("ecr").create_repository(repositoryName=other)
    go.oras("copy", "--recursive", f"{reference}:v1", f"{go.host}/{other}:v1")
    assert attached(go, f"{go.host}/{other}:v1") == ["application/vnd.test.bill", "application/vnd.test.signature"]
    assert json.loads(go.oras("manifest fetch --descriptor", f"{go.host}/{other}:v1"))["digest"] == artifact


def test_tags_and_deletion(go, registry, repository, reference, artifact):
    go.oras("tag", f"{reference}:v1", "v2", "latest")
    assert set(go.oras("repo tags", reference).split()) == {"v1", "v2", "latest"}
    assert repository in go.oras("repo ls", go.host).split()
    go.oras("manifest delete", "--force", f"{reference}@{artifact}")
    assert "not found" in go.fails("oras", "manifest", "fetch", *go.oras_trust(), f"{reference}:v1")


def test_layers_by_themselves(go, reference, tmp_path, layout):
    content = tmp_path / "blob"
    content.write_bytes(layout.content["message"])
    pushed = json.loads(go.oras("blob push", "--descriptor", reference, content))
    go.oras("blob fetch", "--output", tmp_path / "fetched", f"{reference}@{pushed['digest']}")
    assert (tmp_path / "fetched").read_bytes() == content.read_bytes()
    go.oras("blob delete", "--force", f"{reference}@{pushed['digest']}")
    assert "not found" in go.fails("oras", "blob", "fetch", *go.oras_trust(), "--output", tmp_path / "gone",
                                   f"{reference}@{pushed['digest']}")
