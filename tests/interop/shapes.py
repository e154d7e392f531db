"""Does an answer fit its shape in the service model?"""

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
    "boolean": bool,
    "blob": str,
}


def misfits(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """Everything in `value` that is not as the model says. Enums are open sets to a client, but what the emulator
    answers must be a value that the model knows. Lengths and patterns bind requests only."""
    if isinstance(shape, StructureShape):
        if not isinstance(value, dict):
            yield f"{path}: {value!r} is no structure"
            return
        yield from (f"{path}.{name}: required" for name in shape.required_members if name not in value)
        for name, member in value.items():
            if name in shape.members:
                yield from misfits(shape.members[name], member, f"{path}.{name}")
            else:
                yield f"{path}.{name}: not in the model"
    elif isinstance(shape, ListShape):
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
            return
        for at, member in enumerate(value):
            yield from misfits(shape.member, member, f"{path}[{at}]")
    elif isinstance(shape, MapShape):
        if not isinstance(value, dict):
            yield f"{path}: {value!r} is no map"
            return
        for name, member in value.items():
            yield from misfits(shape.value, member, f"{path}[{name!r}]")
    else:
        yield from _scalar(shape, value, path)


def _scalar(shape: Shape, value: Any, path: str) -> Iterator[str]:
    wrong = not isinstance(value, TYPES[shape.type_name])
    if wrong or (isinstance(value, bool) and shape.type_name != "boolean"):
        yield f"{path}: {value!r} is no {shape.type_name}"
    elif shape.type_name == "blob":
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error:
            yield f"{path}: {value!r} is not base64"
    elif (enum := getattr(shape, "enum", None)) and value not in enum:
        yield f"{path}: {value!r} is none of {enum}"
