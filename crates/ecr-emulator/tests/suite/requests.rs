//! A request of each operation, and what makes it a bad one.

use ecr_emulator::Emulator;
use serde_json::{Value, json};

use crate::support::REPO;

pub(crate) const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub(crate) const UPLOAD: &str = "00000000-0000-4000-8000-000000000000";
const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub";

/// An operation, a request that it takes, the members that it cannot do without, and one change (a pointer and a
/// value) that puts the request out of bounds.
pub(crate) struct Case {
    pub(crate) operation: &'static str,
    pub(crate) good: Value,
    pub(crate) required: &'static [&'static str],
    pub(crate) out: Option<(&'static str, Value)>,
}

fn case(
    operation: &'static str,
    good: Value,
    required: &'static [&'static str],
    pointer: &'static str,
    value: Value,
) -> Case {
    let out = (!pointer.is_empty()).then_some((pointer, value));
    Case { operation, good, required, out }
}

/// In the repository, with more members.
fn named(more: Value) -> Value {
    let mut request = more;
    request["repositoryName"] = REPO.into();
    request
}

pub(crate) fn cases() -> Vec<Case> {
    [images(), layers(), repositories(), registry(), settings()].into_iter().flatten().collect()
}

fn images() -> Vec<Case> {
    let ids = json!([{ "imageDigest": DIGEST, "imageTag": "v1" }]);
    let many: Value = (0..101).map(|_| json!({ "imageTag": "v1" })).collect();
    let id = ids[0].clone();
    let listed = named(json!({ "maxResults": 1, "filter": { "tagStatus": "ANY" } }));
    vec![
        case("BatchDeleteImage", named(json!({ "imageIds": ids })), &["imageIds"], "/imageIds", many.clone()),
        case("BatchGetImage", named(json!({ "imageIds": ids })), &["imageIds"], "/imageIds", json!([])),
        case(
            "DescribeImages",
            named(json!({ "imageIds": ids })),
            &[],
            "/imageIds/0/imageTag",
            "t".repeat(301).into(),
        ),
        case("ListImages", listed.clone(), &[], "/filter/tagStatus", "SOME".into()),
        case("GetLifecyclePolicyPreview", listed, &[], "/maxResults", 101.into()),
        case(
            "ListImageReferrers",
            named(json!({ "subjectId": { "imageDigest": DIGEST }, "maxResults": 1 })),
            &["subjectId"],
            "/maxResults",
            51.into(),
        ),
        case(
            "PutImage",
            named(json!({ "imageManifest": "{}" })),
            &["imageManifest"],
            "/imageManifest",
            " ".repeat(4_194_305).into(),
        ),
        case(
            "UpdateImageStorageClass",
            named(json!({ "imageId": id, "targetStorageClass": "ARCHIVE" })),
            &["imageId", "targetStorageClass"],
            "/targetStorageClass",
            "GLACIER".into(),
        ),
        case("StartImageScan", named(json!({ "imageId": id })), &["imageId"], "/imageId/imageTag", "".into()),
        case(
            "DescribeImageScanFindings",
            named(json!({ "imageId": id, "maxResults": 1 })),
            &["imageId"],
            "/maxResults",
            0.into(),
        ),
    ]
}

fn layers() -> Vec<Case> {
    let part = json!({ "uploadId": UPLOAD, "partFirstByte": 0, "partLastByte": 1, "layerPartBlob": "aGk=" });
    let digests = json!({ "uploadId": UPLOAD, "layerDigests": [DIGEST] });
    let long = format!("sha256:{}", "a".repeat(1_000));
    vec![
        case(
            "BatchCheckLayerAvailability",
            named(json!({ "layerDigests": [DIGEST] })),
            &["layerDigests"],
            "/layerDigests/0",
            long.into(),
        ),
        case(
            "CompleteLayerUpload",
            named(digests),
            &["uploadId", "layerDigests"],
            "/layerDigests/0",
            "sha256:z".into(),
        ),
        case(
            "GetDownloadUrlForLayer",
            named(json!({ "layerDigest": DIGEST })),
            &["layerDigest"],
            "/layerDigest",
            "none".into(),
        ),
        case("InitiateLayerUpload", named(json!({})), &[], "/repositoryName", "Shop".into()),
        case(
            "UploadLayerPart",
            named(part),
            &["uploadId", "partFirstByte", "partLastByte", "layerPartBlob"],
            "/partFirstByte",
            (-1).into(),
        ),
    ]
}

fn repositories() -> Vec<Case> {
    let arn = format!("arn:aws:ecr:us-east-1:123456789012:repository/{REPO}");
    let tagged = json!({ "resourceArn": arn, "tags": [{ "Key": "a", "Value": "b" }] });
    let exclusions = json!({
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{ "filterType": "WILDCARD", "filter": "v*" }],
    });
    let create =
        json!({ "repositoryName": "a/new", "encryptionConfiguration": { "encryptionType": "AES256" } });
    let (none, filter) = (json!({}), "/imageTagMutabilityExclusionFilters/0/filter");
    vec![
        case("CreateRepository", create, &[], "/encryptionConfiguration/encryptionType", "DES".into()),
        case("DeleteRepository", named(none.clone()), &[], "/repositoryName", "a".into()),
        case(
            "DescribeRepositories",
            json!({ "repositoryNames": [REPO] }),
            &[],
            "/repositoryNames",
            json!([]),
        ),
        case("ListTagsForResource", json!({ "resourceArn": arn }), &["resourceArn"], "", Value::Null),
        case("TagResource", tagged, &["resourceArn", "tags"], "", Value::Null),
        case(
            "UntagResource",
            json!({ "resourceArn": arn, "tagKeys": ["a"] }),
            &["resourceArn", "tagKeys"],
            "",
            Value::Null,
        ),
        case("PutImageTagMutability", named(exclusions), &["imageTagMutability"], filter, "a b".into()),
    ]
}

fn registry() -> Vec<Case> {
    let rule = |more: Value| {
        let mut request = more;
        request["ecrRepositoryPrefix"] = "hub".into();
        request
    };
    let prefix = "/ecrRepositoryPrefix";
    let rules = json!([{ "scanFrequency": "MANUAL", "repositoryFilters": [] }]);
    let replicated = json!({ "destinations": [{ "region": "eu-west-1", "registryId": "123456789012" }] });
    vec![
        case(
            "CreatePullThroughCacheRule",
            rule(json!({ "upstreamRegistryUrl": "quay.io", "upstreamRegistry": "quay" })),
            &["ecrRepositoryPrefix", "upstreamRegistryUrl"],
            "/upstreamRegistry",
            "elsewhere".into(),
        ),
        case("DeletePullThroughCacheRule", rule(json!({})), &["ecrRepositoryPrefix"], prefix, "Hub".into()),
        case("ValidatePullThroughCacheRule", rule(json!({})), &["ecrRepositoryPrefix"], prefix, "a".into()),
        case(
            "UpdatePullThroughCacheRule",
            rule(json!({ "credentialArn": SECRET })),
            &["ecrRepositoryPrefix"],
            "/credentialArn",
            SECRET.replace("cache", "stash").into(),
        ),
        case(
            "DescribePullThroughCacheRules",
            json!({ "ecrRepositoryPrefixes": ["hub"] }),
            &[],
            "/ecrRepositoryPrefixes/0",
            "p".repeat(31).into(),
        ),
        case("DescribeRegistry", json!({}), &[], "", Value::Null),
        case(
            "GetAuthorizationToken",
            json!({ "registryIds": ["123456789012"] }),
            &[],
            "/registryIds/0",
            "me".into(),
        ),
        case("PutRegistryScanningConfiguration", json!({ "rules": rules }), &[], "/scanType", "DEEP".into()),
        case("GetRegistryScanningConfiguration", json!({}), &[], "", Value::Null),
        case("GetRegistryPolicy", json!({}), &[], "", Value::Null),
        case("DeleteRegistryPolicy", json!({}), &[], "", Value::Null),
        policy("PutRegistryPolicy", json!({})),
        case(
            "PutReplicationConfiguration",
            json!({ "replicationConfiguration": { "rules": [replicated] } }),
            &["replicationConfiguration"],
            "/replicationConfiguration/rules/0/destinations/0/region",
            "EU".into(),
        ),
        excluded("RegisterPullTimeUpdateExclusion"),
        excluded("DeregisterPullTimeUpdateExclusion"),
        case("ListPullTimeUpdateExclusions", json!({ "maxResults": 1 }), &[], "/maxResults", 1_001.into()),
    ]
}

fn settings() -> Vec<Case> {
    let name = "/repositoryName";
    let lifecycle = json!({ "rules": [], "padding": "p".repeat(100) }).to_string();
    let scanning = json!({ "imageScanningConfiguration": { "scanOnPush": true } });
    vec![
        policy("SetRepositoryPolicy", named(json!({}))),
        case("GetRepositoryPolicy", named(json!({})), &[], name, "a//b".into()),
        case("DeleteRepositoryPolicy", named(json!({})), &[], name, "-a".into()),
        case("GetLifecyclePolicy", named(json!({})), &[], name, "a".repeat(257).into()),
        case(
            "DeleteLifecyclePolicy",
            named(json!({ "registryId": "123456789012" })),
            &[],
            "/registryId",
            "1".into(),
        ),
        case(
            "PutLifecyclePolicy",
            named(json!({ "lifecyclePolicyText": lifecycle })),
            &["lifecyclePolicyText"],
            "/lifecyclePolicyText",
            "{}".into(),
        ),
        case(
            "PutImageScanningConfiguration",
            named(scanning),
            &["imageScanningConfiguration"],
            name,
            "".into(),
        ),
        case(
            "BatchGetRepositoryScanningConfiguration",
            json!({ "repositoryNames": [REPO] }),
            &["repositoryNames"],
            "/repositoryNames",
            json!(vec![REPO; 26]),
        ),
    ]
}

fn policy(operation: &'static str, mut request: Value) -> Case {
    request["policyText"] = json!({ "Statement": [] }).to_string().into();
    case(operation, request, &["policyText"], "/policyText", "p".repeat(10_241).into())
}

/// A call about a principal.
fn excluded(operation: &'static str) -> Case {
    let principal = json!({ "principalArn": "arn:aws:iam::123456789012:role/team/ci" });
    case(operation, principal, &["principalArn"], "/principalArn", "arn:aws:iam::123456789012:root".into())
}

/// All that can be seen of the state.
pub(crate) fn seen(emulator: &Emulator) -> Vec<Value> {
    let arn = format!("arn:aws:ecr:us-east-1:123456789012:repository/{REPO}");
    let each = [
        ("DescribeRepositories", json!({})),
        ("ListTagsForResource", json!({ "resourceArn": arn })),
        ("DescribePullThroughCacheRules", json!({})),
        ("GetRegistryScanningConfiguration", json!({})),
        ("DescribeImages", named(json!({ "filter": { "imageStatus": "ANY" } }))),
        ("GetRegistryPolicy", json!({})),
        ("ListPullTimeUpdateExclusions", json!({})),
        ("GetLifecyclePolicy", named(json!({}))),
        ("GetRepositoryPolicy", named(json!({}))),
    ];
    let answer = |(operation, request)| {
        emulator.call(operation, request).unwrap_or_else(|error| json!({ "code": error.code }))
    };
    each.map(answer).to_vec()
}
