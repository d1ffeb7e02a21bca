"""BatchDeleteImage."""

import pytest

from harness.api import OTHER_ACCOUNT, USELESS_IDS, Api, denied, digest_of_text, fault_of, no_repository
from harness.v2 import V2, digest_of, index_manifest


def delete(api, *image_ids):
    """What went as (digest, tag), and what did not as (code, reason, id)."""
    answer = api.call("batch_delete_image", imageIds=list(image_ids))
    gone = [(one["imageDigest"], one.get("imageTag")) for one in answer["imageIds"]]
    return gone, [(one["failureCode"], one["failureReason"], one["imageId"]) for one in answer["failures"]]


def referenced(index, image_id):
    return ("ImageReferencedByManifestList", f"Requested image referenced by manifest list: [{digest_of_text(index)}]", image_id)


def test_by_digest_goes_with_every_tag(api):
    manifest = api.push_image("v1")
    api.put_image(manifest, "latest")
    digest = digest_of_text(manifest)
    gone, failures = delete(api, {"imageDigest": digest})
    assert sorted(gone) == [(digest, "latest"), (digest, "v1")] and failures == []
    assert api.image_ids() == []


def test_an_untagged_one(api):
    digest = digest_of_text(api.push_image())
    assert delete(api, {"imageDigest": digest}) == ([(digest, None)], [])


def test_by_tag_goes_the_tag_and_the_image_with_its_last(api):
    manifest = api.push_image("v1")
    digest = digest_of_text(manifest)
    api.put_image(manifest, "latest")
    assert delete(api, {"imageTag": "v1"}) == ([(digest, "v1")], [])
    assert api.image_ids() == [(digest, "latest")]
    assert delete(api, {"imageTag": "latest"}) == ([(digest, "latest")], [])
    assert api.image_ids() == []
    assert api.call("batch_get_image", imageIds=[{"imageDigest": digest}])["failures"][0]["failureCode"] == "ImageNotFound"


def test_tag_and_digest(api):
    first, second = api.push_image("v1", b"1"), api.push_image("v2", b"2")
    wrong = {"imageTag": "v1", "imageDigest": digest_of_text(second)}
    gone, ((code, _, image_id),) = delete(api, wrong)
    assert gone == [] and code == "ImageTagDoesNotMatchDigest" and image_id == wrong
    assert len(api.image_ids()) == 2
    assert delete(api, {"imageTag": "v1", "imageDigest": digest_of_text(first)})[0] == [(digest_of_text(first), "v1")]


def test_what_fails_fails_alone(api):
    digest = digest_of_text(api.push_image("v1"))
    gone, failures = delete(api, *(image_id for *_, image_id in USELESS_IDS), {"imageTag": "v1"})
    assert gone == [(digest, "v1")]
    assert failures == USELESS_IDS


def test_again(api):
    api.push_image("v1")
    delete(api, {"imageTag": "v1"})
    gone, ((code, _, _),) = delete(api, {"imageTag": "v1"})
    assert gone == [] and code == "ImageNotFound"


def test_children_of_an_index_stay(api):
    child = api.push_image("child")
    digest = digest_of_text(child)
    index = index_manifest([child.encode()]).decode()
    api.put_image(index, "multi")
    for image_id in ({"imageDigest": digest}, {"imageTag": "child"}):
        assert delete(api, image_id) == ([], [referenced(index, image_id)])
    api.put_image(child, "second")
    assert delete(api, {"imageTag": "child"}) == ([(digest, "child")], [])  # it has another tag
    assert delete(api, {"imageTag": "second"}) == ([], [referenced(index, {"imageTag": "second"})])
    assert api.get_image(imageDigest=digest) == child


def test_the_index_first_and_then_its_children(api):
    child = api.push_image()
    index = index_manifest([child.encode()]).decode()
    api.put_image(index, "multi")
    gone, failures = delete(api, {"imageTag": "multi"}, {"imageDigest": digest_of_text(child)})
    assert gone == [(digest_of_text(index), "multi"), (digest_of_text(child), None)] and failures == []


def test_immutable_tags_can_be_deleted(api):
    fixed = Api(api.server, api.repository + "/immutable")
    fixed.ecr.create_repository(repositoryName=fixed.repository, imageTagMutability="IMMUTABLE")
    digest = digest_of_text(fixed.push_image("v1"))
    assert delete(fixed, {"imageTag": "v1"}) == ([(digest, "v1")], [])


def test_a_signature_outlives_its_subject(api):
    subject = api.push_image("v1").encode()
    reference = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest_of(subject), "size": len(subject)}
    signature = api.push_image("signature", b"signed", subject=reference)
    assert delete(api, {"imageTag": "v1"})[1] == []
    assert api.get_image(imageTag="signature") == signature


def test_layers_outlive_their_image_for_the_next_push(api):
    manifest = api.push_image("v1")
    delete(api, {"imageTag": "v1"})
    assert api.has_layer(digest_of(b"layer"))
    api.put_image(manifest, "v1")
    assert V2(api.server, api.repository).get_blob(digest_of(b"layer")).body == b"layer"


def test_no_such_repository(api):
    fault = fault_of(api.ecr.batch_delete_image, repositoryName="not/here", imageIds=[{"imageTag": "v1"}])
    assert fault.text == no_repository("not/here")


def test_another_accounts_repository(api):
    fault = api.fault("batch_delete_image", registryId=OTHER_ACCOUNT, imageIds=[{"imageTag": "v1"}])
    assert fault.text == denied("ecr:BatchDeleteImage", api.repository)


@pytest.mark.parametrize("parameters", [{}, {"imageIds": []}, {"imageIds": [{"imageTag": "v1"}] * 101}])
def test_parameters_that_cannot_be(api, parameters):
    code, message = api.fault("batch_delete_image", **parameters).text
    assert code == "InvalidParameterException" and "imageIds" in message
