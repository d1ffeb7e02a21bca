"""What the registry has acknowledged and nobody has taken back: the truth that a soak holds it to."""

import contextlib
import dataclasses
import threading
import time

# How long before its hold ends a blob that no manifest refers to is no longer counted on: a request takes its time.
MARGIN_SECONDS = 3.0


@dataclasses.dataclass(frozen=True)
class Image:
    """A manifest that was acknowledged, with what it refers to."""

    digest: str
    content: bytes
    media_type: str
    blobs: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    subject: str | None = None


@dataclasses.dataclass
class Repository:
    """One worker changes it, any may read. `epoch` moves before and after anything in it is taken back, and is odd
    meanwhile: a reader who finds something missing has found something wrong only when it stood still and even."""

    name: str
    images: dict[str, Image] = dataclasses.field(default_factory=dict)
    tags: dict[str, str] = dataclasses.field(default_factory=dict)
    held: dict[str, float] = dataclasses.field(default_factory=dict)  # blob -> until when at least, monotonic
    fading: set[str] = dataclasses.field(default_factory=set)  # artifacts whose subject was deleted: they may go
    epoch: int = 0
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def hold(self, blob: str, until: float) -> None:
        self.held[blob] = max(self.held.get(blob, 0.0), until)

    def is_there(self, blob: str) -> bool:
        """Whether the registry has promised that the blob can be referred to now."""
        if any(blob in image.blobs for image in self.images.values()):
            return True
        return self.held.get(blob, 0.0) > time.monotonic() + MARGIN_SECONDS

    def referred(self) -> set[str]:
        return {child for image in self.images.values() for child in image.children}

    def add(self, image: Image, tag: str | None = None) -> None:
        with self.lock:
            self.images[image.digest] = image
            self.fading.discard(image.digest)
            if tag is not None:
                self.tags[tag] = image.digest

    @contextlib.contextmanager
    def taking_back(self):
        """Around a request that deletes something or gives a tag to another image, until its outcome is known."""
        with self.lock:
            self.epoch += 1
        try:
            yield
        finally:
            with self.lock:
                self.epoch += 1

    def stood_still_since(self, epoch: int) -> bool:
        return self.epoch == epoch and epoch % 2 == 0

    def remove_tag(self, tag: str) -> None:
        with self.lock:
            self.tags.pop(tag, None)

    def remove(self, digest: str, held_until: float) -> None:
        """The image is gone with its tags; its blobs are held, and its artifacts may follow."""
        with self.lock:
            image = self.images.pop(digest, None)
            self.tags = {tag: to for tag, to in self.tags.items() if to != digest}
            if image is not None:
                self.fade(digest)
        for blob in image.blobs if image else ():
            if not any(blob in other.blobs for other in self.images.values()):
                self.hold(blob, held_until)

    def fade(self, subject: str) -> None:
        for artifact in [one for one in self.images.values() if one.subject == subject]:
            del self.images[artifact.digest]
            self.tags = {tag: to for tag, to in self.tags.items() if to != artifact.digest}
            self.fading.add(artifact.digest)
            self.fade(artifact.digest)

    def clear(self) -> None:
        with self.lock:
            self.images, self.tags, self.held, self.fading = {}, {}, {}, set()

    def snapshot(self) -> tuple[int, dict[str, str], dict[str, Image]]:
        with self.lock:
            return self.epoch, dict(self.tags), dict(self.images)


class Ledger:
    """What was done and what was wrong. Safe from any thread."""

    def __init__(self):
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self.counts: dict[str, dict[str, int]] = {}
        self.violations: list[str] = []
        self.faults: dict[str, list[float]] = {}  # how long each took, in seconds
        self.bytes = {"pushed": 0, "pulled": 0}

    def count(self, operation: str, outcome: str) -> None:
        with self._lock:
            row = self.counts.setdefault(operation, {})
            row[outcome] = row.get(outcome, 0) + 1

    def fault(self, name: str, seconds: float) -> None:
        with self._lock:
            self.faults.setdefault(name, []).append(round(seconds, 2))

    def moved(self, direction: str, size: int) -> None:
        with self._lock:
            self.bytes[direction] += size

    def violation(self, text: str) -> None:
        line = f"[{time.monotonic() - self._started:8.3f} s] {text}"
        with self._lock:
            self.violations.append(line)
        print("VIOLATION", line, flush=True)
