#!/usr/bin/env python3
"""Prints the Homebrew formula of a release: `packaging/formula.py OWNER/REPOSITORY SHA256SUMS`.

Fills in packaging/homebrew/ecr-janitor.rb.in, for a tap (a repository named homebrew-...).
"""

import re
import sys
from pathlib import Path

from project import DESCRIPTION, ROOT, VERSION


def checksums(text: str) -> dict[str, str]:
    """The digests of `sha256sum`, by file."""
    return {name: digest for digest, name in re.findall(r"(?m)^([0-9a-f]{64}) [ *](\S+)$", text)}


def formula(repository: str, sums: dict[str, str]) -> str:
    values = {"DESCRIPTION": DESCRIPTION.removesuffix("."), "REPOSITORY": repository, "VERSION": VERSION}

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if not name.startswith("SHA256 "):
            return values[name]
        file = f"ecr-janitor-{VERSION}-{name.removeprefix('SHA256 ')}.tar.gz"
        if file not in sums:
            raise SystemExit(f"the checksums do not have {file}")
        return sums[file]

    return re.sub(r"@([A-Z]+(?:256 [a-z0-9_-]+)?)@", value, (ROOT / "packaging/homebrew/ecr-janitor.rb.in").read_text())


def main() -> None:
    if len(sys.argv) != 3 or not re.fullmatch(r"[\w.-]+/[\w.-]+", sys.argv[1]):
        raise SystemExit(__doc__)
    print(formula(sys.argv[1], checksums(Path(sys.argv[2]).read_text())), end="")


if __name__ == "__main__":
    main()
