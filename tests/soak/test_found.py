"""What the soak found, each alone: files that outlived everything that could ever name them."""

import time

import pytest

from harness.server import Server
from harness.v2 import V2, digest_of, pattern

MIB = 1 << 20
LET_GO_SECONDS = 90  # an upload counts as idle after half a minute


@pytest.fixture
def server(tmp_path):
    with Server(tmp_path, "--collection-grace", "1s", "--collection-interval", "3s") as running:
        yield running


def repository(server: Server, name: str) -> V2:
    server.client("ecr").create_repository(repositoryName=name)
    return V2(server, name)


def end(v2: V2) -> None:
    v2.server.client("ecr").delete_repository(repositoryName=v2.repository, force=True)


def files(server: Server) -> list[str]:
    return sorted(path.name for path in (server.data_dir / "blobs").glob("*/*"))


def wait_until_no_file_is_left(server: Server) -> None:
    deadline = time.monotonic() + LET_GO_SECONDS
    while files(server) and time.monotonic() < deadline:
        time.sleep(0.2)  # between two looks at the condition waited for
    assert files(server) == []


@pytest.mark.parametrize("size", [2 * MIB, 6 * MIB], ids=["not-checkpointed", "checkpointed"])
def test_an_unfinished_upload_goes_with_its_repository(size, server):
    """It tried to be checkpointed for a day, and its file outlived even that."""
    v2 = repository(server, "found/upload")
    assert v2.patch(v2.open_upload(), pattern(size)).status == 202
    assert files(server)
    end(v2)
    wait_until_no_file_is_left(server)


def test_a_blob_that_steps_aside_is_collected(server):
    """Its links were all of repositories just deleted, so that nobody could unwrap its key and a push made a file of its
    own. While their remains were swept, one after another, the first file came to be kept as if it were damaged: for
    thirty days."""
    content = pattern(MIB)
    deleted = [repository(server, f"found/{number}") for number in range(8)]
    for v2 in deleted:
        v2.push_image("v1", content)  # so that its links are not due by themselves
    for v2 in deleted:
        end(v2)
    last = repository(server, "found/last")
    last.push_blob(content)  # before the remains of the others are swept
    assert last.get_blob(digest_of(content)).body == content
    end(last)
    wait_until_no_file_is_left(server)


def test_an_upload_survives_a_second_kill(server):
    """The first resume raised the session's epoch, under which the checkpoint had been sealed: after a kill before the
    next checkpoint nothing could open it any more."""
    v2, content = repository(server, "found/twice"), pattern(9 * MIB)
    answer = v2.patch(v2.open_upload(), content[:5 * MIB])  # enough to be checkpointed
    for end_of_chunk in (6 * MIB, 7 * MIB, 9 * MIB):
        server.kill()
        server.start()
        answer = v2.request("GET", answer.location)
        assert (answer.status, answer.headers["Range"]) == (204, f"0-{5 * MIB - 1}")
        answer = v2.patch(answer.location, content[5 * MIB:end_of_chunk])  # too little for a checkpoint
        assert answer.status == 202, answer
    closed = v2.close_upload(answer.location, digest_of(content))
    assert closed.status == 201, closed
    assert v2.get_blob(digest_of(content)).body == content
