"""Witness: boto3 in ordinary life. Push, list in pages, retag, delete with ECR's guard in the way, archive, restore."""

from typing import Any

import pytest
from images import build, digest_of, image
from served import Emulator, client
from world import put

REPOSITORY = "life/web"


def _described(ecr: Any, size: int) -> list[dict[str, Any]]:
    """All images, in pages of `size`, no page longer than that."""
    pages = ecr.get_paginator("describe_images").paginate(
        repositoryName=REPOSITORY, PaginationConfig={"PageSize": size}
    )
    details = []
    for page in pages:
        assert len(page["imageDetails"]) <= size
        details += page["imageDetails"]
    return details


def test_ordinary_life(emulator: Emulator) -> None:
    """One repository from its creation to its end."""
    ecr = client(emulator.url)
    ecr.create_repository(repositoryName=REPOSITORY, tags=[{"Key": "team", "Value": "web"}])
    content = build("life", "first")
    put(emulator, REPOSITORY, content, "v1")
    index = content.root["digest"]
    children = [digest for digest in content.manifests if digest != index]

    # Listed in pages of every size, the same.
    for size in (1, 2, 3, 1000):
        listed = [detail["imageDigest"] for detail in _described(ecr, size)]
        assert sorted(listed) == sorted(content.manifests), size
    listings = ecr.get_paginator("list_images").paginate(repositoryName=REPOSITORY, PaginationConfig={"PageSize": 2})
    assert len([image_id for page in listings for image_id in page["imageIds"]]) == len(content.manifests)
    untagged = ecr.list_images(repositoryName=REPOSITORY, filter={"tagStatus": "UNTAGGED"})["imageIds"]
    assert sorted(image_id["imageDigest"] for image_id in untagged) == sorted(children)

    # Retagged from its own bytes.
    pulled = ecr.batch_get_image(
        repositoryName=REPOSITORY, imageIds=[{"imageDigest": index}], acceptedMediaTypes=[content.root["mediaType"]]
    )["images"][0]
    assert digest_of(pulled["imageManifest"].encode()) == index
    retag = {"repositoryName": REPOSITORY, "imageManifest": pulled["imageManifest"], "imageTag": "stable"}
    assert ecr.put_image(**retag)["image"]["imageId"] == {"imageDigest": index, "imageTag": "stable"}
    with pytest.raises(ecr.exceptions.ImageAlreadyExistsException):
        ecr.put_image(**retag)
    one = ecr.describe_images(repositoryName=REPOSITORY, imageIds=[{"imageTag": "v1"}])["imageDetails"][0]
    assert sorted(one["imageTags"]) == ["stable", "v1"]

    # What the index lists cannot go before it.
    refused = ecr.batch_delete_image(repositoryName=REPOSITORY, imageIds=[{"imageDigest": child} for child in children])
    assert refused["imageIds"] == []
    assert {failure["failureCode"] for failure in refused["failures"]} == {"ImageReferencedByManifestList"}
    assert all(index in failure["failureReason"] for failure in refused["failures"])
    assert ecr.batch_delete_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "v1"}])["failures"] == []
    together = ecr.batch_delete_image(
        repositoryName=REPOSITORY, imageIds=[{"imageDigest": digest} for digest in (index, children[0])]
    )
    assert {image_id["imageDigest"] for image_id in together["imageIds"]} == {index}
    assert [failure["imageId"]["imageDigest"] for failure in together["failures"]] == [children[0]]
    gone = ecr.batch_delete_image(repositoryName=REPOSITORY, imageIds=[{"imageDigest": child} for child in children])
    assert gone["failures"] == [] and len(gone["imageIds"]) == len(children)
    assert _described(ecr, 100) == []


def test_archive_and_back(emulator: Emulator) -> None:
    """An archived image is listed only when asked for, cannot be pulled, and comes back."""
    ecr = client(emulator.url)
    ecr.create_repository(repositoryName=REPOSITORY)
    content = image("archived")
    put(emulator, REPOSITORY, content, "old")
    digest = content.root["digest"]
    image_id = {"imageDigest": digest}
    ecr.update_image_storage_class(repositoryName=REPOSITORY, imageId=image_id, targetStorageClass="ARCHIVE")
    assert _described(ecr, 100) == []
    shown = ecr.describe_images(repositoryName=REPOSITORY, filter={"imageStatus": "ARCHIVED"})["imageDetails"]
    assert [(detail["imageDigest"], detail["imageStatus"]) for detail in shown] == [(digest, "ARCHIVED")]
    pull = ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[image_id])
    assert pull["images"] == [] and len(pull["failures"]) == 1
    emulator.admin("clock", {"at": 1_900_000_000_000})
    ecr.update_image_storage_class(repositoryName=REPOSITORY, imageId=image_id, targetStorageClass="STANDARD")
    emulator.admin("clock", {"at": 1_900_000_000_000 + 21 * 60 * 1000})
    [back] = _described(ecr, 100)
    assert back["imageStatus"] == "ACTIVE" and "lastActivatedAt" in back


def test_a_moved_tag_and_an_immutable_one(emulator: Emulator) -> None:
    """A mutable tag moves without a word; an immutable one does not."""
    ecr = client(emulator.url)
    ecr.create_repository(repositoryName=REPOSITORY)
    first, second = image("first"), image("second")
    put(emulator, REPOSITORY, first, "latest")
    put(emulator, REPOSITORY, second, "latest")
    tags = {detail["imageDigest"]: detail.get("imageTags", []) for detail in _described(ecr, 100)}
    assert tags == {first.root["digest"]: [], second.root["digest"]: ["latest"]}
    ecr.put_image_tag_mutability(repositoryName=REPOSITORY, imageTagMutability="IMMUTABLE")
    manifest = first.manifests[first.root["digest"]].decode()
    with pytest.raises(ecr.exceptions.ImageTagAlreadyExistsException):
        ecr.put_image(repositoryName=REPOSITORY, imageManifest=manifest, imageTag="latest")
    ecr.put_image(repositoryName=REPOSITORY, imageManifest=manifest, imageTag="v1")
    with pytest.raises(ecr.exceptions.RepositoryNotEmptyException):
        ecr.delete_repository(repositoryName=REPOSITORY)
    ecr.delete_repository(repositoryName=REPOSITORY, force=True)
    assert ecr.describe_repositories()["repositories"] == []
