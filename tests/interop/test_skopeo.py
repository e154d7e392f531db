"""Witness: skopeo. What it pushed can be copied complete and byte for byte, before and after the janitor applied its
harshest policy; and the janitor did delete."""

import json
import shutil
import subprocess
from pathlib import Path

import loud
import pytest
from layouts import contents, root_of, some_layouts
from served import Emulator, binary, environment

REPOSITORY = "wit/history"
LONG_AGO = 1_700_000_000_000
HARSH = """
[policy]
grace_period = "1h"
orphaned = "delete"
orphaned_with_subject = "delete"
superseded = "delete"
superseded_since = "push"
superseded_after = "1d"
superseded_images = "delete"
[limits]
max_images_share = 1.0
"""


def _skopeo(*words: str) -> None:
    command = ["skopeo", "--insecure-policy", "copy", "--all", "--quiet", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, (words, done.stderr)


def _push(emulator: Emulator, layout: Path, reference: str) -> None:
    _skopeo("--dest-tls-verify=false", f"oci:{layout}", f"docker://{emulator.host}/{reference}")


def _copies_complete(emulator: Emulator, tagged: dict[str, Path], folder: Path) -> None:
    """Every tagged image copies as exactly what was pushed."""
    folder.mkdir()
    for number, (reference, layout) in enumerate(tagged.items()):
        copy = folder / str(number)
        _skopeo("--src-tls-verify=false", f"docker://{emulator.host}/{reference}", f"oci:{copy}")
        assert root_of(copy) == root_of(layout), reference
        assert contents(copy, root_of(copy)) == contents(layout, root_of(layout)), reference


def _age(emulator: Emulator) -> None:
    """All images were pushed and pulled long ago."""
    for repository in emulator.call("DescribeRepositories")["repositories"]:
        name = repository["repositoryName"]
        for detail in emulator.call("DescribeImages", repositoryName=name)["imageDetails"]:
            image = {"repository": name, "digest": detail["imageDigest"]}
            emulator.admin("set-pushed-at", image | {"at": LONG_AGO})
            emulator.admin("set-pulled-at", image | {"at": None})


def _digests(emulator: Emulator, repository: str) -> set[str]:
    details = emulator.call("DescribeImages", repositoryName=repository, maxResults=1000)["imageDetails"]
    return {detail["imageDigest"] for detail in details}


def _apply(emulator: Emulator, folder: Path) -> dict[str, int]:
    """`ecr-janitor apply --yes`; its totals."""
    config = folder / "harsh.toml"
    config.write_text(HARSH)
    command = [str(binary("ecr-janitor")), "apply", "--yes", "--config", str(config), "--output", "json"]
    state = {"XDG_STATE_HOME": str(folder / "state")}
    done = subprocess.run(command, env=environment(emulator.url) | state, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, (done.stdout, done.stderr)
    totals: dict[str, int] = json.loads(done.stdout)["totals"]
    return totals


def test_tagged_images_copy_complete_before_and_after_an_apply(emulator: Emulator, tmp_path: Path) -> None:
    """Each layout in a repository of its own; and a history of all, in which `latest` moved from one to the next,
    every second one kept a tag of its own, and two indexes were deleted, which orphans their attestations."""
    if shutil.which("skopeo") is None:
        loud.skip("there is no skopeo")
    layouts = some_layouts(tmp_path / "layouts")
    emulator.call("CreateRepository", repositoryName=REPOSITORY)
    tagged: dict[str, Path] = {}
    for number, (name, layout) in enumerate(layouts.items()):
        alone = f"wit/{name.lower()}"
        emulator.call("CreateRepository", repositoryName=alone)
        _push(emulator, layout, f"{alone}:v1")
        _push(emulator, layout, f"{REPOSITORY}:latest")
        tagged[f"{alone}:v1"] = layout
        if number % 2 == 1:
            _push(emulator, layout, f"{REPOSITORY}:{name.lower()}")
            tagged[f"{REPOSITORY}:{name.lower()}"] = layout
        tagged[f"{REPOSITORY}:latest"] = layout

    # An index that somebody deleted: the attestations stay behind, in a repository where nothing else is, and in
    # one where the images that they speak of are still in use.
    first, again = layouts["made-first"], layouts["made-again"]
    orphans = "wit/orphans"
    emulator.call("CreateRepository", repositoryName=orphans)
    _push(emulator, first, f"{orphans}:gone")
    _push(emulator, again, f"{orphans}:v1")
    tagged[f"{orphans}:v1"] = again
    emulator.call("BatchDeleteImage", repositoryName=orphans, imageIds=[{"imageTag": "gone"}])

    _copies_complete(emulator, tagged, tmp_path / "before")
    _age(emulator)
    before = {name: _digests(emulator, name) for name in (REPOSITORY, orphans)}
    totals = _apply(emulator, tmp_path)
    after = {name: _digests(emulator, name) for name in (REPOSITORY, orphans)}
    _copies_complete(emulator, tagged, tmp_path / "after")

    # It was no idle run: what nothing needs is gone, and nothing else.
    needed = {name: _manifests(tagged, name) for name in before}
    assert after[orphans] == needed[orphans]
    assert needed[REPOSITORY] <= after[REPOSITORY] < before[REPOSITORY]
    assert root_of(first) in before[REPOSITORY] - after[REPOSITORY]
    assert totals["deleted"] == sum(len(before[name] - after[name]) for name in before) > 0
    assert totals["failed"] == 0
    _age(emulator)
    assert _apply(emulator, tmp_path)["deleted"] == 0, "a second run finds nothing to do"


def _manifests(tagged: dict[str, Path], repository: str) -> set[str]:
    """The digests of all manifests that the tagged images of a repository need."""
    needed: set[str] = set()
    for reference, layout in tagged.items():
        if reference.rsplit(":", 1)[0] == repository:
            needed |= _below(layout, root_of(layout))
    return needed


def _below(layout: Path, digest: str) -> set[str]:
    manifest = json.loads((layout / "blobs" / digest.replace(":", "/")).read_bytes())
    below = (_below(layout, child["digest"]) for child in manifest.get("manifests") or [])
    return {digest}.union(*below)


def test_the_witness_sees_a_damaged_manifest(emulator: Emulator, tmp_path: Path) -> None:
    """The counter-proof: with one manifest damaged, the copy is not complete."""
    if shutil.which("skopeo") is None:
        loud.skip("there is no skopeo")
    layout = some_layouts(tmp_path / "layouts")["made-first"]
    emulator.call("CreateRepository", repositoryName=REPOSITORY)
    _push(emulator, layout, f"{REPOSITORY}:v1")
    tagged = {f"{REPOSITORY}:v1": layout}
    _copies_complete(emulator, tagged, tmp_path / "whole")
    [child, *_] = _below(layout, root_of(layout)) - {root_of(layout)}
    emulator.admin("corrupt", {"repository": REPOSITORY, "digest": child, "bytes": "{}"})
    with pytest.raises(AssertionError):
        _copies_complete(emulator, tagged, tmp_path / "damaged")
