"""template-fleet.yaml and template-member.yaml: the state machine by two validators, what the roles may do, and what the interpreter of
test_fleet_run.py leaves out."""

import json
import os
import re
import shlex
import subprocess
import tomllib
from itertools import product
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from fleet_cost import cost_table, time_table
from samcli.yamlhelper import yaml_dump
from served import binary
from statelint.linter import Linter
from template import HUB_ROLE, LAYER, ROOT, Fleet, Member, Refused, parameters, source

CONFIRMED = {"Mode": "apply", "ConfirmApply": "yes"}
FLEETS = [{}, CONFIRMED, {"Timeout": "300", "Chunk": "7", "MaxConcurrency": "3", "ToleratedFailurePercentage": "0"}]
BUCKET = "get:StateBucket.Arn"
# statelint 3.1 does not know this field of ReaderConfig. Source: Step Functions Developer Guide, ItemReader.
NOT_KNOWN_TO_STATELINT = [
    f'Field "InputType" not allowed in State Machine.States.{name}.ItemReader.ReaderConfig' for name in ("Plan", "Apply")
]


def actions(statement: Any) -> list[str]:
    action = statement["Action"]
    return action if isinstance(action, list) else [action]


# ---- The state machine ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", FLEETS)
def test_statelint_takes_the_state_machine(given: dict[str, str]) -> None:
    assert Linter.validate(Fleet(**given).definition()) == NOT_KNOWN_TO_STATELINT


def test_statelint_would_find_a_mistake() -> None:
    definition = Fleet().definition()
    definition["States"]["List"]["Next"] = "Nowhere"
    assert any("Nowhere" in problem for problem in Linter.validate(definition))


def asl_validator(definition: Any, folder: Path) -> subprocess.CompletedProcess[str]:
    program = os.environ.get("ASL_VALIDATOR", "")
    if not Path(program).is_file():
        assert "CI" not in os.environ, "CI is set, and in CI what is skipped is a failure"
        pytest.skip("asl-validator is not installed: there is no npm, or it cannot install tests/template/package-lock.json")
    file = folder / "machine.json"
    file.write_text(json.dumps(definition))
    return subprocess.run([program, "--json-path", str(file)], capture_output=True, text=True)


def test_asl_validator_takes_the_state_machine_and_would_find_a_mistake(tmp_path: Path) -> None:
    definition = Fleet(**CONFIRMED).definition()
    done = asl_validator(definition, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    del definition["States"]["Plan"]["ItemProcessor"]["StartAt"]
    assert asl_validator(definition, tmp_path).returncode != 0


def test_list_plan_merge_apply_merge() -> None:
    states = Fleet().definition()["States"]
    follow = {name: state.get("Next") for name, state in states.items()}
    assert [follow[name] for name in ("List", "Plan", "MergePlan", "Apply", "MergeApply")] == [
        "AnyItems", "MergePlan", "AnythingToDo", "MergeApply", "Done",
    ]  # fmt: skip
    events = {name: state["Parameters"]["Payload"] for name, state in states.items() if state["Type"] == "Task"}
    assert {name: (event["fleet"], event.get("phase")) for name, event in events.items()} == {
        "List": ("list", None), "MergePlan": ("merge", "plan"), "MergeApply": ("merge", "apply"),
    }  # fmt: skip
    [applies] = states["AnythingToDo"]["Choices"]
    assert applies["Next"] == "Apply" and states["AnythingToDo"]["Default"] == "Done"


@pytest.mark.parametrize("name", ["Plan", "Apply"])
def test_a_map_is_distributed_and_bounded(name: str) -> None:
    """The interpreter knows neither the tolerated failures nor the files of results."""
    given = {"MaxConcurrency": "3", "ToleratedFailurePercentage": "7"}
    state = Fleet(**given).definition()["States"][name]
    assert (state["MaxConcurrency"], state["ToleratedFailurePercentage"]) == (3, 7)
    assert state["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    assert "ItemBatcher" not in state, "an item is a whole event already"
    assert state["ItemReader"]["ReaderConfig"] == {"InputType": "JSON"}
    assert state["ItemReader"]["Resource"].endswith(":states:::s3:getObject")
    assert state["ResultWriter"]["Resource"].endswith(":states:::s3:putObject")
    phase = name.lower()
    assert state["ResultWriter"]["Parameters"] == {
        "Bucket": "ref:StateBucket",
        "Prefix.$": f"States.Format('fleet/{{}}/{phase}/map', $$.Execution.Name)",
    }
    assert "Catch" not in state, "a caught failure could not be redriven"
    [task] = state["ItemProcessor"]["States"].values()
    assert task["Parameters"]["Payload.$"] == "$"


def tasks(definition: Any) -> list[Any]:
    states = list(definition["States"].values())
    for state in definition["States"].values():
        states += state.get("ItemProcessor", {"States": {}})["States"].values()
    return [state for state in states if state["Type"] == "Task"]


@pytest.mark.parametrize("timeout", ["300", "600", "900"])
def test_a_task_is_given_up_after_the_function_has_answered_and_before_its_timeout(timeout: str) -> None:
    """The function answers within the last 30 seconds at the latest 7.5 before its timeout: src/util/deadline.rs."""
    fleet = Fleet(Timeout=timeout)
    assert str(fleet["Function"]["Timeout"]) == timeout
    found = tasks(fleet.definition())
    assert len(found) == 5
    for task in found:
        assert int(timeout) - 7.5 < task["TimeoutSeconds"] < int(timeout)


def test_throttling_is_retried_with_backoff_and_jitter() -> None:
    for task in tasks(Fleet().definition()):
        throttled = task["Retry"][0]
        assert {"Throttled", "Lambda.TooManyRequestsException", "Lambda.ServiceException"} <= {*throttled["ErrorEquals"]}
        for retrier in task["Retry"]:
            assert (retrier["JitterStrategy"], retrier["BackoffRate"]) == ("FULL", 2.0)
            assert retrier["MaxDelaySeconds"] == 300
        named = [error for retrier in task["Retry"] for error in retrier["ErrorEquals"]]
        assert len(named) == len(set(named))
        assert not {"BadEvent", "BadConfig", "NothingDone", "States.ALL", "States.TaskFailed"} & {*named}


def test_who_gives_no_mode_gets_the_configured_one() -> None:
    for given, mode in (({}, "plan"), (CONFIRMED, "apply")):
        states = Fleet(**given).definition()["States"]
        assert (states["AsConfigured"]["Result"], states["AsConfigured"]["ResultPath"]) == (mode, "$.mode")
        assert states["List"]["Parameters"]["Payload"]["mode.$"] == "$.mode"


# ---- The stack of the fleet -----------------------------------------------------------------------------------------


def test_the_function_is_that_of_the_other_template() -> None:
    fleet, alone = source("template-fleet.yaml")["Resources"]["Function"], source()["Resources"]["Function"]
    for key in ("CodeUri", "Runtime", "Handler", "Architectures", "LoggingConfig"):
        assert fleet["Properties"][key] == alone["Properties"][key]
    assert fleet["Metadata"] == alone["Metadata"]
    function = Fleet()["Function"]
    assert "ReservedConcurrentExecutions" not in function
    assert function["Layers"] == [LAYER]
    assert function["Environment"]["Variables"] == {
        "JANITOR_CONFIG": "/opt/janitor.toml",
        "JANITOR_MODE": "plan",
        "JANITOR_MEMORY_LOCATION": "auto",
        "JANITOR_BACKUP_LOCATION": "auto",
        "JANITOR_STATE_BUCKET": "ref:StateBucket",
    }
    assert Fleet(BackupKeep="7d")["Function"]["Environment"]["Variables"]["JANITOR_BACKUP_KEEP"] == "7d"


def test_the_function_may_assume_member_roles_and_keep_files_and_nothing_else() -> None:
    statements = Fleet().statements()
    assert {sid: (actions(one), one["Resource"]) for sid, one in statements.items()} == {
        "Members": (["sts:AssumeRole", "sts:TagSession"], "arn:aws:iam::*:role/ecr-janitor-member"),
        "Fleet": (["s3:GetObject", "s3:PutObject"], f"{BUCKET}/fleet/*"),
        "Memory": (["s3:GetObject", "s3:PutObject"], f"{BUCKET}/memory/*"),
        "Missing": (["s3:ListBucket"], BUCKET),
        "OnlyOwnBucket": (["s3:GetObject", "s3:PutObject", "s3:ListBucket"], [BUCKET, f"{BUCKET}/*"]),
        "Log": (["logs:CreateLogStream", "logs:PutLogEvents"], "get:LogGroup.Arn"),
    }
    assert statements["OnlyOwnBucket"]["Effect"] == "Deny"
    assert "Condition" not in statements["Members"]


@pytest.mark.parametrize(
    "given, sid, action, resource",
    [
        (CONFIRMED, "Backups", "s3:PutObject", f"{BUCKET}/backup/*"),
        ({"ListsOrganization": "true"}, "Organization", "organizations:ListAccounts", "*"),
        ({"AccountsList": "s3://lists/accounts.txt"}, "AccountsList", "s3:GetObject", "arn:aws:s3:::lists/accounts.txt"),
        ({"InUseList": "s3://lists/in-use.txt"}, "InUseList", "s3:GetObject", "arn:aws:s3:::lists/in-use.txt"),
        ({"Tracing": "on"}, "Trace", "xray:PutTraceSegments", "*"),
    ],
)
def test_the_function_may_do_more_only_on_demand(given: dict[str, str], sid: str, action: str, resource: str) -> None:
    more = Fleet(**given).statements()
    assert more.keys() - Fleet().statements().keys() == {sid}
    assert action in actions(more[sid]) and more[sid]["Resource"] == resource


def test_no_backups_need_no_permission() -> None:
    assert "Backups" not in Fleet(**CONFIRMED, BackupKeep="0d").statements()


def test_only_roles_of_the_organization_are_assumed() -> None:
    members = Fleet(OrganizationId="o-a1b2c3d4e5", MemberRoleName="ops/janitor").statements()["Members"]
    assert members["Resource"] == "arn:aws:iam::*:role/ops/janitor"
    assert members["Condition"] == {"StringEquals": {"aws:ResourceOrgID": "o-a1b2c3d4e5"}}


def test_the_state_machine_may_run_its_children_and_the_function() -> None:
    statements = Fleet().statements("StateMachineRole")
    log = statements.pop("Log")
    assert log["Resource"] == "*" and all(re.fullmatch("logs:[A-Za-z]+", action) for action in actions(log))
    assert {sid: (actions(one), one["Resource"]) for sid, one in statements.items()} == {
        "Invoke": (["lambda:InvokeFunction"], "get:Function.Arn"),
        "Children": (["states:StartExecution"], "arn:aws:states:us-east-1:123456789012:stateMachine:ecr-janitor"),
        "ChildrenAgain": (
            ["states:DescribeExecution", "states:StopExecution", "states:RedriveExecution"],
            [f"arn:aws:states:us-east-1:123456789012:execution:ecr-janitor{end}" for end in (":*", "/*")],
        ),
        "Items": (["s3:GetObject"], f"{BUCKET}/fleet/*"),
        "Results": (
            ["s3:PutObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"],
            [f"{BUCKET}/fleet/*/plan/map/*", f"{BUCKET}/fleet/*/apply/map/*"],
        ),
    }
    assert Fleet()["StateMachine"]["StateMachineName"] == "ecr-janitor", "the role knows it by its name"


def test_the_schedule_starts_the_state_machine_and_nothing_else() -> None:
    fleet = Fleet(Schedule="rate(12 hours)", ScheduleFlexibleMinutes="0")
    [schedule] = fleet.of_type("AWS::Scheduler::Schedule").values()
    assert (schedule["ScheduleExpression"], schedule["State"]) == ("rate(12 hours)", "ENABLED")
    assert (schedule["Target"]["Arn"], json.loads(schedule["Target"]["Input"])) == ("ref:StateMachine", {})
    assert schedule["Target"]["DeadLetterConfig"] == {"Arn": "get:UndeliveredQueue.Arn"}
    statements = fleet.statements("ScheduleRole")
    assert {sid: (one["Action"], one["Resource"]) for sid, one in statements.items()} == {
        "Start": ("states:StartExecution", "ref:StateMachine"),
        "Undelivered": ("sqs:SendMessage", "get:UndeliveredQueue.Arn"),
    }


@pytest.mark.parametrize("role, service", [("StateMachineRole", "states"), ("ScheduleRole", "scheduler")])
def test_services_take_a_role_for_this_account_alone(role: str, service: str) -> None:
    [trust] = Fleet()[role]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": f"{service}.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_what_is_logged_and_traced() -> None:
    machine = Fleet()["StateMachine"]
    assert (machine["StateMachineType"], machine["LoggingConfiguration"]["Level"]) == ("STANDARD", "ERROR")
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False
    [destination] = machine["LoggingConfiguration"]["Destinations"]
    assert destination == {"CloudWatchLogsLogGroup": {"LogGroupArn": "get:StateLogGroup.Arn"}}
    assert Fleet()["StateLogGroup"]["LogGroupName"].startswith("/aws/vendedlogs/states/")
    for tracing, (enabled, mode) in {"off": (False, "PassThrough"), "on": (True, "Active")}.items():
        fleet = Fleet(Tracing=tracing)
        assert fleet["StateMachine"]["TracingConfiguration"] == {"Enabled": enabled}
        assert fleet["Function"]["TracingConfig"] == {"Mode": mode}
    assert "Trace" in Fleet(Tracing="on").statements("StateMachineRole")


def test_alarms_hear_of_failures_and_of_what_was_left_undone() -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:alarms"
    fleet = Fleet(AlarmTopicArn=topic)
    alarms = fleet.of_type("AWS::CloudWatch::Alarm")
    assert {one["MetricName"] for one in alarms.values()} == {
        "ExecutionsFailed", "ExecutionsTimedOut", "IncompleteFleets", "ApproximateNumberOfMessagesVisible",
    }  # fmt: skip
    for alarm in alarms.values():
        assert (alarm["AlarmActions"], alarm["OKActions"], alarm["TreatMissingData"]) == ([topic], [topic], "notBreaching")
    [transformation] = fleet["IncompleteFleets"]["MetricTransformations"]
    alarm = alarms["IncompleteAlarm"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (transformation["MetricNamespace"], transformation["MetricName"])


def test_the_bucket_is_private_and_forgets() -> None:
    bucket = Fleet(FleetKeepDays="14", BackupKeep="7d")["StateBucket"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = {rule.get("Prefix"): rule.get("ExpirationInDays") for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules == {"backup/": "7", "fleet/": "14", None: None}
    declared = source("template-fleet.yaml")["Resources"]
    for name in ("StateBucket", "LogGroup"):
        assert (declared[name]["DeletionPolicy"], declared[name]["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    [statement] = Fleet()["StateBucketPolicy"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")


def test_one_key_encrypts_all_and_a_boundary_bounds_every_role() -> None:
    key, boundary = "arn:aws:kms:us-east-1:123456789012:key/0a1b", "arn:aws:iam::123456789012:policy/boundary"
    fleet = Fleet(KmsKeyArn=key, PermissionsBoundaryArn=boundary)
    assert {group["KmsKeyId"] for group in fleet.of_type("AWS::Logs::LogGroup").values()} == {key}
    assert fleet["Function"]["KmsKeyArn"] == fleet["UndeliveredQueue"]["KmsMasterKeyId"] == key
    for role, found in fleet.of_type("AWS::IAM::Role").items():
        assert found["PermissionsBoundary"] == boundary
        assert fleet.statements(role)["Key"]["Resource"] == key
        assert "Key" not in Fleet().statements(role)


@pytest.mark.parametrize("file", ["template-fleet.yaml", "template-member.yaml"])
def test_each_parameter_is_explained_and_has_its_place(file: str) -> None:
    declared = source(file)["Parameters"]
    groups = source(file)["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(declared)
    for name, declaration in declared.items():
        assert declaration["Description"], name
        assert "ConstraintDescription" in declaration or "AllowedValues" in declaration, name


@pytest.mark.parametrize("file", ["template-fleet.yaml", "template-member.yaml"])
def test_what_both_templates_ask_is_asked_in_the_same_words(file: str) -> None:
    here, there = source(file)["Parameters"], source()["Parameters"]
    for name in here.keys() & there.keys():
        for key in ("Type", "AllowedPattern", "ConstraintDescription"):
            if name not in ("Timeout", "ConfigLayerArn", "PermissionsBoundaryArn"):
                assert here[name].get(key) == there[name].get(key), (name, key)


def test_apply_must_be_confirmed_and_a_file_given() -> None:
    with pytest.raises(Refused, match="ConfirmApply"):
        Fleet(Mode="apply")
    with pytest.raises(Refused, match="ConfigLayerArn"):
        parameters({}, "template-fleet.yaml")
    with pytest.raises(Refused, match="HubRoleArn"):
        parameters({}, "template-member.yaml")


@pytest.mark.parametrize(
    "name, value",
    [("Chunk", "0"), ("Chunk", "801"), ("MaxConcurrency", "1001"), ("ToleratedFailurePercentage", "101"), ("Timeout", "120"),
     ("OrganizationId", "a1b2c3d4e5"), ("AccountsList", "s3://bucket"), ("MemberRoleName", "*"), ("RunTimeout", "60")],
)  # fmt: skip
def test_what_cannot_be_is_refused(name: str, value: str) -> None:
    with pytest.raises(Refused, match=name):
        Fleet(**{name: value})


def test_the_packaged_templates_fit_where_they_are_uploaded() -> None:
    """51,200 bytes with the call itself, which is also StackSets' limit for a body."""
    for file in ("template-fleet.yaml", "template-member.yaml"):
        assert len(yaml_dump(source(file)).encode()) < 51_200, file


def test_the_environment_to_deploy_to_only_plans() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())["fleet"]
    assert config["build"]["parameters"]["template_file"] == "template-fleet.yaml"
    given = dict(pair.split("=", 1) for pair in config["deploy"]["parameters"]["parameter_overrides"].split())
    assert given.keys() == {"Mode", "ConfigLayerArn"} and given["Mode"] == "plan"


# ---- The role of a member account -----------------------------------------------------------------------------------


def test_the_hub_alone_is_trusted() -> None:
    hub, tags = Member(ExternalId="fleet-1")["MemberRole"]["AssumeRolePolicyDocument"]["Statement"]
    assert hub["Principal"] == tags["Principal"] == {"AWS": HUB_ROLE}
    assert (hub["Action"], tags["Action"]) == ("sts:AssumeRole", "sts:TagSession")
    assert hub["Condition"] == {"StringEquals": {"sts:ExternalId": "fleet-1"}}
    assert "Condition" not in Member()["MemberRole"]["AssumeRolePolicyDocument"]["Statement"][0]


def test_there_is_one_role_for_all_regions_and_an_exclusion_in_each() -> None:
    assert Member().resources.keys() == {"MemberRole", "PullTimes"}
    assert Member(RoleRegion="us-east-1").resources.keys() == {"MemberRole", "PullTimes"}
    elsewhere = Member(RoleRegion="eu-west-1", **APPLY)
    assert elsewhere.resources.keys() == {"PullTimesHere"}
    assert elsewhere["PullTimesHere"] == {"PrincipalArn": "arn:aws:iam::123456789012:role/ecr-janitor-member"}
    assert not Member(PullTimeExclusion="no").of_type("AWS::ECR::PullTimeUpdateExclusion")


def test_the_boundary_of_each_account() -> None:
    whole = "arn:aws:iam::210987654321:policy/boundary"
    assert Member(PermissionsBoundaryArn=whole)["MemberRole"]["PermissionsBoundary"] == whole
    own = Member(PermissionsBoundaryArn="policy/boundary")["MemberRole"]["PermissionsBoundary"]
    assert own == "arn:aws:iam::123456789012:policy/boundary"
    assert "PermissionsBoundary" not in Member()["MemberRole"]


APPLY = {"Mode": "apply"}
CHOICES = [
    dict(zip(("Mode", "Orphaned", "Superseded", "Attached"), choice))
    for choice in product(["plan", "apply"], ["keep", "tag", "delete"], ["keep", "tag", "delete"], ["keep", "tag"])
]
MORE = [
    APPLY | {"Repositories": "team/*,web", "Exclude": "team/old", "RequireTagKey": "janitor", "RequireTagValue": "on"},
    APPLY | {"Backups": "no"},
    {"MemoryStatements": "newest"},
    *({"InUseSources": ",".join(chosen)} for chosen in (["lambda"], ["ecs"], ["inspector"], ["lambda", "ecs", "inspector"])),
]


def printed(given: dict[str, str]) -> dict[str, Any]:
    """The statements that `iam-policy` prints for a file with these values, by Sid."""
    names = {
        "Mode": "MODE", "Orphaned": "ORPHANED", "Superseded": "SUPERSEDED", "Attached": "ATTACHED", "Repositories": "REPOSITORIES",
        "Exclude": "EXCLUDE", "MemoryStatements": "MEMORY_STATEMENTS", "InUseSources": "IN_USE_SOURCES",
    }  # fmt: skip
    variables = {f"JANITOR_{names[name]}": value for name, value in given.items() if name in names}
    if "RequireTagKey" in given:
        variables["JANITOR_REQUIRE_TAG"] = f"{given['RequireTagKey']}={given['RequireTagValue']}"
    backups = {"JANITOR_BACKUP_KEEP": "0d"} if given.get("Backups") == "no" else {"JANITOR_BACKUP_LOCATION": "s3://hub"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JANITOR_")}
    command = [str(binary("ecr-janitor")), "iam-policy", "--partition", "*", "--region", "*"]
    done = subprocess.run(command, env=kept | variables | backups, capture_output=True, text=True, check=True)
    # Memory and backups are in the bucket of the hub, where the function goes with its own role.
    found = {one["Sid"]: one for one in json.loads(done.stdout)["Statement"]}
    return {sid: one for sid, one in found.items() if sid not in ("Memory", "MemoryMissing", "Backups", "BackupsMissing")}


def comparable(statement: Any) -> Any:
    resource = statement.get("Resource")
    return {
        "Effect": statement["Effect"],
        "Action": sorted(actions(statement)),
        "Resource": sorted(resource if isinstance(resource, list) else [resource]),
        "Condition": statement.get("Condition"),
    }


@pytest.mark.parametrize("given", CHOICES + MORE, ids=lambda given: " ".join(given.values()))
def test_the_role_may_do_what_iam_policy_prints(given: dict[str, str]) -> None:
    granted = Member(**given).statements("MemberRole")
    only = granted.pop("OnlyThisAccount")
    assert only["Effect"] == "Deny" and only["NotResource"] == "arn:aws:ecr:*:123456789012:repository/*"
    wanted = printed(given)
    assert granted.pop("Discover")["Resource"] == "arn:aws:ecr:*:123456789012:repository/*"
    assert actions(wanted.pop("Discover")) == ["ecr:DescribeRepositories"]
    assert {sid: comparable(one) for sid, one in granted.items()} == {sid: comparable(one) for sid, one in wanted.items()}


@pytest.mark.parametrize("template", [Fleet, Member])
def test_partitions_are_not_assumed(template: type[Fleet] | type[Member]) -> None:
    text = (ROOT / template.FILE).read_text()
    assert not re.search(r"arn:aws[:-]", text)


# ---- docs/FLEETS.md -------------------------------------------------------------------------------------------------

PAGE = (ROOT / "docs" / "FLEETS.md").read_text()
# Of the AWS CLI itself, not of a service's model.
GLOBAL = {"query", "output", "cli-read-timeout", "cli-binary-format", "max-items", "reverse-order"}


def commands() -> list[list[str]]:
    blocks = re.findall(r"```console\n(.*?)```", PAGE, flags=re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [shlex.split(line) for line in lines]


@pytest.mark.parametrize("command", [one for one in commands() if one[0] == "aws" and one[1] != "s3"], ids=" ".join)
def test_the_documented_commands_are_commands_of_aws(command: list[str]) -> None:
    """Versions 1 and 2 of the CLI make their commands from these models."""
    model = botocore.session.get_session().get_service_model(command[1])
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(operations[command[2]]).input_shape
    known = {xform_name(name, "-") for name in shape.members}
    given = {word.removeprefix("--") for word in command[3:] if word.startswith("--")}
    given = {"content" if word == "zip-file" else word for word in given}
    assert given - GLOBAL <= known
    required = {xform_name(name, "-") for name in shape.required_members}
    assert required <= given


def test_the_documented_commands_of_the_program_are_understood() -> None:
    found = [command for command in commands() if command[0] == "ecr-janitor"]
    assert len(found) == 5
    for command in found:
        words = command[1 : command.index(">")] if ">" in command else command[1:]
        done = subprocess.run([binary("ecr-janitor"), *words, "--help"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_the_documented_parameters_are_those_of_the_template() -> None:
    named = {word for word in re.findall(r"`([A-Z][A-Za-z]+)(?:=[^`]*)?`", PAGE)}
    known = {name for file in ("template-fleet.yaml", "template-member.yaml", "template.yaml") for name in source(file)["Parameters"]}
    assert named - known <= {"HubRoleArn", "AssumeRole", "LayerVersionArn", "RegionOrder"}


def test_the_tables_of_costs_and_times_are_those_of_the_model() -> None:
    for table in (cost_table(), time_table()):
        assert table in PAGE, "run tests/template/fleet_cost.py"


def test_the_configuration_of_the_page_is_taken_by_the_program(tmp_path: Path) -> None:
    [text] = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    file = tmp_path / "janitor.toml"
    file.write_text(text)
    done = subprocess.run([binary("ecr-janitor"), "iam-policy", "--config", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
