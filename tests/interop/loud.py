"""Skips that nobody can overlook."""

import os
from typing import NoReturn

import pytest


def skip(what: str) -> NoReturn:
    """Skips the test, which the summary at the end shows; where CI is set, it fails instead."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} (a skipped witness is a failure in CI)")
    pytest.skip(what)
