"""What is pulled: one image's manifest and blobs of a few sizes, the same bytes from every server."""

import hashlib
import json
import os
from pathlib import Path

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_SIZES = {"blob_1k": 1 << 10, "blob_1m": 1 << 20, "blob_1g": 1 << 30}
_STEP = 1 << 20


class Content:
    """Blobs are files, made when they are first asked for. `files` maps a digest to its file."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.files: dict[str, Path] = {}
        self._digests: dict[str, str] = {}
        directory.mkdir(parents=True)
        self._config = self._add(b"{}")
        manifest = self._image([self.digest("blob_1k")])
        manifest["annotations"] = {"org.example.unique": "@unique@"}
        self.manifest_template = directory / "manifest-template.json"
        self.manifest_template.write_text(json.dumps(manifest))
        self.manifest = json.dumps(manifest).encode()
        self.manifest_digest = "sha256:" + hashlib.sha256(self.manifest).hexdigest()

    def _image(self, layers: list[str]) -> dict:
        return {
            "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": self._config, "size": 2},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer,
                        "size": self.files[layer].stat().st_size} for layer in layers],
        }

    def image_of(self, layers: list[str]) -> bytes:
        """A manifest that refers to these blobs: what is pulled belongs to an image, as it does in life."""
        return json.dumps(self._image(layers)).encode()

    def digest(self, name: str) -> str:
        if name not in self._digests:
            self._digests[name] = self._make(name, _SIZES[name])
        return self._digests[name]

    def expand(self, argument: str, **amounts) -> str:
        """Fills in the {places} of a workload's argument."""
        for name in _SIZES:
            if f"{{{name}}}" in argument:
                amounts[name] = self.digest(name)
        return argument.format(manifest_digest=self.manifest_digest, manifest_template=self.manifest_template,
                               **amounts)

    def _make(self, name: str, size: int) -> str:
        path, hasher = self.directory / name, hashlib.sha256()
        with open(path, "wb") as file:
            for offset in range(0, size, _STEP):
                block = os.urandom(min(_STEP, size - offset))
                hasher.update(block)
                file.write(block)
        digest = "sha256:" + hasher.hexdigest()
        self.files[digest] = path
        return digest

    def _add(self, data: bytes) -> str:
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.files[digest] = self.directory / digest.removeprefix("sha256:")
        self.files[digest].write_bytes(data)
        return digest
