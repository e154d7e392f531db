"""The parameters are the configuration: the same keys, the same defaults, and what cannot be is refused at once."""

import os
import re
import subprocess
import tomllib

import pytest
from parameters import table
from served import binary
from template import ROOT, Refused, Stack, parameters, source

CONFIRMED = {"Mode": "apply", "ConfirmApply": "yes"}
LAYER = "arn:aws:lambda:us-east-1:123456789012:layer:janitor:3"


def environment(**given: str) -> dict[str, str]:
    return Stack(**given)["Function"]["Environment"]["Variables"]


def documented() -> dict[str, object]:
    """The keys of janitor.toml, which are all there are, with their defaults."""
    file = tomllib.loads((ROOT / "janitor.toml").read_text())
    return {"mode": file["mode"]} | file["select"] | file["policy"] | file["limits"]


def test_every_key_has_a_parameter_with_the_same_default() -> None:
    lists = re.findall(
        r"const (?:SELECT|LIMITS|KEYS): \[&(?:'static )?str; \d+\] = \[([^\]]*)\]",
        "".join((ROOT / "src" / name).read_text() for name in ("config/mod.rs", "config/setting.rs")),
    )
    assert len(lists) == 3
    assert {"mode", *re.findall(r'"(\w+)"', "".join(lists))} == documented().keys()

    def text(value: object) -> str:
        return ",".join(value) if isinstance(value, list) else "" if value == {} else str(value)

    expected = {f"JANITOR_{key.upper()}": text(value) for key, value in documented().items()}
    assert environment() == expected | {"JANITOR_CONFIG": ""}


def test_each_parameter_arrives_where_it_should() -> None:
    given = {
        "Repositories": "team/*,web",
        "Exclude": "team/x",
        "GracePeriod": "3d",
        "Orphaned": "tag",
        "OrphanedWithSubject": "delete",
        "Superseded": "delete",
        "SupersededAfter": "2w",
        "SupersededImages": "delete",
        "KeepPulledWithin": "0d",
        "Attached": "tag",
        "TagTemplate": "att-{digest}",
        "MaxDeletions": "7",
        "MaxDeletionsShare": "0.25",
        "Concurrency": "9",
    }
    variables = environment(**given, **CONFIRMED, RequireTagKey="team", RequireTagValue="a=b", ConfigLayerArn=LAYER)
    for name, value in given.items():
        assert variables["JANITOR" + re.sub("([A-Z])", r"_\1", name).upper()] == value
    assert variables["JANITOR_MODE"] == "apply"
    assert variables["JANITOR_REQUIRE_TAG"] == "team=a=b"
    assert variables["JANITOR_CONFIG"] == "/opt/janitor.toml"


def test_each_parameter_is_explained_and_has_its_place() -> None:
    declared = source()["Parameters"]
    interface = source()["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(grouped) == sorted(declared) == sorted(interface["ParameterLabels"])
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
        "SupersededAfter": ["a month", ""],
        "KeepPulledWithin": ["90"],
        "Orphaned": ["archive"],
        "Attached": ["delete"],
        "SupersededImages": ["tag"],
        "Repositories": ["", "Team/*", "team/[ab]", "a, b", "a,,b", "a b", "arn:aws:ecr", 'a"'],
        "Exclude": ["Team/x", ",", "a,"],
        "RequireTagKey": ["a=b", "a,b", 'a"b', "${aws:username}", "x" * 129],
        "RequireTagValue": ["a,b", 'a"', "${x}"],
        "MaxDeletions": ["-1", "1.5", "many", "1e3"],
        "MaxDeletionsShare": ["1.5", "-0.1", "50%", ".5", "NaN"],
        "Concurrency": ["0", "100"],
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
        "OnSuccessArn": ["arn:aws:s3:::bucket", "https://sqs.us-east-1.amazonaws.com/123456789012/queue"],
        "AlarmTopicArn": ["topic"],
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
        "Concurrency": ["1", "99"],
        "Repositories": ["*", "team/*,web-?", "a_b.c-d/e"],
        "TagTemplate": ["{digest}", "a.{subject}_{platform}-{digest}", "a" * 91 + "{digest}", "a" * 72 + "{platform}{subject}{digest}"],
        "MaxDeletions": ["0", "100000"],
        "MaxDeletionsShare": ["0", "0.05", "1", "1.0"],
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
        done = subprocess.run(command, env=kept | variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "given, why",
    [
        ({"Mode": "apply"}, "ConfirmApply"),
        ({"RequireTagValue": "enabled"}, "RequireTagKey"),
        ({"OverridesDelete": "true"}, "ConfigLayerArn"),
        ({"OverridesTag": "true"}, "ConfigLayerArn"),
        ({"SupersededImages": "delete"}, "Superseded"),
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
        {"SupersededImages": "delete", "Superseded": "delete"},
        {"SupersededImages": "delete", "OverridesDelete": "true", "ConfigLayerArn": LAYER},
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
        name: dict(pair.split("=", 1) for pair in config[name]["deploy"]["parameters"]["parameter_overrides"].split())
        for name in ("default", "apply")
    }
    assert not Stack(**given["default"]).of_type("AWS::IAM::ManagedPolicy")
    with pytest.raises(Refused, match="ConfirmApply"):
        Stack(**given["apply"])
    assert Stack(**given["apply"] | {"ConfirmApply": "yes"})
    assert not re.search(r"\d{12}", (ROOT / "samconfig.toml").read_text())


def test_the_page_of_parameters_is_made_from_the_template() -> None:
    assert (ROOT / "docs" / "PARAMETERS.md").read_text() == table(), "run tests/template/parameters.py again"
