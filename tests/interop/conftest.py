"""What all witnesses share."""

from collections.abc import Iterator

import pytest
from served import Emulator


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator with nothing in it."""
    with Emulator() as served:
        yield served
