"""The real emulator binary as a process of its own, and raw calls to it."""

import base64
import http.client
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

Json = dict[str, Any]
REGION = "us-east-1"
ACCOUNT = "123456789012"


def binary(name: str) -> Path:
    """A program that run.sh has built."""
    return Path(os.environ["WITNESS_BINARIES"]) / name


def environment(url: str) -> dict[str, str]:
    """The environment of a program that takes the registry at `url` for Amazon ECR."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "JANITOR_"))}
    return kept | {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "witness",
        "AWS_SECRET_ACCESS_KEY": "witness",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_PAGER": "",
    }


def client(url: str) -> Any:
    """A boto3 client of the registry at `url`; each call is made once."""
    return boto3.Session(aws_access_key_id="witness", aws_secret_access_key="witness", region_name=REGION).client(
        "ecr", endpoint_url=url, config=Config(retries={"total_max_attempts": 1})
    )


class Emulator:
    """A process of `ecr-emulator`; ends with the `with` block."""

    def __init__(self) -> None:
        command = [str(binary("ecr-emulator")), "--port", "0"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("ecr-emulator listening on http://"), line
        self.url = line.split()[-1]
        self.host = self.url.removeprefix("http://")
        self._line = http.client.HTTPConnection(self.host, timeout=30)

    def __enter__(self) -> "Emulator":
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise

    def _send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        self._line.request(method, path, body, headers)
        response = self._line.getresponse()
        return response.status, response.read()

    def raw(self, operation: str, request: Json, principal: str | None = None) -> tuple[int, Any]:
        """One call as AWS JSON 1.1, neither checked nor signed as an SDK would: status and answer."""
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{operation}",
        }
        if principal:
            scope = f"{principal}/20260101/{REGION}/ecr/aws4_request"
            headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
        status, body = self._send("POST", "/", json.dumps(request).encode(), headers)
        return status, json.loads(body)

    def call(self, operation: str, **request: Any) -> Any:
        """A call that must succeed."""
        status, answer = self.raw(operation, request)
        assert status == 200, (operation, request, status, answer)
        return answer

    def admin(self, door: str, request: Json | None = None) -> Any:
        """One of the doors under /_emulator/."""
        method, body = ("GET", None) if request is None else ("POST", json.dumps(request).encode())
        status, answer = self._send(method, f"/_emulator/{door}", body, {"Content-Type": "application/json"})
        assert status in (200, 204), (door, request, status, answer)
        return json.loads(answer) if answer else None

    def upload(self, repository: str, blob: bytes, digest: str) -> None:
        """A blob, by the layer operations."""
        upload = self.call("InitiateLayerUpload", repositoryName=repository)["uploadId"]
        self.call(
            "UploadLayerPart", repositoryName=repository, uploadId=upload, partFirstByte=0,
            partLastByte=len(blob) - 1, layerPartBlob=base64.b64encode(blob).decode(),
        )  # fmt: skip
        self.call("CompleteLayerUpload", repositoryName=repository, uploadId=upload, layerDigests=[digest])
