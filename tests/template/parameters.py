"""Prints docs/PARAMETERS.md from template.yaml: `python tests/template/parameters.py > docs/PARAMETERS.md`."""

import re
import tomllib

from template import ROOT, Json, source

HEAD = """\
# Parameters of the template

Made from `template.yaml` by `tests/template/parameters.py`; a test compares the two. Values that cannot work are refused by
CloudFormation before anything is created.

A parameter whose default is marked with a star is a key of the configuration. Left empty, which is what the template does by
itself, it sets nothing: then the `janitor.toml` of `ConfigLayerArn` holds, and without one, or without the key in it, the
default that is shown here.
"""
# Sections whose parameters bear their names, since both have a location.
NAMED = {"memory", "backup", "in_use"}


def configuration() -> dict[str, Json]:
    """The keys of janitor.toml that have parameters, with their defaults. Some are comments there, so that they do not win over a preset."""
    text = (ROOT / "janitor.toml").read_text().split("# The first override", maxsplit=1)[0]
    file = tomllib.loads(re.sub(r"(?m)^# (\w+ +=)", r"\1", text))
    keys = {"mode": file.pop("mode")}
    for name, section in file.items():
        keys |= {f"{name}_{key}": value for key, value in section.items()} if name in NAMED else section
    return keys


def key(parameter: str) -> str:
    """The key of a parameter: `max_tag_loss` of `MaxTagLoss`."""
    return re.sub("(?<!^)([A-Z])", r"_\1", parameter).lower()


def table() -> str:
    """The page: a table for each group, in the order in which the console asks."""
    interface = source()["Metadata"]["AWS::CloudFormation::Interface"]
    parts = [HEAD]
    for group in interface["ParameterGroups"]:
        parts.append(f"\n## {group['Label']['default']}\n\n| parameter | default | values | meaning |\n|---|---|---|---|\n")
        parts += [row(name) for name in group["Parameters"]]
    return "".join(parts)


def row(name: str) -> str:
    declared = source()["Parameters"][name]
    default, star = str(declared["Default"]), ""
    if default == "" and key(name) in configuration():
        value, star = configuration()[key(name)], " *"
        default = ",".join(value) if isinstance(value, list) else str(value)
    default = (f"`{default}`" if default else "none") + star
    if "AllowedValues" in declared:
        values = ", ".join(f"`{value}`" for value in declared["AllowedValues"] if value != "")
    else:
        values = declared["ConstraintDescription"]
    cells = [f"`{name}`", default, values, " ".join(declared["Description"].split())]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    print(table(), end="")
