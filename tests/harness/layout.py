"""OCI image layouts on disk, written by hand: what crane, skopeo and regctl read without any registry."""

import gzip
import io
import json
import pathlib
import tarfile

from .v2 import CONFIG_TYPE, IMAGE_TYPE, INDEX_TYPE, LAYER_TYPE, descriptor, digest_of

REFERENCE = "org.opencontainers.image.ref.name"


def layer_of(files: dict[str, bytes]) -> tuple[bytes, bytes]:
    """A layer's tar, and the same compressed, both the same for the same files."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return plain.getvalue(), gzip.compress(plain.getvalue(), compresslevel=1, mtime=0)


class Layout:
    """A folder; everything added is there, and `name` gives a descriptor a tag."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.named: list[dict] = []
        (folder / "blobs" / "sha256").mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def add(self, media_type: str, content: bytes) -> dict:
        entry = descriptor(media_type, content)
        (self.folder / "blobs" / "sha256" / entry["digest"].removeprefix("sha256:")).write_bytes(content)
        return entry

    def image(self, files: dict[str, bytes], architecture: str = "amd64") -> dict:
        plain, compressed = layer_of(files)
        config = {"architecture": architecture, "os": "linux", "config": {},
                  "rootfs": {"type": "layers", "diff_ids": [digest_of(plain)]}}
        manifest = {"schemaVersion": 2, "mediaType": IMAGE_TYPE,
                    "config": self.add(CONFIG_TYPE, json.dumps(config).encode()),
                    "layers": [self.add(LAYER_TYPE, compressed)]}
        return self.add(IMAGE_TYPE, json.dumps(manifest).encode())

    def index(self, files: dict[str, bytes], architectures: tuple[str, ...] = ("amd64", "arm64")) -> dict:
        children = [{**self.image({**files, "architecture": one.encode()}, one), "platform": {"architecture": one, "os": "linux"}}
                    for one in architectures]
        return self.add(INDEX_TYPE, json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": children}).encode())

    def name(self, entry: dict, tag: str) -> "Layout":
        self.named.append({**entry, "annotations": {REFERENCE: tag}})
        (self.folder / "index.json").write_text(
            json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": self.named}))
        return self
