#!/usr/bin/env python3
"""Prints the changes of a release: `packaging/notes.py v1.2.3`. Refuses a tag that is not the version of Cargo.toml."""

import sys

from project import VERSION, changes


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    if sys.argv[1] != f"v{VERSION}":
        raise SystemExit(f"the tag is {sys.argv[1]}, and the version in Cargo.toml {VERSION}: they must be the same")
    print(changes(VERSION), end="")


if __name__ == "__main__":
    main()
