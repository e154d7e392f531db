"""What `ecr-janitor iam-policy` prints is what the template grants: the same statements, for the same configuration."""

import json
import os
import re
import subprocess
from typing import Any

import pytest
from served import binary
from template import Stack

CONFIRMED = {"Mode": "apply", "ConfirmApply": "yes"}
# A name for what has none before it is deployed.
BUCKET = "ecr-janitor-statebucket"


def printed(stack: Stack) -> dict[str, Any]:
    """The statements for the environment that the stack gives its function, by Sid."""
    variables = dict(stack["Function"]["Environment"]["Variables"])
    if "JANITOR_STATE_BUCKET" in variables:
        variables["JANITOR_STATE_BUCKET"] = BUCKET
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JANITOR_")}
    # As the template names resources: it cannot write a Region and an account into a list of patterns.
    command = [str(binary("ecr-janitor")), "iam-policy", "--partition", "*", "--region", "*"]
    done = subprocess.run(command, env=kept | variables, capture_output=True, text=True, check=True)
    return by_sid(json.loads(done.stdout)["Statement"])


def granted(stack: Stack) -> dict[str, Any]:
    """What the function's role has of it, by Sid."""
    of_services = [one for one in stack.statements().values() if re.search("ecr:|s3:|ecs:|inspector2:|lambda:(List|Get)", str(one["Action"]))]
    return by_sid(json.loads(json.dumps(of_services).replace("ref:StateBucket", BUCKET).replace("arn:aws:s3", "arn:*:s3")))


def by_sid(statements: list[Any]) -> dict[str, Any]:
    """A lone action or resource is a list of one."""
    lists = ("Action", "Resource", "NotResource")
    normal = [{key: listed(one) if key in lists else one for key, one in each.items()} for each in statements]
    return {statement["Sid"]: statement for statement in normal}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"Repositories": "team/*,web-?", "RequireTagKey": "ecr-janitor", "RequireTagValue": "enabled"},
        CONFIRMED,
        CONFIRMED | {"Repositories": "team/*,web-?", "Exclude": "team/old,x/*"},
        CONFIRMED | {"Orphaned": "keep", "Exclude": "team/old"},
        CONFIRMED | {"Orphaned": "tag", "RequireTagKey": "team:owner", "RequireTagValue": "a=b"},
        CONFIRMED | {"Superseded": "delete", "Attached": "tag", "Repositories": "a/*"},
        {"Preset": "recommended"},
        CONFIRMED | {"Preset": "recommended", "Superseded": "tag", "Exclude": "x"},
        CONFIRMED | {"Preset": "recommended", "Orphaned": "keep"},
        CONFIRMED | {"BackupKeep": "0d"},
        CONFIRMED | {"BackupKeep": "0d", "MemoryStatements": "newest"},
        {"MemoryStatements": "newest"},
        CONFIRMED | {"MemoryLocation": "none", "BackupLocation": "s3://bucket/a/b"},
        {"MemoryLocation": "s3://bucket", "BackupLocation": "none"},
        {"InUseSources": "lambda"},
        {"InUseSources": "ecs,inspector", "InUseList": "s3://lists/a/in-use.txt"},
        CONFIRMED | {"InUseSources": "lambda,ecs,inspector", "InUseMaxAge": "12h"},
    ],
)
def test_the_role_and_the_printed_policy_agree(given: dict[str, str]) -> None:
    stack = Stack(**given)
    role = granted(stack)
    only = role.pop("OnlyThisRegistry")
    assert only["Effect"] == "Deny"
    role.pop("OnlyOwnBucket", None)
    # The one statement without patterns can name its registry.
    role["Discover"]["Resource"] = [one.replace(":aws:", ":*:").replace("us-east-1:123456789012", "*:*")
                                    for one in role["Discover"]["Resource"]]  # fmt: skip
    assert printed(stack) == role
