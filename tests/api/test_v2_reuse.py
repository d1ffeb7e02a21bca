"""Layers that the registry has already are not sent again: HEAD by a pusher, and a mount without a source."""

import pytest

from harness.policies import ADMIN, policy, statement
from harness.v2 import V2, digest_of, image_manifest, pattern

MIB = 1 << 20


@pytest.fixture
def repositories(server, repository):
    """Two repositories of one registry."""
    server.client("ecr").create_repository(repositoryName=repository + "/second")
    return V2(server, repository), V2(server, repository + "/second")


@pytest.mark.parametrize("size", [0, 100, 2 * MIB])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_push_finds_what_is_elsewhere(repositories, size, algorithm):
    first, second = repositories
    data = pattern(size, b"reuse" + algorithm.encode())
    digest = first.push_blob(data, algorithm)
    assert second.get_blob(digest).status == 404
    head = second.head_blob(digest)
    assert head.status == 200 and head.headers["Content-Length"] == str(size)
    assert second.get_blob(digest).body == data


def test_a_mount_without_a_source(repositories):
    first, second = repositories
    data = pattern(4321, b"anonymous")
    digest = first.push_blob(data)
    answer = second.request("POST", second.path(f"blobs/uploads/?mount={digest}"))
    assert answer.status == 201 and answer.location == second.path(f"blobs/{digest}")
    assert answer.headers["Docker-Content-Digest"] == digest
    assert second.get_blob(digest).body == data


def test_an_image_pushed_anew_sends_no_layer(repositories):
    """As a client does: HEAD for each blob, and nothing to send."""
    first, second = repositories
    config, layers = b'{"os": "linux"}', [pattern(size, b"layer") for size in (10, 70_000, 3 * MIB)]
    for blob in (config, *layers):
        first.push_blob(blob)
    assert all(second.head_blob(digest_of(blob)).status == 200 for blob in (config, *layers))
    manifest = image_manifest(config, layers)
    assert second.put_manifest("v1", manifest).status == 201
    for blob in (config, *layers):
        first.request("DELETE", first.path(f"blobs/{digest_of(blob)}"))
    assert all(second.get_blob(digest_of(blob)).body == blob for blob in (config, *layers))


def test_a_pull_gets_nothing(repositories):
    first, second = repositories
    digest = first.push_blob(pattern(500, b"pull"))
    assert second.get_blob(digest).status == 404
    assert second.request("GET", second.path(f"blobs/{digest}"), headers={"Range": "bytes=0-1"}).status == 404


def told(answer) -> tuple:
    """Status, body and the fields of an answer, but for those that differ from one answer to the next."""
    return answer.status, answer.body, sorted(set(answer.headers) - {"Date"})


def test_a_source_that_may_not_be_read_is_as_one_that_is_not_there(server, repositories):
    first, second = repositories
    digest, absent = first.push_blob(pattern(800, b"denied")), digest_of(b"absent")
    server.client("ecr").set_repository_policy(repositoryName=first.repository,
                                               policyText=policy(statement("Deny", "ecr:GetDownloadUrlForLayer", ADMIN)))
    mount = second.path("blobs/uploads/?mount=")
    fresh = told(second.request("POST", second.path("blobs/uploads/")))
    assert fresh[0] == 202
    for source in (f"&from={first.repository}", "", "&from=not/here"):
        for layer in (digest, absent):
            assert told(second.request("POST", mount + layer + source)) == fresh
    assert told(second.head_blob(digest)) == told(second.head_blob(absent))
    assert second.get_blob(digest).status == 404
    answer = second.request("POST", f"{mount}{digest}&from={first.repository}")
    assert second.close_upload(answer.location, digest, pattern(800, b"denied")).status == 201, "the session is one to push by"


def test_registries_share_nothing(server, repositories):
    first, _ = repositories
    digest = first.push_blob(pattern(600, b"regions"))
    ecr = server.client("ecr", region="eu-north-1")
    ecr.create_repository(repositoryName="app")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    other = V2(server, "app", authorization="Basic " + token)
    assert other.head_blob(digest).status == 404
    assert other.request("POST", other.path(f"blobs/uploads/?mount={digest}")).status == 202


def test_what_was_deleted_stays_deleted(repositories):
    first, second = repositories
    digest = first.push_blob(pattern(700, b"deleted"))
    assert second.head_blob(digest).status == 200
    assert second.request("DELETE", second.path(f"blobs/{digest}")).status == 202
    assert second.head_blob(digest).status == 404
    assert second.get_blob(digest).status == 404
    assert first.head_blob(digest).status == 200
