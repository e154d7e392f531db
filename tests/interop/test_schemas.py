"""Witness: Python's jsonschema, against the schemas and what the programs print."""

import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from images import build
from jsonschema import Draft202012Validator, FormatChecker
from served import Emulator, binary, environment
from world import put

ROOT = Path(__file__).parents[2]
REPOSITORY = "schemas/web"


def _schema(name: str) -> Draft202012Validator:
    """The schema as the program prints it, itself checked against the schema of schemas."""
    printed = subprocess.run([binary("ecr-janitor"), "schema", name], check=True, capture_output=True, text=True)
    schema = json.loads(printed.stdout)
    assert schema == json.loads((ROOT / "schemas" / f"{name}.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


def _run(emulator: Emulator, folder: Path, *arguments: str) -> Any:
    """The JSON that a command prints."""
    variables = environment(emulator.url) | {"XDG_STATE_HOME": str(folder)}
    command = [binary("ecr-janitor"), *arguments, "--output", "json"]
    return json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True, env=variables, cwd=folder).stdout
    )


def test_reports_and_plans(emulator: Emulator, tmp_path: Path) -> None:
    """A plan, its file and an apply, and documents that are no such thing."""
    emulator.call("CreateRepository", repositoryName=REPOSITORY)
    put(emulator, REPOSITORY, build("schemas", "first"), "v1")
    report, plan = _schema("report"), _schema("plan")
    planned = _run(emulator, tmp_path, "plan", "--out", "plan.json")
    saved = json.loads((tmp_path / "plan.json").read_text())
    report.validate(planned)
    report.validate(_run(emulator, tmp_path, "apply", "--yes"))
    plan.validate(saved)
    assert planned["repositories"][0]["decisions"]
    assert not report.is_valid(saved)
    assert not plan.is_valid(planned)
    assert not plan.is_valid(saved | {"force": True})
    assert not report.is_valid(planned | {"mode": "delete"})


def test_the_shipped_configuration_and_events() -> None:
    """What lies in the repository, and mistakes in it."""
    config, event = _schema("config"), _schema("event")
    shipped = tomllib.loads((ROOT / "janitor.toml").read_text())
    config.validate(shipped)
    for mistake in ({"mode": "delete"}, {"policy": {"orphand": "keep"}}, {"override": [{"orphaned": "tag"}]}):
        assert not config.is_valid(mistake), mistake
    config.validate({"override": [{"repositories": ["prod/*"], "orphaned": "tag"}]})
    for path in (ROOT / "events").glob("*.json"):
        assert event.is_valid(json.loads(path.read_text())) == (path.name != "bad.json"), path


@pytest.mark.parametrize("name", ["report", "plan", "config", "event"])
def test_everything_is_described(name: str) -> None:
    """Every property says what it is."""
    schema = _schema(name).schema
    objects = [schema, *schema.get("$defs", {}).values()]
    for properties in (it["properties"] for it in objects if "properties" in it):
        for key, value in properties.items():
            assert "description" in value or "const" in value or "$ref" in value, key
