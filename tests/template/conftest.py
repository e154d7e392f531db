"""What the tests of the built function share."""

from collections.abc import Iterator

import pytest
from function import Function
from registry import WORLD, Deploy, take_role
from served import Emulator, environment
from template import Stack


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as served:
        for name, tag in (("team-a/api", "enabled"), ("team-b/api", "off")):
            served.admin("world", {"toml": WORLD.format(name=name, tag=tag)})
        yield served


@pytest.fixture
def deploy(emulator: Emulator) -> Deploy:
    """Starts the function with a stack's environment, as the stack's role."""

    def start(stack: Stack) -> Function:
        take_role(emulator, "FUNCTION", stack)
        variables = stack["Function"]["Environment"]["Variables"]
        return Function(environment(emulator.url) | variables | {"AWS_ACCESS_KEY_ID": "FUNCTION"})

    return start
