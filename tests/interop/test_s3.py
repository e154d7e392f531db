"""Witness: moto's S3, which others wrote. The command line keeps its memory and its backups there, and undoes from there."""

import gzip
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from served import REGION, Emulator, binary, environment

WORLD = """
[[repository]]
name = "team/api"
[[repository.build]]
form = "legacy"
run = 1
days_ago = 40
deleted_index = true
[[repository.build]]
form = "oci"
run = 2
days_ago = 40
deleted_index = true
[[repository.build]]
form = "legacy"
tag = "v1"
days_ago = 30
"""
PLACE = "s3://janitor/a/b"


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The URL of a moto server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(moto: str) -> Any:
    """A client of its S3, where there is one bucket with nothing in it."""
    session = boto3.Session(aws_access_key_id="witness", aws_secret_access_key="witness", region_name=REGION)
    client = session.client("s3", endpoint_url=moto)
    client.create_bucket(Bucket="janitor")
    yield client
    for key in objects(client):
        client.delete_object(Bucket="janitor", Key=key)
    client.delete_bucket(Bucket="janitor")


def objects(s3: Any) -> dict[str, bytes]:
    """What is in the bucket."""
    listed = s3.list_objects_v2(Bucket="janitor").get("Contents", [])
    return {one["Key"]: s3.get_object(Bucket="janitor", Key=one["Key"])["Body"].read() for one in listed}


class Janitor:
    """The command line, with the registry and the bucket."""

    def __init__(self, emulator: Emulator, moto: str, **variables: str) -> None:
        self.environment = environment(emulator.url) | {
            "AWS_ENDPOINT_URL_S3": moto,
            "JANITOR_MEMORY_LOCATION": PLACE,
            "JANITOR_BACKUP_LOCATION": PLACE,
        }
        self.environment |= variables

    def __call__(self, *arguments: str, code: int = 0) -> Any:
        command = [str(binary("ecr-janitor")), *arguments, "--output", "json"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout) if done.stdout else done.stderr


def images(emulator: Emulator) -> set[str]:
    found = emulator.call("DescribeImages", repositoryName="team/api")["imageDetails"]
    return {image["imageDigest"] for image in found}


def test_memory_and_backups_are_kept_and_undone(emulator: Emulator, moto: str, s3: Any) -> None:
    emulator.admin("seed", {"toml": WORLD})
    janitor = Janitor(emulator, moto)
    before = images(emulator)

    report = janitor("apply", "--yes")
    gone = before - images(emulator)
    assert (report["complete"], report["totals"]["deleted"], len(gone)) == (True, len(gone), 2)
    stored = objects(s3)
    memory = f"a/b/memory/123456789012/{REGION}/team/api/_memory"
    backups = [key for key in stored if key.startswith(f"a/b/backup/123456789012/{REGION}/")]
    assert memory in stored and len(backups) >= 2, "the images, and the record of the run"
    texts = [gzip.decompress(stored[key]).decode() for key in backups if key.endswith(".gz")]
    assert all(any(digest in text for text in texts) for digest in gone)

    # What is known is not read again.
    reads = emulator.admin("calls").get("BatchGetImage", 0)
    assert janitor("plan")["totals"]["planned"] == 0
    assert emulator.admin("calls").get("BatchGetImage", 0) == reads

    run = report["run_id"]
    history = janitor("history")
    assert [one["run_id"] for one in history["runs"]] == [run]
    assert janitor("restore", "--run", run, "--yes")["totals"]["restored"] == 2
    assert images(emulator) == before


def test_a_bucket_that_is_not_there_stops_what_could_not_be_undone(emulator: Emulator, moto: str) -> None:
    emulator.admin("seed", {"toml": WORLD})
    nowhere = {name: "s3://nowhere" for name in ("JANITOR_MEMORY_LOCATION", "JANITOR_BACKUP_LOCATION")}
    before = images(emulator)
    report = Janitor(emulator, moto, **nowhere)("apply", "--yes", code=3)
    assert images(emulator) == before
    failed = [one for one in report["repositories"][0]["decisions"] if one["outcome"] == "failed"]
    assert {one["code"] for one in failed} == {"backup-failed"}
    assert all("create it, or correct `location`" in one["detail"] for one in failed), failed
