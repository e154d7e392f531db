"""A small registry in which every operation has something to work on, and what its whole state is."""

import base64
import json
from dataclasses import dataclass

from images import Content, image
from served import Emulator, Json

REPOSITORY = "wit/app"
LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "sinceImagePushed",
                    "countUnit": "days",
                    "countNumber": 7,
                },
                "action": {"type": "expire"},
            }
        ]
    }
)
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Witness",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
                "Action": ["ecr:ReplicateImage"],
                "Resource": ["arn:aws:ecr:us-east-1:123456789012:repository/*"],
            }
        ],
    }
)
REPOSITORY_POLICY = POLICY.replace('"ecr:ReplicateImage"', '"ecr:BatchGetImage"').replace(
    ', "Resource": ["arn:aws:ecr:us-east-1:123456789012:repository/*"]', ""
)
PRINCIPAL = "arn:aws:iam::123456789012:role/witness"
PART = b"a layer in the making"


@dataclass
class World:
    """What is in it, by name."""

    arn: str
    content: Content
    digest: str
    manifest: str
    layer: str
    part: str
    empty_upload: str
    full_upload: str


def put(emulator: Emulator, repository: str, content: Content, tag: str | None = None) -> None:
    """Pushes content by the API, its manifests in the order in which they were made."""
    for digest, blob in content.blobs.items():
        emulator.upload(repository, blob, digest)
    for digest, manifest in content.manifests.items():
        tagged = {"imageTag": tag} if tag and digest == content.root["digest"] else {}
        emulator.call("PutImage", repositoryName=repository, imageManifest=manifest.decode(), **tagged)


def prepare(emulator: Emulator) -> World:
    """Makes the world."""
    answer = emulator.call("CreateRepository", repositoryName=REPOSITORY, tags=[{"Key": "a", "Value": "b"}])
    emulator.call("CreateRepository", repositoryName="wit/empty")
    content = image("world")
    put(emulator, REPOSITORY, content, "v1")
    emulator.call("PutLifecyclePolicy", repositoryName=REPOSITORY, lifecyclePolicyText=LIFECYCLE)
    emulator.call("CreatePullThroughCacheRule", ecrRepositoryPrefix="wit-cache", upstreamRegistryUrl="public.ecr.aws")
    for operation, request in (
        ("SetRepositoryPolicy", {"repositoryName": REPOSITORY, "policyText": REPOSITORY_POLICY}),
        ("PutRegistryPolicy", {"policyText": POLICY}),
        ("RegisterPullTimeUpdateExclusion", {"principalArn": PRINCIPAL}),
    ):
        emulator.call(operation, **request)
    uploads = [emulator.call("InitiateLayerUpload", repositoryName=REPOSITORY)["uploadId"] for _ in range(2)]
    emulator.call(
        "UploadLayerPart",
        repositoryName=REPOSITORY,
        uploadId=uploads[1],
        partFirstByte=0,
        partLastByte=len(PART) - 1,
        layerPartBlob=base64.b64encode(PART).decode(),
    )
    return World(
        arn=answer["repository"]["repositoryArn"],
        content=content,
        digest=content.root["digest"],
        manifest=content.manifests[content.root["digest"]].decode(),
        layer=next(iter(content.blobs)),
        part=base64.b64encode(PART).decode(),
        empty_upload=uploads[0],
        full_upload=uploads[1],
    )


def state(emulator: Emulator) -> Json:
    """Everything that the registry can be asked about, by reading operations that change nothing."""
    repositories = emulator.call("DescribeRepositories")["repositories"]
    seen: Json = {"repositories": repositories, "journal": emulator.admin("journal")}
    for repository in repositories:
        name, arn = repository["repositoryName"], repository["repositoryArn"]
        one = {"repositoryName": name}
        seen[name] = [
            emulator.call("DescribeImages", filter={"imageStatus": "ANY"}, **one)["imageDetails"],
            emulator.raw("GetLifecyclePolicy", one),
            emulator.raw("GetRepositoryPolicy", one),
            emulator.raw("ListTagsForResource", {"resourceArn": arn}),
        ]
    for operation in (
        "DescribePullThroughCacheRules",
        "GetRegistryPolicy",
        "GetRegistryScanningConfiguration",
        "ListPullTimeUpdateExclusions",
    ):
        seen[operation] = emulator.raw(operation, {})
    return seen
