"""Witness: moto's Lambda and ECS, which others wrote, name what runs.

moto is right on listings, versions, services, families and the images that somebody named. It is wrong on what Lambda resolves
(`REPOSITORY@sha256@sha256:...`, a digest of no image), knows no revisions of services, and has no ListCoverage."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from served import ACCOUNT, REGION, Emulator, binary, environment

WORLD = """
[[repository]]
name = "team/api"
[[repository.build]]
run = 1
tag = "main"
days_ago = 300
[[repository.build]]
run = 2
tag = "main"
days_ago = 250
[[repository.build]]
run = 3
tag = "main"
days_ago = 200
"""
KEYS = {"aws_access_key_id": "witness", "aws_secret_access_key": "witness", "region_name": REGION}
HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"


@pytest.fixture
def moto() -> Iterator[str]:
    """The URL of a moto server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def plan(emulator: Emulator, moto: str, sources: str) -> Any:
    """The report of a plan that asks these sources."""
    variables = {
        "AWS_ENDPOINT_URL_LAMBDA": moto,
        "AWS_ENDPOINT_URL_ECS": moto,
        "JANITOR_IN_USE_SOURCES": sources,
        "JANITOR_PRESET": "recommended",
        "JANITOR_SUPERSEDED_SINCE": "push",
        "JANITOR_KEEP_PULLED_WITHIN": "0d",  # its own reads are pulls here
        "JANITOR_MEMORY_LOCATION": "none",
        "JANITOR_BACKUP_KEEP": "0d",
    }
    command = [str(binary("ecr-janitor")), "plan", "--output", "json"]
    done = subprocess.run(command, env=environment(emulator.url) | variables, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return json.loads(done.stdout)


def indexes(report: Any) -> list[str]:
    """The indexes that would go."""
    return [row["digest"] for row in report["repositories"][0]["decisions"] if row["kind"] == "index"]


def in_use(report: Any) -> list[list[str]]:
    """What each attestation that is in use rests on."""
    return [row["because"] for row in report["repositories"][0]["decisions"] if row["reason"] == "in-use"]


def test_a_function_and_a_service_keep_their_images(emulator: Emulator, moto: str) -> None:
    emulator.admin("seed", {"toml": WORLD})
    first, second = indexes(plan(emulator, moto, ""))
    iam, functions, ecs = (boto3.client(name, endpoint_url=moto, **KEYS) for name in ("iam", "lambda", "ecs"))
    role = iam.create_role(RoleName="role", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    functions.create_function(
        FunctionName="checkout", Role=role, PackageType="Image", Publish=True,
        Code={"ImageUri": f"{HOST}/team/api@{first}"},
    )  # fmt: skip
    image = f"{HOST}/team/api@{second}"
    definition = [{"name": "app", "image": image, "memory": 128}]
    arn = ecs.register_task_definition(family="api", containerDefinitions=definition)["taskDefinition"]["taskDefinitionArn"]
    ecs.create_cluster(clusterName="prod")
    ecs.create_service(cluster="prod", serviceName="api", taskDefinition=arn, desiredCount=1)

    by_function = plan(emulator, moto, "lambda")
    assert indexes(by_function) == [second]
    versions = {f"Lambda function checkout, version {version}" for version in ("$LATEST", "1")}
    assert all(because[0] == first and set(because[1:]) == versions for because in in_use(by_function))
    by_service = plan(emulator, moto, "ecs")
    assert indexes(by_service) == [first]
    assert all(because == [second, "ECS task definition api:1"] for because in in_use(by_service))
    assert indexes(plan(emulator, moto, "lambda,ecs")) == []
