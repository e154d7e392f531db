"""Writes the `run` blocks of workflows and actions into files, for shellcheck, and prints their names with NULs between.

An expression in a block becomes a word. Blocks get their data by variables, so that there should be none.
"""

import re
import sys
import tempfile
from pathlib import Path
from typing import Any, Iterator

from ruamel.yaml import YAML


def blocks(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("run"), str):
            yield value["run"]
        for one in value.values():
            yield from blocks(one)
    elif isinstance(value, list):
        for one in value:
            yield from blocks(one)


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="runs-"))
    names = []
    for path in map(Path, sys.argv[1:]):
        for nth, block in enumerate(blocks(YAML(typ="safe").load(path))):
            if re.search(r"\$\{\{", block):
                raise SystemExit(f"{path}: put expressions into env, not into the script: {block}")
            file = folder / f"{path.stem}-{nth}.sh"
            file.write_text("#!/usr/bin/env bash\nset -euo pipefail\n" + block)
            names.append(str(file))
    print("\0".join(names), end="")


if __name__ == "__main__":
    main()
