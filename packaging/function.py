#!/usr/bin/env python3
"""Packs the function for one architecture: `packaging/function.py arm64|x86_64 BOOTSTRAP FOLDER`.

The zip is what Lambda takes for the runtime provided.al2023, and the same for the same commit and binary.
"""

import re
import sys
import time
import zipfile
from pathlib import Path

from project import VERSION, committed_at

MACHINES = {"x86_64": 62, "arm64": 183}
# Of Amazon Linux 2023.
GLIBC = (2, 34)


def check(architecture: str, binary: bytes) -> None:
    """Refuses a binary that Lambda could not start."""
    if binary[:4] != b"\x7fELF" or int.from_bytes(binary[18:20], "little") != MACHINES[architecture]:
        raise SystemExit(f"this is no Linux binary for {architecture}")
    wanted = max((tuple(map(int, found.split(b"."))) for found in re.findall(rb"GLIBC_(\d+\.\d+)", binary)), default=GLIBC)
    if wanted > GLIBC:
        version = ".".join(map(str, wanted))
        raise SystemExit(f"this binary needs glibc {version}, and Amazon Linux 2023 has 2.34: build it with cargo lambda")


def pack(architecture: str, binary: bytes, to: Path) -> Path:
    archive = to / f"ecr-janitor-lambda-{VERSION}-{architecture}.zip"
    entry = zipfile.ZipInfo("bootstrap", time.gmtime(committed_at())[:6])
    entry.external_attr = 0o755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(entry, binary, compresslevel=9)
    return archive


def main() -> None:
    if len(sys.argv) != 4 or sys.argv[1] not in MACHINES:
        raise SystemExit(__doc__)
    binary, to = Path(sys.argv[2]).read_bytes(), Path(sys.argv[3])
    check(sys.argv[1], binary)
    to.mkdir(parents=True, exist_ok=True)
    print(pack(sys.argv[1], binary, to))


if __name__ == "__main__":
    main()
