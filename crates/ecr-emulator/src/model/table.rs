//! Request members of each operation, by name.

use super::shape::{ANY, Member, Shape, list, may, must, text};
use super::shapes::*;

type Row = (&'static str, &'static [Member]);

/// The constraints of AWS's service model, version 2015-09-21, for the operations that are here.
pub(super) const OPERATIONS: &[Row] = &[
    (
        "BatchCheckLayerAvailability",
        &[REGISTRY_MEMBER, NAME, must("layerDigests", list(1, 100, &text(0, 1_000)))],
    ),
    ("BatchDeleteImage", &[REGISTRY_MEMBER, NAME, must("imageIds", IMAGE_IDS)]),
    (
        "BatchGetImage",
        &[REGISTRY_MEMBER, NAME, must("imageIds", IMAGE_IDS), may("acceptedMediaTypes", list(1, 100, &TEXT))],
    ),
    ("BatchGetRepositoryScanningConfiguration", &[must("repositoryNames", list(1, 25, &REPOSITORY_NAME))]),
    (
        "CompleteLayerUpload",
        &[REGISTRY_MEMBER, NAME, UPLOAD_ID, must("layerDigests", list(1, 100, &LAYER_DIGEST))],
    ),
    (
        "CreatePullThroughCacheRule",
        &[
            RULE,
            must("upstreamRegistryUrl", TEXT),
            REGISTRY_MEMBER,
            may("upstreamRegistry", UPSTREAMS),
            CREDENTIAL_ARN,
            CUSTOM_ROLE,
            may("upstreamRepositoryPrefix", RULE_PREFIX),
        ],
    ),
    (
        "CreateRepository",
        &[
            REGISTRY_MEMBER,
            NAME,
            may("tags", TAGS),
            may("imageTagMutability", MUTABILITY),
            EXCLUSIONS,
            may("imageScanningConfiguration", SCANNING_FLAG),
            may("encryptionConfiguration", ENCRYPTION),
        ],
    ),
    ("DeleteLifecyclePolicy", &[REGISTRY_MEMBER, NAME]),
    ("DeletePullThroughCacheRule", &[RULE, REGISTRY_MEMBER]),
    ("DeleteRegistryPolicy", &[]),
    ("DeleteRepository", &[REGISTRY_MEMBER, NAME, may("force", FLAG)]),
    ("DeleteRepositoryPolicy", &[REGISTRY_MEMBER, NAME]),
    ("DeregisterPullTimeUpdateExclusion", &[PRINCIPAL]),
    ("DescribeImageScanFindings", &[REGISTRY_MEMBER, NAME, must("imageId", IMAGE_ID), NEXT, RESULTS]),
    ("DescribeImages", &[REGISTRY_MEMBER, NAME, may("imageIds", IMAGE_IDS), NEXT, RESULTS, IMAGE_FILTER]),
    (
        "DescribePullThroughCacheRules",
        &[REGISTRY_MEMBER, may("ecrRepositoryPrefixes", list(1, 100, &RULE_PREFIX)), NEXT, RESULTS],
    ),
    ("DescribeRegistry", &[]),
    (
        "DescribeRepositories",
        &[REGISTRY_MEMBER, may("repositoryNames", list(1, 100, &REPOSITORY_NAME)), NEXT, RESULTS],
    ),
    ("GetAuthorizationToken", &[may("registryIds", list(1, 10, &REGISTRY_ID))]),
    ("GetDownloadUrlForLayer", &[REGISTRY_MEMBER, NAME, must("layerDigest", LAYER_DIGEST)]),
    ("GetLifecyclePolicy", &[REGISTRY_MEMBER, NAME]),
    (
        "GetLifecyclePolicyPreview",
        &[
            REGISTRY_MEMBER,
            NAME,
            may("imageIds", IMAGE_IDS),
            NEXT,
            may("maxResults", Shape::Integer { min: 1, max: 100 }),
            may("filter", Shape::Structure(&[TAG_STATUS])),
        ],
    ),
    ("GetRegistryPolicy", &[]),
    ("GetRegistryScanningConfiguration", &[]),
    ("GetRepositoryPolicy", &[REGISTRY_MEMBER, NAME]),
    ("InitiateLayerUpload", &[REGISTRY_MEMBER, NAME]),
    (
        "ListImageReferrers",
        &[
            REGISTRY_MEMBER,
            NAME,
            must("subjectId", Shape::Structure(&[must("imageDigest", TEXT)])),
            may(
                "filter",
                Shape::Structure(&[
                    may("artifactTypes", list(0, 5, &text(1, 255))),
                    may("artifactStatus", STATUSES),
                ]),
            ),
            NEXT,
            may("maxResults", Shape::Integer { min: 1, max: 50 }),
        ],
    ),
    ("ListImages", &[REGISTRY_MEMBER, NAME, NEXT, RESULTS, IMAGE_FILTER]),
    ("ListPullTimeUpdateExclusions", &[NEXT, RESULTS]),
    ("ListTagsForResource", &[must("resourceArn", TEXT)]),
    (
        "PutImage",
        &[
            REGISTRY_MEMBER,
            NAME,
            must("imageManifest", text(1, 4_194_304)),
            may("imageManifestMediaType", TEXT),
            may("imageTag", text(1, 300)),
            may("imageDigest", TEXT),
        ],
    ),
    (
        "PutImageScanningConfiguration",
        &[REGISTRY_MEMBER, NAME, must("imageScanningConfiguration", SCANNING_FLAG)],
    ),
    ("PutImageTagMutability", &[REGISTRY_MEMBER, NAME, must("imageTagMutability", MUTABILITY), EXCLUSIONS]),
    ("PutLifecyclePolicy", &[REGISTRY_MEMBER, NAME, must("lifecyclePolicyText", LIFECYCLE_POLICY)]),
    ("PutRegistryPolicy", &[must("policyText", POLICY)]),
    (
        "PutRegistryScanningConfiguration",
        &[may("scanType", Shape::OneOf(&["BASIC", "ENHANCED"])), may("rules", SCANNING_RULES)],
    ),
    ("PutReplicationConfiguration", &[must("replicationConfiguration", REPLICATION)]),
    ("RegisterPullTimeUpdateExclusion", &[PRINCIPAL]),
    ("SetRepositoryPolicy", &[REGISTRY_MEMBER, NAME, must("policyText", POLICY), may("force", FLAG)]),
    ("StartImageScan", &[REGISTRY_MEMBER, NAME, must("imageId", IMAGE_ID)]),
    ("TagResource", &[must("resourceArn", TEXT), must("tags", TAGS)]),
    ("UntagResource", &[must("resourceArn", TEXT), must("tagKeys", list(0, ANY, &TEXT))]),
    (
        "UpdateImageStorageClass",
        &[
            REGISTRY_MEMBER,
            NAME,
            must("imageId", IMAGE_ID),
            must("targetStorageClass", Shape::OneOf(&["STANDARD", "ARCHIVE"])),
        ],
    ),
    ("UpdatePullThroughCacheRule", &[REGISTRY_MEMBER, RULE, CREDENTIAL_ARN, CUSTOM_ROLE]),
    (
        "UploadLayerPart",
        &[
            REGISTRY_MEMBER,
            NAME,
            UPLOAD_ID,
            must("partFirstByte", BYTE),
            must("partLastByte", BYTE),
            must("layerPartBlob", Shape::Blob),
        ],
    ),
    ("ValidatePullThroughCacheRule", &[RULE, REGISTRY_MEMBER]),
];
