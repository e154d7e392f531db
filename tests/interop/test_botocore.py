"""Witness: AWS's service model as botocore ships it. Every answer fits the output shape of its operation; every
request that the model forbids is refused with an error that the operation may have, and changes nothing."""

import base64

import botocore
import botocore.session
import pytest
from botocore.model import OperationModel
from invalid_requests import invalid_requests
from served import Emulator, client
from shapes import misfits
from valid_requests import EXPECTED_ERROR, valid_request
from world import prepare, state

MODEL = botocore.session.get_session().get_service_model("ecr")

# Operations of the model that the emulator does not have.
NOT_EMULATED = {
    "CreateRepositoryCreationTemplate",
    "DeleteRepositoryCreationTemplate",
    "DeleteSigningConfiguration",
    "DescribeImageReplicationStatus",
    "DescribeImageSigningStatus",
    "DescribeReplicationBackfillResults",
    "DescribeRepositoryCreationTemplates",
    "GetAccountSetting",
    "GetSigningConfiguration",
    "ListReplicationBackfills",
    "PutAccountSetting",
    "PutSigningConfiguration",
    "StartLifecyclePolicyPreview",
    "StartReplicationBackfill",
    "StopReplicationBackfill",
    "UpdateRepositoryCreationTemplate",
}
UNKNOWN = {"UnknownOperationException", "NotEmulatedException"}

# Any operation of AWS may answer with these.
COMMON = {"SerializationException", "ValidationException", "AccessDeniedException", "InvalidParameterException"}

# Where the emulator takes what the model forbids: "Operation: member kind". Exactly these; the list may only shrink.
KNOWN_LAX: set[str] = set()

EMULATED = [name for name in MODEL.operation_names if name not in NOT_EMULATED]


def _code(answer: dict[str, str]) -> str:
    return answer.get("__type", "").rsplit("#", 1)[-1]


def _may_have(operation: OperationModel) -> set[str]:
    return {shape.name for shape in operation.error_shapes} | COMMON


def test_what_is_not_emulated_is_known(emulator: Emulator) -> None:
    """The operations that the emulator does not know are exactly those listed."""
    unknown = {name for name in MODEL.operation_names if _code(emulator.raw(name, {})[1]) in UNKNOWN}
    assert unknown == NOT_EMULATED


@pytest.mark.parametrize("name", EMULATED)
def test_an_answer_fits_the_model(emulator: Emulator, name: str) -> None:
    """A minimal valid request is answered as the output shape says."""
    operation = MODEL.operation_model(name)
    request = valid_request(operation, prepare(emulator))
    status, answer = emulator.raw(name, request)
    if name in EXPECTED_ERROR:
        assert (status, _code(answer)) == (400, EXPECTED_ERROR[name])
        return
    assert status == 200, (request, answer)
    assert list(misfits(operation.output_shape, answer)) == []


@pytest.mark.parametrize("name", EMULATED)
def test_botocore_takes_its_own_valid_request(emulator: Emulator, name: str) -> None:
    """The valid requests are valid to botocore, and it can read every answer."""
    operation = MODEL.operation_model(name)
    request = valid_request(operation, prepare(emulator))
    if "layerPartBlob" in request:
        request["layerPartBlob"] = base64.b64decode(request["layerPartBlob"])
    ecr = client(emulator.url)
    method = botocore.xform_name(name)
    if name in EXPECTED_ERROR:
        with pytest.raises(getattr(ecr.exceptions, EXPECTED_ERROR[name])):
            getattr(ecr, method)(**request)
    else:
        assert getattr(ecr, method)(**request)["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize("name", EMULATED)
def test_what_the_model_forbids_is_refused(name: str) -> None:
    """Each broken request is an error that the operation may have, and changes nothing. What is let through is
    exactly what is known."""
    operation = MODEL.operation_model(name)
    lax: set[str] = set()
    wrong: list[str] = []
    at: int | None = 0
    while at is not None:
        with Emulator() as emulator:
            at = _until_one_gets_through(emulator, operation, at, lax, wrong)
    known = {case for case in KNOWN_LAX if case.startswith(f"{name}: ")}
    print("laxer than the model:", *sorted(lax), sep="\n  ")
    assert wrong == []
    assert lax == known


def _until_one_gets_through(
    emulator: Emulator, operation: OperationModel, start: int, lax: set[str], wrong: list[str]
) -> int | None:
    """Tries the requests from `start` on; where to go on in a new world, if one was let through."""
    world = prepare(emulator)
    before = state(emulator)
    for at, (what, request) in enumerate(invalid_requests(operation, world)):
        if at < start:
            continue
        case = f"{operation.name}: {what}"
        status, answer = emulator.raw(operation.name, request)
        if status == 200:
            lax.add(case)
            return at + 1
        if _code(answer) not in _may_have(operation):
            wrong.append(f"{case}: {status} {answer}")
        if state(emulator) != before:
            wrong.append(f"{case}: refused, and yet something changed")
            return at + 1
    return None
