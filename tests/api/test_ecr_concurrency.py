"""Many clients create, tag, move and delete the same names at once, through both doors. Whatever they are told, and
what is there in the end, is what some serial order of their calls gives."""

import http.client
import json
import random
import threading
import time

import pytest

from harness import serial_order as model
from harness.api import Api
from harness.serial_order import ABSENT, ALREADY, DONE, EXISTS, IMMUTABLE, NO_IMAGE, NO_LAYERS, Call, State
from harness.signed import Signer, json_headers
from harness.v2 import CONFIG_TYPE, IMAGE_TYPE, LAYER_TYPE, V2, basic, descriptor, digest_of

ROUNDS, CLIENTS, CALLS = 80, 8, 6
SOURCE = "concurrency/source"
LAYER = b"{}"  # its config too, so that one mount brings all that an image needs
MOUNT = f"blobs/uploads/?mount={digest_of(LAYER)}&from={SOURCE}"
TAGS = ["v1", "v2", "latest"]
IMAGES = {name: json.dumps({"schemaVersion": 2, "mediaType": IMAGE_TYPE, "config": descriptor(CONFIG_TYPE, LAYER),
                            "layers": [descriptor(LAYER_TYPE, LAYER)], "annotations": {"name": name}})
          for name in ("one", "two", "three")}
DIGESTS = {name: digest_of(text.encode()) for name, text in IMAGES.items()}
NAMES = {digest: name for name, digest in DIGESTS.items()}

# How each door says what the model says.
FAULTS = {"RepositoryNotFoundException": ABSENT, "RepositoryAlreadyExistsException": EXISTS,
          "LayersNotFoundException": NO_LAYERS, "ImageAlreadyExistsException": ALREADY,
          "ImageTagAlreadyExistsException": IMMUTABLE, "ImageNotFound": NO_IMAGE,
          "NAME_UNKNOWN": ABSENT, "MANIFEST_BLOB_UNKNOWN": NO_LAYERS, "BLOB_UNKNOWN": NO_LAYERS,
          "TAG_INVALID": IMMUTABLE, "MANIFEST_UNKNOWN": NO_IMAGE}


class Step:
    """A call and the request that makes it, signed beforehand so that clients do nothing but send and wait."""

    def __init__(self, call: Call, method: str, path: str, headers: dict, body: bytes, read):
        self.call, self.request, self.read = call, (method, path, body, headers), read

    def run(self, connection: http.client.HTTPConnection) -> None:
        self.call.begun = time.monotonic()
        connection.request(*self.request)
        answer = connection.getresponse()
        body = answer.read()
        self.call.ended = time.monotonic()
        self.call.outcome = self.outcome(answer.status, body)

    def outcome(self, status: int, body: bytes) -> object:
        if status < 300:
            return self.read(json.loads(body or b"null"))
        document = json.loads(body)
        return FAULTS[document["errors"][0]["code"] if "errors" in document else document["__type"]]


def done(_) -> object:
    return DONE


def first_failure(answer: dict) -> object:
    return FAULTS[answer["failures"][0]["failureCode"]] if answer["failures"] else DONE


def image_in(answer: dict) -> object:
    return first_failure(answer) if answer["failures"] else NAMES[answer["images"][0]["imageId"]["imageDigest"]]


def images_in(answer: dict) -> frozenset:
    return frozenset((NAMES[one["imageDigest"]], one.get("imageTag")) for one in answer["imageIds"])


class Doors:
    """Makes the steps of one repository."""

    def __init__(self, server, repository: str):
        self.repository, self.signer, self.host = repository, Signer.of(server), server.host
        self.authorization = basic("AWS", server.password())

    def api(self, operation, arguments: tuple, name: str, read=done, **parameters) -> Step:
        body = json.dumps({"repositoryName": self.repository, **parameters}).encode()
        return Step(Call(operation, arguments), "POST", "/", json_headers(self.signer, self.host, name, body), body, read)

    def v2(self, operation, arguments: tuple, method: str, path: str, read=done, body: bytes = b"", **may_be) -> Step:
        headers = {"Authorization": self.authorization, **({"Content-Type": IMAGE_TYPE} if body else {})}
        return Step(Call(operation, arguments, **may_be), method, f"/v2/{self.repository}/{path}", headers, body, read)

    def any(self, chance: random.Random, vanishing: bool) -> Step:
        """A call of any kind; of those that make the repository and delete it only if it may vanish."""
        tag, image = chance.choice(TAGS), chance.choice(list(IMAGES))
        immutable = chance.random() < 0.3
        makers = {
            4: [lambda: self.api(model.put, (tag, image), "PutImage", imageManifest=IMAGES[image], imageTag=tag),
                lambda: self.v2(model.put, (tag, image), "PUT", f"manifests/{tag}", body=IMAGES[image].encode(),
                                may_be={ALREADY: DONE}),
                lambda: self.v2(model.mount, (), "POST", MOUNT)],
            2: [lambda: self.api(model.get, (tag,), "BatchGetImage", image_in, imageIds=[{"imageTag": tag}]),
                lambda: self.v2(model.get, (tag,), "GET", f"manifests/{tag}", lambda body: body["annotations"]["name"]),
                lambda: self.api(model.list_images, (), "ListImages", images_in),
                lambda: self.v2(model.list_tags, (), "GET", "tags/list", lambda body: frozenset(body["tags"])),
                lambda: self.api(model.delete_by_tag, (tag,), "BatchDeleteImage", first_failure,
                                 imageIds=[{"imageTag": tag}]),
                lambda: self.v2(model.untag, (tag,), "DELETE", f"manifests/{tag}")],
            1: [lambda: self.api(model.delete_image, (image,), "BatchDeleteImage", first_failure,
                                 imageIds=[{"imageDigest": DIGESTS[image]}]),
                lambda: self.v2(model.delete_image, (image,), "DELETE", f"manifests/{DIGESTS[image]}"),
                lambda: self.api(model.set_mutability, (immutable,), "PutImageTagMutability",
                                 imageTagMutability="IMMUTABLE" if immutable else "MUTABLE")],
        }
        if vanishing:
            makers[3] = [lambda: self.api(model.create, (), "CreateRepository")]
            makers[1].append(lambda: self.api(model.delete, (), "DeleteRepository", force=True))
        weighted = [(weight, make) for weight, group in makers.items() for make in group]
        return chance.choices([make for _, make in weighted], [weight for weight, _ in weighted])[0]()


def run_all(server, clients: list[list[Step]]) -> None:
    """Every client on a connection of its own, all at once."""
    start, failures = threading.Barrier(len(clients)), []

    def run_one(steps: list[Step]) -> None:
        connection = http.client.HTTPConnection(server.address, server.port, timeout=60)
        try:
            connection.connect()
            start.wait()
            for step in steps:
                step.run(connection)
        except Exception as failure:  # it is the test's
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=run_one, args=(steps,)) for steps in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def state_of(server, repository: str) -> State:
    """What is there, which both doors must agree on."""
    api, v2 = Api(server, repository), V2(server, repository)
    try:
        (described,) = api.ecr.describe_repositories(repositoryNames=[repository])["repositories"]
    except api.ecr.exceptions.RepositoryNotFoundException:
        assert v2.request("GET", v2.path("tags/list")).code == "NAME_UNKNOWN"
        return State()
    listed = {(NAMES[digest], tag) for digest, tag in api.image_ids()}
    tags = {tag: image for image, tag in listed if tag}
    assert sorted(v2.request("GET", v2.path("tags/list")).json()["tags"]) == sorted(tags)
    for tag, image in tags.items():
        assert v2.get_manifest(tag).body.decode() == api.get_image(imageTag=tag) == IMAGES[image]
    for image, digest in DIGESTS.items():
        assert v2.get_manifest(digest).status == (200 if image in {one for one, _ in listed} else 404)
    return State(True, described["imageTagMutability"] == "IMMUTABLE", api.has_layer(digest_of(LAYER)),
                 frozenset(image for image, _ in listed), frozenset(tags.items()))


@pytest.fixture(scope="module")
def source(server):
    server.client("ecr").create_repository(repositoryName=SOURCE)
    V2(server, SOURCE).push_blob(LAYER)


def test_some_serial_order_explains_it(server, source):
    overlaps = 0
    for seed in range(ROUNDS):
        chance, repository = random.Random(seed), f"concurrency/r{seed}"
        doors, before, vanishing = Doors(server, repository), State(), seed % 2 == 1
        if not vanishing:
            server.client("ecr").create_repository(repositoryName=repository)
            assert V2(server, repository).request("POST", f"/v2/{repository}/{MOUNT}").status == 201
            before = State(exists=True, layer=True)
        clients = [[doors.any(chance, vanishing) for _ in range(CALLS)] for _ in range(CLIENTS)]
        run_all(server, clients)
        calls = [[step.call for step in steps] for steps in clients]
        after = state_of(server, repository)
        assert model.explained(calls, before, after), f"seed {seed}, left {after}, told {calls}"
        overlaps += overlapping(calls)
    assert overlaps > ROUNDS  # else nothing was at once


def overlapping(clients: list[list[Call]]) -> int:
    """Neighbours in time that were under way together."""
    calls = sorted((call for calls in clients for call in calls), key=lambda call: call.begun)
    return sum(following.begun < call.ended for call, following in zip(calls, calls[1:]))


# ---- the judge itself


def told(operation, *arguments, outcome, at: float = 0, until: float = 1) -> Call:
    return Call(operation, arguments, begun=at, ended=until, outcome=outcome)


READY = State(exists=True, layer=True)


@pytest.mark.parametrize("clients, last", [
    # two that both made it
    ([[told(model.create, outcome=DONE)], [told(model.create, outcome=DONE)]], State(exists=True)),
    # a push that is not there
    ([[told(model.put, "v1", "one", outcome=DONE)]], READY),
    # one tag on two images
    ([[told(model.put, "v1", "one", outcome=DONE)], [told(model.put, "v1", "two", outcome=DONE)]],
     State(True, False, True, frozenset({"one", "two"}), frozenset({("v1", "one"), ("v1", "two")}))),
    # a read of what had been moved away before it began
    ([[told(model.put, "v1", "one", outcome=DONE), told(model.put, "v1", "two", outcome=DONE, at=2, until=3)],
      [told(model.get, "v1", outcome="one", at=4, until=5)]],
     State(True, False, True, frozenset({"one", "two"}), frozenset({("v1", "two")}))),
])
def test_what_no_order_explains(clients, last):
    assert not model.explained(clients, State() if clients[0][0].operation is model.create else READY, last)


def test_what_one_order_explains():
    clients = [[told(model.put, "v1", "one", outcome=DONE)], [told(model.get, "v1", outcome=NO_IMAGE)],
               [told(model.get, "v1", outcome="one")], [told(model.delete_by_tag, "v1", outcome=DONE)]]
    assert model.explained(clients, READY, READY)
