"""Small images with real bytes and real digests, as build tools write them."""

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
IN_TOTO = "application/vnd.in-toto+json"


def digest_of(content: bytes) -> str:
    """`sha256:` and the hash."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


@dataclass
class Content:
    """One image: what its root is, and every blob and manifest that it needs, by digest."""

    root: dict[str, Any] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)

    def blob(self, media_type: str, content: bytes) -> dict[str, Any]:
        """Takes a blob in; its descriptor."""
        digest = digest_of(content)
        self.blobs[digest] = content
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def manifest(self, document: dict[str, Any]) -> dict[str, Any]:
        """Takes a manifest in, which becomes the root; its descriptor."""
        content = json.dumps(document, indent=2).encode()
        digest = digest_of(content)
        self.manifests[digest] = content
        self.root = {"mediaType": document["mediaType"], "digest": digest, "size": len(content)}
        return dict(self.root)

    def write_layout(self, folder: Path) -> Path:
        """Writes it as an OCI layout."""
        (folder / "blobs/sha256").mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [self.root]}
        (folder / "index.json").write_text(json.dumps(index))
        for digest, content in (self.blobs | self.manifests).items():
            (folder / "blobs" / digest.replace(":", "/")).write_bytes(content)
        return folder


def _layer(text: str) -> tuple[bytes, str]:
    """A gzipped tar with one file, and the digest of the tar."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        entry = tarfile.TarInfo("file")
        entry.size = len(text.encode())
        archive.addfile(entry, io.BytesIO(text.encode()))
    return gzip.compress(tar.getvalue(), mtime=0), digest_of(tar.getvalue())


def image(name: str, architecture: str = "amd64", into: Content | None = None) -> Content:
    """An image of one platform."""
    content = Content() if into is None else into
    packed, diff_id = _layer(name)
    rootfs = {"type": "layers", "diff_ids": [diff_id]}
    config = {"architecture": architecture, "os": "linux", "config": {}, "rootfs": rootfs}
    layer = content.blob(LAYER, packed)
    config_blob = content.blob(CONFIG, json.dumps(config).encode())
    content.manifest({"schemaVersion": 2, "mediaType": MANIFEST, "config": config_blob, "layers": [layer]})
    return content


def _attestation(content: Content, subject: str, run: str) -> dict[str, Any]:
    """BuildKit's provenance in its older form: an image manifest with a made-up configuration."""
    predicate = "https://slsa.dev/provenance/v0.2"
    statement = {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": predicate,
        "subject": [{"name": "pkg:docker/witness", "digest": {"sha256": subject.removeprefix("sha256:")}}],
        "predicate": {"builder": {"id": ""}, "buildType": "https://mobyproject.org/buildkit@v1", "metadata": run},
    }
    layer = content.blob(IN_TOTO, json.dumps(statement).encode())
    layer["annotations"] = {"in-toto.io/predicate-type": predicate}
    rootfs = {"type": "layers", "diff_ids": [layer["digest"]]}
    config = {"architecture": "unknown", "os": "unknown", "config": {}, "rootfs": rootfs}
    # BuildKit's exact bytes: that the configuration is a function of the layers is what proves the older form.
    config_blob = content.blob(CONFIG, json.dumps(config, separators=(",", ":")).encode())
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config_blob, "layers": [layer]}
    return content.manifest(manifest) | {
        "annotations": {
            "vnd.docker.reference.digest": subject,
            "vnd.docker.reference.type": "attestation-manifest",
        },
        "platform": {"architecture": "unknown", "os": "unknown"},
    }


def build(name: str, run: str) -> Content:
    """What `docker buildx build` for two platforms pushes. The same name with another run has the same images."""
    content = Content()
    platforms = []
    for architecture in ("amd64", "arm64"):
        image(f"{name} {architecture}", architecture, into=content)
        platforms.append(dict(content.root) | {"platform": {"architecture": architecture, "os": "linux"}})
    attestations = [_attestation(content, platform["digest"], run) for platform in platforms]
    content.manifest({"schemaVersion": 2, "mediaType": INDEX, "manifests": platforms + attestations})
    return content
