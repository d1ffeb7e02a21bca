"""BatchGetImage."""

import json

import pytest

from harness.api import OTHER_ACCOUNT, USELESS_IDS, denied, digest_of_text, fault_of, no_repository
from harness.server import ACCOUNT
from harness.v2 import IMAGE_TYPE, INDEX_TYPE, index_manifest

DOCKER_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


def test_by_tag_by_digest_and_by_both(api):
    manifest = api.push_image("v1")
    digest = digest_of_text(manifest)
    common = {"registryId": ACCOUNT, "repositoryName": api.repository, "imageManifest": manifest,
              "imageManifestMediaType": IMAGE_TYPE}
    asked = [{"imageTag": "v1"}, {"imageDigest": digest}, {"imageDigest": digest, "imageTag": "v1"}]
    answer = api.call("batch_get_image", imageIds=asked, registryId=ACCOUNT)
    assert answer["failures"] == []
    got = sorted(answer["images"], key=str)
    wanted = [{**common, "imageId": {"imageDigest": digest, **tag}} for tag in ({"imageTag": "v1"}, {}, {"imageTag": "v1"})]
    assert got == sorted(wanted, key=str)


def test_what_fails_fails_alone(api):
    manifest = api.push_image("v1")
    answer = api.call("batch_get_image", imageIds=[*(image_id for *_, image_id in USELESS_IDS), {"imageTag": "v1"}])
    assert [image["imageManifest"] for image in answer["images"]] == [manifest]
    failures = [(one["failureCode"], one["failureReason"], one["imageId"]) for one in answer["failures"]]
    assert failures == USELESS_IDS


def test_tag_and_digest_of_different_images(api):
    first, second = api.push_image("v1", b"1"), api.push_image("v2", b"2")
    asked = {"imageTag": "v1", "imageDigest": digest_of_text(second)}
    answer = api.call("batch_get_image", imageIds=[asked])
    assert answer["images"] == [] and [one["failureCode"] for one in answer["failures"]] == ["ImageTagDoesNotMatchDigest"]
    assert answer["failures"][0]["imageId"] == asked
    assert api.get_image(imageTag="v1", imageDigest=digest_of_text(first)) == first


def test_types_that_the_caller_accepts(api):
    manifest = api.push_image("v1")
    digest = digest_of_text(manifest)
    index = index_manifest([manifest.encode()]).decode()
    api.put_image(index, "multi")

    def get(accepted, **image_id):
        answer = api.call("batch_get_image", imageIds=[image_id], acceptedMediaTypes=accepted)
        return [image["imageManifest"] for image in answer["images"]] or [one["failureCode"] for one in answer["failures"]]

    assert get([IMAGE_TYPE], imageTag="v1") == get([DOCKER_TYPE, IMAGE_TYPE], imageDigest=digest) == [manifest]
    assert get([IMAGE_TYPE, INDEX_TYPE], imageTag="multi") == [index]
    assert get([DOCKER_TYPE], imageDigest=digest) == ["ImageNotFound"]  # by digest nothing is converted


def test_a_tag_is_converted_for_who_accepts_only_the_other_format(api):
    manifest = api.push_image("v1")
    asked = {"imageIds": [{"imageTag": "v1"}], "acceptedMediaTypes": [DOCKER_TYPE]}
    image = api.call("batch_get_image", **asked)["images"][0]
    assert image["imageManifestMediaType"] == DOCKER_TYPE
    assert image["imageId"] == {"imageTag": "v1", "imageDigest": digest_of_text(manifest)}, "it is still that image"
    stored, converted = json.loads(manifest), json.loads(image["imageManifest"])
    assert converted["mediaType"] == DOCKER_TYPE
    assert converted["config"] == {**stored["config"], "mediaType": "application/vnd.docker.container.image.v1+json"}
    assert [layer["digest"] for layer in converted["layers"]] == [layer["digest"] for layer in stored["layers"]]

    api.put_image(image["imageManifest"], "docker")
    back = api.call("batch_get_image", imageIds=[{"imageTag": "docker"}], acceptedMediaTypes=[IMAGE_TYPE])["images"][0]
    assert json.loads(back["imageManifest"]) == stored
    assert api.get_image(imageTag="docker") == image["imageManifest"], "what was pushed stays as it is"


def test_a_hundred_ids(api):
    manifest = api.push_image("t0")
    for i in range(1, 100):
        api.put_image(manifest, f"t{i}")
    asked = [{"imageTag": f"t{i}"} for i in range(100)]
    answer = api.call("batch_get_image", imageIds=asked)
    assert sorted(image["imageId"]["imageTag"] for image in answer["images"]) == sorted(one["imageTag"] for one in asked)
    code, message = api.fault("batch_get_image", imageIds=[*asked, {"imageTag": "t0"}]).text
    assert code == "InvalidParameterException" and "imageIds" in message
    code, message = api.fault("batch_get_image", imageIds=[]).text
    assert code == "InvalidParameterException" and "imageIds" in message


def test_a_moved_tag_is_seen_at_once(api):
    for content in (b"1", b"2", b"1", b"3"):
        manifest = api.image(content)
        api.put_image(manifest, "latest")
        assert api.get_image(imageTag="latest") == manifest


def test_no_such_repository(api):
    fault = fault_of(api.ecr.batch_get_image, repositoryName="not/here", imageIds=[{"imageTag": "v1"}])
    assert fault.text == no_repository("not/here")


def test_another_accounts_repository(api):
    fault = api.fault("batch_get_image", registryId=OTHER_ACCOUNT, imageIds=[{"imageTag": "v1"}])
    assert fault.text == denied("ecr:BatchGetImage", api.repository)


@pytest.mark.parametrize("parameters", [{}, {"imageIds": [{"imageTag": ""}]}, {"imageIds": [{"imageTag": "t" * 301}]},
                                        {"imageIds": [{"imageTag": "v1"}], "acceptedMediaTypes": []}])
def test_parameters_that_cannot_be(api, parameters):
    assert api.fault("batch_get_image", **parameters).text[0] == "InvalidParameterException"
