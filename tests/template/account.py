"""An AWS account on this machine, behind one endpoint: moto, with what it lacks for a first hour.

- Amazon ECR is the emulator.
- CloudFormation's transform and rules are SAM's translator and those of `template.py`; moto knows neither. What moto
  leaves out of the template is in `test_moto.py`.
- A function is invoked as a process of the file that was built, with the variables and under the role that moto's
  CloudFormation gave it; what it prints goes to its log group.
"""

import http.client
import json
import re
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
from function import Function
from moto.backends import get_backend
from moto.cloudformation.parsing import OutputMap
from moto.server import ThreadedMotoServer
from registry import take_role
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform
from served import ACCOUNT, REGION, Emulator, environment
from template import Refused, Stack

Json = Any
Answer = tuple[int, dict[str, str], bytes]


class Account:
    """Ends with the `with` block."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._given: dict[str, str] = {}

    def __enter__(self) -> "Account":
        self._moto.start()
        host, port = self._moto.get_host_and_port()
        self._behind = f"http://{host}:{port}"
        account = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                body = received(self)
                dropped = ("content-length", "transfer-encoding", "expect")
                headers = {name: value for name, value in self.headers.items() if name.lower() not in dropped}
                headers["Content-Length"] = str(len(body))
                status, headers, answer = account.answer(self.command, self.path, headers, body)
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                        self.send_header(name, value)
                self.send_header("Content-Length", headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        # A dotted address would be taken for the beginning of a bucket's name.
        self.url = f"http://localhost:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._moto.stop()

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
        return boto3.client(service, region_name=REGION, endpoint_url=self._behind, **keys)

    def outputs(self, stack: str) -> dict[str, str]:
        [found] = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        signature = next((value for name, value in headers.items() if name.lower() == "authorization"), "")
        scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([\w-]+)/aws4_request", signature)
        service = scope[1] if scope else "s3"
        if service == "ecr":
            return forwarded(self._emulator.url, method, path, headers, body)
        if service == "lambda" and (found := re.fullmatch(r"/2015-03-31/functions/([^/]+)/invocations", path)):
            return self._invoke(found[1], body)
        if service == "cloudformation":
            try:
                return self._cloudformation(path, headers, body)
            except Refused as refused:
                return 400, {"Content-Type": "text/xml"}, error("ValidationError", str(refused))
        return forwarded(self._behind, method, path, headers, body)

    def _cloudformation(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        call = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
        if call.get("Action") == "CreateChangeSet":
            body = urllib.parse.urlencode(self._translated(call)).encode()
        elif call.get("Action") == "DeleteStack":
            self._detach_policies()
        answer = forwarded(self._behind, "POST", path, headers | {"Content-Length": str(len(body))}, body)
        if call.get("Action") == "ExecuteChangeSet":
            tell_outputs()
        return answer

    def _detach_policies(self) -> None:
        """As CloudFormation does, and moto does not, before it deletes them."""
        iam = self.client("iam")
        for role in iam.list_roles()["Roles"]:
            for policy in iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]:
                iam.detach_role_policy(RoleName=role["RoleName"], PolicyArn=policy["PolicyArn"])

    def _translated(self, call: dict[str, str]) -> dict[str, str]:
        """A call with the template as CloudFormation makes it, and the value of each parameter."""
        url = call.pop("TemplateURL", None)
        text = call.get("TemplateBody") or self._uploaded(str(url))
        written = yaml_parse(text)
        if "ParameterGroups" not in written.get("Metadata", {}).get("AWS::CloudFormation::Interface", {}):
            return call | {"TemplateBody": text}
        given = self._parameters(call)
        stack = Stack(**given)
        made = transform(written, given, type("NoManagedPolicies", (), {"load": dict})())
        for name, policy in stack.of_type("AWS::IAM::ManagedPolicy").items():
            made["Resources"][name]["Properties"]["PolicyDocument"] = json.loads(policy["PolicyDocument"])
        for resource in made["Resources"].values():
            if resource.get("DeletionPolicy") == "RetainExceptOnCreate":
                resource["DeletionPolicy"] = "Retain"  # moto knows this one alone
        self._given = given
        return call | {"TemplateBody": json.dumps(made)}

    def _parameters(self, call: dict[str, str]) -> dict[str, str]:
        """The values of a call, which is told all of them too: moto does not know those of the last deployment."""
        given = {}
        for nth in range(1, len(call)):
            prefix = f"Parameters.member.{nth}."
            key = call.get(prefix + "ParameterKey")
            if key is None:
                continue
            if call.pop(prefix + "UsePreviousValue", "").lower() == "true":
                if key not in self._given:
                    del call[prefix + "ParameterKey"]
                    continue
                call[prefix + "ParameterValue"] = self._given[key]
            given[key] = call[prefix + "ParameterValue"]
        return given

    def _uploaded(self, url: str) -> str:
        bucket, key = re.sub(r"^https?://[^/]+/", "", url.split("?")[0]).split("/", 1)
        return str(self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode())

    def _invoke(self, name: str, body: bytes) -> Answer:
        found = self.client("lambda").get_function(FunctionName=name)["Configuration"]
        # What moto's CloudFormation makes of the role's policies the emulator's IAM cannot read: those are the template's.
        take_role(self._emulator, "FUNCTION", Stack(**self._given))
        variables = dict(found["Environment"]["Variables"])
        settings = {"AWS_ENDPOINT_URL_S3": self._behind, "AWS_ACCESS_KEY_ID": "FUNCTION"}
        lines: list[str] = []
        with Function(environment(self._emulator.url) | variables | settings, lines) as function:
            kind, answer = function.invoke(json.loads(body or b"{}"))
        self._log(self.outputs(name)["LogGroupName"], lines)
        headers = {"Content-Type": "application/json"} | ({"X-Amz-Function-Error": "Unhandled"} if kind == "error" else {})
        return 200, headers, json.dumps(answer).encode()

    def _log(self, group: str, lines: list[str]) -> None:
        logs, stream = self.client("logs"), f"run-{time.time_ns()}"
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        now = int(time.time() * 1000)
        for at in range(0, len(lines), 1000):
            events = [{"timestamp": now, "message": line} for line in lines[at : at + 1000]]
            logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def received(request: BaseHTTPRequestHandler) -> bytes:
    """The body, which uploads to S3 send in chunks."""
    if request.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length") or 0))
    parts = []
    while length := int(request.rfile.readline().split(b";")[0], 16):
        parts.append(request.rfile.read(length))
        request.rfile.readline()
    request.rfile.readline()
    return b"".join(parts)


def tell_outputs() -> None:
    """Of a stack that came by a change set, moto does not tell them."""
    cloudformation = get_backend("cloudformation")[ACCOUNT][REGION]
    for change_set in cloudformation.change_sets.values():
        stack = cloudformation.stacks.get(change_set.stack_id)
        if stack and change_set.execution_status == "EXECUTE_COMPLETE":
            stack.template_dict = change_set.template_dict
            stack.output_map = OutputMap(stack.resource_map, change_set.template_dict, stack.stack_id)


def forwarded(to: str, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
    connection = http.client.HTTPConnection(to.removeprefix("http://"), timeout=60)
    try:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def error(code: str, message: str) -> bytes:
    return f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>".encode()
