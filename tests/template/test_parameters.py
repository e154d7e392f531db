"""The parameters are the configuration: the same keys, the same defaults, and what cannot be is refused at once."""

import os
import re
import subprocess
import tomllib

import pytest
from parameters import configuration, key, table
from served import binary
from samcli.cli.types import CfnParameterOverridesType
from samcli.yamlhelper import yaml_dump
from template import ROOT, Refused, Stack, parameters, source

CONFIRMED = {"Mode": "apply", "ConfirmApply": "yes"}
LAYER = "arn:aws:lambda:us-east-1:123456789012:layer:janitor:3"


# A name for what has none before it is deployed.
BUCKET = {"JANITOR_STATE_BUCKET": "ecr-janitor-statebucket"}


def environment(**given: str) -> dict[str, str]:
    return Stack(**given)["Function"]["Environment"]["Variables"]


GIVEN = {
    "Repositories": "team/*,web",
    "Exclude": "team/x",
    "Preset": "recommended",
    "GracePeriod": "3d",
    "Orphaned": "tag",
    "OrphanedWithSubject": "delete",
    "Superseded": "delete",
    "SupersededAfter": "2w",
    "SupersededSince": "push",
    "SupersededImages": "delete",
    "SupersededWithoutTags": "delete",
    "Referrers": "follow",
    "KeepPulledWithin": "0d",
    "Attached": "tag",
    "Replicated": "delete",
    "TagTemplate": "att-{digest}",
    "MaxDeletions": "7",
    "MaxImagesShare": "0.25",
    "MaxTagLoss": "0.1",
    "Concurrency": "9",
    "MemoryLocation": "s3://bucket/a",
    "MemoryStatements": "newest",
    "BackupKeep": "7d",
    "BackupLocation": "s3://bucket/b",
    "InUseSources": "lambda,ecs",
    "InUseMaxAge": "12h",
}
STATE = {"JANITOR_STATE_BUCKET": "ref:StateBucket"}


def test_every_key_has_a_parameter() -> None:
    """janitor.toml shows every key: a test of the program compares the two."""
    assert {key(name) for name in GIVEN} | {"mode", "require_tag"} == configuration().keys()


def test_what_is_left_alone_sets_no_variable() -> None:
    """Or it would win over the file in the layer. The mode is set always: the role depends on it."""
    assert environment() == {"JANITOR_MODE": "plan"} | STATE
    with_file = environment(ConfigLayerArn=LAYER)
    assert with_file == {"JANITOR_MODE": "plan", "JANITOR_CONFIG": "/opt/janitor.toml"} | STATE


@pytest.mark.parametrize("name", GIVEN)
def test_each_parameter_alone_sets_its_own_variable(name: str) -> None:
    beside = {"Superseded": "delete"} if name == "SupersededImages" else {}
    variables = environment(**{name: GIVEN[name]} | beside)
    assert variables == {"JANITOR_MODE": "plan"} | STATE | {
        f"JANITOR_{key(one).upper()}": GIVEN[one] for one in [name, *beside]
    }


def test_each_parameter_arrives_where_it_should() -> None:
    variables = environment(**GIVEN, **CONFIRMED, RequireTagKey="team", RequireTagValue="a=b", ConfigLayerArn=LAYER)
    assert variables == {f"JANITOR_{key(name).upper()}": value for name, value in GIVEN.items()} | {
        "JANITOR_MODE": "apply",
        "JANITOR_REQUIRE_TAG": "team=a=b",
        "JANITOR_CONFIG": "/opt/janitor.toml",
    }


def test_a_list_is_one_more_source() -> None:
    both = environment(InUseSources="ecs", InUseList="s3://bucket/in-use.txt")
    assert both["JANITOR_IN_USE_SOURCES"] == "ecs,s3://bucket/in-use.txt"
    assert environment(InUseList="s3://bucket/x")["JANITOR_IN_USE_SOURCES"] == "s3://bucket/x"


def test_each_parameter_is_explained_and_has_its_place() -> None:
    declared = source()["Parameters"]
    interface = source()["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(grouped) == sorted(declared)
    for name, declaration in declared.items():
        assert declaration["Description"], name
        assert "ConstraintDescription" in declaration or "AllowedValues" in declaration, name


def test_the_defaults_only_report() -> None:
    assert parameters({})["Mode"] == "plan"
    assert Stack()


@pytest.mark.parametrize(
    "name, values",
    {
        "Mode": ["delete", ""],
        "GracePeriod": ["59m", "0h", "1", "90s", "-1h", "1h30m"],
        "Preset": ["all"],
        "SupersededAfter": ["a month", "3m"],
        "SupersededSince": ["tag"],
        "SupersededWithoutTags": ["tag"],
        "Referrers": ["keep"],
        "Replicated": ["tag"],
        "KeepPulledWithin": ["90"],
        "Orphaned": ["archive"],
        "Attached": ["delete"],
        "SupersededImages": ["tag"],
        "Repositories": [",", "Team/*", "team/[ab]", "a, b", "a,,b", "a b", "arn:aws:ecr", 'a"', "a," * 60 + "a"],
        "Exclude": ["Team/x", ",", "a,", "a," * 60 + "a"],
        "RequireTagKey": ["a=b", "a,b", 'a"b', "${aws:username}", "x" * 129],
        "RequireTagValue": ["a,b", 'a"', "${x}"],
        "MaxDeletions": ["-1", "1.5", "many", "1e3"],
        "MaxImagesShare": ["1.5", "-0.1", "50%", ".5", "NaN"],
        "MaxTagLoss": ["1.5", "2"],
        "Concurrency": ["0", "257", "1000", "Auto"],
        "MemoryLocation": ["/tmp/x", "s3://", "s3://b", "s3://Bucket", "s3://bucket/", "s3://bucket//a", "s3:bucket", "Auto", "bucket"],
        "BackupKeep": ["2w", "720h", "30", "0", "10000d", "-1d"],
        "BackupLocation": ["./state", "s3://bucket/a b"],
        "InUseSources": ["ecs,lambda", "file:x", "all"],
        "InUseList": ["bucket/key", "s3://bucket", "s3://bucket/", "s3://bucket/a b"],
        "InUseMaxAge": ["2m", "1"],
        "TagTemplate": [
            "attestation",
            "att-{platform}",
            "att-{digest}-{digest}",
            "sha256-{digest}",
            "-{digest}",
            "{digest}.sig",
            "{digest}.sbom",
            "{digest}{tag}",
            "{digest",
            "a/{digest}",
            "a" * 92 + "{digest}",
        ],
        "Schedule": ["daily", "rate(0 days)", "rate(1 week)", "cron(0 3 * * *)", "at(2026-11-23T03:00:00)"],
        "ScheduleTimezone": ["", "Europe/New York"],
        "ScheduleFlexibleMinutes": ["-1", "1441"],
        "Timeout": ["10", "901"],
        "MemorySize": ["64"],
        "ReservedConcurrency": ["0", "many", ""],
        "LogLevel": ["WARN", "ERROR"],
        "LogRetentionDays": ["10"],
        "OnSuccessArn": [
            "arn:aws:sns:us-east-1:123456789012:reports.fifo",
            "arn:aws:sqs:us-east-1:123456789012:reports.fifo",
            "arn:aws:s3:::bucket",
            "https://sqs.us-east-1.amazonaws.com/123456789012/queue",
        ],
        "AlarmTopicArn": ["topic", "arn:aws:sns:us-east-1:123456789012:alarms.fifo"],
        "MissedRunsDays": ["0", "8"],
        "KmsKeyArn": ["alias/key"],
        "ConfigLayerArn": [LAYER.removesuffix(":3")],
    }.items(),
)
def test_what_cannot_be_is_refused(name: str, values: list[str]) -> None:
    for value in values:
        with pytest.raises(Refused, match=name):
            parameters({name: value})


@pytest.mark.parametrize(
    "name, values",
    {
        "GracePeriod": ["1h", "30d", "9999w"],
        "SupersededAfter": ["0h", "2w"],
        "KeepPulledWithin": ["0d", "9999w"],
        "RequireTagKey": ["ecr-janitor", "team:owner/a.b"],
        "Exclude": ["team/*,web-?"],
        "Concurrency": ["1", "99", "100", "199", "249", "256", "auto"],
        "Repositories": ["*", "team/*,web-?", "a_b.c-d/e"],
        "TagTemplate": ["{digest}", "a.{subject}_{platform}-{digest}", "a" * 91 + "{digest}", "a" * 72 + "{platform}{subject}{digest}"],
        "MaxDeletions": ["0", "100000"],
        "MemoryLocation": ["auto", "none", "s3://bucket", "s3://my.bucket-1/a/b=c"],
        "BackupKeep": ["0d", "1d", "9999d"],
        "BackupLocation": ["auto", "none", "s3://bucket/a"],
        "InUseSources": ["lambda", "ecs", "inspector", "lambda,ecs", "lambda,inspector", "ecs,inspector", "lambda,ecs,inspector"],
        "InUseList": ["s3://bucket/in-use.txt", "s3://my.bucket-1/a/b=c/list"],
        "InUseMaxAge": ["0h", "48h", "2w"],
        "MaxImagesShare": ["0", "0.05", "1", "1.0"],
        "Schedule": ["rate(1 day)", "rate(12 hours)", "cron(30 2 ? * MON-FRI *)"],
        "ScheduleTimezone": ["Europe/Berlin", "Etc/GMT+3"],
        "OnSuccessArn": [
            "arn:aws:sns:us-east-1:123456789012:reports",
            "arn:aws-cn:sqs:cn-north-1:123456789012:reports",
            "arn:aws:lambda:us-east-1:123456789012:function:hear:live",
            "arn:aws:events:us-east-1:123456789012:event-bus/default",
        ],
    }.items(),
)
def test_what_can_be_is_taken_and_the_program_takes_it_too(name: str, values: list[str]) -> None:
    for value in values:
        variables = environment(**{name: value})
        kept = {name: text for name, text in os.environ.items() if not name.startswith("JANITOR_")}
        command = [str(binary("ecr-janitor")), "iam-policy"]
        done = subprocess.run(command, env=kept | variables | BUCKET, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "given, why",
    [
        ({"Mode": "apply"}, "ConfirmApply"),
        ({"RequireTagValue": "enabled"}, "RequireTagKey"),
        ({"ConfigDeletes": "true"}, "ConfigLayerArn"),
        ({"ConfigTags": "true"}, "ConfigLayerArn"),
        (CONFIRMED | {"BackupLocation": "none"}, "BackupKeep"),
        ({"SupersededImages": "delete"}, "Superseded"),
        ({"SupersededImages": "delete", "Preset": "recommended", "Superseded": "keep"}, "Superseded"),
    ],
)
def test_bad_combinations_are_refused(given: dict[str, str], why: str) -> None:
    with pytest.raises(Refused, match=why):
        Stack(**given)


def test_good_combinations_are_taken() -> None:
    for given in (
        CONFIRMED,
        {"ConfirmApply": "yes"},
        {"RequireTagKey": "team"},
        {"BackupLocation": "none"},
        CONFIRMED | {"BackupLocation": "none", "BackupKeep": "0d"},
        {"SupersededImages": "delete", "Superseded": "delete"},
        {"SupersededImages": "delete", "Preset": "recommended"},
        {"SupersededImages": "delete", "ConfigDeletes": "true", "ConfigLayerArn": LAYER},
    ):
        assert Stack(**given)


def test_the_version_is_that_of_the_program() -> None:
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())
    published = source()["Metadata"]["AWS::ServerlessRepo::Application"]
    assert published["SemanticVersion"] == cargo["workspace"]["package"]["version"]
    assert (ROOT / published["LicenseUrl"]).is_file() and (ROOT / published["ReadmeUrl"]).is_file()


def test_the_environments_to_deploy_to_are_good_but_for_the_confirmation() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    given = {
        name: CfnParameterOverridesType().convert((config[name]["deploy"]["parameters"]["parameter_overrides"],), None, None)
        for name in ("default", "apply")
    }
    assert not Stack(**given["default"]).of_type("AWS::IAM::ManagedPolicy")
    with pytest.raises(Refused, match="ConfirmApply"):
        Stack(**given["apply"])
    assert Stack(**given["apply"] | {"ConfirmApply": "yes"})
    assert not re.search(r"\d{12}", (ROOT / "samconfig.toml").read_text())
    # What the way back does not name would keep the value of the way there.
    assert given["default"].keys() >= given["apply"].keys()
    returned = Stack(**given["apply"] | {"ConfirmApply": "yes"} | given["default"])
    assert returned.resources == Stack().resources


def test_the_packaged_template_fits_where_it_is_uploaded() -> None:
    """CloudFormation takes 1 MB from a bucket, 51,200 bytes with the call itself. Packaging writes a template out in full."""
    assert len(yaml_dump(source()).encode()) < 100_000, "docs/adr/0020-one-template.md says why it is one"
    [command] = re.findall(r"aws cloudformation deploy (?:.*\\\n)*.*", (ROOT / "docs" / "DEPLOY.md").read_text())
    assert "--s3-bucket" in command, "it is too large to go with the call"


def test_the_page_of_parameters_is_made_from_the_template() -> None:
    assert (ROOT / "docs" / "PARAMETERS.md").read_text() == table(), "run tests/template/parameters.py again"
