"""What is stored, as `entrepot usage` and /metrics tell it."""

import json

from harness.server import run_entrepot
from harness.storage import fsck, wait_until
from harness.v2 import V2, basic, digest_of, pattern


def usage(server) -> tuple[dict, dict[str, dict]]:
    outcome = run_entrepot("usage", "--data-dir", server.data_dir, "--json")
    assert outcome.returncode == 0, outcome.stderr
    lines = [json.loads(line) for line in outcome.stdout.splitlines()]
    return lines[0], {line["repository"]: line for line in lines[1:]}


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
