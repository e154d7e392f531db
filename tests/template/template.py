"""The templates as CloudFormation would see them: translated by SAM, their parameters checked, everything resolved.

CloudFormation itself is not to be had without an account. What of its language the template uses is written down here.
"""

import copy
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

Json = Any
ROOT = Path(__file__).parent.parent.parent
LAYER = "arn:aws:lambda:us-east-1:123456789012:layer:janitor:3"
HUB_ROLE = "arn:aws:iam::123456789012:role/ecr-janitor-FunctionRole-0A1B"
NO_VALUE = object()
PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::NoValue": NO_VALUE,
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "ecr-janitor",
}


class Refused(Exception):
    """What CloudFormation answers instead of creating anything."""


@cache
def source(file: str = "template.yaml") -> Json:
    """A template as it is written."""
    return yaml_parse((ROOT / file).read_text())


def translated(file: str = "template.yaml", /, **given: str) -> Json:
    """A template as SAM makes CloudFormation of it, where some parameters are given (SAM fills in some of them)."""
    return json.loads(_translated(file, tuple(sorted(given.items()))))


@cache
def _translated(file: str, given: tuple[tuple[str, str], ...]) -> str:
    template = copy.deepcopy(source(file))
    if "Transform" not in template:
        return json.dumps(template)
    template["Resources"]["Function"]["Properties"]["CodeUri"] = {"Bucket": "code", "Key": "function.zip"}
    return json.dumps(transform(template, dict(given), type("NoManagedPolicies", (), {"load": dict})()))


class Stack:
    """The template with some parameters."""

    FILE = "template.yaml"

    def __init__(self, **given: str) -> None:
        self.parameters = parameters(given, self.FILE)
        template = translated(self.FILE, **given)
        self._conditions = template["Conditions"]
        self._mappings = template.get("Mappings", {})
        self._types = {name: resource["Type"] for name, resource in template["Resources"].items()}
        self._check_rules(template["Rules"])
        self.resources = {
            name: {"Type": resource["Type"], "Properties": self.resolve(resource["Properties"])}
            for name, resource in template["Resources"].items()
            if "Condition" not in resource or self.condition(resource["Condition"])
        }
        outputs = template["Outputs"].items()
        self.outputs = {
            name: self.resolve(output["Value"])
            for name, output in outputs
            if "Condition" not in output or self.condition(output["Condition"])
        }

    def __getitem__(self, name: str) -> Json:
        """The properties of a resource."""
        return self.resources[name]["Properties"]

    def of_type(self, kind: str) -> dict[str, Json]:
        """The properties of all resources of a type, by name."""
        return {name: found["Properties"] for name, found in self.resources.items() if found["Type"] == kind}

    def statements(self, role: str = "FunctionRole") -> dict[str, Json]:
        """What a role may do, by Sid."""
        assert "ManagedPolicyArns" not in self[role]
        documents = [policy["PolicyDocument"] for policy in self[role]["Policies"]]
        for policy in self.of_type("AWS::IAM::ManagedPolicy").values():
            if f"ref:{role}" in policy["Roles"]:
                documents.append(json.loads(policy["PolicyDocument"]))
        found = [statement for document in documents for statement in document["Statement"]]
        assert len({statement["Sid"] for statement in found}) == len(found)
        return {statement["Sid"]: statement for statement in found}

    def condition(self, name: str) -> bool:
        return self._is_true(self._conditions[name])

    def _is_true(self, term: Json) -> bool:
        [(function, arguments)] = term.items()
        match function:
            case "Condition":
                return self.condition(arguments)
            case "Fn::And":
                return all(self._is_true(one) for one in arguments)
            case "Fn::Or":
                return any(self._is_true(one) for one in arguments)
            case "Fn::Not":
                return not self._is_true(arguments[0])
            case "Fn::Equals":
                left, right = (str(self.resolve(one)) for one in arguments)
                return left == right
        raise AssertionError(f"{function} is no condition")

    def _check_rules(self, rules: Json) -> None:
        for rule in rules.values():
            if self._is_true(rule["RuleCondition"]):
                for assertion in rule["Assertions"]:
                    if not self._is_true(assertion["Assert"]):
                        raise Refused(assertion["AssertDescription"])

    def resolve(self, value: Json) -> Json:
        """The value without functions. Of a resource, `Ref` is `ref:NAME` and `Fn::GetAtt` `get:NAME.ATTRIBUTE`."""
        if isinstance(value, list):
            return [one for one in map(self.resolve, value) if one is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(function, arguments)] = value.items()
            if function == "Ref":
                return self._ref(arguments)
            if function.startswith("Fn::"):
                return self._call(function, arguments)
        resolved = {key: self.resolve(one) for key, one in value.items()}
        return {key: one for key, one in resolved.items() if one is not NO_VALUE}

    def _ref(self, name: str) -> Json:
        if name in self.parameters:
            return self.parameters[name]
        if name in self._types:
            return f"ref:{name}"
        return PSEUDO[name]

    def _call(self, function: str, arguments: Json) -> Json:
        match function:
            case "Fn::GetAtt":
                name, attribute = arguments if isinstance(arguments, list) else arguments.split(".", 1)
                assert name in self._types, name
                return f"get:{name}.{attribute}"
            case "Fn::FindInMap":
                name, first, second = (str(self.resolve(one)) for one in arguments)
                return self._mappings[name][first][second]
            case "Fn::If":
                return self.resolve(arguments[1 if self.condition(arguments[0]) else 2])
            case "Fn::Join":
                assert isinstance(arguments[0], str), "a delimiter is literal"
                return arguments[0].join(map(str, self.resolve(arguments[1])))
            case "Fn::Select":
                return self.resolve(arguments[1])[int(arguments[0])]
            case "Fn::Split":
                assert isinstance(arguments[0], str), "a delimiter is literal"
                return self.resolve(arguments[1]).split(arguments[0])
            case "Fn::Sub":
                text, names = arguments if isinstance(arguments, list) else (arguments, {})
                names = {name: self.resolve(one) for name, one in names.items()}
                return re.sub(r"\$\{([^!}][^}]*)\}", lambda found: str(self._named(found[1], names)), text)
        raise AssertionError(f"{function} is not known here")

    def _named(self, name: str, names: dict[str, Json]) -> Json:
        if name in names:
            return names[name]
        return self._call("Fn::GetAtt", name) if "." in name else self._ref(name)


class Fleet(Stack):
    """The template of a fleet."""

    FILE = "template-fleet.yaml"

    def __init__(self, **given: str) -> None:
        super().__init__(**{"ConfigLayerArn": LAYER} | given)

    def definition(self) -> Json:
        """The state machine."""
        return json.loads(self["StateMachine"]["DefinitionString"])


class Member(Stack):
    """The template of a member account."""

    FILE = "template-member.yaml"

    def __init__(self, **given: str) -> None:
        super().__init__(**{"HubRoleArn": HUB_ROLE} | given)


def parameters(given: dict[str, str], file: str = "template.yaml") -> dict[str, str]:
    """Their values, checked as CloudFormation checks them."""
    declared = source(file)["Parameters"]
    if unknown := given.keys() - declared.keys():
        raise Refused(f"no parameter {unknown}")
    if missing := {name for name, one in declared.items() if "Default" not in one} - given.keys():
        raise Refused(f"no value for {missing}")
    values = {name: str(given.get(name, declaration.get("Default"))) for name, declaration in declared.items()}
    for name, declaration in declared.items():
        check(name, declaration, values[name])
    return values


def check(name: str, declaration: Json, value: str) -> None:
    """One value against its declaration."""
    if "AllowedValues" in declaration and value not in map(str, declaration["AllowedValues"]):
        raise Refused(f"{name}: {value} is not allowed")
    if declaration["Type"] == "Number":
        number = float(value)
        if not declaration.get("MinValue", number) <= number <= declaration.get("MaxValue", number):
            raise Refused(f"{name}: {value} is out of range")
    if len(value) > declaration.get("MaxLength", 4096):
        raise Refused(f"{name}: too long")
    if "AllowedPattern" in declaration and not re.fullmatch(declaration["AllowedPattern"], value):
        raise Refused(f"{name}: {value} does not match")
