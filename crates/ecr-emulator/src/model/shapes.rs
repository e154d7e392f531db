//! Values that more than one operation takes.

use super::pattern::{
    CREDENTIAL, DIGEST, EXCLUDED_PRINCIPAL, EXCLUSION, PREFIX, REGION, REGISTRY, REPLICATED_PREFIX,
    REPOSITORY, SCANNING, UPLOAD,
};
use super::shape::{ANY, Member, Shape, like, list, may, must, text};

pub(super) const TEXT: Shape = text(0, ANY);
pub(super) const FLAG: Shape = Shape::Flag;
pub(super) const REPOSITORY_NAME: Shape = like(2, 256, &REPOSITORY);
pub(super) const RULE_PREFIX: Shape = like(2, 30, &PREFIX);
pub(super) const LAYER_DIGEST: Shape = like(0, ANY, &DIGEST);
pub(super) const POLICY: Shape = text(0, 10_240);
pub(super) const LIFECYCLE_POLICY: Shape = text(100, 30_720);
pub(super) const REGISTRY_ID: Shape = like(0, ANY, &REGISTRY);
pub(super) const BYTE: Shape = Shape::Integer { min: 0, max: i64::MAX };
pub(super) const ROLE_ARN: Shape = text(0, 2_048);
pub(super) const TAGS: Shape = list(0, ANY, &Shape::Structure(&[must("Key", TEXT), must("Value", TEXT)]));
pub(super) const IMAGE_ID: Shape =
    Shape::Structure(&[may("imageDigest", TEXT), may("imageTag", text(1, 300))]);
pub(super) const IMAGE_IDS: Shape = list(1, 100, &IMAGE_ID);

pub(super) const REGISTRY_MEMBER: Member = may("registryId", REGISTRY_ID);
pub(super) const NAME: Member = must("repositoryName", REPOSITORY_NAME);
pub(super) const RULE: Member = must("ecrRepositoryPrefix", RULE_PREFIX);
pub(super) const UPLOAD_ID: Member = must("uploadId", like(0, ANY, &UPLOAD));
pub(super) const CREDENTIAL_ARN: Member = may("credentialArn", like(50, 612, &CREDENTIAL));
pub(super) const CUSTOM_ROLE: Member = may("customRoleArn", ROLE_ARN);
pub(super) const PRINCIPAL: Member = must("principalArn", like(0, 200, &EXCLUDED_PRINCIPAL));
pub(super) const NEXT: Member = may("nextToken", TEXT);
pub(super) const RESULTS: Member = may("maxResults", Shape::Integer { min: 1, max: 1_000 });

pub(super) const TAG_STATUS: Member = may("tagStatus", Shape::OneOf(&["TAGGED", "UNTAGGED", "ANY"]));
pub(super) const STATUSES: Shape = Shape::OneOf(&["ACTIVE", "ARCHIVED", "ACTIVATING", "ANY"]);
pub(super) const IMAGE_FILTER: Member =
    may("filter", Shape::Structure(&[TAG_STATUS, may("imageStatus", STATUSES)]));

pub(super) const MUTABILITY: Shape =
    Shape::OneOf(&["MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"]);
pub(super) const EXCLUSIONS: Member = may(
    "imageTagMutabilityExclusionFilters",
    list(
        1,
        5,
        &Shape::Structure(&[
            must("filterType", Shape::OneOf(&["WILDCARD"])),
            must("filter", like(1, 128, &EXCLUSION)),
        ]),
    ),
);
pub(super) const SCANNING_FLAG: Shape = Shape::Structure(&[may("scanOnPush", FLAG)]);
pub(super) const ENCRYPTION: Shape = Shape::Structure(&[
    must("encryptionType", Shape::OneOf(&["AES256", "KMS", "KMS_DSSE"])),
    may("kmsKey", text(1, 2_048)),
]);
pub(super) const UPSTREAMS: Shape = Shape::OneOf(&[
    "ecr",
    "ecr-public",
    "quay",
    "k8s",
    "docker-hub",
    "github-container-registry",
    "azure-container-registry",
    "gitlab-container-registry",
    "chainguard",
]);
pub(super) const SCANNING_RULES: Shape = list(
    0,
    2,
    &Shape::Structure(&[
        must("scanFrequency", Shape::OneOf(&["SCAN_ON_PUSH", "CONTINUOUS_SCAN", "MANUAL"])),
        must(
            "repositoryFilters",
            list(
                0,
                100,
                &Shape::Structure(&[
                    must("filter", like(1, 255, &SCANNING)),
                    must("filterType", Shape::OneOf(&["WILDCARD"])),
                ]),
            ),
        ),
    ]),
);
pub(super) const REPLICATION: Shape =
    Shape::Structure(&[must("rules", list(0, 25, &Shape::Structure(REPLICATION_RULE)))]);
const REPLICATION_RULE: &[Member] = &[
    must(
        "destinations",
        list(
            0,
            100,
            &Shape::Structure(&[must("region", like(2, 25, &REGION)), must("registryId", REGISTRY_ID)]),
        ),
    ),
    may(
        "repositoryFilters",
        list(
            1,
            100,
            &Shape::Structure(&[
                must("filter", like(2, 256, &REPLICATED_PREFIX)),
                must("filterType", Shape::OneOf(&["PREFIX_MATCH"])),
            ]),
        ),
    ),
    may("deleteReplication", Shape::Structure(&[must("enabled", FLAG)])),
];
