"""Images by tag and digest: what was pushed is what is pulled, and the texts are ECR's."""

import base64
import concurrent.futures
import json

import pytest

from harness.server import ACCOUNT
from harness.v2 import (CONFIG_TYPE, IMAGE_TYPE, INDEX_TYPE, LAYER_TYPE, V2, descriptor, digest_of, image_manifest,
                        index_manifest, pattern)

INVALID = ("UNSUPPORTED", "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'")
DOCKER_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture
def v2(server, repository):
    return V2(server, repository)


def assert_is_manifest(answer, manifest, media_type=IMAGE_TYPE):
    assert answer.status == 200, answer
    assert answer.body == manifest
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["Docker-Content-Digest"] == digest_of(manifest)
    assert answer.headers["Content-Length"] == str(len(manifest))
    assert answer.headers["ETag"] == f'"{digest_of(manifest)}"'


def assert_unknown(answer):
    assert answer.status == 404, answer
    assert answer.error == ("MANIFEST_UNKNOWN", "Requested image not found")


# ---- in and out


def test_by_tag_and_by_digest(v2):
    manifest = v2.image()
    answer = v2.put_manifest("v1.0", manifest)
    assert answer.status == 201 and answer.body == b""
    digest = digest_of(manifest)
    assert answer.headers["Docker-Content-Digest"] == digest
    assert answer.headers["OCI-Subject"] is None
    for reference in ("v1.0", digest, answer.location.rsplit("/", 1)[1]):
        for _ in range(2):
            assert_is_manifest(v2.get_manifest(reference), manifest)
            head = v2.get_manifest(reference, "HEAD")
            assert head.status == 200 and head.body == b"" and head.headers["Content-Length"] == str(len(manifest))
            assert head.headers["Docker-Content-Digest"] == digest and head.headers["Content-Type"] == IMAGE_TYPE


def test_by_digest_without_a_tag(v2):
    manifest = v2.image()
    assert v2.put_manifest(digest_of(manifest), manifest).status == 201
    assert_is_manifest(v2.get_manifest(digest_of(manifest)), manifest)
    assert v2.request("GET", v2.path("tags/list")).json()["tags"] == []


def test_sha512(v2):
    manifest = v2.image()
    digest = digest_of(manifest, "sha512")
    answer = v2.put_manifest(digest, manifest)
    assert answer.status == 201 and answer.headers["Docker-Content-Digest"] == digest
    pulled = v2.get_manifest(digest)
    assert pulled.body == manifest and pulled.headers["Docker-Content-Digest"] == digest


def test_the_same_again_is_the_same(v2):
    manifest = v2.image()
    assert [v2.put_manifest("v1", manifest).status for _ in range(3)] == [201] * 3
    assert v2.request("GET", v2.path("tags/list")).json()["tags"] == ["v1"]


def test_a_moved_tag_is_seen_by_the_next_request(v2):
    images = [v2.image(pattern(100, bytes([i]))) for i in range(4)]
    for manifest in images * 2:
        assert v2.put_manifest("latest", manifest).status == 201
        assert_is_manifest(v2.get_manifest("latest"), manifest)
        assert v2.get_manifest("latest", "HEAD").headers["Docker-Content-Digest"] == digest_of(manifest)
    for manifest in images:
        assert_is_manifest(v2.get_manifest(digest_of(manifest)), manifest)


def test_content_that_the_client_has(v2):
    manifest = v2.push_image("v1")
    etag = f'"{digest_of(manifest)}"'
    answer = v2.get_manifest("v1", **{"If-None-Match": etag})
    assert answer.status == 304 and answer.body == b""
    v2.push_image("v1", b"other")
    assert v2.get_manifest("v1", **{"If-None-Match": etag}).status == 200


def test_only_the_image_that_the_client_means(v2):
    manifest = v2.push_image("v1")
    etag = f'"{digest_of(manifest)}"'
    for method in ("GET", "HEAD"):
        assert v2.get_manifest("v1", method, **{"If-Match": f'"x", {etag}'}).status == 200
    v2.push_image("v1", b"other")
    for _ in range(3):
        for method in ("GET", "HEAD"):
            answer = v2.get_manifest("v1", method, **{"If-Match": etag})
            assert (answer.status, answer.body) == (412, b"")
            assert answer.headers["ETag"] == f'"{digest_of(v2.get_manifest("v1").body)}"'


def test_the_inline_answer_is_the_workers_byte_for_byte(v2):
    v2.push_image("v1")
    for method in ("GET", "HEAD"):
        answers = [v2.get_manifest("v1", method) for _ in range(3)] + [v2.request(method, v2.path("manifests/%761"))]
        plain = [(answer.status, answer.body, sorted(pair for pair in answer.headers.items() if pair[0] != "Date"))
                 for answer in answers]
        assert all(one == plain[0] for one in plain)


@pytest.mark.parametrize("sent", [DOCKER_TYPE, DOCKER_TYPE + "; charset=utf-8", DOCKER_TYPE + " ;x=y"])
def test_parameters_of_the_media_type_are_ignored(v2, sent):
    manifest = v2.image(mediaType=DOCKER_TYPE)
    assert v2.put_manifest("v1", manifest, sent).status == 201
    assert_is_manifest(v2.get_manifest("v1"), manifest, DOCKER_TYPE)


def test_a_media_type_that_only_the_header_says(v2):
    """As Helm pushes its charts."""
    manifest = json.loads(v2.image())
    del manifest["mediaType"]
    content = json.dumps(manifest).encode()
    assert v2.put_manifest("chart", content, IMAGE_TYPE).status == 201
    assert_is_manifest(v2.get_manifest("chart"), content)


def test_tags_of_the_api_can_be_read_and_ocis_be_made(v2, server):
    manifest = v2.push_image("v" * 128)
    long_tag = "-" + "t" * 299
    server.client("ecr").put_image(repositoryName=v2.repository, imageManifest=manifest.decode(), imageTag=long_tag)
    assert_is_manifest(v2.get_manifest(long_tag), manifest)
    for tag in ("t" * 129, ".hidden", "-dash"):
        answer = v2.put_manifest(tag, manifest)
        assert answer.status == 400 and answer.code == "TAG_INVALID"


def test_both_doors_show_the_same_image(v2, server):
    manifest = v2.push_image("v1")
    ecr = server.client("ecr")
    (image,) = ecr.batch_get_image(repositoryName=v2.repository, imageIds=[{"imageTag": "v1"}])["images"]
    assert image["imageManifest"].encode() == manifest
    assert image["imageId"]["imageDigest"] == digest_of(manifest)
    ecr.batch_delete_image(repositoryName=v2.repository, imageIds=[{"imageDigest": digest_of(manifest)}])
    assert_unknown(v2.get_manifest("v1"))
    assert_unknown(v2.get_manifest(digest_of(manifest)))


LIST_TYPE = "application/vnd.docker.distribution.manifest.list.v2+json"
SCHEMA1_TYPE = "application/vnd.docker.distribution.manifest.v1+json"
SIGNED_TYPE = "application/vnd.docker.distribution.manifest.v1+prettyjws"
ARTIFACT_TYPE = "application/vnd.cncf.oras.artifact.manifest.v1+json"


def kinds_of_manifests(v2) -> dict[str, tuple[str, dict]]:
    """By what they are: the media type to send, and the manifest of blobs and images that are pushed."""
    child = v2.push_image("child")
    index = index_manifest([child])
    assert v2.put_manifest(digest_of(index), index).status == 201
    image, layer = json.loads(child), digest_of(b"layer")
    inline = {**image["layers"][0], "data": base64.b64encode(b"layer").decode()}
    schema1 = {"schemaVersion": 1, "name": v2.repository, "tag": "v1", "architecture": "amd64", "fsLayers": [{"blobSum": layer}],
               "history": [{"v1Compatibility": '{"id":"1"}'}]}
    entry = {**descriptor(IMAGE_TYPE, child), "platform": {"architecture": "arm", "os": "linux", "variant": "v7"}}
    return {
        "schema 1": (SCHEMA1_TYPE, schema1),
        "schema 1, signed": (SIGNED_TYPE, {**schema1, "signatures": [{"header": {"alg": "ES256"}, "signature": "c2ln",
                                                                      "protected": "e30"}]}),
        "schema 2": (DOCKER_TYPE, {**image, "mediaType": DOCKER_TYPE}),
        "manifest list": (LIST_TYPE, {"schemaVersion": 2, "mediaType": LIST_TYPE, "manifests": [entry]}),
        "index of an index": (INDEX_TYPE, {"schemaVersion": 2, "mediaType": INDEX_TYPE,
                                           "manifests": [entry, descriptor(INDEX_TYPE, index)]}),
        "data in a descriptor": (IMAGE_TYPE, {**image, "layers": [inline]}),
        "artifact": (ARTIFACT_TYPE, {"mediaType": ARTIFACT_TYPE, "artifactType": "application/vnd.example", "blobs": [inline]}),
        "unknown members": (IMAGE_TYPE, {**image, "layers": [], "x-unknown": [None, 1.50, {"": "\u00e9\u2028"}]}),
    }


def test_every_kind_comes_back_byte_for_byte(v2):
    """Whatever its spaces, its order, its escapes and its numbers, by tag and by digest, at once and from memory."""
    for number, (kind, (media_type, manifest)) in enumerate(kinds_of_manifests(v2).items()):
        for form, content in enumerate((json.dumps(manifest, indent=3).encode() + b"\n",
                                        json.dumps(manifest, ensure_ascii=False, separators=(",", ":")).encode(),
                                        b" \t" + json.dumps(dict(reversed(manifest.items()))).encode() + b"\r\n ")):
            tag = f"k{number}-{form}"
            answer = v2.put_manifest(tag, content, media_type)
            assert answer.status == 201 and answer.headers["Docker-Content-Digest"] == digest_of(content), (kind, answer)
            for reference in (tag, digest_of(content)) * 2:
                assert_is_manifest(v2.get_manifest(reference), content, media_type)


# ---- indexes and subjects


def test_an_index_and_its_children(v2):
    children = [v2.image(pattern(50, bytes([i]))) for i in range(3)]
    index = index_manifest(children)
    digests = ", ".join(sorted(digest_of(child) for child in children))
    answer = v2.put_manifest("multi", index)
    assert answer.status == 404
    assert answer.error == ("MANIFEST_BLOB_UNKNOWN",
                            f"Images with digests '[{digests}]' required for pushing image into repository with name "
                            f"'{v2.repository}' in the registry with id '{ACCOUNT}' do not exist")
    for child in children:
        assert v2.put_manifest(digest_of(child), child).status == 201
    assert v2.put_manifest("multi", index).status == 201
    assert_is_manifest(v2.get_manifest("multi"), index, INDEX_TYPE)


def test_a_child_of_an_index_cannot_be_deleted(v2):
    child = v2.push_image("child")
    index = index_manifest([child])
    assert v2.put_manifest("multi", index).status == 201
    answer = v2.request("DELETE", v2.path(f"manifests/{digest_of(child)}"))
    assert answer.status == 405
    assert answer.error == ("UNSUPPORTED", f"Requested image referenced by manifest list: [{digest_of(index)}]")
    assert v2.request("DELETE", v2.path(f"manifests/{digest_of(index)}")).status == 202
    assert v2.request("DELETE", v2.path(f"manifests/{digest_of(child)}")).status == 202


def test_a_subject_need_not_be_there_and_is_named(v2):
    subject = image_manifest(b"{}", [])
    manifest = v2.image(subject=descriptor(IMAGE_TYPE, subject), artifactType="application/vnd.example.sbom")
    answer = v2.put_manifest(digest_of(manifest), manifest)
    assert answer.status == 201
    assert answer.headers["OCI-Subject"] == digest_of(subject)


def test_a_layer_of_elsewhere_that_was_pushed_is_the_images(v2):
    """As docker does with allow-nondistributable-artifacts: it need not be here, and is, so that it may not go."""
    layer = pattern(5000, b"nondistributable")
    manifest = json.loads(v2.image())
    manifest["layers"].append({**descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar", layer),
                               "urls": ["https://example.org/layer"]})
    content = json.dumps(manifest).encode()
    assert v2.put_manifest("v1", content).status == 201
    assert v2.get_blob(digest_of(layer)).status == 404
    v2.push_blob(layer)
    assert v2.put_manifest("v1", content).status == 201
    assert v2.request("DELETE", v2.path(f"blobs/{digest_of(layer)}")).status == 405
    assert v2.get_blob(digest_of(layer)).body == layer


# ---- refused


def test_layers_that_are_missing_are_all_named(v2):
    config, layers = b'{"os":"linux"}', [b"one", b"two"]
    manifest = image_manifest(config, layers)
    missing = [digest_of(config), *map(digest_of, layers)]
    answer = v2.put_manifest("v1", manifest)
    assert answer.status == 404
    code, text = answer.error
    assert code == "MANIFEST_BLOB_UNKNOWN"
    assert text == (f"Layers with digests '[{', '.join(sorted(missing))}]' required for pushing image into repository with name "
                    f"'{v2.repository}' in the registry with id '{ACCOUNT}' do not exist")
    v2.push_blob(config), v2.push_blob(layers[0])
    assert f"'[{missing[2]}]'" in v2.put_manifest("v1", manifest).error[1]
    v2.push_blob(layers[1])
    assert v2.put_manifest("v1", manifest).status == 201


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"{} trailing", b'{"config": 5}',
                                     b'{"schemaVersion": 2, "config": {"digest": "sha256:1"}}'],
                         ids=["nothing", "unfinished", "array", "null", "string", "bytes", "trailing", "config", "digest"])
def test_what_is_no_manifest(v2, content):
    answer = v2.put_manifest("v1", content, IMAGE_TYPE)
    assert answer.status == 405 and answer.error == INVALID
    assert_unknown(v2.get_manifest("v1"))


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", "application/vnd.example+json", ""])
def test_media_types_that_are_no_manifests(v2, media_type):
    manifest = json.loads(v2.image())
    del manifest["mediaType"]
    answer = v2.put_manifest("v1", json.dumps(manifest).encode(), media_type)
    assert answer.status == 405 and answer.error == INVALID


@pytest.mark.parametrize("place", ["layer", "artifact", "subject"])
def test_types_that_are_no_text(v2, place):
    manifest = json.loads(v2.image())
    if place == "layer":
        manifest["layers"][0]["mediaType"] = "a\0b"
    if place == "artifact":
        manifest["artifactType"] = "a\0b"
    if place == "subject":
        manifest["subject"] = {"mediaType": "a\0b", "digest": digest_of(b"subject"), "size": 7}
    answer = v2.put_manifest("v1", json.dumps(manifest).encode())
    assert answer.status == 405 and answer.error == INVALID


def test_two_media_types_that_differ(v2):
    answer = v2.put_manifest("v1", v2.image(), DOCKER_TYPE)
    assert answer.status == 405 and answer.code == "UNSUPPORTED"


def test_a_digest_that_is_anothers(v2):
    answer = v2.put_manifest(digest_of(b"other"), v2.image())
    assert answer.status == 400 and answer.code == "DIGEST_INVALID"
    answer = v2.put_manifest("sha256:baddigeststring", v2.image())
    assert answer.status == 400 and answer.code == "DIGEST_INVALID"


def test_a_manifest_of_4_mib_and_one_byte_more(v2):
    manifest = json.loads(v2.image())
    limit = 4 << 20
    manifest["annotations"] = {"filler": ""}
    manifest["annotations"]["filler"] = "x" * (limit - len(json.dumps(manifest)))
    content = json.dumps(manifest).encode()
    assert len(content) == limit
    assert v2.put_manifest("large", content).status == 201
    assert_is_manifest(v2.get_manifest("large"), content)
    answer = v2.put_manifest("larger", content + b" ", IMAGE_TYPE)
    assert answer.status == 413 and answer.code == "SIZE_INVALID"


@pytest.mark.parametrize("reference", ["missing", "sha256:" + "0" * 64, ".INVALID_MANIFEST_NAME"])
def test_what_is_not_there(v2, reference):
    assert_unknown(v2.get_manifest(reference))
    head = v2.get_manifest(reference, "HEAD")
    assert head.status == 404 and head.body == b""
    assert_unknown(v2.request("DELETE", v2.path(f"manifests/{reference}")))


def test_an_immutable_tag(server):
    name = "test/immutable"
    server.client("ecr").create_repository(repositoryName=name, imageTagMutability="IMMUTABLE")
    v2 = V2(server, name)
    manifest = v2.push_image("v1")
    answer = v2.put_manifest("v1", v2.image(b"other"))
    assert answer.status == 400
    assert answer.error == ("TAG_INVALID", f"The image tag 'v1' already exists in the '{name}' repository and cannot be "
                                           "overwritten because the tag is immutable.")
    assert_is_manifest(v2.get_manifest("v1"), manifest)
    assert v2.put_manifest("v1", manifest).status == 201  # the same again (design.md 5)
    assert v2.put_manifest("v2", manifest).status == 201


# ---- deleted


def test_deleting_a_tag_leaves_the_image(v2):
    manifest = v2.push_image("v1")
    v2.put_manifest("v2", manifest)
    assert v2.get_manifest("v1").status == 200
    assert v2.request("DELETE", v2.path("manifests/v1")).status == 202
    assert_unknown(v2.get_manifest("v1"))
    assert_is_manifest(v2.get_manifest("v2"), manifest)
    assert v2.request("DELETE", v2.path("manifests/v2")).status == 202  # the last one: the specification's reading
    assert_is_manifest(v2.get_manifest(digest_of(manifest)), manifest)
    assert_unknown(v2.request("DELETE", v2.path("manifests/v2")))


def test_deleting_an_image_takes_its_tags(v2):
    manifest = v2.push_image("v1")
    v2.put_manifest("v2", manifest)
    assert v2.get_manifest("v2").status == 200
    assert v2.request("DELETE", v2.path(f"manifests/{digest_of(manifest)}")).status == 202
    for reference in ("v1", "v2", digest_of(manifest)):
        assert_unknown(v2.get_manifest(reference))
    assert v2.request("GET", v2.path("tags/list")).json()["tags"] == []
    assert v2.put_manifest("v1", manifest).status == 201  # its layers are held for a while


# ---- on a condition (RFC 9110 13.1)


def assert_precondition_failed(answer):
    assert answer.status == 412, answer
    assert answer.error == ("PRECONDITION_FAILED", "What is there is not what the condition of the request names")
    assert answer.headers["ETag"] is None  # who may only push is not told what is there


def test_a_push_to_a_tag_that_must_be_new_or_as_it_was(v2):
    first, second = v2.image(b"first"), v2.image(b"second")
    etag, other = f'"{digest_of(first)}"', f'"{digest_of(second)}"'
    for nothing_there in ({"If-Match": "*"}, {"If-Match": etag}):
        assert_precondition_failed(v2.put_manifest("v1", first, **nothing_there))
    assert_unknown(v2.get_manifest("v1"))
    assert_unknown(v2.get_manifest(digest_of(first)))  # all or nothing
    assert v2.put_manifest("v1", first, **{"If-None-Match": "*"}).status == 201
    for refused in ({"If-None-Match": "*"}, {"If-None-Match": f'W/{etag}'}, {"If-Match": other},
                    {"If-Match": f"W/{etag}"}, {"If-Match": etag, "If-None-Match": etag}):
        assert_precondition_failed(v2.put_manifest("v1", second, **refused))
    assert_is_manifest(v2.get_manifest("v1"), first)
    assert_unknown(v2.get_manifest(digest_of(second)))
    assert v2.put_manifest("v1", second, **{"If-Match": f"{other}, {etag}"}).status == 201
    assert v2.put_manifest("v1", first, **{"If-None-Match": etag, "If-Match": "*"}).status == 201
    assert_is_manifest(v2.get_manifest("v1"), first)


def test_a_push_by_digest_on_a_condition(v2):
    manifest = v2.image()
    digest = digest_of(manifest)
    assert_precondition_failed(v2.put_manifest(digest, manifest, **{"If-Match": f'"{digest}"'}))
    assert v2.put_manifest(digest, manifest, **{"If-None-Match": "*"}).status == 201
    assert_precondition_failed(v2.put_manifest(digest, manifest, **{"If-None-Match": "*"}))
    assert v2.put_manifest(digest, manifest, **{"If-Match": f'"{digest}"'}).status == 201


@pytest.mark.parametrize("by_digest", (False, True))
def test_a_deletion_on_a_condition(v2, by_digest):
    manifest = v2.push_image("v1")
    digest = digest_of(manifest)
    reference = digest if by_digest else "v1"
    for refused in ({"If-Match": '"other"'}, {"If-Match": f'W/"{digest}"'}, {"If-None-Match": "*"},
                    {"If-None-Match": f'"{digest}"'}):
        assert_precondition_failed(v2.delete_manifest(reference, **refused))
        assert_is_manifest(v2.get_manifest("v1"), manifest)
    assert v2.delete_manifest(reference, **{"If-Match": f'"{digest}"'}).status == 202
    assert_unknown(v2.get_manifest(reference))
    assert_unknown(v2.delete_manifest(reference, **{"If-Match": f'"{digest}"'}))  # as without a condition


def test_of_twins_on_one_condition_one_goes_ahead(v2):
    """Whoever makes a tag, moves it from an image, or deletes it there: exactly one."""
    images = [v2.image(pattern(64, bytes([i]))) for i in range(6)]
    with concurrent.futures.ThreadPoolExecutor(len(images)) as writers:
        for round_ in range(10):
            tag = f"v{round_}"
            made = list(writers.map(lambda manifest: v2.put_manifest(tag, manifest, **{"If-None-Match": "*"}), images))
            assert sorted(answer.status for answer in made) == [201] + [412] * (len(images) - 1)
            (first,) = (manifest for manifest, answer in zip(images, made) if answer.status == 201)
            assert_is_manifest(v2.get_manifest(tag), first)
            etag = {"If-Match": f'"{digest_of(first)}"'}
            others = [manifest for manifest in images if manifest != first]
            deletion = writers.submit(v2.delete_manifest, tag, **etag)
            moved = list(writers.map(lambda manifest: v2.put_manifest(tag, manifest, **etag), others))
            done = [answer.status for answer in (*moved, deletion.result()) if answer.status not in (404, 412)]
            assert done in ([201], [202])
            if done == [202]:
                assert_unknown(v2.get_manifest(tag))


# ---- many, and again after a crash


def test_many_writers_of_one_tag(v2):
    images = [v2.image(pattern(64, bytes([i]))) for i in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as writers:
        answers = list(writers.map(lambda manifest: v2.put_manifest("latest", manifest).status, images * 2))
    assert set(answers) == {201}
    final = v2.get_manifest("latest")
    assert final.body in images
    assert v2.get_manifest("latest", "HEAD").headers["Docker-Content-Digest"] == digest_of(final.body)
    for manifest in images:
        assert_is_manifest(v2.get_manifest(digest_of(manifest)), manifest)


def test_what_was_acknowledged_survives_a_crash(own_server):
    own_server.client("ecr").create_repository(repositoryName="app")
    v2 = V2(own_server, "app")
    manifests = {tag: v2.push_image(tag, pattern(200, tag.encode())) for tag in ("a", "b", "c")}
    v2.request("DELETE", v2.path("manifests/b"))
    own_server.kill()
    own_server.start()
    assert_is_manifest(v2.get_manifest("a"), manifests["a"])
    assert_unknown(v2.get_manifest("b"))
    assert_is_manifest(v2.get_manifest("c"), manifests["c"])
    assert LAYER_TYPE in manifests["a"].decode() and CONFIG_TYPE in manifests["a"].decode()


def test_tags_beside_a_digest(v2):
    """OCI Distribution 1.1, "Pushing Manifests": `tag` parameters, each answered by an OCI-Tag."""
    manifest = v2.image()
    tags = ["1", "1.2", "1.2.3", "latest"]
    path = v2.path(f"manifests/{digest_of(manifest)}?" + "&".join(f"tag={tag}" for tag in tags))
    answer = v2.request("PUT", path, manifest, {"Content-Type": IMAGE_TYPE})
    assert answer.status == 201 and answer.headers.get_all("OCI-Tag") == tags
    assert v2.request("GET", v2.path("tags/list")).json()["tags"] == tags
    for tag in tags:
        assert v2.get_manifest(tag).body == manifest


def test_tags_beside_a_digest_are_put_all_or_none(server):
    server.client("ecr").create_repository(repositoryName="test/all-or-none", imageTagMutability="IMMUTABLE")
    v2 = V2(server, "test/all-or-none")
    first, second = v2.push_image("taken", b"first"), v2.image(b"second")
    path = v2.path(f"manifests/{digest_of(second)}?tag=free&tag=taken")
    assert v2.request("PUT", path, second, {"Content-Type": IMAGE_TYPE}).code == "TAG_INVALID"
    assert v2.get_manifest("taken").body == first
    assert v2.get_manifest("free").status == 404 and v2.get_manifest(digest_of(second)).status == 404


@pytest.mark.parametrize("tag", ["", ".x", "a%20b", "x" * 129])
def test_tags_beside_a_digest_that_cannot_be(v2, tag):
    manifest = v2.image()
    path = v2.path(f"manifests/{digest_of(manifest)}?tag=good&tag={tag}")
    assert v2.request("PUT", path, manifest, {"Content-Type": IMAGE_TYPE}).code == "TAG_INVALID"
    assert v2.get_manifest("good").status == 404


def test_a_tag_beside_a_tag_is_not_heeded(v2):
    manifest = v2.image()
    answer = v2.request("PUT", v2.path("manifests/one?tag=two"), manifest, {"Content-Type": IMAGE_TYPE})
    assert answer.status == 201 and answer.headers["OCI-Tag"] is None
    assert v2.request("GET", v2.path("tags/list")).json()["tags"] == ["one"]
