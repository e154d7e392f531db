"""Witness: botocore's models of Lambda, ECS and Inspector, against the server that the janitor's own tests ask what runs.

Every answer fits the output shape of its operation, botocore's own paginators walk its pages, and its refusals are errors of the
model. Where moto has an operation right, both answer with the same members for what tells of images."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer
from served import ACCOUNT, REGION, binary
from shapes import misfits

KEYS = {"aws_access_key_id": "witness", "aws_secret_access_key": "witness", "region_name": REGION}
HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
COVERAGE = {"resourceType": [{"comparison": "EQUALS", "value": "AWS_ECR_CONTAINER_IMAGE"}]}


@pytest.fixture(scope="module")
def usage() -> Iterator[str]:
    """The URL of the server."""
    process = subprocess.Popen([str(binary("usage-test-server"))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("usage-test-server listening on http://"), line
    yield line.split()[-1]
    process.stdin.close()
    assert process.wait(timeout=10) == 0


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The URL of a moto server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    yield url
    # What moto has belongs to the process, not to the server.
    urllib.request.urlopen(f"{url}/moto-api/reset", data=b"").close()
    server.stop()


class Client:
    """A boto3 client that holds every answer against the model."""

    def __init__(self, service: str, url: str, judges: bool = True) -> None:
        config = Config(retries={"total_max_attempts": 1})
        self.real = boto3.client(service, endpoint_url=url, config=config, **KEYS)
        self.answers: list[Any] = []
        self.wrong: list[str] = []
        self._judges = judges
        self.real.meta.events.register("response-received.*", self._received)

    def _received(self, response_dict: Any, operation_name: str | None = None, **_: Any) -> None:
        body = json.loads(response_dict["body"] or b"{}")
        self.answers.append(body)
        model = response_dict["context"]["operation_name"]
        if self._judges and response_dict["status_code"] < 300:
            shape = self.real.meta.service_model.operation_model(model).output_shape
            self.wrong.extend(f"{model}{misfit}" for misfit in misfits(shape, body))

    def all(self, operation: str, **request: Any) -> list[Any]:
        """The pages of a listing, by botocore's paginator."""
        return list(self.real.get_paginator(operation).paginate(**request))

    def refusal(self, operation: str, **request: Any) -> tuple[str, set[str]]:
        """The code of a refusal, and those that the model knows for the operation."""
        with pytest.raises(ClientError) as refused:
            getattr(self.real, operation)(**request)
        name = self.real.meta.method_to_api_mapping[operation]
        known = self.real.meta.service_model.operation_model(name).error_shapes
        return refused.value.response["Error"]["Code"], {shape.metadata.get("error", {}).get("code", shape.name) for shape in known}


def of(pages: list[Any], member: str) -> list[Any]:
    """The entries of all pages; a page has two at most."""
    assert all(len(page[member]) <= 2 for page in pages)
    return [entry for page in pages for entry in page[member]]


def test_lambda(usage: str) -> None:
    client = Client("lambda", usage)
    latest = of(client.all("list_functions"), "Functions")
    versions = of(client.all("list_functions", FunctionVersion="ALL"), "Functions")
    assert {it["FunctionName"] for it in latest} == {"zip", "gone", "api", "web", "job"}
    assert len(versions) == len(latest) + 3
    for version in versions:
        name = {"FunctionName": version["FunctionName"], "Qualifier": version["Version"]}
        if version["FunctionName"] == "gone":
            code, known = client.refusal("get_function", **name)
            assert code == "ResourceNotFoundException" and code in known
            continue
        code = client.real.get_function(**name)["Code"]
        is_image = version["PackageType"] == "Image"
        assert is_image == (code["RepositoryType"] == "ECR") == ("ResolvedImageUri" in code)
        if is_image:
            assert code["ResolvedImageUri"].endswith("@sha256:" + version["CodeSha256"])
    assert client.wrong == []


def test_ecs(usage: str) -> None:
    client = Client("ecs", usage)
    [cluster] = of(client.all("list_clusters"), "clusterArns")
    services = of(client.all("list_services", cluster=cluster), "serviceArns")
    tasks = of(client.all("list_tasks", cluster=cluster), "taskArns")
    families = of(client.all("list_task_definition_families", status="ACTIVE"), "families")
    assert len(services) == len(tasks) == len(families) == 4
    described = client.real.describe_services(cluster=cluster, services=services)
    assert len(described["services"]) == 3 and described["failures"][0]["reason"] == "MISSING"
    running = client.real.describe_tasks(cluster=cluster, tasks=tasks)
    assert len(running["tasks"]) == 3 and running["failures"][0]["reason"] == "MISSING"
    revisions = [it["arn"] for service in described["services"] for it in service["currentServiceRevisions"]]
    told = client.real.describe_service_revisions(serviceRevisionArns=revisions)["serviceRevisions"]
    digests = {image["imageDigest"] for it in told for image in it["containerImages"] if "imageDigest" in image}
    assert len(digests) == 3
    for service in described["services"]:
        by_arn = client.real.describe_task_definition(taskDefinition=service["taskDefinition"])
        assert by_arn["taskDefinition"]["taskDefinitionArn"] == service["taskDefinition"]
    newest = client.real.describe_task_definition(taskDefinition="api")["taskDefinition"]
    assert newest["taskDefinitionArn"].endswith(":task-definition/api:1")
    assert client.wrong == []


def test_ecs_refuses_in_its_own_words(usage: str) -> None:
    client = Client("ecs", usage)
    for operation, request, expected in (
        ("describe_task_definition", {"taskDefinition": "none"}, "ClientException"),
        ("list_services", {"cluster": "none"}, "ClusterNotFoundException"),
        ("describe_services", {"cluster": "prod", "services": ["x"] * 11}, "InvalidParameterException"),
        ("describe_tasks", {"cluster": "prod", "tasks": ["x"] * 101}, "InvalidParameterException"),
        ("describe_service_revisions", {"serviceRevisionArns": ["x"] * 21}, "InvalidParameterException"),
    ):
        code, known = client.refusal(operation, **request)
        assert code == expected and code in known, operation


def test_inspector(usage: str) -> None:
    client = Client("inspector2", usage)
    images = of(client.all("list_coverage", filterCriteria=COVERAGE), "coveredResources")
    assert [it["resourceMetadata"]["ecrImage"]["inUseCount"] for it in images] == [1, 2, 3]
    in_use = COVERAGE | {"ecrImageInUseCount": [{"lowerInclusive": 2}]}
    assert len(of(client.all("list_coverage", filterCriteria=in_use), "coveredResources")) == 2
    since = COVERAGE | {"ecrImageLastInUseAt": [{"startInclusive": 1_750_000_000}]}
    used = of(client.all("list_coverage", filterCriteria=since), "coveredResources")
    assert [it["resourceMetadata"]["ecrImage"]["lastInUseAt"].timestamp() for it in used] == [1_760_000_000] * 2
    code, known = client.refusal("list_coverage", filterCriteria={})
    assert code == "ValidationException" and code in known
    assert client.wrong == []


def members(value: Any, path: str = "") -> set[tuple[str, str]]:
    """Every member of an answer with the type of its value."""
    if isinstance(value, dict):
        return {found for name, inner in value.items() for found in members(inner, f"{path}.{name}")}
    if isinstance(value, list):
        return {found for inner in value for found in members(inner, f"{path}[]")}
    return {(path, type(value).__name__)}


def test_moto_has_the_same_members(usage: str, moto: str) -> None:
    """Of ListFunctions, and of the clusters, services, families and task definitions of ECS: moto resolves no digests."""
    iam = boto3.client("iam", endpoint_url=moto, **KEYS)
    role = iam.create_role(RoleName="usage", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    theirs = {name: Client(name, moto, judges=False) for name in ("lambda", "ecs")}
    theirs["lambda"].real.create_function(
        FunctionName="api", Role=role, PackageType="Image", Publish=True,
        Code={"ImageUri": f"{HOST}/shop/api@sha256:{'0' * 64}"},
    )  # fmt: skip
    ecs = theirs["ecs"].real
    ecs.register_task_definition(family="api", containerDefinitions=[{"name": "app", "image": f"{HOST}/shop/api:main", "memory": 128}])
    ecs.create_cluster(clusterName="prod")
    ecs.create_service(cluster="prod", serviceName="api", taskDefinition="api", desiredCount=1)
    ours = {name: Client(name, usage) for name in ("lambda", "ecs")}
    ask = [
        ("lambda", lambda it: it.list_functions(FunctionVersion="ALL"), {"FunctionName", "Version", "PackageType", "CodeSha256"}),
        ("lambda", lambda it: it.get_function(FunctionName="api", Qualifier="1"), {"ImageUri", "RepositoryType"}),
        ("ecs", lambda it: it.list_clusters(), {"clusterArns[]"}),
        ("ecs", lambda it: it.list_services(cluster=it.list_clusters()["clusterArns"][0]), {"serviceArns[]"}),
        ("ecs", lambda it: it.list_task_definition_families(), {"families[]"}),
        ("ecs", lambda it: it.describe_task_definition(taskDefinition="api"), {"image", "taskDefinitionArn", "status"}),
        ("ecs", described, {"serviceArn", "status", "taskDefinition"}),
    ]
    for service, call, wanted in ask:
        both = []
        for client in (ours[service], theirs[service]):
            call(client.real)
            both.append({it for it in members(client.answers[-1]) if it[0].rsplit(".", 1)[-1] in wanted})
        assert {it[0].rsplit(".", 1)[-1] for it in both[0]} == wanted, both[0]
        assert both[0] <= both[1], (service, both)


def described(ecs: Any) -> Any:
    """The first service of the first cluster."""
    cluster = ecs.list_clusters()["clusterArns"][0]
    service = ecs.list_services(cluster=cluster)["serviceArns"][0]
    return ecs.describe_services(cluster=cluster, services=[service])
