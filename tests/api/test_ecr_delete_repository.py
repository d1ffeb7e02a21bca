"""DeleteRepository."""

import pytest

from harness.api import OTHER_ACCOUNT, Api, denied, fault_of, invalid, no_repository, repository_arn
from harness.server import ACCOUNT
from harness.v2 import V2, digest_of, index_manifest


@pytest.fixture
def not_empty(api):
    return ("RepositoryNotEmptyException", f"The repository with name '{api.repository}' in registry with id '{ACCOUNT}' cannot "
                                           "be deleted because it still contains images")


def assert_gone(api):
    assert fault_of(api.ecr.describe_repositories, repositoryNames=[api.repository]).text == no_repository(api.repository)


def test_an_empty_one(api):
    (described,) = api.ecr.describe_repositories(repositoryNames=[api.repository])["repositories"]
    assert api.call("delete_repository", registryId=ACCOUNT) == {"repository": described}
    assert_gone(api)


@pytest.mark.parametrize("tag", ["v1", None])
def test_one_with_images(api, not_empty, tag):
    manifest = api.push_image(tag)
    assert api.fault("delete_repository").text == not_empty
    assert api.fault("delete_repository", force=False).text == not_empty
    assert api.get_image(imageDigest=digest_of(manifest.encode())) == manifest
    assert api.call("delete_repository", force=True)["repository"]["repositoryName"] == api.repository
    assert_gone(api)


def test_one_with_an_index(api):
    children = [api.push_image(content=bytes([i])).encode() for i in range(2)]
    api.put_image(index_manifest(children).decode(), "multi")
    api.call("delete_repository", force=True)
    assert_gone(api)


def test_layers_alone_do_not_keep_it(api):
    api.push_layer(b"layer")
    api.open_upload()
    api.call("delete_repository")
    assert_gone(api)


def test_the_name_made_again_is_empty(api, server):
    manifest = api.push_image("v1")
    upload = api.open_upload()
    v2 = V2(server, api.repository)
    assert v2.get_manifest("v1").status == 200
    api.ecr.delete_repository(repositoryName=api.repository, force=True)
    api.ecr.create_repository(repositoryName=api.repository)
    assert api.image_ids() == []
    assert not api.has_layer(digest_of(b"layer"))
    assert api.ecr.list_tags_for_resource(resourceArn=repository_arn(api.repository))["tags"] == []
    assert v2.get_manifest("v1").code == v2.get_manifest(digest_of(manifest.encode())).code == "MANIFEST_UNKNOWN"
    assert v2.get_blob(digest_of(b"layer")).code == "BLOB_UNKNOWN"
    assert api.fault("complete_layer_upload", uploadId=upload, layerDigests=[digest_of(b"")]).code == "UploadNotFoundException"


def test_tags_go_with_it(api):
    api.ecr.create_repository(repositoryName="tagged/one", tags=[{"Key": "team", "Value": "build"}])
    api.ecr.delete_repository(repositoryName="tagged/one")
    api.ecr.create_repository(repositoryName="tagged/one")
    assert api.ecr.list_tags_for_resource(resourceArn=repository_arn("tagged/one"))["tags"] == []


def test_another_repository_keeps_what_it_shares(api, server):
    other = Api(server, api.repository + "/other")
    other.ecr.create_repository(repositoryName=other.repository)
    manifest = api.push_image("v1", b"shared")
    other.push_image("v1", b"shared")
    api.call("delete_repository", force=True)
    assert other.get_image(imageTag="v1") == manifest
    assert V2(server, other.repository).get_blob(digest_of(b"shared")).body == b"shared"


def test_one_that_is_not_there(api):
    api.call("delete_repository")
    assert api.fault("delete_repository").text == no_repository(api.repository)
    assert api.fault("delete_repository", force=True).text == no_repository(api.repository)


def test_another_accounts_repository(api):
    assert api.fault("delete_repository", registryId=OTHER_ACCOUNT).text == denied("ecr:DeleteRepository", api.repository)


def test_a_name_too_short(api):
    assert fault_of(api.ecr.delete_repository, repositoryName="a").text == invalid(
        "repositoryName", "must have length greater than or equal to 2")
