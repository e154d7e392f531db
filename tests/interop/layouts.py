"""OCI layouts: those of the corpus, or some of our own; and what is in one."""

import json
import os
from pathlib import Path

from images import Content, build, digest_of, image


def some_layouts(folder: Path) -> dict[str, Path]:
    """The corpus where ECR_JANITOR_CORPUS names it; besides, always some of our own, made in `folder`."""
    made: dict[str, Content] = {
        "made-first": build("made", "first"),
        "made-again": build("made", "again"),
        "made-other": build("other", "first"),
        "made-plain": image("plain"),
    }
    layouts = {name: content.write_layout(folder / name) for name, content in made.items()}
    if corpus := os.environ.get("ECR_JANITOR_CORPUS"):
        layouts |= {path.parent.name: path.parent for path in sorted(Path(corpus).glob("layouts/*/index.json"))}
    return layouts


def root_of(layout: Path) -> str:
    """The digest of the one image in a layout."""
    [root] = json.loads((layout / "index.json").read_bytes())["manifests"]
    return root["digest"]


def contents(layout: Path, digest: str) -> dict[str, bytes]:
    """Every manifest and blob that an image needs, each proven to have its digest."""
    content = (layout / "blobs" / digest.replace(":", "/")).read_bytes()
    assert digest_of(content) == digest, (layout, digest)
    found = {digest: content}
    manifest = json.loads(content)
    for child in manifest.get("manifests") or []:
        found |= contents(layout, child["digest"])
    for blob in [manifest.get("config"), *(manifest.get("layers") or [])]:
        if blob is not None:
            bytes_ = (layout / "blobs" / blob["digest"].replace(":", "/")).read_bytes()
            assert digest_of(bytes_) == blob["digest"], (layout, blob["digest"])
            found[blob["digest"]] = bytes_
    return found
