"""What holds for any input: pages of any size give every name once and in order, any range is that slice, and any way to
send a layer gives the same layer. The inputs are drawn anew in each run; a failure names the seed that repeats it."""

import os
import random
import re

import pytest

from harness.v2 import V2, digest_of, pattern

MIB = 1 << 20
CHUNK = 65_536  # of stored files
SEED = int(os.environ.get("ENTREPOT_SEED", random.SystemRandom().randrange(1 << 32)))


@pytest.fixture
def draw(request):
    request.node.user_properties.append(("seed", SEED))
    print(f"ENTREPOT_SEED={SEED}")  # shown when the test fails
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture
def v2(server, repository):
    return V2(server, repository)


def follow(v2, path, member):
    names, pages = [], 0
    while path:
        answer = v2.request("GET", path)
        assert answer.status == 200, answer
        names += answer.json()[member]
        pages += 1
        link = answer.headers["Link"]
        path = re.fullmatch(r'<(/[^>]*)>; rel="next"', link).group(1) if link else None
    return names, pages


def prefixes_of_one_another(draw, alphabet, count):
    """Names that grow out of one another, which is where a list by position drops some."""
    names = {draw.choice("abAZ09_")}
    while len(names) < count:
        names.add((draw.choice(sorted(names)) + draw.choice(alphabet))[:128])
    return sorted(names)


def test_tags_in_pages(v2, draw):
    tags = prefixes_of_one_another(draw, "aZ0._-", 120)
    manifest = v2.push_image(tags[0])
    for batch in range(0, len(tags), 40):
        query = "&".join(f"tag={tag}" for tag in tags[batch:batch + 40])
        assert v2.request("PUT", v2.path(f"manifests/{digest_of(manifest)}?{query}"), manifest).status == 201
    for size in {1, len(tags) - 1, len(tags), len(tags) + 1, *(draw.randrange(2, len(tags)) for _ in range(4))}:
        names, pages = follow(v2, v2.path(f"tags/list?n={size}"), "tags")
        assert names == tags
        assert pages == -(-len(tags) // size)
    for _ in range(30):
        last, size = draw.choice(tags) + draw.choice(["", "a", ".", "-", "Z"]), draw.randrange(1, 20)
        page = v2.request("GET", v2.path(f"tags/list?n={size}&last={last}")).json()["tags"]
        assert page == [tag for tag in tags if tag > last][:size]


def test_repositories_in_pages(server, draw):
    """In a region of its own."""
    stems = prefixes_of_one_another(draw, "a0", 25)
    names = sorted({"x" + re.sub("[^a-z0-9]", "b", stem.lower()) + tail for stem in stems for tail in ("", "/y", "-z", "/y/z")})
    ecr = server.client("ecr", region="sa-east-1")
    for name in draw.sample(names, len(names)):
        ecr.create_repository(repositoryName=name)
    v2 = V2(server, authorization="Basic " + ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"])
    for size in {1, 2, len(names) - 1, len(names), len(names) + 1, draw.randrange(3, len(names))}:
        assert follow(v2, f"/v2/_catalog?n={size}", "repositories") == (names, -(-len(names) // size))


@pytest.mark.parametrize("size", [1, 4096, 4097, CHUNK, 3 * CHUNK + 17, 2 * MIB + 1])
def test_any_range_is_that_slice(v2, draw, size):
    data = pattern(size, b"ranges")
    digest = v2.push_blob(data)
    edges = [0, 1, size - 1, *(at + off for at in (4096, CHUNK, 2 * CHUNK, MIB) for off in (-1, 0, 1))]
    edges = sorted({edge for edge in edges if 0 <= edge < size} | {draw.randrange(size) for _ in range(5)})
    for _ in range(40):
        first, last = sorted((draw.choice(edges), draw.choice(edges)))
        beyond = draw.choice([last, last, size, size + 1, 1 << 63])
        last = last if beyond == last else size - 1
        for field, begin, end in [(f"bytes={first}-{max(beyond, last)}", first, last), (f"bytes={first}-", first, size - 1),
                                  (f"bytes=-{size - first}", first, size - 1)]:
            answer = v2.get_blob(digest, Range=field)
            assert answer.status == 206, (field, answer)
            assert answer.headers["Content-Range"] == f"bytes {begin}-{end}/{size}"
            assert answer.body == data[begin:end + 1], field
    for field in (f"bytes={size}-", f"bytes={size + draw.randrange(1 << 40)}-", "bytes=-0"):
        answer = v2.get_blob(digest, Range=field)
        assert answer.status == 416 and answer.headers["Content-Range"] == f"bytes */{size}"


@pytest.mark.parametrize("attempt", range(4))
def test_any_restart_gives_the_same_layer(own_server, draw, attempt):
    """Chunks of any sizes with stops and kills of the server between them. Whatever the session says then is where it goes
    on; an orderly stop loses nothing, a kill no more than 4 MiB of what was acknowledged (design-storage 1.2)."""
    own_server.client("ecr").create_repository(repositoryName="app")
    v2 = V2(own_server, "app")
    algorithm = draw.choice(["sha256", "sha512"])
    data = pattern(draw.randrange(6 * MIB, 16 * MIB), f"{attempt}".encode())
    digest = digest_of(data, algorithm)
    location, at = v2.request("POST", v2.path(f"blobs/uploads/?digest-algorithm={algorithm}")).location, 0
    restarts = [draw.choice(["stop", "kill"]) for _ in range(3)]
    while at < len(data):
        size = min(draw.choice([7, CHUNK, MIB + 1, 4 * MIB, draw.randrange(1, 6 * MIB)]), len(data) - at)
        answer = v2.patch(location, data[at:at + size], chunked=draw.random() < 0.5)
        assert answer.status == 202, answer
        location, at = answer.location, at + size
        if restarts and draw.random() < 0.5:
            at, location = restart(v2, restarts.pop(), location, at, draw)
    for how in restarts:
        at, location = restart(v2, how, location, at, draw)
    answer = v2.close_upload(location, digest, data[at:])
    assert answer.status == 201 and answer.headers["Docker-Content-Digest"] == digest, answer
    restart_by(own_server, "kill")
    assert v2.close_upload(location, digest, data[at:]).status == 201, "a repeated closing PUT gets the same answer"
    assert v2.get_blob(digest).body == data


def restart(v2, how, location, at, draw) -> tuple[int, str]:
    restart_by(v2.server, how)
    state = v2.request("GET", location)
    assert state.status == 204, state
    last = int(state.headers["Range"].removeprefix("0-"))
    received = last + 1 if last else 0
    assert (at if how == "stop" else at - 4 * MIB) <= received <= at
    if received < at and draw.random() < 0.5:
        refused = v2.patch(location, b"x")
        assert refused.status == 416 and refused.headers["Range"] == state.headers["Range"], refused
        return received, refused.location
    return received, state.location


def restart_by(server, how: str) -> None:
    server.stop() if how == "stop" else server.kill()
    server.start()


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("attempt", range(6))
def test_any_split_gives_the_same_layer(v2, draw, algorithm, attempt):
    """Chunks of any sizes, with and without a range, streamed or not; chunks out of order in between, which are told where
    to go on; and restarts of the session by its status."""
    data = pattern(draw.randrange(1, 3 * MIB), f"{attempt}".encode())
    answer = v2.request("POST", v2.path(f"blobs/uploads/?digest-algorithm={draw.choice(['sha256', algorithm])}"))
    location, at = answer.location, 0
    while at < len(data) and draw.random() < 0.9:
        size = min(draw.choice([1, 7, CHUNK - 1, CHUNK, MIB, draw.randrange(1, MIB)]), len(data) - at)
        if draw.random() < 0.3:
            wrong = draw.choice([at + 1, at + CHUNK, max(at - 1, 0) or at + 2])
            refused = v2.patch(location, b"x" * 10, f"{wrong}-{wrong + 9}")
            assert refused.status == 416 and refused.headers["Range"] == f"0-{max(at - 1, 0)}", refused
            location = draw.choice([location, refused.location, v2.request("GET", refused.location).location])
        field = draw.choice([None, f"{at}-{at + size - 1}"])
        answer = v2.patch(location, data[at:at + size], field, chunked=draw.random() < 0.3)
        assert answer.status == 202 and answer.headers["Range"] == f"0-{at + size - 1}", answer
        location, at = answer.location, at + size
    if draw.random() < 0.3 and at < len(data):
        assert v2.close_upload(location, digest_of(data, algorithm), b"xy", f"{at + 1}-{at + 2}").status == 416
    digest = digest_of(data, algorithm)
    answer = v2.close_upload(location, digest, data[at:])
    assert answer.status == 201 and answer.headers["Docker-Content-Digest"] == digest, answer
    assert v2.get_blob(digest).body == data
