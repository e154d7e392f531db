"""A registry of two teams, and the built function in it with what a stack would give it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from function import Function
from served import Emulator, environment
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


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as served:
        for name, tag in (("team-a/api", "enabled"), ("team-b/api", "off")):
            served.admin("world", {"toml": WORLD.format(name=name, tag=tag)})
        yield served


Deploy = Callable[[Stack], AbstractContextManager[Function]]


@pytest.fixture
def deploy(emulator: Emulator) -> Deploy:
    """Starts the function with a stack's environment, as the stack's role."""

    def start(stack: Stack) -> Function:
        take_role(emulator, "FUNCTION", stack)
        variables = stack["Function"]["Environment"]["Variables"]
        return Function(environment(emulator.url) | variables | {"AWS_ACCESS_KEY_ID": "FUNCTION"})

    return start


def take_role(emulator: Emulator, principal: str, stack: Stack) -> None:
    """Gives what a stack's role may do in ECR to whoever signs with this access key id."""
    statements = [one for one in stack.statements().values() if "ecr:" in str(one["Action"])]
    policy = {"Version": "2012-10-17", "Statement": statements}
    emulator.admin("policy", {"principal": principal, "policy": policy})


def changes(emulator: Emulator) -> list[Any]:
    """What was written since the world was made, by repository and kind."""
    return [(entry["repository"], *entry["kind"]) for entry in emulator.admin("journal")]
