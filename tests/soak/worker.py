"""One client among many: it pushes, pulls, moves and deletes in repositories of its own, reads those of the others, and
holds every answer to the model."""

import contextlib
import hashlib
import json
import random
import threading
import time
import urllib.parse

import botocore.exceptions

from harness.server import Server
from harness.v2 import CONFIG_TYPE, IMAGE_TYPE, INDEX_TYPE, LAYER_TYPE, digest_of, pattern

from .model import Image, Ledger, Repository
from .wire import Interrupted, Wire

KIB, MIB = 1 << 10, 1 << 20
SIZES = [(0, 1), (100, 10), (1 * KIB, 20), (4 * KIB, 10), (4 * KIB + 1, 5), (70_000, 20), (300 * KIB, 10), (2 * MIB, 6),
         (9 * MIB, 3)]
UNPROTECTED = 4 * MIB  # no answer leaves as much that a crash could take back
SHARED_CONTENTS = 40  # which every worker pushes now and then, so that files are shared
MAX_IMAGES = 40  # in one repository; deletions win beyond it
STUCK_TRIES = 200  # of one chunk, a tenth of a second apart: longer than any disk is full
ARTIFACT_TYPE = "application/vnd.test.soak"


class Worker(threading.Thread):
    def __init__(self, number: int, seed: int, server: Server, authorization: str, own: list[Repository],
                 every: list[Repository], ledger: Ledger, grace_seconds: float, gate: threading.Event):
        super().__init__(name=f"worker-{number}", daemon=True)
        self.random = random.Random(f"{seed}/{number}")
        self.number, self.seed, self.server, self.authorization = number, seed, server, authorization
        self.own, self.every, self.ledger, self.grace, self.gate = own, every, ledger, grace_seconds, gate
        self.stopping = threading.Event()
        self.serial = 0
        self.ecr = server.client("ecr", read_timeout=60)
        self.failure: BaseException | None = None

    # ---- life

    ACTIONS = [("push_image", 30), ("push_index", 6), ("push_artifact", 6), ("move_tag", 6), ("delete_image", 10),
               ("delete_tag", 5), ("batch_delete", 4), ("delete_blob", 4), ("abandon_upload", 3), ("push_loose_blob", 4),
               ("pull_own", 12), ("pull_other", 16), ("list_own", 4), ("end_repository", 0.3)]

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                self.gate.wait(120)
                repository = self.random.choice(self.own)
                action = self.choose(self.ACTIONS)
                if len(repository.images) > MAX_IMAGES and action.startswith("push"):
                    action = "delete_image"
                self.act(action, repository)
        except BaseException as error:  # it is reported as the soak's own failure
            self.failure = error
            raise

    def act(self, action: str, repository: Repository) -> None:
        try:
            outcome = getattr(self, action)(repository) or "done"
        except Interrupted:
            outcome = "interrupted"
            self.gate.wait(120)
        self.ledger.count(action, outcome)

    def choose(self, weighted: list):
        return self.random.choices([one for one, _ in weighted], [weight for _, weight in weighted])[0]

    def wire(self, repository: Repository) -> Wire:
        return Wire(self.server, repository.name, self.authorization)

    def certainly(self, read):
        """Reads until there is an answer: how an interrupted change is settled."""
        while True:
            try:
                return read()
            except Interrupted:
                if self.stopping.wait(0.05):
                    self.gate.wait(120)

    def wrong(self, repository: Repository, what: str, answer) -> None:
        self.ledger.violation(f"{repository.name}: {what}: {answer.status} {answer.body[:300]!r}")

    # ---- layers

    def content(self) -> bytes:
        size = self.choose(SIZES)
        if self.random.random() < 0.4:
            return pattern(size, f"{self.seed}/shared/{self.random.randrange(SHARED_CONTENTS)}".encode())
        self.serial += 1
        return pattern(size, f"{self.seed}/{self.number}/{self.serial}".encode())

    def need_blob(self, repository: Repository, content: bytes) -> str:
        """The blob can be referred to from here on: by HEAD, by mount or by a push."""
        digest, wire, until = digest_of(content), self.wire(repository), self.held_until()
        if self.random.random() < 0.7:
            promised = repository.is_there(digest)
            answer = wire.send("HEAD", wire.path(f"blobs/{digest}"))
            if answer.status == 200:
                repository.hold(digest, until)
                return digest
            if answer.status != 404 or promised:
                self.wrong(repository, f"HEAD of blob {digest}, promised={promised}", answer)
        if self.random.random() < 0.3 and self.mount(repository, digest):
            return digest
        push = self.choose([(self.push_at_once, 4), (self.push_single_post, 2), (self.push_chunked, 3),
                            (self.push_streamed, 2), (self.push_parts, 1)])
        push(repository, content, digest)
        repository.hold(digest, until)
        self.ledger.moved("pushed", len(content))
        return digest

    def held_until(self) -> float:
        """Taken before the request: its hold begins no earlier."""
        return time.monotonic() + self.grace

    def mount(self, repository: Repository, digest: str) -> bool:
        for source in self.random.sample(self.every, min(len(self.every), 6)):
            epoch, _, images = source.snapshot()
            if source is repository or not any(digest in image.blobs for image in images.values()):
                continue
            wire = self.wire(repository)
            query = urllib.parse.urlencode({"mount": digest, "from": source.name})
            until = self.held_until()
            answer = wire.send("POST", wire.path(f"blobs/uploads/?{query}"))
            self.ledger.count("mount", str(answer.status))
            if answer.status == 201:
                repository.hold(digest, until)
                return True
            if answer.status != 202 or source.stood_still_since(epoch):
                self.wrong(repository, f"mount of {digest} from {source.name}, which has it", answer)
            return False
        return False

    def opened(self, repository: Repository) -> str:
        wire = self.wire(repository)
        answer = wire.send("POST", wire.path("blobs/uploads/"))
        if answer.status != 202:
            self.wrong(repository, "an upload could not be opened", answer)
            raise Interrupted("no upload")
        return answer.location

    def closed(self, repository: Repository, location: str, digest: str, body: bytes, headers: dict | None = None) -> None:
        wire = self.wire(repository)
        self.created(repository, wire.send("PUT", f"{location}&digest={digest}", body, headers), digest)

    def created(self, repository: Repository, answer, digest: str) -> None:
        if answer.status != 201:
            self.wrong(repository, f"blob {digest} was not taken", answer)
            raise Interrupted("no blob")

    def push_at_once(self, repository: Repository, content: bytes, digest: str) -> None:
        self.closed(repository, self.opened(repository), digest, content)

    def push_single_post(self, repository: Repository, content: bytes, digest: str) -> None:
        wire = self.wire(repository)
        self.created(repository, wire.send("POST", wire.path(f"blobs/uploads/?digest={digest}"), content), digest)

    def push_chunked(self, repository: Repository, content: bytes, digest: str) -> None:
        """In pieces of any size. After an interruption the state is asked for, and the rest sent from there."""
        location, at = self.opened(repository), 0
        if not content:
            return self.closed(repository, location, digest, b"")
        wire, stuck = self.wire(repository), 0
        size = self.random.choice([MIB, self.random.randint(2, len(content) // 3 + 70_000)])  # "0-0" says one byte or none
        while at < len(content):
            piece = content[at:at + size]
            try:
                answer = wire.send("PATCH", location, piece, {"Content-Range": f"{at}-{at + len(piece) - 1}"})
            except Interrupted as interruption:
                answer = self.certainly(lambda: wire.send("GET", location))
                stuck += 1
                if stuck == STUCK_TRIES:
                    self.ledger.violation(f"{repository.name}: an upload makes no progress: {interruption}")
                    raise
                time.sleep(0.1)  # between two tries
                if answer.status == 404:  # nothing of it was checkpointed or its writer failed
                    raise
                self.ledger.count("push_chunked", "went on")
            if answer.status not in (202, 204, 416):
                self.wrong(repository, f"a chunk at {at} of {len(content)}", answer)
                raise Interrupted("no chunk")
            last = int(answer.headers["Range"].split("-")[1])
            if at - last > UNPROTECTED:
                self.ledger.violation(f"{repository.name}: {at} bytes of an upload were acknowledged, it stands at {last + 1}")
            if last >= at:
                stuck = 0
            location, at = answer.location, last + 1 if last else 0
        self.closed(repository, location, digest, b"")

    def push_streamed(self, repository: Repository, content: bytes, digest: str) -> None:
        wire, location = self.wire(repository), self.opened(repository)
        answer = wire.send("PATCH", location, [content[at:at + 50_000] for at in range(0, len(content), 50_000)], chunked=True)
        if answer.status != 202:
            self.wrong(repository, "a stream was not taken", answer)
            raise Interrupted("no stream")
        self.closed(repository, answer.location, digest, b"")

    def push_parts(self, repository: Repository, content: bytes, digest: str) -> None:
        """By ECR's JSON API, which refuses a layer that is there already."""
        def call(operation: str, **parameters):
            try:
                return getattr(self.ecr, operation)(repositoryName=repository.name, **parameters)
            except botocore.exceptions.ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                    raise Interrupted(str(error)) from error
                raise
            except (botocore.exceptions.BotoCoreError, OSError) as error:
                raise Interrupted(str(error)) from error
        if not content:
            return self.push_at_once(repository, content, digest)
        upload = call("initiate_layer_upload")["uploadId"]
        try:
            call("upload_layer_part", uploadId=upload, partFirstByte=0, partLastByte=len(content) - 1, layerPartBlob=content)
            call("complete_layer_upload", uploadId=upload, layerDigests=[digest])
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] == "UploadNotFoundException":
                raise Interrupted(str(error)) from error  # a kill or a full disk took it between two calls
            if error.response["Error"]["Code"] != "LayerAlreadyExistsException":
                self.ledger.violation(f"{repository.name}: layer {digest} in parts: {error}")
                raise Interrupted(str(error)) from error

    # ---- manifests

    def put(self, repository: Repository, image: Image, tag: str | None) -> str:
        """PUT, with every blob promised. What an interruption leaves open is read back."""
        promised = all(repository.is_there(blob) for blob in image.blobs) and all(
            child in repository.images for child in image.children)
        wire, before = self.wire(repository), repository.tags.get(tag)
        moves_a_tag = before not in (None, image.digest)
        with repository.taking_back() if moves_a_tag else contextlib.nullcontext():
            try:
                answer = wire.send("PUT", wire.path(f"manifests/{tag or image.digest}"), image.content,
                                   {"Content-Type": image.media_type})
            except Interrupted:
                self.settle_put(repository, image, tag, before)
                return "interrupted"
            if answer.status == 201:
                repository.add(image, tag)
                return "done"
        if promised:
            self.wrong(repository, f"manifest {image.digest} with all its parts promised", answer)
        return f"refused {answer.status}"

    def settle_put(self, repository: Repository, image: Image, tag: str | None, before: str | None) -> None:
        wire = self.wire(repository)
        known = image.digest in repository.images
        there = self.certainly(lambda: wire.send("GET", wire.path(f"manifests/{image.digest}")))
        if there.status == 200:
            repository.add(image)
        elif known:
            self.wrong(repository, f"{image.digest} vanished while it was pushed again", there)
        if tag is None:
            return
        tagged = self.certainly(lambda: wire.send("GET", wire.path(f"manifests/{tag}")))
        found = digest_of(tagged.body) if tagged.status == 200 else None
        if found == image.digest:
            repository.add(image, tag)
        elif found != before:
            self.ledger.violation(f"{repository.name}:{tag} is {found} after an interrupted push of {image.digest} "
                                  f"over {before}")

    def new_tag(self, repository: Repository) -> str | None:
        if self.random.random() < 0.15:
            return None
        if repository.tags and self.random.random() < 0.3:
            return self.random.choice(sorted(repository.tags))
        return f"t{self.random.randrange(60)}"

    def push_image(self, repository: Repository) -> str:
        layers = [self.content() for _ in range(self.random.randint(1, 3))]
        self.serial += 1
        config = json.dumps({"architecture": "amd64", "os": "linux", "made": f"{self.seed}/{self.number}/{self.serial}"}).encode()
        for blob in [config, *layers]:
            self.need_blob(repository, blob)
        document = {"schemaVersion": 2, "mediaType": IMAGE_TYPE,
                    "config": {"mediaType": CONFIG_TYPE, "digest": digest_of(config), "size": len(config)},
                    "layers": [{"mediaType": LAYER_TYPE, "digest": digest_of(one), "size": len(one)} for one in layers]}
        return self.put(repository, image_of(document, blobs=[config, *layers]), self.new_tag(repository))

    def push_index(self, repository: Repository) -> str:
        plain = [image for image in repository.images.values() if image.media_type == IMAGE_TYPE and not image.subject]
        if not plain:
            return "nothing to do"
        children = self.random.sample(plain, min(len(plain), self.random.randint(1, 3)))
        document = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "annotations": {"number": str(self.random.random())},
                    "manifests": [{"mediaType": IMAGE_TYPE, "digest": one.digest, "size": len(one.content)} for one in children]}
        return self.put(repository, image_of(document, children=children), self.new_tag(repository))

    def push_artifact(self, repository: Repository) -> str:
        """Something that refers to an image, and the list of what does."""
        if not repository.images:
            return "nothing to do"
        subject = self.random.choice(list(repository.images.values()))
        config, layer = b"{}", pattern(200, str(self.random.random()).encode())
        for blob in (config, layer):
            self.need_blob(repository, blob)
        document = {"schemaVersion": 2, "mediaType": IMAGE_TYPE, "artifactType": ARTIFACT_TYPE,
                    "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(config), "size": 2},
                    "layers": [{"mediaType": "text/plain", "digest": digest_of(layer), "size": len(layer)}],
                    "subject": {"mediaType": subject.media_type, "digest": subject.digest, "size": len(subject.content)}}
        image = image_of(document, blobs=[config, layer], subject=subject.digest)
        outcome = self.put(repository, image, None)
        if outcome == "done":
            self.check_referrers(repository, subject.digest)
        return outcome

    def check_referrers(self, repository: Repository, subject: str) -> None:
        wire = self.wire(repository)
        answer = wire.send("GET", wire.path(f"referrers/{subject}"))
        if answer.status != 200:
            return self.wrong(repository, f"referrers of {subject}", answer)
        listed = {one["digest"] for one in answer.json()["manifests"]}
        missing = {one.digest for one in repository.images.values() if one.subject == subject} - listed
        if missing and "Link" not in answer.headers:
            self.wrong(repository, f"referrers of {subject} lack {missing}", answer)

    def move_tag(self, repository: Repository) -> str:
        images = [image for image in repository.images.values() if not image.subject]  # artifacts go with their subject
        if not images:
            return "nothing to do"
        return self.put(repository, self.random.choice(images), f"t{self.random.randrange(60)}")

    # ---- deletion

    def free_image(self, repository: Repository) -> Image | None:
        """One that no index refers to."""
        referred = repository.referred()
        return self.random.choice([one for one in repository.images.values() if one.digest not in referred] or [None])

    def delete_image(self, repository: Repository) -> str:
        image = self.free_image(repository)
        if image is None:
            return "nothing to do"
        path = self.wire(repository).path(f"manifests/{image.digest}")
        return self.take_back(repository, path, lambda until: repository.remove(image.digest, until))

    def take_back(self, repository: Repository, path: str, forget) -> str:
        """DELETE of something that is there; `forget` takes it from the model."""
        wire, until = self.wire(repository), self.held_until()
        with repository.taking_back():
            try:
                answer = wire.send("DELETE", path)
            except Interrupted:
                if self.certainly(lambda: wire.send("GET", path)).status == 404:
                    forget(until)
                return "interrupted"
            if answer.status != 202:
                self.wrong(repository, f"delete of {path}", answer)
                return f"refused {answer.status}"
            forget(until)
        self.must_be_gone(repository, path)
        return "done"

    def must_be_gone(self, repository: Repository, path: str) -> None:
        after = self.wire(repository).send("GET", path)
        if after.status != 404:
            self.wrong(repository, f"{path} is there after its delete was acknowledged", after)

    def delete_tag(self, repository: Repository) -> str:
        if not repository.tags:
            return "nothing to do"
        tag = self.random.choice(sorted(repository.tags))
        path = self.wire(repository).path(f"manifests/{tag}")
        return self.take_back(repository, path, lambda _: repository.remove_tag(tag))

    def batch_delete(self, repository: Repository) -> str:
        images = {image.digest: image for image in (self.free_image(repository) for _ in range(3)) if image is not None}
        if not images:
            return "nothing to do"
        until = self.held_until()
        with repository.taking_back():
            try:
                answer = self.ecr.batch_delete_image(repositoryName=repository.name,
                                                     imageIds=[{"imageDigest": digest} for digest in images])
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, OSError):
                wire = self.wire(repository)
                for digest in images:
                    if self.certainly(lambda: wire.send("GET", wire.path(f"manifests/{digest}"))).status == 404:
                        repository.remove(digest, until)
                return "interrupted"
            if answer["failures"]:
                self.ledger.violation(f"{repository.name}: BatchDeleteImage: {answer['failures']}")
            failed = {failure["imageId"].get("imageDigest") for failure in answer["failures"]}
            for digest in images.keys() - failed:
                repository.remove(digest, until)
        return "done"

    def delete_blob(self, repository: Repository) -> str:
        """Of a blob that an image refers to, which is refused, or of one that was just pushed."""
        wire = self.wire(repository)
        if repository.images and self.random.random() < 0.3:
            image = self.random.choice(list(repository.images.values()))
            if image.blobs:
                digest = self.random.choice(image.blobs)
                answer = wire.send("DELETE", wire.path(f"blobs/{digest}"))
                if answer.status != 405:
                    self.wrong(repository, f"delete of {digest}, which {image.digest} refers to", answer)
                return "refused"
        digest = self.need_blob(repository, pattern(3000, str(self.random.random()).encode()))
        repository.held.pop(digest)
        answer = wire.send("DELETE", wire.path(f"blobs/{digest}"))
        if answer.status != 202:
            self.wrong(repository, f"delete of {digest}, which nothing refers to", answer)
            return f"refused {answer.status}"
        after = wire.send("HEAD", wire.path(f"blobs/{digest}"))
        if after.status != 404:
            self.wrong(repository, f"HEAD of {digest} after its delete", after)
        return "done"

    def end_repository(self, repository: Repository) -> str:
        """Deleted with everything in it, and made anew under the same name."""
        with repository.taking_back():
            repository.clear()
            self.until_done(lambda: self.ecr.delete_repository(repositoryName=repository.name, force=True),
                            self.ecr.exceptions.RepositoryNotFoundException)
            self.until_done(lambda: self.ecr.create_repository(repositoryName=repository.name),
                            self.ecr.exceptions.RepositoryAlreadyExistsException)
        wire = self.wire(repository)
        answer = self.certainly(lambda: wire.send("GET", wire.path("tags/list")))
        if answer.status != 200 or answer.json()["tags"]:
            self.wrong(repository, "tags of a repository made anew", answer)
        return "done"

    def until_done(self, call, done_before: type) -> None:
        """Again after an interruption; `done_before` is what says that an interrupted call did it."""
        while True:
            try:
                return call()
            except done_before:
                return None
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, OSError):
                time.sleep(0.05)  # between two tries
                self.gate.wait(120)

    # ---- what nobody finishes or uses

    def abandon_upload(self, repository: Repository) -> None:
        wire, location = self.wire(repository), self.opened(repository)
        answer = wire.send("PATCH", location, self.content() or b"x")
        if answer.status == 202 and self.random.random() < 0.5:
            cancelled = wire.send("DELETE", answer.location)
            if cancelled.status != 204:
                self.wrong(repository, "an upload could not be cancelled", cancelled)

    def push_loose_blob(self, repository: Repository) -> None:
        self.need_blob(repository, self.content())

    # ---- reading

    def pull_own(self, repository: Repository) -> str:
        return self.pull(repository)

    def pull_other(self, _) -> str:
        return self.pull(self.random.choice(self.every))

    def pull(self, repository: Repository) -> str:
        """By tag or digest, with every blob and its digest."""
        epoch, tags, images = repository.snapshot()
        if not images:
            return "nothing to do"
        if tags and self.random.random() < 0.6:
            reference = self.random.choice(sorted(tags))
            image = images[tags[reference]]
        else:
            image = self.random.choice(list(images.values()))
            reference = image.digest
        return self.check_image(repository, reference, image, lambda: repository.stood_still_since(epoch))

    def check_image(self, repository: Repository, reference: str, image: Image, still) -> str:
        wire = self.wire(repository)
        answer = wire.send("GET", wire.path(f"manifests/{reference}"))
        if answer.status != 200 or answer.body != image.content:
            if not still():
                return "overtaken"
            self.wrong(repository, f"{reference} should be {image.digest}", answer)
            return "wrong"
        for blob in image.blobs:
            answer = wire.send("GET", wire.path(f"blobs/{blob}"))
            if answer.status != 200 or "sha256:" + hashlib.sha256(answer.body).hexdigest() != blob:
                if answer.status == 404 and not still():
                    return "overtaken"
                self.wrong(repository, f"blob {blob} of {reference}, {len(answer.body)} bytes", answer)
                return "wrong"
            self.ledger.moved("pulled", len(answer.body))
        return "done"

    def list_own(self, repository: Repository) -> None:
        wire = self.wire(repository)
        listed, path = [], wire.path(f"tags/list?n={self.random.choice([1, 5, 100])}")
        while path:
            answer = wire.send("GET", path)
            if answer.status != 200:
                return self.wrong(repository, "tags/list", answer)
            listed += answer.json()["tags"] or []
            path = answer.headers["Link"].split(";")[0].strip("<>") if "Link" in answer.headers else None
        if listed != sorted(repository.tags):
            self.ledger.violation(f"{repository.name}: tags {listed} instead of {sorted(repository.tags)}")


def image_of(document: dict, blobs: list[bytes] = (), children: list[Image] = (), subject: str | None = None) -> Image:
    content = json.dumps(document).encode()
    return Image(digest_of(content), content, document["mediaType"], tuple(dict.fromkeys(map(digest_of, blobs))),
                 tuple(child.digest for child in children), subject)
