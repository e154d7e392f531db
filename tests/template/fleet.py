"""A fleet without AWS: registries of several accounts and Regions, moto's interpreter, and the function behind Lambda's Invoke API."""

import json
import logging
import os
import queue
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
from function import Function
from moto import mock_aws
from moto.server import ThreadedMotoServer
from served import Emulator, binary, environment
from template import Fleet

Json = Any
ACCOUNTS = ["111111111111", "222222222222", "333333333333"]
CLOSED = "444444444444"
REGIONS = ["eu-west-1", "us-west-2"]
REGISTRIES = [(account, region) for account in ACCOUNTS for region in REGIONS]
NAME = "ecr-janitor-fleet"
HUB = "arn:aws:iam::123456789012:role/hub"

# An attestation that nothing lists any more, and one of a tagged image.
BUSY = """
[[repository]]
name = "{name}"
[[repository.build]]
form = "legacy"
run = {run}
days_ago = 40
deleted_index = true
[[repository.build]]
form = "legacy"
run = {other}
tag = "v1"
days_ago = 30
"""
# Nothing to do.
QUIET = """
[[repository]]
name = "{name}"
[[repository.build]]
form = "legacy"
run = {other}
tag = "v1"
days_ago = 30
"""

CONFIG = """
[[target]]
role_arn = "arn:aws:iam::{{account}}:role/ecr-janitor-member"
accounts = {accounts}
regions = {regions}
external_id = "fleet-1"
session_tags = {{ team = "platform" }}
[limits]
max_deletions = {allowance}
"""


def role(account: str) -> str:
    return f"arn:aws:iam::{account}:role/ecr-janitor-member"


def fill(emulator: Emulator, now_ms: int, busy: int, quiet: int) -> None:
    """The same registries in each account and Region, but for one repository of each: `solo`, which is in the last alone."""
    emulator.admin("clock", {"at": now_ms})
    emulator.admin("pull-time-updates", {"on": False})  # as the exclusions of template-member.yaml have it
    worlds = [BUSY.format(name=f"team/busy-{nth:03}", run=2 * nth, other=2 * nth + 1) for nth in range(busy)]
    worlds += [QUIET.format(name=f"team/quiet-{nth:03}", other=1000 + nth) for nth in range(quiet)]
    emulator.admin("seed", {"toml": "\n".join(worlds)})
    for account, region in REGISTRIES[:-1]:
        emulator.admin("copy-home", {"account": account, "region": region})
    account, region = REGISTRIES[-1]
    for nth in range(busy):
        request = {"repositoryName": f"team/busy-{nth:03}", "force": True}
        emulator.admin("call", {"operation": "DeleteRepository", "request": request})
    emulator.admin("seed", {"toml": BUSY.format(name="team/solo", run=5000, other=5001)})
    emulator.admin("copy-home", {"account": account, "region": region})


class Pool:
    """Lambda's Invoke API over some processes of the function, each of which does one thing at a time."""

    def __init__(self, variables: dict[str, str], size: int) -> None:
        self._variables = variables
        self._idle: queue.Queue[Function] = queue.Queue()
        self._lock = threading.Lock()
        self._all: list[Function] = []
        for _ in range(size):
            self._idle.put(self._start())
        # Each event with its error, in the order in which they ended.
        self.invocations: list[tuple[Json, str | None]] = []
        # Called with the event of each invocation before it begins, beside it, and with its answer.
        self.before: Callable[[Json], None] = lambda _: None
        self.beside: Callable[[Json, Function], None] = lambda *_: None
        self.after: Callable[[Json, Json], None] = lambda *_: None
        pool = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.path == f"/2015-03-31/functions/{NAME}/invocations", self.path
                kind, answer = pool.invoke(event)
                body = json.dumps(answer).encode()
                self.send_response(200)
                if kind == "error":
                    self.send_header("X-Amz-Function-Error", "Unhandled")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _start(self) -> Function:
        function = Function(self._variables, binary=binary("bootstrap"))
        with self._lock:
            self._all.append(function)
        return function

    def invoke(self, event: Json) -> tuple[str, Json]:
        """What the function answers. A process that was killed is replaced."""
        function = self._idle.get()
        self.before(event)
        beside = threading.Thread(target=self.beside, args=(event, function), daemon=True)
        beside.start()
        kind, answer = function.invoke(event)
        beside.join()
        self.after(event, answer)
        died = kind == "error" and answer["errorType"] == "Runtime.ExitError"
        self._idle.put(self._start() if died else function)
        self.invocations.append((event, answer.get("errorType") if kind == "error" else None))
        return kind, answer

    def close(self) -> None:
        self._server.shutdown()
        for function in self._all:
            function.__exit__()


class World:
    """Registries, a bucket, the function, and the state machine of template-fleet.yaml."""

    def __init__(self, emulator: Emulator, pool: Pool, variables: dict[str, str], bucket: str, chunk: int) -> None:
        self.emulator, self.pool, self.variables, self.bucket = emulator, pool, variables, bucket
        self._s3, states = client("s3"), client("stepfunctions")
        self._states = states
        definition = Fleet(Mode="apply", ConfirmApply="yes", Chunk=str(chunk), MaxConcurrency="4").definition()
        for state in definition["States"].values():
            if state["Type"] == "Map":  # moto's grammar wants a fraction here
                state["ToleratedFailurePercentage"] = float(state["ToleratedFailurePercentage"])
        text = json.dumps(definition).replace("ref:Function", NAME).replace("ref:StateBucket", bucket)
        made = states.create_state_machine(name=NAME, definition=text, roleArn=HUB)
        self._machine = made["stateMachineArn"]

    def run(self, name: str, given: Json) -> Json:
        """An execution from its start to its end, as DescribeExecution shows it."""
        begun = self._states.start_execution(stateMachineArn=self._machine, name=name, input=json.dumps(given))
        while True:
            shown = self._states.describe_execution(executionArn=begun["executionArn"])
            if shown["status"] != "RUNNING":
                return shown
            time.sleep(0.05)

    def object(self, key: str) -> Json:
        return json.loads(self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def keys(self, prefix: str) -> list[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]


@contextmanager
def world(folder: Path, emulator: Emulator, bucket: str, allowance: int, chunk: int, workers: int = 4) -> Iterator[World]:
    """All of it in one process, but for the emulator and the function."""
    config = folder / "janitor.toml"
    accounts = [*ACCOUNTS, CLOSED]
    config.write_text(CONFIG.format(accounts=accounts, regions=REGIONS, allowance=allowance))
    engine = {"stepfunctions": {"execute_state_machine": True}, "core": {"passthrough": {"services": ["lambda"]}}}
    with mock_aws(config=engine):
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        host, port = server.get_host_and_port()
        client("s3").create_bucket(Bucket=bucket)
        variables = dict(Fleet(Mode="apply", ConfirmApply="yes")["Function"]["Environment"]["Variables"])
        variables |= {"JANITOR_CONFIG": str(config), "JANITOR_STATE_BUCKET": bucket}
        variables |= {"AWS_ENDPOINT_URL_S3": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "HUB"}
        variables = environment(emulator.url) | variables
        pool = Pool(variables, workers)
        os.environ["AWS_ENDPOINT_URL_LAMBDA"] = pool.url
        try:
            yield World(emulator, pool, variables, bucket, chunk)
        finally:
            del os.environ["AWS_ENDPOINT_URL_LAMBDA"]
            pool.close()
            server.stop()


def client(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")


def door(url: str, name: str, request: Json = None) -> Json:
    """One of the emulator's doors, from any thread."""
    body = None if request is None else b"" if request == "" else json.dumps(request).encode()
    call = urllib.request.Request(f"{url}/_emulator/{name}", data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(call, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def alone(fleet: World, emulator: Emulator, folder: Path, account: str, region: str, allowance: int) -> Json:
    """The report of the function invoked without a state machine, in one registry, with files of its own."""
    config = folder / "alone.toml"
    config.write_text(CONFIG.format(accounts=[account], regions=[region], allowance=allowance))
    apart = f"s3://{fleet.bucket}/alone"
    variables = fleet.variables | {"AWS_ENDPOINT_URL": emulator.url, "JANITOR_CONFIG": str(config)}
    variables |= {"JANITOR_MEMORY_LOCATION": apart, "JANITOR_BACKUP_LOCATION": apart}
    with Function(variables, binary=binary("bootstrap")) as function:
        kind, report = function.invoke({})
    assert kind == "response", report
    return report
