#!/usr/bin/env python3
"""Prints a CycloneDX SBOM of what a binary is linked with: `packaging/sbom.py ecr-janitor|bootstrap TARGET`.

Cargo tells which crates that are, for the features and the target; crates that only build or test it are left out.
"""

import json
import subprocess
import sys
import tomllib
from typing import Any

from project import DESCRIPTION, LICENCE, ROOT, VERSION

Json = Any
FEATURES = {"ecr-janitor": ["--no-default-features", "--features", "cli"], "bootstrap": ["--no-default-features", "--features", "lambda"]}
PACKAGE = "ecr-attestation-janitor"


def metadata(binary: str, target: str) -> Json:
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target, *FEATURES[binary]]
    return json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def linked(resolve: Json, root: str) -> dict[str, list[str]]:
    """What each linked crate is linked with, by ids."""
    nodes = {node["id"]: node for node in resolve["nodes"]}
    found: dict[str, list[str]] = {}
    todo = [root]
    while todo:
        at = todo.pop()
        if at not in found:
            kinds = ((dep["pkg"], dep["dep_kinds"]) for dep in nodes[at]["deps"])
            found[at] = sorted(pkg for pkg, used in kinds if any(kind["kind"] is None for kind in used))
            todo += found[at]
    return found


def checksums() -> dict[tuple[str, str], str]:
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    return {(one["name"], one["version"]): one["checksum"] for one in locked if "checksum" in one}


def reference(package: Json) -> str:
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package: Json, sums: dict[tuple[str, str], str]) -> Json:
    made = {
        "type": "library",
        "bom-ref": reference(package),
        "name": package["name"],
        "version": package["version"],
        "licenses": [{"expression": package["license"].replace("/", " OR ")}],
    }
    checksum = sums.get((package["name"], package["version"]))
    if checksum:
        made |= {"purl": reference(package), "hashes": [{"alg": "SHA-256", "content": checksum}]}
    return made


def sbom(binary: str, target: str) -> Json:
    told = metadata(binary, target)
    packages = {package["id"]: package for package in told["packages"]}
    [root] = [package["id"] for package in told["packages"] if package["name"] == PACKAGE]
    crates = linked(told["resolve"], root)
    sums = checksums()
    by_name = sorted(crates, key=lambda one: reference(packages[one]))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": reference(packages[root]),
                "name": binary,
                "version": VERSION,
                "description": DESCRIPTION,
                "licenses": [{"expression": LICENCE}],
                "properties": [{"name": "target", "value": target}],
            }
        },
        "components": [component(packages[one], sums) for one in by_name if one != root],
        "dependencies": [
            {"ref": reference(packages[one]), "dependsOn": [reference(packages[of]) for of in crates[one]]} for one in by_name
        ],
    }


def main() -> None:
    if len(sys.argv) != 3 or sys.argv[1] not in FEATURES:
        raise SystemExit(__doc__)
    json.dump(sbom(sys.argv[1], sys.argv[2]), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
