"""Witness: the AWS CLI in ordinary life, as its own process, each command as one would type it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from images import build
from served import Emulator, environment
from world import put

REPOSITORY = "cli/web"


def _aws(emulator: Emulator, *words: str) -> Any:
    """`aws ecr ...` that must succeed; its answer."""
    command = [sys.executable, "-m", "awscli", "ecr", *words, "--output", "json"]
    done = subprocess.run(command, env=environment(emulator.url), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, (words, done.stderr)
    return json.loads(done.stdout) if done.stdout.strip() else None


def test_ordinary_life(emulator: Emulator, tmp_path: Path) -> None:
    """Create, push a manifest, list in pages, delete with ECR's guard in the way, archive."""
    created = _aws(emulator, "create-repository", "--repository-name", REPOSITORY)
    assert created["repository"]["repositoryName"] == REPOSITORY
    content = build("cli", "first")
    put(emulator, REPOSITORY, content)
    index = content.root["digest"]
    in_repository = ("--repository-name", REPOSITORY)

    manifest = tmp_path / "manifest.json"
    manifest.write_bytes(content.manifests[index])
    tag = ("--image-manifest", f"file://{manifest}", "--image-tag", "v1", "--image-digest", index)
    assert _aws(emulator, "put-image", *in_repository, *tag)["image"]["imageId"]["imageDigest"] == index

    for size in ("1", "2", "100"):
        details = _aws(emulator, "describe-images", *in_repository, "--page-size", size)["imageDetails"]
        assert sorted(detail["imageDigest"] for detail in details) == sorted(content.manifests), size
    first = _aws(emulator, "describe-images", *in_repository, "--max-items", "2")
    rest = _aws(emulator, "describe-images", *in_repository, "--starting-token", first["NextToken"])
    assert len(first["imageDetails"]) + len(rest["imageDetails"]) == len(content.manifests)

    child = next(iter(content.manifests))
    refused = _aws(emulator, "batch-delete-image", *in_repository, "--image-ids", f"imageDigest={child}")
    assert [failure["failureCode"] for failure in refused["failures"]] == ["ImageReferencedByManifestList"]

    archive = ("--image-id", f"imageDigest={index}", "--target-storage-class", "ARCHIVE")
    assert _aws(emulator, "update-image-storage-class", *in_repository, *archive)["imageStatus"] == "ARCHIVED"
    shown = _aws(emulator, "describe-images", *in_repository, "--filter", "imageStatus=ARCHIVED")["imageDetails"]
    assert [detail["imageDigest"] for detail in shown] == [index]

    gone = _aws(emulator, "batch-delete-image", *in_repository, "--image-ids", f"imageDigest={index}")
    assert gone["failures"] == []
    gone = _aws(emulator, "batch-delete-image", *in_repository, "--image-ids", f"imageDigest={child}")
    assert gone["failures"] == []
