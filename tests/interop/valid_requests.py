"""One valid request for each operation in the prepared world, and what else a valid member may be."""

import hashlib
import json
from typing import Any

from botocore.model import ListShape, OperationModel, Shape, StructureShape
from served import ACCOUNT, Json
from world import LIFECYCLE, PART, POLICY, PRINCIPAL, REPOSITORY, REPOSITORY_POLICY, World

PART_DIGEST = "sha256:" + hashlib.sha256(PART).hexdigest()

# Operations whose valid request meets an error, for want of what it asks about.
EXPECTED_ERROR = {
    "DescribeImageScanFindings": "ScanNotFoundException",
    "GetLifecyclePolicyPreview": "LifecyclePolicyPreviewNotFoundException",
    "StartImageScan": "UnsupportedImageTypeException",
}


def _special(operation: str, world: World) -> Json:
    """Members that must not be what they usually are."""
    return {
        "CreateRepository": {"repositoryName": "wit/new"},
        "DeleteRepository": {"repositoryName": "wit/empty"},
        "CreatePullThroughCacheRule": {"ecrRepositoryPrefix": "wit-new", "upstreamRegistryUrl": "quay.io"},
        "CompleteLayerUpload": {"uploadId": world.full_upload, "layerDigests": [PART_DIGEST]},
        "PutRegistryPolicy": {"policyText": POLICY},
        "RegisterPullTimeUpdateExclusion": {"principalArn": PRINCIPAL + "-new"},
        "PutImage": {"imageManifest": json.dumps(json.loads(world.manifest))},
    }.get(operation, {})


def _members(world: World) -> Json:
    """Valid values by the name of the member."""
    return {
        "registryId": ACCOUNT,
        "registryIds": [ACCOUNT],
        "repositoryName": REPOSITORY,
        "repositoryNames": [REPOSITORY],
        "imageIds": [{"imageDigest": world.digest}],
        "imageId": {"imageDigest": world.digest},
        "subjectId": {"imageDigest": world.digest},
        "imageDigest": world.digest,
        "imageTag": "v2",
        "imageManifest": world.manifest,
        "imageManifestMediaType": json.loads(world.manifest)["mediaType"],
        "layerDigest": world.layer,
        "layerDigests": [world.layer],
        "layerPartBlob": world.part,
        "partFirstByte": 0,
        "partLastByte": len(PART) - 1,
        "uploadId": world.empty_upload,
        "resourceArn": world.arn,
        "tags": [{"Key": "team", "Value": "web"}],
        "tagKeys": ["a"],
        "lifecyclePolicyText": LIFECYCLE,
        "policyText": REPOSITORY_POLICY,
        "principalArn": PRINCIPAL,
        "ecrRepositoryPrefix": "wit-cache",
        "ecrRepositoryPrefixes": ["wit-cache"],
        "upstreamRegistryUrl": "quay.io",
        "targetStorageClass": "ARCHIVE",
        "imageTagMutability": "MUTABLE",
        "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "release-*"}],
        "credentialArn": f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:ecr-pullthroughcache/wit",
        "customRoleArn": f"arn:aws:iam::{ACCOUNT}:role/witness",
        "acceptedMediaTypes": [json.loads(world.manifest)["mediaType"]],
        "maxResults": 10,
    }


def valid_value(name: str, shape: Shape, world: World) -> Any:
    """A value that the model allows for a member."""
    known = _members(world)
    if name in known:
        return known[name]
    if isinstance(shape, StructureShape):
        return {key: valid_value(key, member, world) for key, member in shape.members.items()}
    if isinstance(shape, ListShape):
        return [valid_value("", shape.member, world)]
    if shape.type_name in ("integer", "long"):
        return shape.metadata.get("min", 1)
    if shape.type_name == "boolean":
        return False
    enum = getattr(shape, "enum", None)
    return enum[0] if enum else "x" * max(1, shape.metadata.get("min", 1))


def valid_request(operation: OperationModel, world: World) -> Json:
    """The required members of an operation, all valid."""
    shape = operation.input_shape
    request = {name: valid_value(name, shape.members[name], world) for name in shape.required_members}
    return request | _special(operation.name, world)
