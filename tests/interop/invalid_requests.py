"""Requests that the service model forbids, each broken in one place."""

import copy
import re
from collections.abc import Iterator
from typing import Any

from botocore.model import ListShape, OperationModel, Shape, StructureShape
from served import Json
from valid_requests import valid_request, valid_value
from world import World

Path = tuple[str | int, ...]


def invalid_requests(operation: OperationModel, world: World) -> Iterator[tuple[str, Json]]:
    """What is wrong (`member kind`), and the request."""
    base = valid_request(operation, world)
    for name, shape in operation.input_shape.members.items():
        if name in operation.input_shape.required_members:
            yield f"{name} missing", {key: value for key, value in base.items() if key != name}
        full = copy.deepcopy(base)
        full.setdefault(name, copy.deepcopy(valid_value(name, shape, world)))
        for path, kind, bad in _breaks((name,), shape, full[name]):
            yield f"{_spelt(path)} {kind}", _with(full, path, bad)


def _breaks(path: Path, shape: Shape, value: Any) -> Iterator[tuple[Path, str, Any]]:
    """Bad values in and below one member that is `value`."""
    yield path, "type", {"structure": "text", "list": "text", "string": 42, "boolean": "text"}.get(shape.type_name, [])
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            if name in shape.required_members:
                yield path, f"without {name}", {key: other for key, other in value.items() if key != name}
            if name in value:
                yield from _breaks((*path, name), member, value[name])
    elif isinstance(shape, ListShape):
        if low:
            yield path, "min", []
        if high:
            yield path, "max", [_numbered(value[0], at) for at in range(high + 1)]
        yield from _breaks((*path, 0), shape.member, value[0])
    elif shape.type_name in ("integer", "long"):
        if low is not None:
            yield path, "min", low - 1
        if high is not None:
            yield path, "max", high + 1
    elif shape.type_name == "string":
        yield from _bad_texts(path, shape, value, low, high)


def _bad_texts(
    path: Path, shape: Shape, value: str, low: int | None, high: int | None
) -> Iterator[tuple[Path, str, Any]]:
    pattern = shape.metadata.get("pattern")
    if low:
        yield path, "min", value[: low - 1]
    if high and high < 5_000_000:
        yield path, "max", value + value[-1] * (high + 1 - len(value))
    if pattern:
        bad = "!  not this one  !"
        assert not re.fullmatch(pattern, bad), (path, pattern)
        yield path, "pattern", bad
    if getattr(shape, "enum", None):
        yield path, "enum", "NOT_A_VALUE"


def _numbered(value: Any, at: int) -> Any:
    """Different entries, so that only their number is wrong."""
    if isinstance(value, str) and not value.isdigit():
        return f"{value[: -len(str(at))]}{at}"
    if isinstance(value, dict):
        changing = ("imageDigest", "Key", "filter")
        return {key: _numbered(other, at) if key in changing else other for key, other in value.items()}
    return value


def _with(request: Json, path: Path, value: Any) -> Json:
    changed = copy.deepcopy(request)
    inner: Any = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return changed


def _spelt(path: Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
