"""Witness: moto, an ECR that others wrote. Where moto is known to be right, both answer the same; where it is known to
be wrong, it still is (so that this list does not outlive its reasons)."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from images import MANIFEST, image
from moto.server import ThreadedMotoServer
from served import Emulator, client

REPOSITORY = "moto/web"
CONTENT = image("moto")
DIGEST = CONTENT.root["digest"]
TEXT = CONTENT.manifests[DIGEST].decode()
OTHER = image("another")
PUSH = {"repositoryName": REPOSITORY, "imageManifest": TEXT, "imageManifestMediaType": MANIFEST, "imageDigest": DIGEST}


@pytest.fixture(scope="module")
def moto() -> Iterator[Any]:
    """A client of a moto server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield client(f"http://{host}:{port}")
    server.stop()


@pytest.fixture
def both(emulator: Emulator, moto: Any) -> list[Any]:
    """Clients of the emulator and of moto, both with the same image in the same repository."""
    clients = [client(emulator.url), moto]
    if any(found["repositoryName"] == REPOSITORY for found in moto.describe_repositories()["repositories"]):
        moto.delete_repository(repositoryName=REPOSITORY, force=True)
    for ecr in clients:
        ecr.create_repository(repositoryName=REPOSITORY)
    for content in (CONTENT, OTHER):
        for digest, blob in content.blobs.items():
            emulator.upload(REPOSITORY, blob, digest)
    return clients


def _same(both: list[Any], script: Callable[[Any], Any]) -> Any:
    """What the script gives on both; an error is its code."""

    def run(ecr: Any) -> Any:
        try:
            return script(ecr)
        except ClientError as error:
            return error.response["Error"]["Code"]

    ours, theirs = (run(ecr) for ecr in both)
    assert ours == theirs
    return ours


def test_repositories(both: list[Any]) -> None:
    """A repository as it is created and described; that it is there already, or not at all."""

    def described(ecr: Any) -> Any:
        [repository] = ecr.describe_repositories(repositoryNames=[REPOSITORY])["repositories"]
        kept = ("repositoryArn", "repositoryUri", "repositoryName", "registryId", "imageTagMutability")
        return {name: repository[name] for name in kept}

    def scanning(ecr: Any) -> Any:
        [repository] = ecr.describe_repositories(repositoryNames=[REPOSITORY])["repositories"]
        return repository["imageScanningConfiguration"], repository["encryptionConfiguration"]

    assert _same(both, described)["repositoryName"] == REPOSITORY
    assert _same(both, scanning) == ({"scanOnPush": False}, {"encryptionType": "AES256"})
    again = _same(both, lambda ecr: ecr.create_repository(repositoryName=REPOSITORY))
    assert again == "RepositoryAlreadyExistsException"


@pytest.mark.parametrize(
    "script",
    [
        lambda ecr: ecr.describe_repositories(repositoryNames=["not/here"]),
        lambda ecr: ecr.delete_repository(repositoryName="not/here"),
        lambda ecr: ecr.describe_images(repositoryName="not/here"),
        lambda ecr: ecr.list_images(repositoryName="not/here"),
        lambda ecr: ecr.batch_get_image(repositoryName="not/here", imageIds=[{"imageTag": "v1"}]),
        lambda ecr: ecr.batch_delete_image(repositoryName="not/here", imageIds=[{"imageTag": "v1"}]),
        lambda ecr: ecr.get_lifecycle_policy(repositoryName="not/here"),
    ],
)
def test_no_such_repository(both: list[Any], script: Callable[[Any], Any]) -> None:
    """Every operation says so in the same way."""
    assert _same(both, script) == "RepositoryNotFoundException"


def test_no_such_image(both: list[Any]) -> None:
    """An unknown image fails a description, and in a batch only itself."""

    def failures(answer: Any) -> Any:
        return [(failure["failureCode"], failure["imageId"]) for failure in answer["failures"]]

    wanted = {"repositoryName": REPOSITORY, "imageIds": [{"imageTag": "nope"}]}
    assert _same(both, lambda ecr: ecr.describe_images(**wanted)) == "ImageNotFoundException"
    missing = [("ImageNotFound", {"imageTag": "nope"})]
    assert _same(both, lambda ecr: failures(ecr.batch_get_image(**wanted))) == missing
    assert _same(both, lambda ecr: failures(ecr.batch_delete_image(**wanted))) == missing
    policy = _same(both, lambda ecr: ecr.get_lifecycle_policy(repositoryName=REPOSITORY))
    assert policy == "LifecyclePolicyNotFoundException"


def test_exact_bytes(both: list[Any]) -> None:
    """A manifest goes in and comes out as the same bytes, with its digest and media type."""

    def script(ecr: Any) -> Any:
        ecr.put_image(**PUSH, imageTag="v1")
        wanted = {"imageIds": [{"imageDigest": DIGEST}], "acceptedMediaTypes": [MANIFEST]}
        [got] = ecr.batch_get_image(repositoryName=REPOSITORY, **wanted)["images"]
        return got["imageManifest"], got["imageManifestMediaType"], got["imageId"]["imageDigest"]

    assert _same(both, script) == (TEXT, MANIFEST, DIGEST)


def test_tags(both: list[Any]) -> None:
    """A second tag is added to the same image; the same tag again is an error."""

    def script(ecr: Any) -> Any:
        ecr.put_image(**PUSH, imageTag="v1")
        ecr.put_image(**PUSH, imageTag="v2")
        [detail] = ecr.describe_images(repositoryName=REPOSITORY)["imageDetails"]
        return detail["imageDigest"], sorted(detail["imageTags"])

    assert _same(both, script) == (DIGEST, ["v1", "v2"])
    assert _same(both, lambda ecr: ecr.put_image(**PUSH, imageTag="v2")) == "ImageAlreadyExistsException"


def test_immutability(both: list[Any]) -> None:
    """The setting is shown, and a tag that is there cannot move. (moto has another code for it.)"""

    def script(ecr: Any) -> Any:
        ecr.put_image(**PUSH, imageTag="v1")
        answer = ecr.put_image_tag_mutability(repositoryName=REPOSITORY, imageTagMutability="IMMUTABLE")
        return answer["imageTagMutability"]

    assert _same(both, script) == "IMMUTABLE"
    other = OTHER.manifests[OTHER.root["digest"]].decode()
    moved = PUSH | {"imageManifest": other, "imageDigest": OTHER.root["digest"], "imageTag": "v1"}
    codes = [_code(lambda ecr=ecr: ecr.put_image(**moved)) for ecr in both]
    assert codes == ["ImageTagAlreadyExistsException", "ImageAlreadyExistsException"]


def _code(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    code: str = caught.value.response["Error"]["Code"]
    return code


def _a_push_to_no_repository_breaks_it(ecr: Any) -> bool:
    return _code(lambda: ecr.put_image(**(PUSH | {"repositoryName": "not/here"}))) == "500"


def _deleting_an_untagged_digest_is_silent(ecr: Any) -> bool:
    ecr.put_image(**PUSH)
    answer = ecr.batch_delete_image(repositoryName=REPOSITORY, imageIds=[{"imageDigest": DIGEST}])
    return answer["imageIds"] == answer["failures"] == []


def _missing_layers_are_no_matter(ecr: Any) -> bool:
    manifest = json.loads(TEXT)
    manifest["layers"][0]["digest"] = "sha256:" + "0" * 64
    try:
        ecr.put_image(repositoryName=REPOSITORY, imageManifest=json.dumps(manifest), imageTag="broken")
    except ClientError:
        return False
    return True


def _a_page_size_is_no_matter(ecr: Any) -> bool:
    ecr.put_image(**PUSH, imageTag="v1")
    other = OTHER.manifests[OTHER.root["digest"]].decode()
    ecr.put_image(repositoryName=REPOSITORY, imageManifest=other, imageDigest=OTHER.root["digest"], imageTag="v2")
    return len(ecr.describe_images(repositoryName=REPOSITORY, maxResults=1)["imageDetails"]) > 1


def _a_wrong_digest_is_no_matter(ecr: Any) -> bool:
    try:
        ecr.put_image(**(PUSH | {"imageDigest": "sha256:" + "0" * 64}), imageTag="v1")
    except ClientError:
        return False
    return True


def _a_moved_tag_deletes_the_old_image(ecr: Any) -> bool:
    ecr.put_image(**PUSH, imageTag="latest")
    other = OTHER.manifests[OTHER.root["digest"]].decode()
    ecr.put_image(repositoryName=REPOSITORY, imageManifest=other, imageDigest=OTHER.root["digest"], imageTag="latest")
    details = ecr.describe_images(repositoryName=REPOSITORY)["imageDetails"]
    return DIGEST not in [detail["imageDigest"] for detail in details]


def _an_index_may_come_before_its_children(ecr: Any) -> bool:
    child = {"mediaType": MANIFEST, "digest": "sha256:" + "1" * 64, "size": 2}
    media_type = "application/vnd.oci.image.index.v1+json"
    index = {"schemaVersion": 2, "mediaType": media_type, "manifests": [child]}
    try:
        ecr.put_image(repositoryName=REPOSITORY, imageManifest=json.dumps(index), imageTag="early")
    except ClientError:
        return False
    return True


# What moto does and neither Amazon ECR nor the emulator does. Not asked here, but known too: moto has no guard of what
# an index lists, no limit of 100 ids, no referrers or archive, and takes no notice of acceptedMediaTypes.
KNOWN_DIFFERENCES = [
    _a_push_to_no_repository_breaks_it,
    _deleting_an_untagged_digest_is_silent,
    _missing_layers_are_no_matter,
    _a_page_size_is_no_matter,
    _a_wrong_digest_is_no_matter,
    _a_moved_tag_deletes_the_old_image,
    _an_index_may_come_before_its_children,
]


@pytest.mark.parametrize("difference", KNOWN_DIFFERENCES, ids=lambda difference: difference.__name__.strip("_"))
def test_moto_is_still_different(both: list[Any], difference: Callable[[Any], bool]) -> None:
    """Each difference is there in moto, and not in the emulator."""
    assert [difference(ecr) for ecr in both] == [False, True]
