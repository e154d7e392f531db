#!/usr/bin/env python3
"""Packs the command line for one platform: `packaging/archive.py TARGET BINARY FOLDER [RUNNABLE]`.

The archive has the binary, its manual pages and completions, the README and the licences, and is the same for the same
commit and binary. RUNNABLE is a binary of the same version for this machine, where BINARY is for another.
"""

import gzip
import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from project import ROOT, VERSION, committed_at

# File names as each shell looks for them.
COMPLETIONS = {"bash": "ecr-janitor.bash", "zsh": "_ecr-janitor", "fish": "ecr-janitor.fish"}


def printed(runnable: Path, *arguments: str) -> bytes:
    return subprocess.run([runnable, *arguments], capture_output=True, check=True).stdout


def contents(binary: Path, runnable: Path) -> dict[str, bytes]:
    """The files of the archive, by their names in it."""
    said = printed(runnable, "--version").decode().split()[-1]
    if said != VERSION:
        raise SystemExit(f"{runnable} is version {said}, and Cargo.toml says {VERSION}: build it again")
    files = {"ecr-janitor": binary.read_bytes()}
    files |= {name: (ROOT / name).read_bytes() for name in ("README.md", "LICENSE-APACHE", "LICENSE-MIT")}
    # Under its own name it would be in force, beside the binary.
    files["janitor.example.toml"] = (ROOT / "janitor.toml").read_bytes()
    files |= {f"completions/{name}": printed(runnable, "completions", shell) for shell, name in COMPLETIONS.items()}
    with tempfile.TemporaryDirectory() as pages:
        printed(runnable, "man", "--dir", pages)
        files |= {f"man/{page.name}": page.read_bytes() for page in Path(pages).iterdir()}
    return files


def pack(name: str, files: dict[str, bytes], to: Path) -> Path:
    """A .tar.gz with one folder."""
    archive = to / f"{name}.tar.gz"
    moment = committed_at()
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size, entry.mtime = len(content), moment
            entry.mode = 0o755 if path == "ecr-janitor" else 0o644
            tar.addfile(entry, io.BytesIO(content))
    archive.write_bytes(gzip.compress(raw.getvalue(), compresslevel=9, mtime=0))
    return archive


def main() -> None:
    if len(sys.argv) not in (4, 5):
        raise SystemExit(__doc__)
    target, binary, to = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    runnable = Path(sys.argv[4]) if len(sys.argv) == 5 else binary
    to.mkdir(parents=True, exist_ok=True)
    print(pack(f"ecr-janitor-{VERSION}-{target}", contents(binary.resolve(), runnable.resolve()), to))


if __name__ == "__main__":
    main()
