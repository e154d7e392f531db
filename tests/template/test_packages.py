"""What a release is made of: archives, zips, SBOMs, templates, the formula, checksums."""

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from function import BOOTSTRAP
from served import binary
from template import ROOT, source
from samcli.yamlhelper import yaml_parse

VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
HOST = re.search(r"host: (\S+)", subprocess.run(["rustc", "-vV"], capture_output=True, text=True).stdout)
LINUX = "x86_64-unknown-linux-musl"
# ELF's number of the machine is all that a stand-in for a binary needs.
MACHINES = {"arm64": 183, "x86_64": 62}


def run(script: str, *arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", ROOT / "packaging" / script, *map(str, arguments)]
    if script.endswith(".sh"):
        command = [ROOT / "packaging" / script, *map(str, arguments)]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PATH": path})
    assert not check or done.returncode == 0, done.stderr
    return done


def stand_in(architecture: str) -> bytes:
    return b"\x7fELF".ljust(18, b"\0") + MACHINES[architecture].to_bytes(2, "little") + b"GLIBC_2.17"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packed(tmp_path_factory.mktemp("dist"))


def packed(to: Path) -> Path:
    """Of a small program for another platform, as far as the script can tell: its pages are printed by the real one."""
    program = to / "program"
    program.write_text("#!/bin/sh\necho started\n")
    return Path(run("archive.py", LINUX, program, to, binary("ecr-janitor")).stdout.strip())


def test_the_archive_has_the_program_and_its_pages(archive: Path, tmp_path: Path) -> None:
    assert archive.name == f"ecr-janitor-{VERSION}-{LINUX}.tar.gz"
    with tarfile.open(archive) as tar:
        assert {entry.name.split("/")[0] for entry in tar} == {archive.name.removesuffix(".tar.gz")}
        tar.extractall(tmp_path, filter="data")
    [folder] = tmp_path.iterdir()
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {"ecr-janitor", "README.md", "LICENSE-MIT", "LICENSE-APACHE", "man/ecr-janitor.1", "man/ecr-janitor-plan.1"} <= names
    assert {"completions/ecr-janitor.bash", "completions/_ecr-janitor", "completions/ecr-janitor.fish"} <= names
    assert "janitor.toml" not in names, "beside the program it would be in force"
    done = subprocess.run([folder / "ecr-janitor"], capture_output=True, text=True, check=True)
    assert done.stdout == "started\n"


def test_the_same_commit_makes_the_same_archive(archive: Path, tmp_path: Path) -> None:
    assert packed(tmp_path).read_bytes() == archive.read_bytes()


def test_lambda_takes_the_zip(tmp_path: Path) -> None:
    content = BOOTSTRAP.read_bytes()
    architecture = {number: name for name, number in MACHINES.items()}[int.from_bytes(content[18:20], "little")]
    zipped = Path(run("function.py", architecture, BOOTSTRAP, tmp_path).stdout.strip())
    with zipfile.ZipFile(zipped) as file:
        [entry] = file.infolist()
        assert (entry.filename, entry.external_attr >> 16) == ("bootstrap", 0o755)
        assert file.read(entry) == content
    [other] = MACHINES.keys() - {architecture}
    refused = run("function.py", other, BOOTSTRAP, tmp_path, check=False)
    assert refused.returncode != 0 and f"no Linux binary for {other}" in refused.stderr
    newer = tmp_path / "newer"
    newer.write_bytes(stand_in("arm64") + b"GLIBC_2.38")
    assert "glibc 2.38" in run("function.py", "arm64", newer, tmp_path, check=False).stderr


@pytest.mark.parametrize("name, has, lacks", [("bootstrap", "lambda_runtime", "clap"), ("ecr-janitor", "clap", "lambda_runtime")])
def test_the_sbom_is_what_the_binary_is_linked_with(name: str, has: str, lacks: str) -> None:
    assert HOST
    told = json.loads(run("sbom.py", name, HOST[1]).stdout)
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.5")
    assert (told["metadata"]["component"]["name"], told["metadata"]["component"]["version"]) == (name, VERSION)
    crates = {one["name"]: one for one in told["components"]}
    assert {has, "aws-sdk-ecr", "rustls"} <= crates.keys() and not {lacks, "proptest", "insta"} & crates.keys()
    locked = {(one["name"], one["version"]): one.get("checksum") for one in tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]}
    for one in told["components"]:
        checksum = locked[one["name"], one["version"]]
        assert [entry["content"] for entry in one.get("hashes", [])] == ([checksum] if checksum else []), one["name"]
        assert one["licenses"][0]["expression"]
    references = {one["bom-ref"] for one in told["components"]} | {told["metadata"]["component"]["bom-ref"]}
    assert {one["ref"] for one in told["dependencies"]} == references
    assert all(set(one["dependsOn"]) <= references for one in told["dependencies"])


@pytest.fixture(scope="module")
def assembled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of stand-ins, as the workflow puts it together."""
    work = tmp_path_factory.mktemp("release")
    dist = work / "dist"
    dist.mkdir()
    for target in (LINUX, "aarch64-unknown-linux-musl", "x86_64-apple-darwin", "aarch64-apple-darwin"):
        (dist / f"ecr-janitor-{VERSION}-{target}.tar.gz").write_text(target)
        (dist / f"ecr-janitor-{VERSION}-{target}.cdx.json").write_text("{}")
    for architecture in MACHINES:
        made = work / architecture
        made.write_bytes(stand_in(architecture))
        run("function.py", architecture, made, dist)
        (dist / f"ecr-janitor-lambda-{VERSION}-{architecture}.cdx.json").write_text("{}")
    subprocess.run([ROOT / "packaging" / "assemble.sh", dist, "acme/ecr-attestation-janitor"], cwd=work, check=True)
    assert {path.name for path in (work / "sboms").iterdir()} == {"command-line.json", "function.json"}
    return dist


def test_checksums_are_of_all_files(assembled: Path) -> None:
    sums = dict(reversed(line.split("  ")) for line in (assembled / "SHA256SUMS").read_text().splitlines())
    assert sums.keys() == {path.name for path in assembled.iterdir()} - {"SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256((assembled / name).read_bytes()).hexdigest() == digest


def test_the_formula_names_each_archive_with_its_checksum(assembled: Path) -> None:
    formula = (assembled / "ecr-janitor.rb").read_text()
    assert "@" not in formula
    found = re.findall(r'url "https://github\.com/acme/ecr-attestation-janitor/releases/download/v[^/]+/([^"]+)"\n +sha256 "(\w+)"', formula)
    assert {name for name, _ in found} == {path.name for path in assembled.glob("*.tar.gz")}
    for name, digest in found:
        assert hashlib.sha256((assembled / name).read_bytes()).hexdigest() == digest
    assert formula.count(" do\n") == len(re.findall(r"(?m)^ *end$", formula)) - 2, "class and def end too"


@pytest.mark.parametrize("architecture", MACHINES)
def test_the_prebuilt_template_differs_only_in_the_function(assembled: Path, architecture: str) -> None:
    made = yaml_parse((assembled / f"ecr-janitor-{architecture}.yaml").read_text())
    written = json.loads(json.dumps(source()))
    function = written["Resources"]["Function"]
    del function["Metadata"], written["Metadata"]["AWS::ServerlessRepo::Application"]
    function["Properties"]["CodeUri"] = f"ecr-janitor-lambda-{VERSION}-{architecture}.zip"
    written["Parameters"]["Architecture"] |= {"AllowedValues": [architecture], "Default": architecture}
    assert json.loads(json.dumps(made)) == written
    assert (assembled / function["Properties"]["CodeUri"]).is_file()


def test_the_application_repository_is_told_where_it_comes_from() -> None:
    told = yaml_parse(run("prebuilt.py", "dist/ecr-janitor-lambda-1-arm64.zip", "--publish", "acme/janitor").stdout)
    application = told["Metadata"]["AWS::ServerlessRepo::Application"]
    assert application["HomePageUrl"] == application["SourceCodeUrl"] == "https://github.com/acme/janitor"
    assert application["SemanticVersion"] == VERSION
    assert told["Resources"]["Function"]["Properties"]["CodeUri"] == "dist/ecr-janitor-lambda-1-arm64.zip"


def test_a_tag_that_is_not_the_version_is_refused() -> None:
    refused = run("notes.py", "v99.0.0", check=False)
    assert refused.returncode != 0 and f"the version in Cargo.toml {VERSION}" in refused.stderr
    untold = run("notes.py", f"v{VERSION}", check=False)
    assert untold.returncode == 0 or "## Unreleased" in untold.stderr


def test_the_image_is_made_from_what_is_here() -> None:
    recipe = (ROOT / "packaging" / "Dockerfile").read_text()
    for word in re.findall(r"LICENSE-\w+", recipe):
        assert (ROOT / word).is_file()
    rust = re.search(r"^ARG RUST=(\S+)$", recipe, re.M)
    assert rust
    least = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["rust-version"]
    assert tuple(map(int, rust[1].split("."))) >= tuple(map(int, least.split(".")))[:2]
    assert re.findall(r"^FROM (\S+)", recipe, re.M)[-1] == "scratch"
    assert "--features cli" in recipe and "USER 65532" in recipe


def test_actions_are_pinned_by_commit() -> None:
    texts = [path.read_text() for path in (ROOT / ".github/workflows").iterdir()] + [(ROOT / "action.yml").read_text()]
    uses = [line for text in texts for line in re.findall(r"uses: (.*)", text)]
    assert len(uses) > 10
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) for line in uses), uses
