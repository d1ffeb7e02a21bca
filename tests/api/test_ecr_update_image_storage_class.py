"""UpdateImageStorageClass, and what an archived image is to every other operation and to /v2/."""

import json

import pytest

from harness.api import OTHER_ACCOUNT, Api, denied, digest_of_text, fault_of, invalid, no_repository
from harness.server import ACCOUNT
from harness.server import Server
from harness.storage import SHORT_GRACE, blob_files, fsck, wait_until
from harness.v2 import IMAGE_TYPE, V2, descriptor, digest_of, index_manifest, pattern

NOT_SUPPORTED = "ImageStorageClassUpdateNotSupportedException"


def update(api, image_id, target):
    return api.call("update_image_storage_class", imageId=image_id, targetStorageClass=target)


def archive(api, tag="v1"):
    return update(api, {"imageTag": tag}, "ARCHIVE")


def described(api, tag="v1"):
    (detail,) = api.call("describe_images", imageIds=[{"imageTag": tag}], filter={"imageStatus": "ANY"})["imageDetails"]
    return detail


def wait_for(api, status, tag="v1"):
    wait_until(lambda: described(api, tag)["imageStatus"] == status, f"the image to be {status}", 60)


def availability(api, *digests):
    layers = api.call("batch_check_layer_availability", layerDigests=list(digests))["layers"]
    return [layer["layerAvailability"] for layer in layers]


def config_of(manifest):
    return json.loads(manifest)["config"]["digest"]


@pytest.fixture
def v2(api):
    return V2(api.server, api.repository)


# ---- the answer, and what lists say


def test_archive_and_back(api):
    manifest = api.push_image("v1")
    pushed = described(api)["imagePushedAt"]
    image_id = {"imageTag": "v1"}
    said = {"registryId": ACCOUNT, "repositoryName": api.repository, "imageId": image_id}
    assert update(api, image_id, "ARCHIVE") == {**said, "imageStatus": "ARCHIVED"}
    archived = described(api)
    assert archived["imageStatus"] == "ARCHIVED" and archived["imageTags"] == ["v1"]
    assert archived["lastArchivedAt"] >= pushed and "lastActivatedAt" not in archived
    assert update(api, image_id, "STANDARD") == {**said, "imageStatus": "ACTIVATING"}
    wait_for(api, "ACTIVE")
    active = described(api)
    assert active["imagePushedAt"] == pushed
    assert active["lastActivatedAt"] >= active["lastArchivedAt"] == archived["lastArchivedAt"]
    assert api.get_image(imageTag="v1") == manifest


def test_the_id_is_repeated_as_it_was_given(api):
    digest = digest_of_text(api.push_image("v1"))
    assert update(api, {"imageDigest": digest}, "ARCHIVE")["imageId"] == {"imageDigest": digest}
    both = {"imageDigest": digest, "imageTag": "v1"}
    assert update(api, both, "STANDARD")["imageId"] == both


def test_lists_show_active_images_unless_asked(api):
    archived = digest_of_text(api.push_image("v1", b"1"))
    active = digest_of_text(api.push_image("v2", b"2"))
    archive(api)
    for status, expected in [(None, {active}), ("ACTIVE", {active}), ("ARCHIVED", {archived}), ("ACTIVATING", set()),
                             ("ANY", {active, archived})]:
        parameters = {"filter": {"imageStatus": status}} if status else {}
        listed = api.call("list_images", **parameters)["imageIds"]
        details = api.call("describe_images", **parameters)["imageDetails"]
        assert {one["imageDigest"] for one in listed} == expected, status
        assert {one["imageDigest"] for one in details} == expected, status
    named = [{"imageTag": "v1"}]
    assert api.call("describe_images", imageIds=named)["imageDetails"] == []
    assert len(api.call("describe_images", imageIds=named, filter={"imageStatus": "ARCHIVED"})["imageDetails"]) == 1


# ---- out of reach


def test_it_cannot_be_pulled(api, v2):
    manifest = api.push_image("v1", pattern(70_000))
    digest, layer = digest_of_text(manifest), digest_of(pattern(70_000))
    for reference in ("v1", digest):  # from now on in memory
        assert v2.request("GET", v2.path(f"manifests/{reference}")).status == 200
    assert v2.request("GET", v2.path(f"blobs/{layer}")).status == 200
    url = api.call("get_download_url_for_layer", layerDigest=layer)["downloadUrl"]
    assert api.server.get("/" + url.split("/", 3)[3])[0] == 200
    archive(api)
    for reference in ("v1", digest):
        answer = v2.request("GET", v2.path(f"manifests/{reference}"))
        assert (answer.status, answer.error) == (404, ("MANIFEST_UNKNOWN", "Requested image not found"))
        assert v2.request("HEAD", v2.path(f"manifests/{reference}")).status == 404
    for blob in (layer, config_of(manifest)):
        assert v2.request("HEAD", v2.path(f"blobs/{blob}")).status == 404
        answer = v2.request("GET", v2.path(f"blobs/{blob}"))
        assert (answer.status, answer.code) == (404, "BLOB_UNKNOWN")
    assert api.server.get("/" + url.split("/", 3)[3])[0] == 404
    assert api.fault("get_download_url_for_layer", layerDigest=layer).text[0] == "LayerInaccessibleException"
    assert v2.request("GET", v2.path("tags/list")).json()["tags"] == []


def test_batch_get_image_fails_it_alone(api):
    api.push_image("v1", b"1")
    api.push_image("v2", b"2")
    archive(api)
    answer = api.call("batch_get_image", imageIds=[{"imageTag": "v1"}, {"imageTag": "v2"}])
    assert [image["imageId"]["imageTag"] for image in answer["images"]] == ["v2"]
    (failure,) = answer["failures"]
    assert (failure["failureCode"], failure["imageId"]) == ("ImageInaccessible", {"imageTag": "v1"})


def test_layers_of_archived_images_alone_are_archived(api, v2):
    shared, own = pattern(5_000, b"shared"), pattern(5_000, b"own")
    config = b"{}"
    for blob in (shared, own, config):
        api.push_layer(blob)
    manifest = json.loads(api.image(shared))
    with_both = {**manifest, "layers": manifest["layers"] + [
        {**manifest["layers"][0], "digest": digest_of(own), "size": len(own)}]}
    api.put_image(json.dumps(with_both), "v1")
    api.put_image(json.dumps(manifest), "v2")
    archive(api)
    assert availability(api, digest_of(own), digest_of(shared)) == ["ARCHIVED", "AVAILABLE"]
    assert v2.request("HEAD", v2.path(f"blobs/{digest_of(shared)}")).status == 200
    api.call("batch_delete_image", imageIds=[{"imageTag": "v2"}])
    assert availability(api, digest_of(own), digest_of(shared)) == ["ARCHIVED", "ARCHIVED"]
    update(api, {"imageTag": "v1"}, "STANDARD")
    wait_for(api, "ACTIVE")
    assert availability(api, digest_of(own), digest_of(shared)) == ["AVAILABLE", "AVAILABLE"]
    assert v2.request("GET", v2.path(f"blobs/{digest_of(own)}")).body == own


def test_another_repository_keeps_its_own(api):
    layer = pattern(9_000, api.repository.encode())
    other = Api(api.server, api.repository + "/other")
    other.ecr.create_repository(repositoryName=other.repository)
    for one in (api, other):
        one.push_image("v1", layer)
    archive(api)
    assert (availability(api, digest_of(layer)), availability(other, digest_of(layer))) == (["ARCHIVED"], ["AVAILABLE"])
    there = V2(api.server, other.repository)
    assert there.request("GET", there.path(f"blobs/{digest_of(layer)}")).body == layer


# ---- pushed again


def test_a_push_of_the_same_image_restores_it_at_once(api, v2):
    layer = pattern(20_000, b"again")
    manifest = api.push_image("v1", layer)
    archive(api)
    for blob in (layer, json.dumps({"architecture": "amd64", "os": "linux", "made_of": digest_of(layer)}).encode()):
        assert v2.request("HEAD", v2.path(f"blobs/{digest_of(blob)}")).status == 404
        v2.push_blob(blob)
        assert v2.request("GET", v2.path(f"blobs/{digest_of(blob)}")).body == blob
    put = v2.request("PUT", v2.path("manifests/v1"), manifest.encode(), {"Content-Type": IMAGE_TYPE})
    assert put.status == 201
    detail = described(api)
    assert detail["imageStatus"] == "ACTIVE" and detail["lastActivatedAt"] >= detail["lastArchivedAt"]
    assert v2.request("GET", v2.path("manifests/v1")).body == manifest.encode()


def test_put_image_restores_it_and_is_no_repetition(api):
    manifest = api.push_image("v1")
    archive(api)
    api.image()  # its layers are pushed again
    assert api.put_image(manifest, "v1")["imageId"]["imageTag"] == "v1"
    assert described(api)["imageStatus"] == "ACTIVE"
    assert api.fault("put_image", imageManifest=manifest, imageTag="v1").text[0] == "ImageAlreadyExistsException"


def test_a_layer_in_parts_comes_back(api):
    layer = pattern(3_000, b"parts")
    api.push_image("v1", layer)
    archive(api)
    assert api.push_layer(layer) == digest_of(layer)  # not LayerAlreadyExists
    assert availability(api, digest_of(layer)) == ["AVAILABLE"]


# ---- indexes and artifacts


def test_an_index_holds_its_children(api):
    child = api.push_image("child")
    api.put_image(index_manifest([child.encode()]).decode(), "index")
    code, text = api.fault("update_image_storage_class", imageId={"imageTag": "child"}, targetStorageClass="ARCHIVE").text
    assert code == NOT_SUPPORTED and "index" in text
    archive(api, "index")
    assert described(api, "child")["imageStatus"] == "ACTIVE"
    archive(api, "child")
    update(api, {"imageTag": "index"}, "STANDARD")  # and with it what it names
    wait_for(api, "ACTIVE", "index")
    assert described(api, "child")["imageStatus"] == "ACTIVE"
    assert api.get_image(imageTag="child") == child


def test_an_index_of_an_archived_image_cannot_be_pushed(api):
    child = api.push_image("child")
    archive(api, "child")
    index = index_manifest([child.encode()]).decode()
    assert api.fault("put_image", imageManifest=index, imageTag="index").text[0] == "ReferencedImagesNotFoundException"


def test_artifacts_follow_their_subject(api, v2):
    subject = api.push_image("v1")
    signature = api.push_image("signature", b"signature", subject=descriptor(IMAGE_TYPE, subject.encode()))
    archive(api)
    wait_for(api, "ARCHIVED", "signature")
    asked = {"subjectId": {"imageDigest": digest_of_text(subject)}}
    assert api.call("list_image_referrers", **asked)["referrers"] == []
    (entry,) = api.call("list_image_referrers", **asked, filter={"artifactStatus": "ARCHIVED"})["referrers"]
    assert (entry["digest"], entry["artifactStatus"]) == (digest_of_text(signature), "ARCHIVED")
    referrers = v2.path(f"referrers/{digest_of_text(subject)}")
    assert v2.request("GET", referrers).json()["manifests"] == []
    update(api, {"imageTag": "v1"}, "STANDARD")
    wait_for(api, "ACTIVE", "signature")
    assert len(v2.request("GET", referrers).json()["manifests"]) == 1


# ---- gone


def test_an_archived_image_can_be_deleted(api):
    layer = pattern(4_000, b"deleted")
    digest = digest_of_text(api.push_image("v1", layer))
    archive(api)
    assert api.call("batch_delete_image", imageIds=[{"imageTag": "v1"}])["imageIds"] == [
        {"imageDigest": digest, "imageTag": "v1"}]
    assert availability(api, digest_of(layer)) == ["UNAVAILABLE"]
    assert api.call("list_images", filter={"imageStatus": "ANY"})["imageIds"] == []
    assert api.push_image("v1", layer)
    assert described(api)["imageStatus"] == "ACTIVE"


def test_a_repository_of_archived_images_is_not_empty(api):
    api.push_image("v1")
    archive(api)
    assert fault_of(api.ecr.delete_repository, repositoryName=api.repository).text[0] == "RepositoryNotEmptyException"


def test_the_store_adds_up(own_server):
    own_server.client("ecr").create_repository(repositoryName="archive/app")
    api = Api(own_server, "archive/app")
    api.push_image("v1", pattern(30_000))
    archive(api)
    assert fsck(own_server)[0] == 0
    update(api, {"imageTag": "v1"}, "STANDARD")
    wait_for(api, "ACTIVE")
    assert fsck(own_server)[0] == 0


# ---- where the bytes are


@pytest.fixture
def moving_server(tmp_path):
    """Collects at once, and has its archive elsewhere."""
    with Server(tmp_path, *SHORT_GRACE, "--storage-archive-dir", str(tmp_path / "cold")) as running:
        yield running


def cold_files(server):
    return [path for path in (server.data_dir.parent / "cold").rglob("*") if path.is_file() and path.name != "root-id"]


def test_the_bytes_move_there_and_back(moving_server):
    moving_server.client("ecr").create_repository(repositoryName="archive/app")
    api, v2 = Api(moving_server, "archive/app"), V2(moving_server, "archive/app")
    layer = b"a layer that packs well " * 20_000
    api.push_image("v1", layer)
    archive(api)
    # A layer that came in parts has a file, however small: here the config's.
    wait_until(lambda: not blob_files(moving_server) and len(cold_files(moving_server)) == 2, "the move to the archive", 60)
    for path in cold_files(moving_server):
        assert path.stat().st_size < len(layer) / 10
        assert layer[:24] not in path.read_bytes()
    status, findings, _ = fsck(moving_server, "--read-blobs")
    assert (status, findings) == (0, [])
    moving_server.stop()
    moving_server.start()
    update(api, {"imageTag": "v1"}, "STANDARD")
    wait_for(api, "ACTIVE")
    assert v2.request("GET", v2.path(f"blobs/{digest_of(layer)}")).body == layer
    wait_until(lambda: not cold_files(moving_server) and len(blob_files(moving_server)) == 2, "the archive to be empty", 60)
    metrics = moving_server.get("/metrics", {"Authorization": v2.authorization})[2].decode()
    assert "entrepot_archive_moved_blobs_total" in metrics


# ---- refused


def test_the_class_that_it_has(api):
    api.push_image("v1")
    assert api.fault("update_image_storage_class", imageId={"imageTag": "v1"}, targetStorageClass="STANDARD").text[0] == NOT_SUPPORTED
    archive(api)
    assert api.fault("update_image_storage_class", imageId={"imageTag": "v1"}, targetStorageClass="ARCHIVE").text[0] == NOT_SUPPORTED


def test_no_such_image(api):
    digest = digest_of_text(api.push_image("v1"))
    absent = digest_of(b"absent")
    for image_id in ({"imageTag": "v2"}, {"imageDigest": absent}, {"imageTag": "v1", "imageDigest": absent},
                     {"imageTag": "v2", "imageDigest": digest}):
        fault = api.fault("update_image_storage_class", imageId=image_id, targetStorageClass="ARCHIVE")
        assert fault.text[0] == "ImageNotFoundException"
        assert image_id.get("imageDigest", "null") in fault.message and api.where() in fault.message
    assert described(api)["imageStatus"] == "ACTIVE"


def test_an_id_of_nothing(api):
    text = api.fault("update_image_storage_class", imageId={}, targetStorageClass="ARCHIVE").text
    assert text == invalid("imageId", "both tag and digest cannot be null")


def test_no_such_class(api):
    code, _ = api.fault("update_image_storage_class", imageId={"imageTag": "v1"}, targetStorageClass="GLACIER").text
    assert code in ("InvalidParameterException", "ValidationException")


def test_no_such_repository(ecr):
    asked = {"repositoryName": "no/such", "imageId": {"imageTag": "v1"}, "targetStorageClass": "ARCHIVE"}
    assert fault_of(ecr.update_image_storage_class, **asked).text == no_repository("no/such")


def test_another_account(api):
    asked = {"imageId": {"imageTag": "v1"}, "targetStorageClass": "ARCHIVE"}
    fault = api.fault("update_image_storage_class", registryId=OTHER_ACCOUNT, **asked)
    assert (fault.code, fault.message) == denied("ecr:UpdateImageStorageClass", api.repository)
