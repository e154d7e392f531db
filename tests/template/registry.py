"""The registry that the function is run in: two teams, and the emulator's IAM with the roles of a stack."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from function import Function
from served import Emulator
from template import Stack

# In each: an attestation that nothing lists any more, and one of a tagged image.
WORLD = """
[[repository]]
name = "{name}"
tags = {{ janitor = "{tag}" }}
[[repository.build]]
form = "legacy"
run = 1
days_ago = 40
deleted_index = true
[[repository.build]]
form = "legacy"
tag = "v1"
days_ago = 30
"""

Deploy = Callable[[Stack], AbstractContextManager[Function]]


def take_role(emulator: Emulator, principal: str, stack: Stack) -> None:
    """Gives what a stack's role may do in ECR to whoever signs with this access key id."""
    statements = [one for one in stack.statements().values() if "ecr:" in str(one["Action"])]
    policy = {"Version": "2012-10-17", "Statement": statements}
    emulator.admin("policy", {"principal": principal, "policy": policy})


def changes(emulator: Emulator) -> list[Any]:
    """What was written since the world was made, by repository and kind."""
    return [(entry["repository"], *entry["kind"]) for entry in emulator.admin("journal")]
