"""What is stored, as `entrepot usage` and /metrics tell it."""

import json

from harness.server import run_entrepot
from harness.storage import fsck, wait_until
from harness.v2 import V2, basic, digest_of, image_manifest, pattern


def lines_of_usage(server, *flags: str) -> list[dict]:
    outcome = run_entrepot("usage", "--data-dir", server.data_dir, "--json", *flags)
    assert outcome.returncode == 0, outcome.stderr
    return [json.loads(line) for line in outcome.stdout.splitlines()]


def usage(server) -> tuple[dict, dict[str, dict]]:
    total, *repositories = lines_of_usage(server)
    return total, {line["repository"]: line for line in repositories}


def test_unique_shared_and_total(own_server):
    ecr = own_server.client("ecr")
    for name in ("usage/a", "usage/b"):
        ecr.create_repository(repositoryName=name)
    layer = pattern(50_000)
    a, b = V2(own_server, "usage/a"), V2(own_server, "usage/b")
    a.push_blob(layer)
    assert usage(own_server)[1]["usage/a"]["unique_bytes"] == 50_000
    mounted = b.request("POST", b.path(f"blobs/uploads/?mount={digest_of(layer)}&from=usage/a"))
    assert mounted.status == 201
    b.push_blob(pattern(7))
    total, repositories = usage(own_server)
    assert (total["bytes"], total["blobs"]) == (50_007, 2)
    assert (repositories["usage/a"]["unique_bytes"], repositories["usage/a"]["shared_bytes"]) == (0, 50_000)
    assert (repositories["usage/b"]["unique_bytes"], repositories["usage/b"]["shared_bytes"]) == (7, 50_000)
    assert b.request("DELETE", b.path(f"blobs/{digest_of(layer)}")).status == 202
    assert usage(own_server)[1]["usage/a"]["unique_bytes"] == 50_000
    assert fsck(own_server)[0] == 0

    authorization = {"Authorization": basic("AWS", own_server.password())}
    line = 'repository="usage/a",kind="unique"} 50000'
    wait_until(lambda: line in own_server.get("/metrics", authorization)[2].decode(), "the figure in /metrics", 40)


def test_each_image_of_a_repository(own_server):
    """What is its own, what others need too, and what of it is archived."""
    ecr = own_server.client("ecr")
    ecr.create_repository(repositoryName="usage/images")
    v2 = V2(own_server, "usage/images")
    base, config = pattern(10_000, b"base"), b"{}"
    images = {}
    for name, size in (("one", 700), ("two", 50)):
        layers = [base, pattern(size, name.encode())]
        for blob in (config, *layers):
            v2.push_blob(blob)
        manifest = image_manifest(config, layers)
        assert v2.put_manifest(name, manifest).status == 201
        images[name] = digest_of(manifest)

    def by_image() -> dict:
        repository, *lines = lines_of_usage(own_server, "--repository", "usage/images")
        assert repository["repository"] == "usage/images" and repository["manifests"] == len(lines)
        return {line["image"]: (line["unique_bytes"], line["shared_bytes"], line["archived_bytes"]) for line in lines}

    assert by_image() == {images["one"]: (700, 10_002, 0), images["two"]: (50, 10_002, 0)}
    ecr.update_image_storage_class(repositoryName="usage/images", imageId={"imageTag": "one"}, targetStorageClass="ARCHIVE")
    assert by_image()[images["one"]] == (700, 10_002, 700), "what the other image needs too is at hand"
    ecr.batch_delete_image(repositoryName="usage/images", imageIds=[{"imageTag": "two"}])
    assert by_image() == {images["one"]: (10_702, 0, 10_702)}
    text = run_entrepot("usage", "--data-dir", own_server.data_dir, "--repository", "usage/images").stdout
    assert f"  {images['one']}: 10702 bytes unique, 0 shared, 10702 archived\n" in text
    own_server.stop()
    assert by_image() == {images["one"]: (10_702, 0, 10_702)}
    absent = run_entrepot("usage", "--data-dir", own_server.data_dir, "--repository", "usage/none")
    assert absent.returncode == 3 and "there is no repository usage/none" in absent.stderr
