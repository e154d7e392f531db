"""Prints docs/PARAMETERS.md from template.yaml: `python tests/template/parameters.py > docs/PARAMETERS.md`."""

from template import source

HEAD = """\
# Parameters of the template

Made from `template.yaml` by `tests/template/parameters.py`; a test compares the two. Values that cannot work are refused by
CloudFormation before anything is created.
"""


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
    default = f"`{declared['Default']}`" if str(declared["Default"]) else "none"
    if "AllowedValues" in declared:
        values = ", ".join(f"`{value}`" for value in declared["AllowedValues"])
    else:
        values = declared["ConstraintDescription"]
    cells = [f"`{name}`", default, values, " ".join(declared["Description"].split())]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    print(table(), end="")
