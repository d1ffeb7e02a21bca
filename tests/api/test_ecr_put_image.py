"""PutImage."""

import concurrent.futures
import json

import pytest

from harness.api import OTHER_ACCOUNT, Api, denied, digest_of_text, fault_of, invalid, no_repository
from harness.server import ACCOUNT
from harness.v2 import IMAGE_TYPE, INDEX_TYPE, digest_of, image_manifest, index_manifest, pattern

NOT_JSON = invalid("ImageManifest", "Invalid JSON syntax")
DOCKER_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


def already(api, manifest, tag):
    return ("ImageAlreadyExistsException",
            f"Image with digest '{digest_of_text(manifest)}' and tag '{tag}' already exists in the repository with name "
            f"'{api.repository}' in registry with id '{ACCOUNT}'")


def immutable(api, tag):
    return ("ImageTagAlreadyExistsException", f"The image tag '{tag}' already exists in the '{api.repository}' repository and "
                                              "cannot be overwritten because the tag is immutable.")


def with_mode(api, mode, *filters) -> Api:
    exclusion = [{"filterType": "WILDCARD", "filter": one} for one in filters]
    made = Api(api.server, api.repository + "/mode")
    made.ecr.create_repository(repositoryName=made.repository, imageTagMutability=mode,
                               **({"imageTagMutabilityExclusionFilters": exclusion} if filters else {}))
    return made


# ---- what is answered, and what is there afterwards


def test_the_answer(api):
    manifest = api.image()
    assert api.put_image(manifest, "v1", registryId=ACCOUNT) == {
        "registryId": ACCOUNT, "repositoryName": api.repository, "imageManifest": manifest, "imageManifestMediaType": IMAGE_TYPE,
        "imageId": {"imageDigest": digest_of_text(manifest), "imageTag": "v1"}}
    assert api.get_image(imageTag="v1") == manifest


def test_without_a_tag(api):
    manifest = api.image()
    assert api.put_image(manifest)["imageId"] == {"imageDigest": digest_of_text(manifest)}
    assert api.image_ids() == [(digest_of_text(manifest), None)]


def test_with_its_digest(api):
    manifest = api.image()
    assert api.put_image(manifest, imageDigest=digest_of_text(manifest))["imageId"]["imageDigest"] == digest_of_text(manifest)


def test_bytes_are_kept(api):
    manifest = api.image(annotations={"größe": "☃ 𝄞", "quoted": 'a "b" \\ c\tä'})
    unusual = manifest.replace("{", "{ \n\t", 1) + "\n\n"
    api.put_image(unusual, "v1")
    assert api.get_image(imageTag="v1") == unusual
    assert api.image_ids() == [(digest_of_text(unusual), "v1")]


def test_the_media_type_may_come_with_the_request(api):
    """As Helm's charts need it."""
    manifest = json.loads(api.image())
    del manifest["mediaType"]
    text = json.dumps(manifest)
    assert api.fault("put_image", imageManifest=text, imageTag="chart").text == NOT_JSON
    put = api.put_image(text, "chart", imageManifestMediaType=IMAGE_TYPE)
    assert put["imageManifestMediaType"] == IMAGE_TYPE
    assert api.get_image(imageTag="chart") == text


def test_docker_manifests(api):
    put = api.put_image(api.image(mediaType=DOCKER_TYPE), "v1", imageManifestMediaType=DOCKER_TYPE)
    assert put["imageManifestMediaType"] == DOCKER_TYPE


@pytest.mark.parametrize("tag", ["a", "t" * 300, "-dash", ".dot", "A_b-c.9"])
def test_tags(api, tag):
    api.push_image(tag)
    assert api.image_ids()[0][1] == tag


# ---- again


def test_the_same_again(api):
    manifest = api.push_image("v1")
    assert api.fault("put_image", imageManifest=manifest, imageTag="v1").text == already(api, manifest, "v1")
    assert api.fault("put_image", imageManifest=manifest).text == already(api, manifest, "null")


def test_another_tag_is_added(api):
    manifest = api.push_image("v1")
    assert api.put_image(manifest, "latest")["imageId"] == {"imageDigest": digest_of_text(manifest), "imageTag": "latest"}
    assert [tag for _, tag in api.image_ids()] == ["latest", "v1"]


def test_an_untagged_image_gets_a_tag(api):
    manifest = api.push_image()
    api.put_image(manifest, "v1")
    assert api.image_ids() == [(digest_of_text(manifest), "v1")]


def test_a_tag_moves_and_leaves_its_image(api):
    first, second = api.push_image("latest", b"1"), api.push_image("latest", b"2")
    assert api.get_image(imageTag="latest") == second
    assert sorted(api.image_ids(), key=str) == sorted(
        [(digest_of_text(first), None), (digest_of_text(second), "latest")], key=str)
    api.put_image(first, "latest")  # and back
    assert api.get_image(imageTag="latest") == first


@pytest.mark.parametrize("mode, filters, tag, moves", [
    ("MUTABLE", [], "v1", True), ("IMMUTABLE", [], "v1", False),
    ("IMMUTABLE_WITH_EXCLUSION", ["dev*", "latest"], "latest", True), ("IMMUTABLE_WITH_EXCLUSION", ["dev*"], "dev", True),
    ("IMMUTABLE_WITH_EXCLUSION", ["dev*"], "my-dev", False), ("IMMUTABLE_WITH_EXCLUSION", ["*-rc*"], "v1-rc2", True),
    ("IMMUTABLE_WITH_EXCLUSION", ["v1.0"], "v1x0", False), ("IMMUTABLE_WITH_EXCLUSION", ["latest"], "Latest", False),
    ("MUTABLE_WITH_EXCLUSION", ["v*"], "v1", False), ("MUTABLE_WITH_EXCLUSION", ["v*"], "latest", True),
])
def test_tag_mutability(api, mode, filters, tag, moves):
    api = with_mode(api, mode, *filters)
    first, second = api.push_image(tag, b"1"), api.image(b"2")
    if moves:
        api.put_image(second, tag)
        assert api.get_image(imageTag=tag) == second
    else:
        assert api.fault("put_image", imageManifest=second, imageTag=tag).text == immutable(api, tag)
        assert api.image_ids() == [(digest_of_text(first), tag)]
    assert api.put_image(first, "another")["imageId"]["imageTag"] == "another"


def test_immutable_and_the_same_again(api):
    api = with_mode(api, "IMMUTABLE")
    manifest = api.push_image("v1")
    assert api.fault("put_image", imageManifest=manifest, imageTag="v1").text == already(api, manifest, "v1")


def test_an_immutable_tag_is_free_again_when_deleted(api):
    api = with_mode(api, "IMMUTABLE")
    api.push_image("v1", b"1")
    api.call("batch_delete_image", imageIds=[{"imageTag": "v1"}])
    second = api.push_image("v1", b"2")
    assert api.get_image(imageTag="v1") == second


def test_of_many_at_once_one_gets_the_immutable_tag(api):
    api = with_mode(api, "IMMUTABLE")
    manifests = [api.image(bytes([i])) for i in range(6)]

    def put(manifest):
        try:
            return api.put_image(manifest, "v1")["imageManifest"]
        except api.ecr.exceptions.ImageTagAlreadyExistsException:
            return None

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        (winner,) = [one for one in pool.map(put, manifests) if one]
    assert api.image_ids() == [(digest_of_text(winner), "v1")]


# ---- what an image needs


def test_missing_layers_are_all_named(api):
    present = api.push_layer(b"present")
    blobs = [b"config", b"one", b"present", b"two"]
    missing = sorted(digest_of(blob) for blob in blobs if digest_of(blob) != present)
    fault = api.fault("put_image", imageManifest=image_manifest(blobs[0], blobs[1:]).decode(), imageTag="v1")
    code, message = fault.text
    named = message[message.index("[") + 1:message.index("]")]
    assert (code, message) == ("LayersNotFoundException",
                               f"Layers with digests '[{named}]' required for pushing image into {api.where()} do not exist")
    assert sorted(named.split(", ")) == missing
    assert api.image_ids() == []


def test_layers_of_another_repository_do_not_count(api):
    other = Api(api.server, api.repository + "/other")
    other.ecr.create_repository(repositoryName=other.repository)
    manifest = other.push_image("v1", b"theirs")
    assert api.fault("put_image", imageManifest=manifest).text[0] == "LayersNotFoundException"


def test_layers_that_live_elsewhere_need_not_be_here(api):
    foreign = {"mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar", "digest": digest_of(b"far"), "size": 3,
               "urls": ["https://example.org/far"]}
    manifest = json.loads(api.image())
    manifest["layers"].append(foreign)
    api.put_image(json.dumps(manifest), "v1")


def test_an_index_needs_its_children(api):
    children = [api.image(bytes([i])) for i in range(3)]
    api.put_image(children[0])
    index = index_manifest([child.encode() for child in children]).decode()
    code, message = api.fault("put_image", imageManifest=index, imageTag="multi").text
    named = message[message.index("[") + 1:message.index("]")]
    assert (code, message) == ("ReferencedImagesNotFoundException",
                               f"Images with digests '[{named}]' required for pushing image into {api.where()} do not exist")
    assert sorted(named.split(", ")) == sorted(map(digest_of_text, children[1:]))
    for child in children[1:]:
        api.put_image(child)
    assert api.put_image(index, "multi")["imageManifestMediaType"] == INDEX_TYPE
    assert api.get_image(imageTag="multi") == index


def test_a_subject_need_not_be_here(api):
    subject = {"mediaType": IMAGE_TYPE, "digest": digest_of(b"nobody"), "size": 6}
    manifest = api.push_image("signature", subject=subject)
    (detail,) = api.call("describe_images")["imageDetails"]
    assert detail["imageDigest"] == digest_of_text(manifest)
    assert detail["subjectManifestDigest"] == subject["digest"]


# ---- what is no image


@pytest.mark.parametrize("text", ["{", "nonsense", "[]", "null", '"text"', "12", '{"schemaVersion": 2}', "{}", "{} {}",
                                  '{"mediaType": "text/plain"}', '{"schemaVersion": 2, "mediaType": "application/json"}'])
def test_what_is_no_manifest(api, text):
    assert api.fault("put_image", imageManifest=text, imageTag="v1").text == NOT_JSON


@pytest.mark.parametrize("text", [
    json.dumps({"schemaVersion": 2, "mediaType": IMAGE_TYPE}),
    json.dumps({"schemaVersion": 2, "mediaType": IMAGE_TYPE, "config": 1, "layers": []}),
    json.dumps({"schemaVersion": 2, "mediaType": IMAGE_TYPE, "config": {"digest": "x", "size": 1}, "layers": []}),
    json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": {}}),
])
def test_manifests_that_are_broken(api, text):
    code, message = api.fault("put_image", imageManifest=text, imageTag="v1").text
    assert code == "InvalidParameterException" and "'ImageManifest'" in message


@pytest.mark.parametrize("other", [DOCKER_TYPE, INDEX_TYPE, "application/json", "text/plain"])
def test_two_media_types(api, other):
    code, message = api.fault("put_image", imageManifest=api.image(), imageManifestMediaType=other).text
    assert code == "InvalidParameterException" and "'ImageManifest'" in message
    assert api.image_ids() == []


@pytest.mark.parametrize("digest", [digest_of(pattern(10)), "sha256:00", "md5:" + "0" * 32])
def test_a_digest_that_is_another(api, digest):
    fault = api.fault("put_image", imageManifest=api.image(), imageDigest=digest)
    assert fault.text[0] == "ImageDigestDoesNotMatchException"
    assert api.image_ids() == []


def test_a_digest_that_is_none(api):
    assert api.fault("put_image", imageManifest=api.image(), imageDigest="no digest").text == invalid(
        "imageDigest", "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'")


@pytest.mark.parametrize("tag, constraint", [
    ("a b", "must satisfy regular expression '[a-zA-Z0-9-_.]+'"), ("a:b", "must satisfy regular expression '[a-zA-Z0-9-_.]+'"),
    ("ä", "must satisfy regular expression '[a-zA-Z0-9-_.]+'"), ("", "must have length greater than or equal to 1"),
    ("t" * 301, "must have length less than or equal to 300"),
])
def test_tags_that_cannot_be(api, tag, constraint):
    assert api.fault("put_image", imageManifest=api.image(), imageTag=tag).text == invalid("imageTag", constraint)


def test_a_manifest_of_four_mebibytes(api):
    limit = 4 << 20
    base = api.image()
    largest = base + " " * (limit - len(base))
    assert api.put_image(largest, "largest")["imageId"]["imageDigest"] == digest_of_text(largest)
    assert api.get_image(imageTag="largest") == largest
    code, message = api.fault("put_image", imageManifest=largest + " ", imageTag="larger").text
    assert code == "InvalidParameterException"
    assert message.endswith(f"failed to satisfy constraint: 'must have length less than or equal to {limit}'")


# ---- where


def test_no_such_repository(api):
    fault = fault_of(api.ecr.put_image, repositoryName="not/here", imageManifest="{}")
    assert fault.text == no_repository("not/here")  # before anyone looks at the manifest


def test_another_accounts_repository(api):
    fault = api.fault("put_image", registryId=OTHER_ACCOUNT, imageManifest=api.image())
    assert fault.text == denied("ecr:PutImage", api.repository)
