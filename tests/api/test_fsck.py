"""`entrepot fsck` beside a serving registry and without one."""

import http.client
import json
import os
import socket

import pytest

from harness.server import Server, run_entrepot
from harness.storage import blob_files, fsck, wait_until
from harness.v2 import V2, digest_of, pattern

LAYER = pattern(300_000)


@pytest.fixture
def image(own_server):
    own_server.client("ecr").create_repository(repositoryName="fsck/app")
    repository = V2(own_server, "fsck/app")
    repository.push_image("v1", LAYER)
    return repository


def spoil(server: Server, at: int = 150_000) -> None:
    (path,) = blob_files(server)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_a_sound_store(own_server, image):
    for flags in ((), ("--read-blobs",), ("--repair",)):
        status, findings, summary = fsck(own_server, *flags)
        assert (status, findings) == (0, [])
        assert summary["checked"] >= 5 and summary["findings"] == 0
    outcome = run_entrepot("fsck", "--data-dir", own_server.data_dir)
    assert outcome.stdout.endswith("checked, 0 findings, 0 repaired\n")


def test_damage_is_found_set_aside_and_healed_while_serving(own_server, image):
    spoil(own_server)
    status, findings, _ = fsck(own_server, "--read-blobs")
    assert status == 1
    assert [(f["code"], f["subject"], f["repaired"]) for f in findings] == [("blob_damaged", digest_of(LAYER), False)]
    assert image.head_blob(digest_of(LAYER)).status == 200
    status, findings, _ = fsck(own_server, "--read-blobs", "--repair")
    assert (status, findings[0]["repaired"]) == (0, True)
    assert image.head_blob(digest_of(LAYER)).status == 404
    assert image.get_blob(digest_of(LAYER)).status == 404
    assert len(blob_files(own_server)) == 1, "what is damaged is kept"
    image.push_blob(LAYER)
    assert image.get_blob(digest_of(LAYER)).body == LAYER
    assert fsck(own_server, "--read-blobs")[0] == 0


def step(server: Server) -> dict:
    """A piece of the check, as `entrepot fsck --read-blobs` asks for it."""
    directory = os.open(server.data_dir, os.O_PATH)  # a socket's address is short
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(f"/proc/self/fd/{directory}/admin.sock")
            connection.sendall(b'{"command": "fsck step", "arguments": {"read_blobs": true}}\n')
            return json.loads(connection.makefile().readline())["result"]
    finally:
        os.close(directory)


def test_a_check_that_a_kill_interrupts_goes_on(own_server, image):
    """What was told before is not told again, and counts."""
    own_server.restart()  # files of earlier starts are looked at too
    spoil(own_server)
    while not (told := step(own_server))["findings"]:
        assert not told["done"]
    assert not told["done"]
    own_server.kill()
    own_server.start()
    status, findings, rest = fsck(own_server, "--read-blobs")
    assert (status, findings, rest["findings"]) == (1, [], 1)
    status, findings, whole = fsck(own_server, "--read-blobs")
    assert (status, len(findings)) == (1, 1)
    assert rest["checked"] == whole["checked"] > told["checked"]


@pytest.mark.parametrize("at", [20, 150_000], ids=["in its header", "in its content"])
def test_damage_that_a_pull_finds_is_healed_by_the_next_push(own_server, image, at):
    """At once, without a person who calls for a check, and for every repository that has the layer."""
    own_server.client("ecr").create_repository(repositoryName="fsck/other")
    other = V2(own_server, "fsck/other")
    assert other.request("POST", other.path(f"blobs/uploads/?mount={digest_of(LAYER)}&from=fsck/app")).status == 201
    spoil(own_server, at)
    try:
        assert other.get_blob(digest_of(LAYER)).status == 500
    except (ConnectionError, http.client.IncompleteRead):
        pass  # in the middle of the body
    for repository in (image, other):
        assert repository.head_blob(digest_of(LAYER)).status == 404
        assert repository.get_blob(digest_of(LAYER)).code == "BLOB_UNKNOWN"
    assert len(blob_files(own_server)) == 1, "what is damaged is kept"
    image.push_blob(LAYER)
    assert image.get_blob(digest_of(LAYER)).body == LAYER
    wait_until(lambda: other.get_blob(digest_of(LAYER)).body == LAYER, "the other repository has it too")
    assert fsck(own_server, "--read-blobs")[0] == 0


def test_a_missing_file_is_found_without_a_server(own_server, image):
    own_server.stop()
    blob_files(own_server)[0].unlink()
    status, findings, summary = fsck(own_server, "--repair")
    assert [f["code"] for f in findings] == ["blob_missing"]
    assert (status, summary["repaired"]) == (0, 1)
    own_server.start()
    assert image.head_blob(digest_of(LAYER)).status == 404
    image.push_blob(LAYER)
    assert image.head_blob(digest_of(LAYER)).status == 200


def test_a_disk_that_is_not_mounted_is_told_as_such(own_server, image):
    own_server.stop()
    (own_server.data_dir / "blobs").rename(own_server.data_dir / "elsewhere")
    (own_server.data_dir / "blobs").mkdir()
    outcome = run_entrepot("fsck", "--data-dir", own_server.data_dir, "--repair")
    assert outcome.returncode == 3
    assert "mounted" in outcome.stderr
    (own_server.data_dir / "blobs").rmdir()
    (own_server.data_dir / "elsewhere").rename(own_server.data_dir / "blobs")
    own_server.start()
    assert fsck(own_server, "--read-blobs")[0] == 0
