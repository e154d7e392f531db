"""Makes what the Terraform module has from template.yaml: its variables, and its alarms, queries and dashboard.

`python tests/template/terraform.py` writes terraform/variables.tf and terraform/settings/watching.json; a test compares them.
"""

import json
import re
from typing import Any

from parameters import key
from template import ROOT, Stack, source

Json = Any
VARIABLES = ROOT / "terraform" / "variables.tf"
WATCHING = ROOT / "terraform" / "settings" / "watching.json"

# Terraform asks before it applies, by itself.
LEFT_OUT = {"ConfirmApply"}
LISTS = {"Repositories", "Exclude", "InUseSources"}
BOOLEANS = ({"true", "false"}, {"on", "off"}, {"yes", "no"})
# Go's regular expressions have no lookahead: the function checks this one when it starts.
UNCHECKED = {"TagTemplate"}
HEAD = """\
# Made from template.yaml by tests/template/terraform.py; a test compares the two. What is null sets nothing: then the
# file in the layer holds, else the built-in default.

variable "name" {
  description = "The name of the function, and the beginning of all other names"
  type        = string
  default     = "ecr-janitor"
}

variable "filename" {
  description = "The function's zip, of a release or built by cargo lambda"
  type        = string
}
"""


def variable_type(name: str, declared: Json) -> str:
    if name in LISTS:
        return "list(string)"
    if set(declared.get("AllowedValues", [])) in BOOLEANS:
        return "bool"
    return "number" if declared["Type"] == "Number" else "string"


def default(name: str, declared: Json) -> str:
    value = declared["Default"]
    match variable_type(name, declared):
        case "list(string)":
            return "[]"
        case "bool":
            return "true" if value in ("true", "on", "yes") else "false"
        case "number":
            return str(value)
    # The one value that says "none" by a word of its own.
    return "null" if value == "" or (name, value) == ("ReservedConcurrency", "none") else json.dumps(value)


def condition(name: str, declared: Json) -> str | None:
    """Whether a value can be, as Terraform puts it."""
    variable = f"var.{key(name)}"
    kind = variable_type(name, declared)
    if kind == "list(string)":
        one = declared.get("AllowedPattern", "^(lambda|ecs|inspector)$")
        one = re.sub(r"^\^\(\[(.*?)\]\{1,256\}.*$", r"^[\1]{1,256}$", one)
        return f"alltrue([for one in {variable} : can(regex({quoted(one)}, one))])"
    if kind == "number":
        if "AllowedValues" in declared:
            return f"contains({json.dumps(declared['AllowedValues'])}, {variable})"
        return f"{variable} >= {declared['MinValue']} && {variable} <= {declared['MaxValue']}"
    if kind == "bool" or name in UNCHECKED:
        return None
    if "AllowedValues" in declared:
        check = f"contains({json.dumps([one for one in declared['AllowedValues'] if one != ''])}, {variable})"
    else:
        check = f"can(regex({quoted(declared['AllowedPattern'])}, {variable}))"
    return f"{variable} == null ? true : {check}" if default(name, declared) == "null" else check


def quoted(pattern: str) -> str:
    return json.dumps(pattern).replace("${", "$${")


def variable(name: str, declared: Json) -> str:
    lines = [
        f'variable "{key(name)}" {{',
        f"  description = {json.dumps(' '.join(declared['Description'].split()))}",
        f"  type        = {variable_type(name, declared)}",
        f"  default     = {default(name, declared)}",
    ]
    check = condition(name, declared)
    if check:
        meaning = declared.get("ConstraintDescription") or "one of " + ", ".join(str(one) for one in declared["AllowedValues"] if one != "")
        message = f"{key(name)} must be {meaning}."
        lines += ["", "  validation {", f"    condition     = {check}", f"    error_message = {json.dumps(message)}", "  }"]
    return "\n".join([*lines, "}\n"])


def variables() -> str:
    declared = {name: one for name, one in source()["Parameters"].items() if name not in LEFT_OUT}
    blocks = [variable(name, one) for name, one in declared.items()]
    width = max(len(key(name)) for name in declared)
    given = "".join(f"    {key(name):{width}} = var.{key(name)}\n" for name in declared)
    return "\n".join([HEAD, *blocks]) + f"\nlocals {{\n  given = {{\n{given}  }}\n}}\n"


def placeholders(value: Json) -> Json:
    """With the names that only Terraform knows in place of references."""
    text = json.dumps(value)
    names = {
        "ref:Function": "function",
        "ref:LogGroup": "log_group",
        "get:UndeliveredQueue.QueueName": "undelivered_queue",
        "get:FailedQueue.QueueName": "failed_queue",
        "get:ImageActionsFailedQueue.QueueName": "failed_pushes_queue",
        "us-east-1": "region",
    }
    for reference, name in names.items():
        text = text.replace(reference, "${" + name + "}")
    return json.loads(text)


def watching() -> str:
    stack = Stack(ImageActions="on")
    written = source()["Resources"]
    alarms = {}
    for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
        suffix = alarm["AlarmName"].removeprefix("ecr-janitor-")
        [dimension] = alarm["Dimensions"]
        alarms[suffix] = {
            "description": alarm["AlarmDescription"],
            "namespace": alarm["Namespace"],
            "metric": alarm["MetricName"],
            "dimensions": {dimension["Name"]: dimension["Value"]},
            "statistic": alarm["Statistic"],
            "period": alarm["Period"],
            "threshold": alarm["Threshold"],
            "comparison": alarm["ComparisonOperator"],
            "missing": alarm["TreatMissingData"],
            "evaluations": "${missed_runs_days}" if name == "DidNotRunAlarm" else "1",
            "needs": {"IsScheduled": "schedule", "HearsImageActions": "image_actions"}.get(written[name].get("Condition"), "nothing"),
            "silent_in_plan": alarm.get("ActionsEnabled") is False,
        }
    queries = {query["Name"].split("/")[1]: with_defaults(query) for query in stack.of_type("AWS::Logs::QueryDefinition").values()}
    dashboard = json.loads(stack["Dashboard"]["DashboardBody"])
    return json.dumps(placeholders({"alarms": alarms, "queries": queries, "dashboard": dashboard}), indent=2) + "\n"


def with_defaults(query: Json) -> str:
    """A query without parameters, which Terraform's provider does not have."""
    text = query["QueryString"]
    for parameter in query.get("Parameters", []):
        text = text.replace("{{" + parameter["Name"] + "}}", parameter["DefaultValue"])
    return text


if __name__ == "__main__":
    VARIABLES.write_text(variables())
    WATCHING.write_text(watching())
