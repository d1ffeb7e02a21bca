"""BuildKit: attestation manifests beside an image, and the registry as cache of build steps."""

import json

import pytest

from harness.buildkit import BuildKit
from harness.v2 import V2


@pytest.fixture
def buildkit(tmp_path, registry):
    with BuildKit(tmp_path / "buildkit", registry) as running:
        running.login()
        yield running


def test_provenance_is_pushed_as_attestation_manifest(registry, repository, buildkit, context):
    buildkit.build(context, f"{buildkit.host}/{repository}:v1", "--opt", "attest:provenance=mode=max")
    v2 = V2(registry, repository)
    index = v2.get_manifest("v1").json()
    image, attestation = index["manifests"]
    assert attestation["annotations"] == {"vnd.docker.reference.type": "attestation-manifest",
                                          "vnd.docker.reference.digest": image["digest"]}
    (statement,) = v2.get_manifest(attestation["digest"]).json()["layers"]
    assert "slsa.dev/provenance" in v2.get_blob(statement["digest"]).json()["predicateType"]


@pytest.mark.parametrize("image_manifest", ["true", "false"], ids=["manifest", "index"])
def test_cache_in_the_registry(image_manifest, registry, repository, buildkit, context):
    """Exported as an image manifest or as the index of old whose entries are layers; the next build of an empty daemon
    runs no step."""
    (context / "Dockerfile").write_text(
        'FROM scratch\nCOPY busybox /bin/busybox\nCOPY message /message\n'
        'RUN ["/bin/busybox", "sh", "-c", "/bin/busybox cat /proc/sys/kernel/random/uuid > /once"]\n')
    reference, cache = f"{buildkit.host}/{repository}", f"{buildkit.host}/{repository}:cache"
    buildkit.build(context, f"{reference}:first", "--export-cache",
                   f"type=registry,ref={cache},mode=max,oci-mediatypes=true,image-manifest={image_manifest}")
    buildkit.forget()
    said = buildkit.build(context, f"{reference}:second", "--import-cache", f"type=registry,ref={cache}")
    assert "CACHED" in said, said
    v2 = V2(registry, repository)
    first, second = (v2.get_manifest(tag).json() for tag in ("first", "second"))
    assert layers(v2, first) == layers(v2, second), "the step that makes a new number each time was not run again"


def layers(v2: V2, manifest: dict) -> list:
    for child in manifest.get("manifests", []):
        if child["platform"]["architecture"] != "unknown":
            return layers(v2, v2.get_manifest(child["digest"]).json())
    return manifest["layers"]
