"""/metrics, by repository: pulls, pushes and bytes, of so many repositories and no more."""

import re

from harness.api import Api
from harness.server import ACCOUNT, REGION, Server
from harness.v2 import V2, basic, digest_of, pattern


def figures(server: Server) -> dict[tuple[str, str], float]:
    """By (metric and further labels, repository)."""
    text = server.get("/metrics", {"Authorization": basic("AWS", server.password())})[2].decode()
    found = re.findall(r'^entrepot_repository_(\w+_total)\{account="(.*?)",region="(.*?)",repository="(.*?)"\} (\S+)$',
                       text, re.MULTILINE)
    assert {(account, region) for _, account, region, _, _ in found} <= {(ACCOUNT, REGION), ("", "")}
    return {(name, repository): float(value) for name, _, _, repository, value in found}


def push(server: Server, name: str, size: int) -> Api:
    server.client("ecr").create_repository(repositoryName=name)
    api = Api(server, name)
    api.manifest = api.push_image("v1", pattern(size))
    return api


def test_what_goes_in_and_out_is_counted(own_server):
    api = push(own_server, "busy", 10_000)
    before = figures(own_server)
    assert before["pushes_total", "busy"] == 1
    received = before["received_bytes_total", "busy"]
    assert received > 10_000 + len(api.manifest)
    assert before["pulls_total", "busy"] == before["sent_bytes_total", "busy"] == 0

    client = V2(own_server, "busy")
    for _ in range(3):  # from the store, then from memory
        assert client.get_manifest("v1").status == 200
        assert client.get_blob(digest_of(pattern(10_000))).status == 200
    client.get_manifest("v1", "HEAD")
    client.head_blob(digest_of(pattern(10_000)))
    api.get_image(imageTag="v1")
    after = figures(own_server)
    assert after["pulls_total", "busy"] == 4
    assert after["sent_bytes_total", "busy"] == 3 * 10_000 + 4 * len(api.manifest)
    client.push_blob(pattern(777))
    assert figures(own_server)["received_bytes_total", "busy"] == received + 777


def test_only_so_many_are_told_apart(tmp_path):
    with Server(tmp_path, "--metrics-repositories", "2") as server:
        for number in range(4):
            push(server, f"crowd/{number}", 100)
        counted = figures(server)
        names = {repository for _, repository in counted}
        assert names == {"crowd/0", "crowd/1", ""}
        assert counted["pushes_total", ""] == 2
