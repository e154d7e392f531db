"""Alarms, the dashboard and the saved queries speak of metrics and fields that there are."""

import json
import re
from typing import Any

import pytest
from template import PSEUDO, ROOT, Stack

STACK = Stack(ImageActions="on")

# What the function writes in namespace EcrJanitor, with the one dimension FunctionName.
METRICS = set(re.findall(r'\("([A-Z]\w+)", "(?:Count|Bytes|Milliseconds)"', (ROOT / "src/lambda/emf.rs").read_text()))
OF_LAMBDA = ("Errors", "Invocations", "Throttles", "DestinationDeliveryFailures")
OTHERS = {("AWS/Lambda", metric): "FunctionName" for metric in OF_LAMBDA} | {("AWS/SQS", "ApproximateNumberOfMessagesVisible"): "QueueName"}


def is_known(namespace: str, metric: str, dimension: str) -> bool:
    if namespace == "EcrJanitor":
        return metric in METRICS and dimension == "FunctionName"
    return OTHERS.get((namespace, metric)) == dimension


def test_alarms_are_about_what_is_measured() -> None:
    alarms = STACK.of_type("AWS::CloudWatch::Alarm")
    for name, alarm in alarms.items():
        [dimension] = alarm["Dimensions"]
        assert is_known(alarm["Namespace"], alarm["MetricName"], dimension["Name"]), name
        if name != "DidNotRunAlarm":
            assert alarm["TreatMissingData"] == "notBreaching", "the function runs once a night"
            assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
        assert alarm["AlarmDescription"], name
    watched = {(alarm["MetricName"], alarm["Dimensions"][0]["Value"]) for alarm in alarms.values()}
    visible = "ApproximateNumberOfMessagesVisible"
    assert watched == {
        *((metric, "ref:Function") for metric in ("Failed", "BreakerTrips", "IncompleteRuns", "ReferrerPressure", *OF_LAMBDA)),
        *((visible, f"get:{name}.QueueName") for name in ("UndeliveredQueue", "FailedQueue", "ImageActionsFailedQueue")),
    }  # fmt: skip


def test_alarms_are_heard_where_a_topic_is_given() -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:alarms"
    heard = Stack(AlarmTopicArn=topic).of_type("AWS::CloudWatch::Alarm")
    silent = Stack().of_type("AWS::CloudWatch::Alarm")
    assert heard.keys() == silent.keys()
    assert all(alarm["AlarmActions"] == alarm["OKActions"] == [topic] for alarm in heard.values())
    assert all(not {"AlarmActions", "OKActions"} & alarm.keys() for alarm in silent.values())


def test_a_night_without_a_run_is_noticed_where_there_is_a_schedule() -> None:
    alarm = Stack(MissedRunsDays="3")["DidNotRunAlarm"]
    assert (alarm["ComparisonOperator"], alarm["TreatMissingData"]) == ("LessThanThreshold", "breaching")
    assert (alarm["Period"], str(alarm["EvaluationPeriods"])) == (86400, "3")
    assert "DidNotRunAlarm" not in Stack(ScheduleEnabled="false").resources


def test_in_plan_mode_nobody_is_called_for_what_was_not_to_be_done() -> None:
    def silent(stack: Stack) -> set[str]:
        alarms = stack.of_type("AWS::CloudWatch::Alarm")
        return {name for name, alarm in alarms.items() if alarm.get("ActionsEnabled") is False}

    assert silent(Stack()) == {"FailedImagesAlarm", "BreakerAlarm", "IncompleteAlarm"}
    assert not silent(Stack(Mode="apply", ConfirmApply="yes"))


def test_the_alarm_of_errors_tells_what_else_they_are() -> None:
    text = STACK["ErrorsAlarm"]["AlarmDescription"]
    assert all(word in text for word in ("failed", "timed out", "crashed", "memory", "may already have been deleted"))


@pytest.mark.parametrize(
    "partition, host",
    [("aws", "console.aws.amazon.com"), ("aws-cn", "console.amazonaws.cn"), ("aws-us-gov", "console.amazonaws-us-gov.com")],
)
def test_the_dashboard_is_found_in_each_partition(partition: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PSEUDO, "AWS::Partition", partition)
    assert Stack().outputs["DashboardUrl"].startswith(f"https://us-east-1.{host}/cloudwatch/")


def widgets() -> list[Any]:
    return json.loads(STACK["Dashboard"]["DashboardBody"])["widgets"]


def test_the_dashboard_shows_what_is_measured() -> None:
    shown = set()
    for widget in widgets():
        assert {"type", "x", "y", "width", "height", "properties"} == widget.keys()
        assert widget["properties"]["region"] == "us-east-1" and widget["properties"]["title"]
        previous: list[str] = []
        for row in widget["properties"].get("metrics", []):
            # A dot stands for what is above it.
            row = [previous[at] if cell == "." else cell for at, cell in enumerate(row)]
            namespace, metric, dimension, value = row[:4]
            assert is_known(namespace, metric, dimension) and value == "ref:Function", row
            shown.add(metric)
            previous = row
    assert {"Deleted", "Failed", "ReferrerPressure", "ApiCalls", "Duration"} <= shown
    queries = [widget["properties"]["query"] for widget in widgets() if widget["type"] == "log"]
    assert any("sources.0.source" in query and "by pipeline" in query for query in queries), "who makes attestations"


def test_widgets_do_not_overlap() -> None:
    taken = set()
    for widget in widgets():
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken and max(x for x, _ in cells) < 24
        taken |= cells


def documented_fields() -> set[str]:
    """What docs/OUTPUT.md calls a field: in backquotes."""
    text = (ROOT / "docs" / "OUTPUT.md").read_text()
    return set(re.findall(r"`([a-z_]+)(?:\[\])?`", text))


def check_query(query: str, *parameters: str) -> None:
    query = re.sub(r"^#.*\n", "", query, flags=re.M)
    for parameter in parameters:
        assert f'"{{{{{parameter}}}}}"' in query, parameter
        query = query.replace("{{" + parameter + "}}", "")
    assert "{{" not in query
    commands = [part.strip() for part in query.split("|")]
    allowed = {"filter", "fields", "stats", "sort", "limit", "SOURCE"}
    assert {command.split()[0] for command in commands} <= allowed, query
    bare = re.sub(r"\"[^\"]*\"|'[^']*'|/[^/]+/", "", query)
    words = set(re.findall(r"(?<![@.\w-])[a-z_]+(?=[^(\w]|$)", bare))
    named = set(re.findall(r" as (\w+)", bare))
    language = {"filter", "fields", "stats", "sort", "limit", "by", "as", "and", "or", "in", "like", "desc", "asc"}
    assert words - language - named <= documented_fields(), words - language - named - documented_fields()
    assert set(re.findall(r"@\w+", bare)) <= {"@timestamp", "@message"}


def test_queries_ask_for_documented_fields() -> None:
    queries = STACK.of_type("AWS::Logs::QueryDefinition")
    assert len(queries) == 6
    for query in queries.values():
        assert query["LogGroupNames"] == ["ref:LogGroup"]
        assert query["Name"].startswith("ecr-janitor/")
        check_query(query["QueryString"], *(parameter["Name"] for parameter in query.get("Parameters", [])))
    for widget in widgets():
        if widget["type"] == "log":
            assert widget["properties"]["query"].startswith("SOURCE 'ref:LogGroup' | ")
            check_query(widget["properties"]["query"])


def test_queries_look_for_values_that_there_are() -> None:
    text = (ROOT / "docs" / "OUTPUT.md").read_text()
    for query in STACK.of_type("AWS::Logs::QueryDefinition").values():
        for value in re.findall(r'"([^"{]+)"', query["QueryString"]):
            assert f"`{value}`" in text, value
