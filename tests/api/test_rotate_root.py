"""`entrepot keys rotate-root`: beside a serving registry and alone; everything sealed before stays readable."""

import json

import pytest

from harness.server import ACCOUNT, run_entrepot
from harness.v2 import V2, basic


def rotate(server) -> dict:
    outcome = run_entrepot("keys", "rotate-root", "--json", "--data-dir", server.data_dir)
    assert outcome.returncode == 0, outcome.stderr
    return json.loads(outcome.stdout)


def key_files(server) -> list[str]:
    return sorted(path.name for path in (server.data_dir / "keys").iterdir())


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_what_was_sealed_before_is_read_after(running, own_server):
    own_server.client("ecr").create_repository(repositoryName="team/app")
    password = own_server.password()
    client = V2(own_server, "team/app", basic("AWS", password))
    manifest = client.push_image("v1", b"sealed before")
    assert key_files(own_server) == ["root-key"]

    if not running:
        own_server.stop()
    answer = rotate(own_server)
    assert answer["sealed_anew"] == 3
    assert key_files(own_server) == [f"root-key-{answer['root_key']}"]
    if not running:
        own_server.start()

    for _ in range(2):  # at once, and after another start
        assert own_server.client("sts").get_caller_identity()["Account"] == ACCOUNT
        assert client.get_manifest("v1").body == manifest, "the token is good, the repository's key is read"
        client.push_image("v2", b"sealed after")
        own_server.restart()
    rotate(own_server)
    assert client.get_manifest("v1").body == manifest


def test_another_root_key_is_refused(own_server):
    own_server.stop()
    (own_server.data_dir / "keys" / "root-key").unlink()
    outcome = run_entrepot("keys", "rotate-root", "--data-dir", own_server.data_dir)
    assert outcome.returncode != 0
    assert "root key" in outcome.stderr and "backup" in outcome.stderr
    assert key_files(own_server) == []
