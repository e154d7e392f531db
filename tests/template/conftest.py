"""What the tests of the built function share."""

import itertools
from collections.abc import Iterator

import boto3
import pytest
from function import Function
from moto.server import ThreadedMotoServer
from registry import WORLD, Deploy, take_role
from served import Emulator, environment
from template import Stack


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as served:
        for name, tag in (("team-a/api", "enabled"), ("team-b/api", "off")):
            served.admin("seed", {"toml": WORLD.format(name=name, tag=tag)})
        yield served


BUCKETS = (f"state-{nth}" for nth in itertools.count())


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The URL of a moto server, for S3."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(moto: str) -> str:
    """The bucket of a stack, with nothing in it."""
    name = next(BUCKETS)
    s3 = boto3.client("s3", region_name="us-east-1", endpoint_url=moto, aws_access_key_id="x", aws_secret_access_key="x")
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def deploy(emulator: Emulator, moto: str, bucket: str) -> Deploy:
    """Starts the function with a stack's environment, as the stack's role."""

    def start(stack: Stack) -> Function:
        take_role(emulator, "FUNCTION", stack)
        variables = dict(stack["Function"]["Environment"]["Variables"])
        if "JANITOR_STATE_BUCKET" in variables:
            variables["JANITOR_STATE_BUCKET"] = bucket
        settings = {"AWS_ENDPOINT_URL_S3": moto, "AWS_ACCESS_KEY_ID": "FUNCTION"}
        return Function(environment(emulator.url) | variables | settings)

    return start
