"""Broken lines and killed servers in the middle of a layer: what real clients make of them, and how a client that asks
for the state goes on."""

import http.client
import random

import pytest

from harness.clients import ContainersTools
from harness.cutting_proxy import CuttingProxy
from harness.go_clients import GoClients
from harness.server import Server
from harness.v2 import V2, digest_of

MIB = 1 << 20
LAYER = 24 * MIB
CUT = 9 * MIB


@pytest.fixture(params=["http", "tls"])
def killable(request, tmp_path):
    """A registry of the test's own."""
    folder = tmp_path / "server"
    folder.mkdir()
    flags = ["--tls", "auto"] if request.param == "tls" else []
    with Server(folder, *flags) as running:
        running.client("ecr").create_repository(repositoryName="cut/one")
        yield running


@pytest.fixture
def big(layout):
    """A layout whose image has a layer of 24 MiB that does not compress."""
    image = layout.image({"content": random.Random(layout.content["message"]).randbytes(LAYER)})
    layout.name(image, "v1")
    layout.image_digest = image["digest"]
    return layout


def kill_and_start(server: Server) -> None:
    server.kill()
    server.start()


def intact(server: Server, digest: str) -> None:
    """Every byte of the image, as the server has it."""
    v2 = V2(server, "cut/one")
    manifest = v2.get_manifest(digest)
    assert (manifest.status, digest_of(manifest.body)) == (200, digest)
    for one in [manifest.json()["config"], *manifest.json()["layers"]]:
        blob = v2.get_blob(one["digest"])
        assert (blob.status, len(blob.body), digest_of(blob.body)) == (200, one["size"], one["digest"])


def events(server: Server, killed: bool) -> dict:
    return {"at_cut": lambda: kill_and_start(server)} if killed else {}


def again_if_it_gives_up(command) -> None:
    """Which errors a client tries again by itself depends on how the line broke; a person starts it once more."""
    try:
        command()
    except AssertionError:
        command()


@pytest.mark.parametrize("killed", [False, True], ids=["cut", "killed"])
def test_crane_pushes(killed, killable, big, tmp_path):
    with CuttingProxy(killable, "push", CUT, **events(killable, killed)) as proxy:
        go = GoClients(tmp_path / "go", killable, proxy.host)
        go.crane_login()
        again_if_it_gives_up(lambda: go.crane("push", big.folder, f"{go.host}/cut/one:v1"))
    assert proxy.cuts == 1
    intact(killable, big.image_digest)


@pytest.mark.parametrize("killed", [False, True], ids=["cut", "killed"])
@pytest.mark.parametrize("chunk", [0, 4 * MIB], ids=["whole", "chunks"])
def test_regctl_goes_on_pushing(chunk, killed, killable, big, tmp_path):
    """By itself, in one PUT or in chunks of which it asks how many have arrived."""
    with CuttingProxy(killable, "push", CUT, **events(killable, killed)) as proxy:
        go = GoClients(tmp_path / "go", killable, proxy.host)
        go.regctl_login()
        if chunk:
            go.regctl("registry", "set", "--skip-check", proxy.host, "--blob-chunk", chunk, "--blob-max", 1)
        again_if_it_gives_up(  # regctl may hash what it sends again while its broken request still reads the same file
            lambda: go.regctl("image", "copy", f"ocidir://{big.folder}:v1", f"{proxy.host}/cut/one:v1"))
    assert proxy.cuts == 1
    intact(killable, big.image_digest)


@pytest.mark.parametrize("killed", [False, True], ids=["cut", "killed"])
def test_regctl_goes_on_pulling(killed, killable, big, tmp_path):
    direct = GoClients(tmp_path / "direct", killable)
    direct.regctl_login()
    direct.regctl("image", "copy", f"ocidir://{big.folder}:v1", f"{direct.host}/cut/one:v1")
    with CuttingProxy(killable, "pull", CUT, **events(killable, killed)) as proxy:
        go = GoClients(tmp_path / "go", killable, proxy.host)
        go.regctl_login()
        go.regctl("image", "copy", f"{proxy.host}/cut/one:v1", f"ocidir://{tmp_path}/back:v1")
    assert proxy.cuts == 1
    for path in (big.folder / "blobs" / "sha256").iterdir():
        assert (tmp_path / "back" / "blobs" / "sha256" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("direction", ["push", "pull"])
@pytest.mark.parametrize("killed", [False, True], ids=["cut", "killed"])
def test_skopeo(direction, killed, killable, big, tmp_path):
    (tmp_path / "tools").mkdir()
    tools = ContainersTools(tmp_path / "tools", killable)
    with CuttingProxy(killable, direction, CUT, **events(killable, killed)) as proxy:
        tools.login("skopeo", proxy.host)
        if direction == "pull":
            tools.login("skopeo")
            tools.skopeo("copy", *tools.trust("dest-"), f"oci:{big.folder}:v1", f"docker://{killable.host}/cut/one:v1")
            again_if_it_gives_up(lambda: tools.skopeo("copy", "--retry-times", "3", *tools.trust("src-"),
                                                      f"docker://{proxy.host}/cut/one:v1", f"oci:{tmp_path}/back:v1"))
        else:
            again_if_it_gives_up(lambda: tools.skopeo("copy", "--retry-times", "3", *tools.trust("dest-"),
                                                      f"oci:{big.folder}:v1", f"docker://{proxy.host}/cut/one:v1"))
    assert proxy.cuts == 1
    intact(killable, big.image_digest)


def received(status) -> int:
    assert status.status in (204, 416), status
    last = int(status.headers["Range"].split("-")[1])
    return last + 1 if last else 0


@pytest.mark.parametrize("killed", [False, True], ids=["cut", "killed"])
def test_streamed_upload_goes_on_where_the_status_says(killed, killable, tmp_path):
    """A chunk that was acknowledged, then one PATCH without a length that breaks; then the state, and the rest from
    there."""
    content = random.Random(7).randbytes(LAYER)
    v2 = V2(killable, "cut/one")
    acknowledged = v2.patch(v2.open_upload(), content[:5 * MIB])
    assert acknowledged.status == 202, acknowledged
    with CuttingProxy(killable, "push", CUT, **events(killable, killed)) as proxy:
        broken = V2(killable, "cut/one", v2.authorization, port=proxy.port)
        with pytest.raises((OSError, http.client.HTTPException)):
            broken.patch(acknowledged.location, content[5 * MIB:], chunked=True)
    assert proxy.cuts == 1
    state = v2.request("GET", acknowledged.location)
    if killed:
        assert received(state) >= 5 * MIB, "what was acknowledged was checkpointed"
    answer = v2.patch(state.location, content[received(state):], f"{received(state)}-{LAYER - 1}")
    if answer.status == 416:  # the server was still taking what the broken line had brought; the answer says how far
        state = answer
        answer = v2.patch(state.location, content[received(state):], f"{received(state)}-{LAYER - 1}")
    assert answer.status == 202, answer
    if not killed:
        assert received(state) > 5 * MIB, "what came before the line broke counts"
    closed = v2.close_upload(answer.location, digest_of(content))
    assert closed.status == 201, closed
    assert v2.get_blob(digest_of(content)).body == content
