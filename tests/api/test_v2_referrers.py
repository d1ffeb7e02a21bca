"""What names an image as its subject: listed as an index, filtered, in pages."""

import json
import re

import pytest

from harness.v2 import IMAGE_TYPE, INDEX_TYPE, V2, descriptor, digest_of

CONFIG = b"{}"
SBOM, SIGNATURE = "application/vnd.example.sbom.v1", "application/vnd.example.signature.v1"


@pytest.fixture
def v2(server, repository):
    v2 = V2(server, repository)
    v2.push_blob(CONFIG)
    return v2


def about(subject: bytes, **members) -> bytes:
    return json.dumps({"schemaVersion": 2, "mediaType": IMAGE_TYPE, "config": descriptor("application/vnd.oci.empty.v1+json", CONFIG),
                       "layers": [], "subject": descriptor(IMAGE_TYPE, subject), **members}).encode()


def attach(v2, subject: bytes, **members) -> dict:
    """Pushes a referrer; the descriptor that it must be listed by."""
    manifest = about(subject, **members)
    answer = v2.put_manifest(digest_of(manifest), manifest)
    assert answer.status == 201 and answer.headers["OCI-Subject"] == digest_of(subject), answer
    listed = {**descriptor(IMAGE_TYPE, manifest), "artifactType": members.get("artifactType", "application/vnd.oci.empty.v1+json")}
    return {**listed, "annotations": members["annotations"]} if members.get("annotations") else listed


def referrers(v2, subject: bytes, query: str = ""):
    answer = v2.request("GET", v2.path(f"referrers/{digest_of(subject)}{query}"))
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"] == INDEX_TYPE
    index = answer.json()
    assert (index["schemaVersion"], index["mediaType"]) == (2, INDEX_TYPE)
    return answer


def by_digest(descriptors):
    return sorted(descriptors, key=lambda descriptor: descriptor["digest"])


def follow(v2, subject: bytes, query: str):
    """Every page, by its Link."""
    path, pages = v2.path(f"referrers/{digest_of(subject)}{query}"), []
    while path:
        answer = v2.request("GET", path)
        assert answer.status == 200, answer
        pages.append(answer)
        link = answer.headers["Link"]
        path = re.fullmatch(r'<(/[^>]*)>; rel="next"', link).group(1) if link else None
    return pages


def test_none(v2):
    answer = referrers(v2, b"nobody pushed this")
    assert answer.json()["manifests"] == []
    assert answer.headers["Link"] is None and answer.headers["OCI-Filters-Applied"] is None


def test_all_with_what_their_manifests_say(v2):
    subject = v2.push_image("app")
    expected = [attach(v2, subject, artifactType=SBOM, annotations={"org.example.format": "json", "é": "\u2028\""}),
                attach(v2, subject, artifactType=SIGNATURE), attach(v2, subject, annotations={"a": ""})]
    assert referrers(v2, subject).json()["manifests"] == by_digest(expected)


def test_an_index_that_refers(v2):
    subject = b"not pushed"
    plain = json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [],
                        "subject": descriptor(IMAGE_TYPE, subject)}).encode()
    assert v2.put_manifest("index", plain).headers["OCI-Subject"] == digest_of(subject)
    assert referrers(v2, subject).json()["manifests"] == [descriptor(INDEX_TYPE, plain)]


def test_filtered(v2):
    subject = v2.push_image("app")
    sbom, signature = attach(v2, subject, artifactType=SBOM), attach(v2, subject, artifactType=SIGNATURE)
    attach(v2, subject)
    for query, expected in [(f"?artifactType={SBOM}", [sbom]), (f"?artifactType={SIGNATURE}", [signature]),
                            ("?artifactType=no/such", []), (f"?artifactType={SBOM}&artifactType={SIGNATURE}", [sbom, signature])]:
        answer = referrers(v2, subject, query)
        assert answer.json()["manifests"] == by_digest(expected)
        assert answer.headers["OCI-Filters-Applied"] == "artifactType"


def test_a_type_with_a_plus(v2):
    subject = v2.push_image("app")
    listed = attach(v2, subject, artifactType="application/vnd.example+json")
    assert referrers(v2, subject, "?artifactType=application%2Fvnd.example%2Bjson").json()["manifests"] == [listed]


def test_pages(v2):
    subject = v2.push_image("app")
    everything = by_digest(attach(v2, subject, artifactType=SBOM if number % 2 else SIGNATURE, annotations={"number": str(number)})
                           for number in range(9))
    for size in (1, 2, 4, 8, 9, 10):
        pages = [answer.json()["manifests"] for answer in follow(v2, subject, f"?n={size}")]
        assert sum(pages, []) == everything
        assert all(len(page) == size for page in pages[:-1])
    filtered = follow(v2, subject, f"?artifactType={SBOM}&n=1")
    assert all(answer.headers["OCI-Filters-Applied"] == "artifactType" for answer in filtered)
    assert sum((answer.json()["manifests"] for answer in filtered), []) == [d for d in everything if d["artifactType"] == SBOM]


def test_a_page_of_none(v2):
    subject = v2.push_image("app")
    attach(v2, subject)
    assert referrers(v2, subject, "?n=0").json()["manifests"] == []


@pytest.mark.parametrize("query", ["?last=x", "?last=sha256:1", "?n=x"])
def test_positions_that_cannot_be(v2, query):
    assert v2.request("GET", v2.path(f"referrers/{digest_of(b'x')}{query}")).status == 400


def test_head(v2):
    subject = v2.push_image("app")
    attach(v2, subject, artifactType=SBOM)
    path = v2.path(f"referrers/{digest_of(subject)}?artifactType={SBOM}")
    get, head = v2.request("GET", path), v2.request("HEAD", path)
    assert head.status == 200 and head.body == b""
    for name in ("Content-Type", "Content-Length", "OCI-Filters-Applied"):
        assert head.headers[name] == get.headers[name]


def test_a_repository_that_is_not_there(v2):
    answer = v2.request("GET", f"/v2/no/such/referrers/{digest_of(b'x')}")
    assert answer.status == 404 and answer.code == "NAME_UNKNOWN"


@pytest.mark.parametrize("reference", ["latest", "sha256:abc", "md5:" + "0" * 32])
def test_a_subject_that_is_no_digest(v2, reference):
    answer = v2.request("GET", v2.path(f"referrers/{reference}"))
    assert answer.status == 400 and answer.code == "DIGEST_INVALID"


def test_by_sha512(v2):
    subject = digest_of(b"subject", "sha512")
    manifest = about(b"subject")
    manifest = manifest.replace(digest_of(b"subject").encode(), subject.encode())
    digest = digest_of(manifest, "sha512")
    answer = v2.put_manifest(digest, manifest)
    assert answer.status == 201 and answer.headers["OCI-Subject"] == subject
    (listed,) = v2.request("GET", v2.path(f"referrers/{subject}")).json()["manifests"]
    assert listed["digest"] == digest


def test_a_referrer_goes_with_its_delete_and_stays_without_its_subject(v2):
    subject = v2.push_image("app")
    listed = attach(v2, subject, artifactType=SBOM)
    assert v2.request("DELETE", v2.path(f"manifests/{digest_of(subject)}")).status == 202
    assert referrers(v2, subject).json()["manifests"] == [listed]
    assert v2.request("DELETE", v2.path(f"manifests/{listed['digest']}")).status == 202
    assert referrers(v2, subject).json()["manifests"] == []
