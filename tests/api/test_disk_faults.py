"""A full disk, a read-only one and one that fails, each a small file system in a mount namespace of the test's own."""

import http.client
import os
import pathlib
import subprocess

import pytest

from harness.api import Api, fault_of
from harness.namespace import run_in_namespace
from harness.server import Server, run_entrepot
from harness.small_disk import SmallDisk, why_none
from harness.storage import fsck, wait_until
from harness.v2 import V2, basic, digest_of, pattern

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a mount namespace needs root")

LAYER = 2 << 20


def mount(data_dir: pathlib.Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", data_dir], check=True)


def on_a_small_disk(tmp_path: pathlib.Path, megabytes: int, test, *flags: str) -> None:
    def inside():
        data_dir = tmp_path / "data"
        data_dir.mkdir(mode=0o700)
        mount(data_dir, f"size={megabytes}m,mode=0700")
        with Server(tmp_path, *flags) as server:
            server.client("ecr").create_repository(repositoryName="disk/app")
            test(server, V2(server, "disk/app"))

    run_in_namespace(tmp_path, {}, inside)


def push(repository: V2, content: bytes) -> int:
    opened = repository.request("POST", repository.path("blobs/uploads/"))
    return opened.status if opened.status != 202 else \
        repository.close_upload(opened.location, digest_of(content), content).status


def fill(repository: V2) -> list[bytes]:
    """Pushes until the disk is full; what was acknowledged."""
    pushed = []
    for number in range(1000):
        content = pattern(LAYER, b"%d" % number)
        status = push(repository, content)
        if status != 201:
            assert status == 507
            return pushed
        pushed.append(content)
    raise AssertionError("the disk never was full")


def metrics(server: Server) -> list[str]:
    return server.get("/metrics", {"Authorization": basic("AWS", server.password())})[2].decode().splitlines()


def test_a_full_disk_serves_and_deletes_and_takes_in_again(tmp_path):
    def test(server, repository):
        repository.push_image("kept", pattern(100_000))
        pushed = fill(repository)
        assert len(pushed) > 3
        wait_until(lambda: "entrepot_disk_full 1" in metrics(server), "the reserve is given up")
        assert push(repository, b"small") == 507, "what the reserve gave is for deletes"
        fault = fault_of(lambda: Api(server, "disk/app").push_layer(pattern(LAYER, b"by the API")))
        assert (fault.code, fault.status) == ("ServerException", 500) and "storage is full" in fault.message
        assert repository.get_blob(digest_of(pushed[0])).body == pushed[0]
        assert repository.get_manifest("kept").status == 200
        for content in pushed:
            assert repository.request("DELETE", repository.path(f"blobs/{digest_of(content)}")).status == 202
        wait_until(lambda: push(repository, b"after") == 201, "there is room again")
        Api(server, "disk/app").push_layer(b"after, by the API")
        wait_until(lambda: "entrepot_disk_full 0" in metrics(server), "the reserve is back")
        assert fill(repository), "and it can be filled again"
        assert fsck(server, "--read-blobs")[1] == []
        server.restart()
        assert repository.get_blob(digest_of(pattern(100_000))).status == 200

    on_a_small_disk(tmp_path, 48, test, "--storage-reserve", "4MiB", "--collection-interval", "1s")


def test_grace_shrinks_below_the_watermark(tmp_path):
    def test(server, repository):
        assert "entrepot_disk_pressure 0" in metrics(server)
        for number in range(13):
            repository.push_blob(pattern(LAYER, b"%d" % number))
        wait_until(lambda: "entrepot_disk_pressure 1" in metrics(server), "the watermark is passed")
        assert "entrepot_grace_seconds 3600" in metrics(server)
        assert "nearly full" in server.log()

    on_a_small_disk(tmp_path, 48, test, "--storage-reserve", "1MiB", "--storage-free-watermark", "50")


def test_a_read_only_disk_is_told_and_loses_nothing(tmp_path):
    def test(server, repository):
        repository.push_image("kept", pattern(100_000))
        server.stop()
        subprocess.run(["mount", "-o", "remount,ro", server.data_dir], check=True)
        refused = run_entrepot("serve", "--data-dir", server.data_dir, "--listen", server.host)
        assert refused.returncode == 3
        assert "Read-only file system" in refused.stderr
        subprocess.run(["mount", "-o", "remount,rw", server.data_dir], check=True)
        server.start()
        assert repository.get_blob(digest_of(pattern(100_000))).body == pattern(100_000)
        assert fsck(server, "--read-blobs")[0] == 0

    on_a_small_disk(tmp_path, 48, test)


def on_a_disk_that_fails(tmp_path: pathlib.Path, test) -> None:
    if why := why_none():
        pytest.skip(f"this machine cannot mount a disk of the test's own: {why}")

    def inside():
        disk = SmallDisk(tmp_path, gibibytes=1)
        (disk.folder / "data").mkdir(mode=0o700)
        (tmp_path / "data").symlink_to(disk.folder / "data")
        server = Server(tmp_path)
        try:
            server.start()
            server.client("ecr").create_repository(repositoryName="disk/app")
            test(disk, server, V2(server, "disk/app"))
        finally:
            if server.process is not None:
                server.kill()
            disk.close()

    run_in_namespace(tmp_path, {}, inside)


def status_of(ask) -> int:
    """599 when there is no answer: an unknown outcome ends the process (design-storage 1.10)."""
    try:
        return ask()
    except (OSError, http.client.HTTPException):
        return 599


def come_back(disk: SmallDisk, server: Server) -> None:
    server.kill()
    disk.restore_power()
    server.start()


def check_all_is_well(server: Server, repository: V2, kept: bytes, content: bytes) -> None:
    assert repository.get_blob(digest_of(kept)).body == kept
    assert push(repository, content) == 201
    assert fsck(server, "--read-blobs")[0] == 0


def test_a_disk_that_answers_nothing_but_errors_loses_nothing(tmp_path):
    kept, content = pattern(300_000), pattern(LAYER, b"more")

    def test(disk, server, repository):
        repository.push_image("kept", kept)
        server.restart()  # nothing is in its memory
        disk.cut_power()
        assert status_of(lambda: repository.get_blob(digest_of(kept)).status) >= 500, "what cannot be read is not absent"
        assert status_of(lambda: repository.head_blob(digest_of(kept)).status) >= 500
        assert status_of(lambda: repository.get_manifest("kept").status) >= 500
        assert status_of(lambda: push(repository, content)) >= 500
        come_back(disk, server)
        assert repository.head_blob(digest_of(content)).status == 404
        check_all_is_well(server, repository, kept, content)

    on_a_disk_that_fails(tmp_path, test)


def test_a_disk_that_turns_read_only_under_the_server(tmp_path):
    kept, content = pattern(300_000), pattern(LAYER, b"more")

    def test(disk, server, repository):
        repository.push_image("kept", kept)
        disk.turn_read_only()
        assert repository.get_blob(digest_of(kept)).body == kept, "pulls write nothing"
        assert repository.get_manifest("kept").status == 200
        assert status_of(lambda: push(repository, content)) >= 500
        come_back(disk, server)
        check_all_is_well(server, repository, kept, content)

    on_a_disk_that_fails(tmp_path, test)


def test_a_folder_that_may_not_be_written_to(tmp_path):
    kept, content = pattern(300_000), pattern(LAYER, b"more")

    def test(_, server, repository):
        repository.push_image("kept", kept)
        blobs = server.data_dir / "blobs"
        folders = [blobs, *(path for path in blobs.iterdir() if path.is_dir())]
        subprocess.run(["chattr", "+i", *folders], check=True)  # root may write whatever the mode says
        assert push(repository, content) == 500
        assert "Operation not permitted" in server.log()
        assert repository.get_blob(digest_of(kept)).body == kept
        assert repository.head_blob(digest_of(content)).status == 404
        subprocess.run(["chattr", "-i", *folders], check=True)
        check_all_is_well(server, repository, kept, content)  # it goes on by itself

    on_a_disk_that_fails(tmp_path, test)
