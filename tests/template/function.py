"""The built function, exactly the file that would be deployed, behind a Lambda Runtime API of our own."""

import json
import os
import queue
import subprocess
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from template import ROOT

BOOTSTRAP = ROOT / ".aws-sam" / "build" / "Function" / "bootstrap"


class Function:
    """A process of it; ends with the `with` block. Source: AWS Lambda's Runtime API, version 2018-06-01."""

    def __init__(self, environment: dict[str, str], log: list[str] | None = None, binary: Path = BOOTSTRAP) -> None:
        """Lines that it prints are added to `log`, where one is given."""
        self._events: queue.Queue[Any] = queue.Queue()
        self._answers: queue.Queue[tuple[str, Any]] = queue.Queue()
        events, answers = self._events, self._answers

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _send(self, body: bytes, **headers: str) -> None:
                self.send_response(200)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                event = events.get()
                self._send(
                    json.dumps(event).encode(),
                    Lambda_Runtime_Aws_Request_Id=str(uuid.uuid4()),
                    Lambda_Runtime_Deadline_Ms=str(int((time.time() + 300) * 1000)),
                    Lambda_Runtime_Invoked_Function_Arn="arn:aws:lambda:us-east-1:123456789012:function:ecr-janitor",
                )

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answers.put((self.path.rsplit("/", 1)[-1], json.loads(body)))
                self._send(b"")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # the function ends in the middle of a request
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._process = subprocess.Popen(
            [binary],
            cwd=binary.parent,
            env=environment
            | {
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
                "AWS_LAMBDA_FUNCTION_NAME": "ecr-janitor",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "PATH": os.environ["PATH"],
            },
            stdout=subprocess.DEVNULL if log is None else subprocess.PIPE,
            text=True,
        )
        self._reading = threading.Thread(target=self._read, args=(log,), daemon=True)
        self._reading.start()

    def _read(self, log: list[str] | None) -> None:
        if log is not None and self._process.stdout is not None:
            log.extend(line.rstrip("\n") for line in self._process.stdout)

    def __enter__(self) -> "Function":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reading.join()
        self._server.shutdown()

    def kill(self) -> None:
        """Ends the process in the middle of its work: the invocation fails as it does in Lambda."""
        self._process.kill()
        self._answers.put(("error", {"errorType": "Runtime.ExitError", "errorMessage": "Runtime exited with error: signal: killed"}))

    def invoke(self, event: Any) -> tuple[str, Any]:
        """`response` and the report, or `error` and what is wrong."""
        self._events.put(event)
        return self._answers.get(timeout=120)
