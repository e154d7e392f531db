"""The facts about the project that packages need, read from Cargo.toml and CHANGELOG.md."""

import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = tomllib.loads((ROOT / "Cargo.toml").read_text())

VERSION: str = MANIFEST["workspace"]["package"]["version"]
LICENCE: str = MANIFEST["workspace"]["package"]["license"]
RUST_VERSION: str = MANIFEST["workspace"]["package"]["rust-version"]
DESCRIPTION: str = MANIFEST["package"]["description"]


def committed_at() -> int:
    """The time of the commit, in seconds, so that the same commit makes the same archives."""
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def changes(version: str) -> str:
    """The section of CHANGELOG.md about a version."""
    text = (ROOT / "CHANGELOG.md").read_text()
    found = re.search(rf"(?ms)^## {re.escape(version)}\b[^\n]*\n(.*?)(?=^## |\Z)", text)
    if not found:
        raise SystemExit(f"CHANGELOG.md has no section \"## {version}\": rename \"## Unreleased\" before the release")
    return found[1].strip() + "\n"
