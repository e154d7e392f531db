"""The Terraform module says what the template says. What it computes is computed by Terraform itself, where it is installed.

The provider is not to be had without a network, so that nothing is planned: `settings` is the part without a provider.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from parameters import key
from served import binary
from template import ROOT, Stack, source
from terraform import LEFT_OUT, LISTS, VARIABLES, WATCHING, default, variable_type, variables, watching
from test_iam_policy import BUCKET, CONFIRMED, by_sid

MODULE = ROOT / "terraform"
PLACE = {
    "partition": "aws",
    "region": "us-east-1",
    "account": "123456789012",
    "function": "ref:Function",
    "bucket": BUCKET,
    "log_group": "ref:LogGroup",
    "log_group_arn": "get:LogGroup.Arn",
    "undelivered_queue": "get:UndeliveredQueue.QueueName",
    "failed_queue": "get:FailedQueue.QueueName",
    "failed_queue_arn": "get:FailedQueue.Arn",
    "pushes_queue_arn": "get:ImageActionsQueue.Arn",
    "failed_pushes_queue": "get:ImageActionsFailedQueue.QueueName",
}
KEY = "arn:aws:kms:us-east-1:123456789012:key/0a1b"
CASES: list[dict[str, str]] = [
    {},
    {"Repositories": "team/*,web-?", "RequireTagKey": "ecr-janitor", "RequireTagValue": "enabled"},
    CONFIRMED,
    CONFIRMED | {"Repositories": "team/*,web-?", "Exclude": "team/old,x/*"},
    CONFIRMED | {"Orphaned": "keep", "Exclude": "team/old"},
    CONFIRMED | {"Orphaned": "tag", "RequireTagKey": "team:owner", "RequireTagValue": "a=b", "TagTemplate": "a-{digest}"},
    CONFIRMED | {"Superseded": "delete", "Attached": "tag", "Repositories": "a/*", "ImageActions": "on"},
    {"Preset": "recommended", "MissedRunsDays": "5", "KmsKeyArn": KEY, "Tracing": "on"},
    CONFIRMED | {"Preset": "recommended", "Superseded": "tag", "Exclude": "x"},
    CONFIRMED | {"BackupKeep": "0d", "MemoryStatements": "newest"},
    CONFIRMED | {"MemoryLocation": "none", "BackupLocation": "s3://bucket/a/b", "BackupKeep": "7d"},
    {"MemoryLocation": "s3://bucket", "BackupLocation": "none", "ScheduleEnabled": "false"},
    {"InUseSources": "ecs,inspector", "InUseList": "s3://lists/a/in-use.txt"},
    CONFIRMED | {"InUseSources": "lambda,ecs,inspector", "InUseMaxAge": "12h", "OnSuccessArn": "arn:aws:sns:us-east-1:123456789012:reports"},
    CONFIRMED | {"ConfigDeletes": "true", "ConfigTags": "true", "ConfigLayerArn": "arn:aws:lambda:us-east-1:123456789012:layer:janitor:3"},
]


def terraform_value(name: str, declared: Any, given: dict[str, str]) -> Any:
    """A template's parameter as the module's variable."""
    if name not in given:
        return json.loads(default(name, declared))
    match variable_type(name, declared):
        case "list(string)":
            return given[name].split(",")
        case "bool":
            return given[name] in ("true", "on", "yes")
        case "number":
            return int(given[name])
    return given[name]


def calculated(folder: Path) -> dict[str, Any]:
    """What `settings` makes of each case, in one run."""
    calls = []
    for nth, given in enumerate(CASES):
        values = {key(name): terraform_value(name, one, given) for name, one in source()["Parameters"].items() if name not in LEFT_OUT}
        (folder / f"case{nth}.json").write_text(json.dumps({"given": values, "place": PLACE}))
        read = f'jsondecode(file("${{path.module}}/case{nth}.json"))'
        calls.append(f'module "case{nth}" {{\n  source = "{MODULE / "settings"}"\n  given = {read}.given\n  place = {read}.place\n}}\n')
        calls.append(f'output "case{nth}" {{\n  value = module.case{nth}\n}}\n')
    (folder / "main.tf").write_text("\n".join(calls))
    environment = os.environ | {"TF_CLI_CONFIG_FILE": os.devnull, "TF_DATA_DIR": str(folder / "data"), "CHECKPOINT_DISABLE": "1"}
    for command in (["init"], ["apply", "-auto-approve"], ["output", "-json"]):
        done = subprocess.run([terraform(), *command], cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return {name: one["value"] for name, one in json.loads(done.stdout).items()}


def terraform() -> str:
    found = shutil.which("terraform") or shutil.which("tofu")
    if not found:
        pytest.skip("SKIPPED: there is no terraform or tofu, so what the module computes is not checked")
    return found


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return calculated(tmp_path_factory.mktemp("terraform"))


@pytest.mark.parametrize("nth", range(len(CASES)))
def test_the_environment_is_the_templates(computed: dict[str, Any], nth: int) -> None:
    expected = json.loads(json.dumps(Stack(**CASES[nth])["Function"]["Environment"]["Variables"]).replace("ref:StateBucket", BUCKET))
    assert computed[f"case{nth}"]["environment"] == expected


@pytest.mark.parametrize("nth", range(len(CASES)))
def test_the_policies_are_what_the_program_prints_and_the_template_grants(computed: dict[str, Any], nth: int) -> None:
    policies = {name: json.loads(text) for name, text in computed[f"case{nth}"]["policies"].items()}
    mine = by_sid([one for policy in policies.values() for one in policy["Statement"]])
    theirs = by_sid(list(Stack(**CASES[nth]).statements().values()))
    assert mine.keys() == theirs.keys() - {"OnlyThisRegistry"}, "its resources name the registry, so that nothing needs denying"
    for sid in mine.keys() - {"Log"}:
        assert (mine[sid]["Effect"], mine[sid]["Action"]) == (theirs[sid]["Effect"], theirs[sid]["Action"]), sid
        assert mine[sid].get("Condition") == theirs[sid].get("Condition"), sid

    variables_ = dict(computed[f"case{nth}"]["environment"])
    variables_.pop("JANITOR_CONFIG", None)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JANITOR_")}
    command = [str(binary("ecr-janitor")), "iam-policy", "--region", "us-east-1", "--account", "123456789012"]
    done = subprocess.run(command, env=kept | variables_, capture_output=True, text=True, check=True)
    printed = by_sid(json.loads(done.stdout)["Statement"])
    if CASES[nth].get("ConfigLayerArn"):
        return  # the program would need the file
    of_program = {sid: one for sid, one in mine.items() if sid in printed}
    assert of_program == printed
    beside = {"Log", "Failed", "Report", "ImageActions", "Key", "Trace", "OnlyOwnBucket"}
    assert mine.keys() - printed.keys() <= beside
    assert bool(policies["state"]["Statement"]) == computed[f"case{nth}"]["has_state_policy"]


@pytest.mark.parametrize("nth", range(len(CASES)))
def test_the_alarms_and_the_dashboard_are_the_templates(computed: dict[str, Any], nth: int) -> None:
    stack, mine = Stack(**CASES[nth]), computed[f"case{nth}"]
    alarms = {alarm["AlarmName"].removeprefix("ecr-janitor-"): alarm for alarm in stack.of_type("AWS::CloudWatch::Alarm").values()}
    assert mine["alarms"].keys() == alarms.keys()
    for name, alarm in alarms.items():
        found = mine["alarms"][name]
        assert found["dimensions"] == {one["Name"]: one["Value"] for one in alarm["Dimensions"]}, name
        assert (found["metric"], found["threshold"], found["comparison"]) == (alarm["MetricName"], alarm["Threshold"], alarm["ComparisonOperator"])
        assert found["evaluations"] == str(alarm["EvaluationPeriods"]), name
        is_silent = found["silent_in_plan"] and CASES[nth].get("Mode", "plan") == "plan"
        assert is_silent == (alarm.get("ActionsEnabled") is False), name
    assert json.loads(mine["dashboard"]) == json.loads(stack["Dashboard"]["DashboardBody"])
    [rule] = [rule for rule in stack["StateBucket"]["LifecycleConfiguration"]["Rules"] if rule.get("Prefix")] if mine["has_bucket"] else [None]
    assert rule is None or int(rule["ExpirationInDays"]) == mine["backup_days"]
    assert mine["has_bucket"] == ("StateBucket" in stack.resources)


def test_the_module_is_made_from_the_template() -> None:
    assert VARIABLES.read_text() == variables(), "run tests/template/terraform.py again"
    assert WATCHING.read_text() == watching(), "run tests/template/terraform.py again"


def test_each_variable_is_used() -> None:
    texts = "".join(path.read_text() for path in MODULE.rglob("*.tf") if path != VARIABLES)
    for name in source()["Parameters"].keys() - LEFT_OUT:
        assert re.search(rf"\b(var|given)\.{key(name)}\b", texts) or f'"{key(name)}"' in texts, name
    assert LISTS <= source()["Parameters"].keys()


def test_the_queues_and_the_rule_are_the_templates() -> None:
    text = (MODULE / "queues.tf").read_text()
    stack = Stack(ImageActions="on")
    pattern = stack["ImageActionsRule"]["EventPattern"]
    for word in [*pattern["detail-type"], *pattern["detail"]["action-type"], *pattern["detail"]["manifest-media-type"][:2]]:
        assert f'"{word}"' in text
    [target] = stack["ImageActionsRule"]["Targets"]
    assert json.dumps(target["InputTransformer"]["InputTemplate"]) in text
    queue, mapping = stack["ImageActionsQueue"], stack["ImageActionsSource"]
    for name, value in {
        "delay_seconds": queue["DelaySeconds"],
        "visibility_timeout_seconds": queue["VisibilityTimeout"],
        "maxReceiveCount": queue["RedrivePolicy"]["maxReceiveCount"],
        "batch_size": mapping["BatchSize"],
        "maximum_batching_window_in_seconds": mapping["MaximumBatchingWindowInSeconds"],
        "maximum_concurrency": mapping["ScalingConfig"]["MaximumConcurrency"],
    }.items():
        assert re.search(rf"\b{name} += {value}\n", text), name


def test_it_is_formatted_and_parses() -> None:
    environment = os.environ | {"TF_CLI_CONFIG_FILE": os.devnull, "CHECKPOINT_DISABLE": "1"}
    done = subprocess.run([terraform(), "fmt", "-check", "-recursive", "-diff"], cwd=MODULE, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
