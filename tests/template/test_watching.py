"""Alarms, the dashboard and the saved queries speak of metrics and fields that there are."""

import json
import re
from typing import Any

from template import ROOT, Stack

STACK = Stack(ImageActions="on")

# What the function writes in namespace EcrJanitor, with the one dimension FunctionName.
METRICS = set(re.findall(r'\("([A-Z]\w+)", "(?:Count|Bytes|Milliseconds)"', (ROOT / "src/lambda/emf.rs").read_text()))
OTHERS = {("AWS/Lambda", "Errors"): "FunctionName", ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): "QueueName"}


def is_known(namespace: str, metric: str, dimension: str) -> bool:
    if namespace == "EcrJanitor":
        return metric in METRICS and dimension == "FunctionName"
    return OTHERS.get((namespace, metric)) == dimension


def test_alarms_are_about_what_is_measured() -> None:
    alarms = STACK.of_type("AWS::CloudWatch::Alarm")
    for name, alarm in alarms.items():
        [dimension] = alarm["Dimensions"]
        assert is_known(alarm["Namespace"], alarm["MetricName"], dimension["Name"]), name
        assert alarm["TreatMissingData"] == "notBreaching", "the function runs once a night"
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
        assert alarm["AlarmDescription"], name
    watched = {(alarm["MetricName"], alarm["Dimensions"][0]["Value"]) for alarm in alarms.values()}
    visible = "ApproximateNumberOfMessagesVisible"
    assert watched == {
        *((metric, "ref:Function") for metric in ("Errors", "Failed", "BreakerTrips", "IncompleteRuns", "ReferrerPressure")),
        *((visible, f"get:{name}.QueueName") for name in ("UndeliveredQueue", "FailedQueue", "ImageActionsFailedQueue")),
    }  # fmt: skip


def test_alarms_are_heard_where_a_topic_is_given() -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:alarms"
    heard = Stack(AlarmTopicArn=topic).of_type("AWS::CloudWatch::Alarm")
    silent = Stack().of_type("AWS::CloudWatch::Alarm")
    assert heard.keys() == silent.keys()
    assert all(alarm["AlarmActions"] == [topic] for alarm in heard.values())
    assert all("AlarmActions" not in alarm for alarm in silent.values())


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


def check_query(query: str) -> None:
    query = re.sub(r"^#.*\n", "", query, flags=re.M)
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
        check_query(query["QueryString"])
    for widget in widgets():
        if widget["type"] == "log":
            assert widget["properties"]["query"].startswith("SOURCE 'ref:LogGroup' | ")
            check_query(widget["properties"]["query"])


def test_queries_look_for_values_that_there_are() -> None:
    text = (ROOT / "docs" / "OUTPUT.md").read_text()
    for query in STACK.of_type("AWS::Logs::QueryDefinition").values():
        for value in re.findall(r'"([^"]+)"', query["QueryString"]):
            assert f"`{value}`" in text, value
