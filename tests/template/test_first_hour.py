"""The first hour with the janitor, from a fresh clone to its removal, each command as the documents have it.

The account is `account.py`. One thing is not done again: compiling, which run.sh has just done; `cargo lambda build` of the
clone hands out that file. Of the AWS CLI there is version 1, which has no `--cli-binary-format`: the documents say to
leave that out.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from account import Account
from function import BOOTSTRAP
from registry import WORLD, changes
from served import Emulator, binary, environment
from template import ROOT

REPOSITORIES = ("team/api", "other/api")


class Hour:
    """A person at a shell in a clone."""

    def __init__(self, folder: Path, account: Account, aws: Path) -> None:
        self.clone = folder / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(self.clone)], check=True)
        programs = folder / "bin"
        programs.mkdir()
        (programs / "aws").symlink_to(aws)
        (programs / "ecr-janitor").symlink_to(binary("ecr-janitor"))
        compiled = programs / "cargo-lambda"
        compiled.write_text(f"#!/bin/sh\nmkdir -p target/lambda/bootstrap && cp {BOOTSTRAP} target/lambda/bootstrap/\n")
        compiled.chmod(0o755)
        path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = environment(account.url) | {"PATH": path, "HOME": str(folder), "SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.1"}
        # The places of the toolchain are those of the real home.
        home = Path(os.environ["HOME"])
        for name, place in (("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")):
            self.environment.setdefault(name, str(home / place))
        self.environment.pop("CARGO_TARGET_DIR", None)

    def documented(self, document: str, start: str) -> str:
        """The command of a document that begins so."""
        text = (self.clone / "docs" / document).read_text()
        blocks = "\n".join(re.findall(r"(?ms)^ *```console[^\n]*\n(.*?)^ *```", text))
        commands = re.sub(r" *\\\n +", " ", blocks).splitlines()
        found = [line.split("   #")[0].strip() for line in commands if line.strip().startswith(start)]
        assert found, f"docs/{document} has no command that begins with {start!r}"
        return found[0]

    def types(self, command: str, answers: str = "", fails: bool = False, **names: str) -> str:
        """Runs a command, with names in place of what stands for them; all that it printed."""
        for name, value in names.items():
            assert name in command, command
            command = command.replace(name, value)
        command = command.replace(" --cli-binary-format raw-in-base64-out", "")
        done = subprocess.run(["bash", "-c", command], cwd=self.clone, env=self.environment, input=answers, capture_output=True, text=True)
        assert (done.returncode != 0) == fails, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def exports(self, line: str) -> None:
        """A line that the stack's outputs give for the shell."""
        name, value = line.removeprefix("export ").split("=", 1)
        self.environment[name] = value


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as served:
        for name in REPOSITORIES:
            served.admin("seed", {"toml": WORLD.format(name=name, tag="enabled")})
        yield served


@pytest.fixture
def account(emulator: Emulator) -> Iterator[Account]:
    with Account(emulator) as here:
        yield here


@pytest.fixture
def hour(tmp_path: Path, account: Account) -> Hour:
    aws = shutil.which("aws", path=os.environ.get("AWS_CLI", ""))
    if not aws or not shutil.which("make") or not (ROOT / ".git").exists():
        pytest.skip("SKIPPED: the first hour: there is no AWS CLI, no make or no clone")
    return Hour(tmp_path, account, Path(aws))


def report(printed: str) -> Any:
    return json.JSONDecoder().raw_decode(printed)[0]


def by_repository(found: Any, count: str) -> dict[str, int]:
    return {one["name"]: one[count] for one in found["repositories"] if one[count]}


def policies(account: Account) -> list[str]:
    iam = account.client("iam")
    [role] = [role["RoleName"] for role in iam.list_roles()["Roles"] if "FunctionRole" in role["RoleName"]]
    return [policy["PolicyName"] for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]]


def variables(account: Account) -> dict[str, str]:
    found = account.client("lambda").get_function_configuration(FunctionName="ecr-janitor")["Environment"]["Variables"]
    return {name: value for name, value in found.items() if name != "JANITOR_STATE_BUCKET"}


@pytest.mark.filterwarnings("ignore::UserWarning")  # of what moto leaves out
def test_the_first_hour(hour: Hour, account: Account, emulator: Emulator) -> None:
    before = changes(emulator)

    # Deploy, which only plans, and whose role cannot write.
    hour.types(hour.documented("DEPLOY.md", "make deploy"), answers="y\n")
    assert variables(account) == {"JANITOR_MODE": "plan"} and policies(account) == []
    outputs = account.outputs("ecr-janitor")

    # Invoke, by hand and as the stack's own output has it.
    invoke = hour.documented("DEPLOY.md", "aws lambda invoke")
    assert invoke == outputs["TryIt"]
    planned = report(hour.types(invoke))
    assert (planned["mode"], by_repository(planned, "planned")) == ("plan", dict.fromkeys(REPOSITORIES, 1))
    assert changes(emulator) == before

    # Read the log.
    told = hour.types(hour.documented("OPERATIONS.md", "aws cloudformation describe-stacks"))
    assert f"LogGroupName\t{outputs['LogGroupName']}" in told
    read = hour.documented("OPERATIONS.md", "aws logs filter-log-events")
    run = json.loads(hour.types(read, LOG_GROUP=outputs["LogGroupName"]))
    assert (run["run_id"], run["planned"]) == (planned["run_id"], 2)

    # Apply is refused without a confirmation, then done in one team.
    refused = hour.types("sam deploy --config-env apply", answers="y\n", fails=True)
    assert 'set ConfirmApply to "yes"' in refused
    hour.types(hour.documented("OPERATIONS.md", "sam deploy --parameter-overrides Mode=apply"), answers="y\n")
    assert variables(account) == {"JANITOR_MODE": "apply", "JANITOR_REPOSITORIES": "team/*"}
    assert len(policies(account)) == 1
    applied = report(hour.types(hour.documented("OPERATIONS.md", "aws lambda invoke")))
    assert (applied["mode"], by_repository(applied, "deleted")) == ("apply", {"team/api": 1})
    assert changes(emulator)[len(before) :] == [("team/api", "deleted")]

    # Undo.
    hour.exports(outputs["SharedBackups"])
    assert applied["run_id"] in hour.types(hour.documented("OPERATIONS.md", "ecr-janitor history"))
    restore = hour.documented("OPERATIONS.md", "ecr-janitor restore --run RUN_ID") + " --yes"
    hour.types(restore, RUN_ID=applied["run_id"])
    again = report(hour.types(invoke))
    [images] = [one["images"] for one in planned["repositories"] if one["name"] == "team/api"]
    assert [one["images"] for one in again["repositories"] if one["name"] == "team/api"] == [images]

    # Back to plan, everywhere: the second half of `make deploy`, since nothing is to be built.
    hour.types("sam deploy", answers="y\n")
    assert variables(account) == {"JANITOR_MODE": "plan"}
    # moto takes no policy away in an update; that the template does is in test_parameters.py.
    assert "apply" in report(hour.types(invoke.replace('"plan"', '"apply"')))["errorMessage"]

    # Stop at once.
    stop = hour.documented("OPERATIONS.md", "aws lambda put-function-concurrency")
    hour.types(stop)
    concurrency = account.client("lambda").get_function_concurrency(FunctionName="ecr-janitor")
    assert concurrency["ReservedConcurrentExecutions"] == 0

    # Remove: the record and the backups stay until they are removed on purpose.
    hour.types("sam delete", answers="y\ny\n")
    assert account.client("lambda").list_functions()["Functions"] == []
    groups = [group["logGroupName"] for group in account.client("logs").describe_log_groups()["logGroups"]]
    assert groups == [outputs["LogGroupName"]]
    buckets = [bucket["Name"] for bucket in account.client("s3").list_buckets()["Buckets"]]
    assert hour.environment["JANITOR_BACKUP_LOCATION"].removeprefix("s3://") in buckets
    hour.types(hour.documented("DEPLOY.md", "aws logs delete-log-group"), LOG_GROUP=outputs["LogGroupName"])
    assert account.client("logs").describe_log_groups()["logGroups"] == []
