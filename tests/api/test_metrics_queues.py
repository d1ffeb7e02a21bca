"""/metrics: what waits to be done."""

import re

from harness.api import Api
from harness.server import Server
from harness.storage import wait_until
from harness.v2 import basic, pattern


def figures(server: Server) -> dict[str, float]:
    text = server.get("/metrics", {"Authorization": basic("AWS", server.password())})[2].decode()
    return {name: float(value) for name, value in re.findall(r"^(entrepot_\w+(?:\{[^}]*\})?) (\S+)$", text, re.MULTILINE)}


def test_every_queue_has_its_length(own_server):
    for queue in ("store_pending_writes", "collection_due", "archive_pending", 'jobs_waiting{pool="worker"}',
                  'jobs_waiting{pool="body"}'):
        # What the jobs of a start write may be on its way when it is looked at.
        wait_until(lambda: figures(own_server)[f"entrepot_{queue}"] == 0, f"{queue} to be empty")


def test_what_the_archive_cannot_do_yet_waits(tmp_path):
    archive = tmp_path / "cold"
    with Server(tmp_path, "--storage-archive-dir", str(archive)) as server:
        server.client("ecr").create_repository(repositoryName="archive/app")
        api = Api(server, "archive/app")
        api.push_image("v1", pattern(100_000))
        api.call("update_image_storage_class", imageId={"imageTag": "v1"}, targetStorageClass="ARCHIVE")
        moved = 'entrepot_archive_moved_blobs_total{direction="in"}'
        wait_until(lambda: figures(server)[moved] == 2 and figures(server)["entrepot_archive_pending"] == 0,
                   "config and layer to be in the archive")
        archive.rename(tmp_path / "away")
        api.call("update_image_storage_class", imageId={"imageTag": "v1"}, targetStorageClass="STANDARD")
        wait_until(lambda: figures(server)["entrepot_archive_failures_total"] > 0, "a failure")
        assert figures(server)["entrepot_archive_pending"] == 1
        (tmp_path / "away").rename(archive)
        wait_until(lambda: figures(server)["entrepot_archive_pending"] == 0, "them to be back", 60)
