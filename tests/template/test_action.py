"""The GitHub Action's scripts, with the real program on the emulator: plan into a summary, apply what was planned."""

import hashlib
import http.server
import os
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from registry import changes
from served import Emulator, binary, environment
from template import ROOT

ACTION = ROOT / "packaging" / "action"


class Job:
    """The files by which a runner and its steps talk, and the scripts' environment."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.files = {name: folder / name.lower() for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
        state = {"HOME": str(folder), "XDG_STATE_HOME": str(folder / "state")}
        self.environment = environment(url) | state | {name: str(path) for name, path in self.files.items()}

    def run(self, script: str, **given: str) -> subprocess.CompletedProcess[str]:
        for path in self.files.values():
            path.write_text("")
        given = {"BINARY": str(binary("ecr-janitor").parent), "PLAN_FILE": str(self.folder / "plan.json")} | given
        return subprocess.run([ACTION / script], cwd=self.folder, env=self.environment | given, capture_output=True, text=True)

    @property
    def summary(self) -> str:
        return self.files["GITHUB_STEP_SUMMARY"].read_text()

    @property
    def outputs(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.files["GITHUB_OUTPUT"].read_text().splitlines())


@pytest.fixture
def job(emulator: Emulator, tmp_path: Path) -> Job:
    return Job(tmp_path, emulator.url)


def test_plan_then_apply_exactly_that(job: Job, emulator: Emulator) -> None:
    before = changes(emulator)
    planned = job.run("run.sh", MODE="plan", REPOSITORIES="team-a/*, team-c/*\n")
    assert planned.returncode == 0, planned.stderr
    assert "team-a/api" in job.summary and "team-b" not in job.summary
    assert job.outputs == {"changes": "true", "plan-file": str(job.folder / "plan.json")}
    assert changes(emulator) == before, "a plan writes nothing"

    applied = job.run("run.sh", MODE="apply")
    assert applied.returncode == 0, applied.stderr
    assert "deleted" in job.summary and job.outputs["changes"] == "false"
    [repository] = {name for name, *_ in changes(emulator)[len(before) :]}
    assert repository == "team-a/api"

    job.run("run.sh", MODE="plan", REPOSITORIES="team-a/api", ARGUMENTS="--details\n")
    assert job.outputs["changes"] == "false"


@pytest.mark.parametrize(
    "given, why",
    [
        ({"MODE": "aply"}, 'is plan or apply, not "aply"'),
        ({"MODE": "apply"}, "download the artifact of the job that planned"),
        ({"MODE": "apply", "REPOSITORIES": "team-a/*"}, "to the step that plans"),
    ],
)
def test_what_cannot_be_is_refused(job: Job, given: dict[str, str], why: str) -> None:
    done = job.run("run.sh", **given)
    assert done.returncode == 2 and f"::error title=ecr-janitor::" in done.stderr and why in done.stderr


def test_a_failure_of_the_program_is_one_of_the_step(job: Job) -> None:
    done = job.run("run.sh", MODE="plan", CONFIG="nowhere.toml")
    assert done.returncode == 2 and "nowhere.toml" in done.stderr


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server with one release, whose archive holds a file with its own name."""
    name = "ecr-janitor-1.2.3-x86_64-unknown-linux-musl"
    folder = tmp_path / "www" / "download" / "v1.2.3"
    (folder / name).mkdir(parents=True)
    (folder / name / "ecr-janitor").write_text("the program")
    with tarfile.open(folder / f"{name}.tar.gz", "w:gz") as tar:
        tar.add(folder / name, name)
    digest = hashlib.sha256((folder / f"{name}.tar.gz").read_bytes()).hexdigest()
    (folder / "SHA256SUMS").write_text(f"{digest}  {name}.tar.gz\n")
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=str(tmp_path / "www")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()


def install(job: Job, url: str, **given: str) -> subprocess.CompletedProcess[str]:
    machine = {"RUNNER_OS": "Linux", "RUNNER_ARCH": "X64", "RUNNER_TEMP": str(job.folder), "PATH": os.environ["PATH"]}
    return job.run("install.sh", RELEASES=url, **machine | {"RELEASE": "v1.2.3"} | given)


def test_a_release_is_downloaded_and_checked(job: Job, releases: tuple[str, Path]) -> None:
    url, folder = releases
    done = install(job, url)
    assert done.returncode == 0, done.stderr
    assert (Path(job.outputs["folder"]) / "ecr-janitor").read_text() == "the program"

    [archive] = folder.glob("*.tar.gz")
    archive.write_bytes(archive.read_bytes() + b"x")
    tampered = install(job, url)
    assert tampered.returncode == 1 and "do not use it" in tampered.stderr and not job.outputs


@pytest.mark.parametrize(
    "given, why",
    [
        ({"RELEASE": "main"}, "pin the action to a release"),
        ({"RELEASE": "1.2.3/../x"}, "is no version"),
        ({"RUNNER_OS": "Windows"}, "there is no release for Windows on X64"),
        ({"RUNNER_ARCH": "ARM64"}, "cannot download"),
    ],
)
def test_what_cannot_be_installed_says_why(job: Job, releases: tuple[str, Path], given: dict[str, str], why: str) -> None:
    done = install(job, releases[0], **given)
    assert done.returncode == 1 and why in done.stderr
