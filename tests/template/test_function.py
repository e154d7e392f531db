"""The built function answers every kind of event, and is what can run in Lambda."""

import json
import platform
import re
from pathlib import Path
from typing import Any

import boto3
import pytest
from function import BOOTSTRAP
from registry import Deploy, changes
from served import Emulator, binary
from template import ROOT, Stack

EVENTS = ROOT / "events"


@pytest.mark.parametrize("file", sorted(EVENTS.glob("*.json")), ids=lambda file: file.name)
def test_every_event_is_answered_and_the_bad_one_refused(file: Path, emulator: Emulator, deploy: Deploy) -> None:
    with deploy(Stack()) as function:
        kind, answer = function.invoke(json.loads(file.read_text()))
    if file.name == "bad.json":
        assert (kind, answer["errorType"]) == ("error", "BadEvent")
        assert "nothing was touched" in answer["errorMessage"]
    elif file.name.startswith("sqs"):
        assert (kind, answer) == ("response", {"batchItemFailures": []})
    else:
        assert (kind, answer["schema_version"], answer["mode"], answer["complete"]) == ("response", 2, "plan", True)
    assert not changes(emulator)


def test_the_schedule_sends_what_the_function_takes(deploy: Deploy) -> None:
    stack = Stack()
    [schedule] = stack.of_type("AWS::Scheduler::Schedule").values()
    with deploy(stack) as function:
        kind, report = function.invoke(json.loads(schedule["Target"]["Input"]))
    assert (kind, report["totals"]["repositories"]) == ("response", 2)


def transformed(stack: Stack, event: Any) -> str:
    """What EventBridge would put into the queue."""
    [target] = stack["ImageActionsRule"]["Targets"]
    transformer = target["InputTransformer"]
    values = {}
    for name, path in transformer["InputPathsMap"].items():
        value = event
        for key in path.removeprefix("$.").split("."):
            value = value[key]
        values[name] = json.dumps(value)
    return re.sub("<([a-z]+)>", lambda found: values[found[1]], transformer["InputTemplate"])


def test_a_push_becomes_a_run_of_its_repository(emulator: Emulator, deploy: Deploy) -> None:
    stack = Stack(Mode="apply", ConfirmApply="yes", ImageActions="on")
    event = json.loads((EVENTS / "ecr-image-action.json").read_text())
    bodies = []
    for tag in ("v1", "v2"):
        event["detail"] |= {"repository-name": "team-a/api", "image-tag": tag, "image-digest": f"sha256:{tag}"}
        event |= {"id": tag, "time": "2026-11-23T09:41:12Z"}
        bodies.append(transformed(stack, event))
    assert len(set(bodies)) == 1, "or the queue would not drop the second"
    record = {"messageId": "1", "eventSource": "aws:sqs", "body": bodies[0]}
    with deploy(stack) as function:
        kind, answer = function.invoke({"Records": [record]})
    assert (kind, answer) == ("response", {"batchItemFailures": []})
    assert changes(emulator) == [("team-a/api", "deleted")]


def test_what_it_learned_and_what_it_deleted_is_in_the_bucket(deploy: Deploy, moto: str, bucket: str) -> None:
    with deploy(Stack(Mode="apply", ConfirmApply="yes")) as function:
        _, report = function.invoke({})
    assert (report["complete"], report["totals"]["deleted"]) == (True, 2)
    s3 = boto3.client("s3", region_name="us-east-1", endpoint_url=moto, aws_access_key_id="x", aws_secret_access_key="x")
    names = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    for repository in ("team-a/api", "team-b/api"):
        assert f"memory/123456789012/us-east-1/{repository}/_memory" in names
        assert any(name.startswith(f"backup/123456789012/us-east-1/{repository}/_") for name in names), names


def test_an_event_cannot_make_a_plan_an_apply(emulator: Emulator, deploy: Deploy) -> None:
    with deploy(Stack()) as function:
        kind, answer = function.invoke({"mode": "apply"})
    assert (kind, answer["errorType"]) == ("error", "BadEvent")
    assert not changes(emulator)


def test_it_is_the_function_alone() -> None:
    marker = b"clap_builder"
    assert marker in binary("ecr-janitor").read_bytes(), "else this would prove nothing"
    assert marker not in BOOTSTRAP.read_bytes()
    assert [file.name for file in BOOTSTRAP.parent.iterdir()] == ["bootstrap"]


def test_amazon_linux_2023_can_run_it() -> None:
    content = BOOTSTRAP.read_bytes()
    assert content[:4] == b"\x7fELF"
    machine = {"x86_64": 62, "aarch64": 183}[platform.machine()]
    assert int.from_bytes(content[18:20], "little") == machine
    wanted = {tuple(map(int, found.split(b"."))) for found in re.findall(rb"GLIBC_(\d+\.\d+)", content)}
    assert wanted and max(wanted) <= (2, 34)
