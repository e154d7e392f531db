//! Repositories, their settings, layers, and requests that make no sense.

use ecr_emulator::Emulator;
use ecr_emulator::artifacts::plain_image;
use serde_json::{Value, json};

use crate::support::{REPO, code, emulator};

#[test]
fn a_repository_is_described_as_aws_does() {
    let answer = emulator().call("DescribeRepositories", json!({ "repositoryNames": [REPO] })).unwrap();
    assert_eq!(
        answer["repositories"][0],
        json!({
            "repositoryArn": "arn:aws:ecr:us-east-1:123456789012:repository/shop/web",
            "registryId": "123456789012",
            "repositoryName": REPO,
            "repositoryUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/web",
            "createdAt": 1_750_000_000.123,
            "imageTagMutability": "MUTABLE",
            "imageScanningConfiguration": { "scanOnPush": false },
            "encryptionConfiguration": { "encryptionType": "AES256" },
        })
    );
}

#[test]
fn repositories_are_created_once_and_deleted_when_empty() {
    let emulator = emulator();
    assert_eq!(code(emulator.create_repository(REPO)), "RepositoryAlreadyExistsException");
    assert_eq!(code(emulator.create_repository("No")), "InvalidParameterException");
    plain_image(&emulator, REPO, 1, None).unwrap();
    let delete =
        |force: bool| emulator.call("DeleteRepository", json!({ "repositoryName": REPO, "force": force }));
    assert_eq!(code(delete(false)), "RepositoryNotEmptyException");
    delete(true).unwrap();
    assert_eq!(code(delete(true)), "RepositoryNotFoundException");
    let unknown = json!({ "repositoryNames": [REPO] });
    assert_eq!(code(emulator.call("DescribeRepositories", unknown)), "RepositoryNotFoundException");
}

#[test]
fn resource_tags_come_and_go() {
    let emulator = emulator();
    let arn = "arn:aws:ecr:us-east-1:123456789012:repository/shop/web";
    let tags = json!([{ "Key": "team", "Value": "a" }, { "Key": "keep", "Value": "" }]);
    emulator.call("TagResource", json!({ "resourceArn": arn, "tags": tags })).unwrap();
    emulator.call("UntagResource", json!({ "resourceArn": arn, "tagKeys": ["keep", "nope"] })).unwrap();
    let answer = emulator.call("ListTagsForResource", json!({ "resourceArn": arn })).unwrap();
    assert_eq!(answer, json!({ "tags": [{ "Key": "team", "Value": "a" }] }));
    let many: Vec<Value> = (0..50).map(|n| json!({ "Key": format!("k{n}"), "Value": "" })).collect();
    let many = json!({ "resourceArn": arn, "tags": many });
    assert_eq!(code(emulator.call("TagResource", many)), "TooManyTagsException");
    let other = json!({ "resourceArn": arn.replace("us-east-1", "eu-west-1") });
    assert_eq!(code(emulator.call("ListTagsForResource", other)), "InvalidParameterException");
}

#[test]
fn lifecycle_policies_are_kept_as_text() {
    let emulator = emulator();
    let name = json!({ "repositoryName": REPO });
    assert_eq!(code(emulator.call("GetLifecyclePolicy", name.clone())), "LifecyclePolicyNotFoundException");
    let text = json!({ "rules": [{ "rulePriority": 1, "selection": { "tagStatus": "untagged",
        "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14 }, "action": { "type": "expire" } }] });
    let text = text.to_string();
    emulator
        .call("PutLifecyclePolicy", json!({ "repositoryName": REPO, "lifecyclePolicyText": text }))
        .unwrap();
    let answer = emulator.call("GetLifecyclePolicy", name.clone()).unwrap();
    assert_eq!(answer["lifecyclePolicyText"], json!(text));
    assert_eq!(answer["lastEvaluatedAt"], json!(0.0));
    emulator.call("DeleteLifecyclePolicy", name.clone()).unwrap();
    assert_eq!(code(emulator.call("DeleteLifecyclePolicy", name)), "LifecyclePolicyNotFoundException");
}

#[test]
fn pull_through_rules_may_cover_the_whole_registry() {
    let emulator = Emulator::new();
    let rule = json!({ "ecrRepositoryPrefix": "ROOT", "upstreamRegistryUrl": "public.ecr.aws" });
    emulator.call("CreatePullThroughCacheRule", rule.clone()).unwrap();
    let again = emulator.call("CreatePullThroughCacheRule", rule);
    assert_eq!(code(again), "PullThroughCacheRuleAlreadyExistsException");
    let answer = emulator.call("DescribePullThroughCacheRules", json!({})).unwrap();
    assert_eq!(answer["pullThroughCacheRules"][0]["ecrRepositoryPrefix"], "ROOT");
    emulator.call("DeletePullThroughCacheRule", json!({ "ecrRepositoryPrefix": "ROOT" })).unwrap();
    let gone = json!({ "ecrRepositoryPrefixes": ["ROOT"] });
    assert_eq!(
        code(emulator.call("DescribePullThroughCacheRules", gone)),
        "PullThroughCacheRuleNotFoundException"
    );
}

#[test]
fn layers_are_uploaded_in_parts_and_checked() {
    let emulator = emulator();
    let start = emulator.call("InitiateLayerUpload", json!({ "repositoryName": REPO })).unwrap();
    let part = |first: u64, last: u64, blob: &str| {
        emulator.call(
            "UploadLayerPart",
            json!({ "repositoryName": REPO, "uploadId": start["uploadId"], "partFirstByte": first,
                "partLastByte": last, "layerPartBlob": blob }),
        )
    };
    let complete = |digest: &str| {
        let request =
            json!({ "repositoryName": REPO, "uploadId": start["uploadId"], "layerDigests": [digest] });
        emulator.call("CompleteLayerUpload", request)
    };
    let digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert_eq!(code(complete(digest)), "EmptyUploadException");
    assert_eq!(code(part(1, 2, "e30=")), "InvalidLayerPartException");
    assert_eq!(code(part(0, 1, "?")), "SerializationException");
    assert_eq!(part(0, 1, "e30=").unwrap()["lastByteReceived"], 1);
    assert_eq!(code(complete("sha256:00")), "InvalidLayerException");
    assert_eq!(complete(digest).unwrap()["layerDigest"], digest);
    assert_eq!(code(complete(digest)), "UploadNotFoundException");
    let check = json!({ "repositoryName": REPO, "layerDigests": [digest, "sha256:00", "x"] });
    let answer = emulator.call("BatchCheckLayerAvailability", check).unwrap();
    assert_eq!(answer["layers"][0]["layerAvailability"], "AVAILABLE");
    assert_eq!(answer["layers"][1]["layerAvailability"], "UNAVAILABLE");
    assert_eq!(answer["failures"][0]["failureCode"], "InvalidLayerDigest");
}

#[test]
fn requests_that_make_no_sense_are_refused_in_kind() {
    let emulator = emulator();
    for (operation, request, expected) in [
        ("DescribeImages", json!({}), "InvalidParameterException"),
        ("DescribeImages", json!({ "repositoryName": 5 }), "SerializationException"),
        ("DescribeImages", json!({ "repositoryName": REPO, "maxResults": "5" }), "SerializationException"),
        ("DescribeImages", json!({ "repositoryName": REPO, "imageIds": {} }), "SerializationException"),
        ("DescribeImages", json!([]), "SerializationException"),
        ("DescribeImages", json!({ "repositoryName": REPO, "registryId": "1" }), "InvalidParameterException"),
        (
            "DescribeImages",
            json!({ "repositoryName": REPO, "registryId": "999999999999" }),
            "AccessDeniedException",
        ),
        ("DeleteEverything", json!({}), "UnknownOperationException"),
    ] {
        assert_eq!(code(emulator.call(operation, request.clone())), expected, "{operation} {request}");
    }
    // What is not known is ignored, and null is absent.
    let request = json!({ "repositoryName": REPO, "colour": "red", "nextToken": null });
    emulator.call("DescribeImages", request).unwrap();
}

/// Each member of each request as each kind of value: an error is fine, a panic is not.
#[test]
fn no_request_is_too_strange() {
    const OPERATIONS: [&str; 27] = [
        "BatchCheckLayerAvailability",
        "BatchDeleteImage",
        "BatchGetImage",
        "CompleteLayerUpload",
        "CreatePullThroughCacheRule",
        "CreateRepository",
        "DeleteLifecyclePolicy",
        "DeletePullThroughCacheRule",
        "DeleteRepository",
        "DescribeImages",
        "DescribePullThroughCacheRules",
        "DescribeRegistry",
        "DescribeRepositories",
        "GetAuthorizationToken",
        "GetDownloadUrlForLayer",
        "GetLifecyclePolicy",
        "InitiateLayerUpload",
        "ListImageReferrers",
        "ListImages",
        "ListTagsForResource",
        "PutImage",
        "PutImageTagMutability",
        "PutLifecyclePolicy",
        "TagResource",
        "UntagResource",
        "UpdateImageStorageClass",
        "UploadLayerPart",
    ];
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, Some("v1")).unwrap();
    let id = json!({ "imageDigest": digest, "imageTag": "v1" });
    let usual = json!({
        "acceptedMediaTypes": ["x"], "ecrRepositoryPrefix": "up", "ecrRepositoryPrefixes": ["up"],
        "encryptionConfiguration": { "encryptionType": "KMS" }, "filter": { "tagStatus": "ANY" }, "force": false,
        "imageDigest": digest, "imageId": id, "imageIds": [id], "imageManifest": "{}",
        "imageManifestMediaType": "x", "imageTag": "v1", "imageTagMutability": "MUTABLE",
        "imageTagMutabilityExclusionFilters": [{ "filterType": "WILDCARD", "filter": "*" }],
        "layerDigest": digest, "layerDigests": [digest], "layerPartBlob": "e30=", "lifecyclePolicyText": "{}",
        "maxResults": 1, "nextToken": "MQ==", "partFirstByte": 0, "partLastByte": 1, "repositoryName": REPO,
        "repositoryNames": [REPO], "resourceArn": "arn", "subjectId": id, "tagKeys": ["k"], "tags": [],
        "targetStorageClass": "ARCHIVE", "uploadId": "0", "upstreamRegistryUrl": "quay.io",
    });
    let strange = [
        Value::Null,
        json!(true),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1.5),
        json!(""),
        json!("\u{0}é/*"),
        json!("*".repeat(1_000)),
        json!([]),
        json!([null]),
        json!([[]]),
        json!([{}]),
        json!({}),
        json!({ "": [] }),
    ];
    for operation in OPERATIONS {
        for member in usual.as_object().unwrap().keys() {
            for value in &strange {
                // Alone, and among members that are as usual.
                let _ = emulator.call(operation, json!({ member: value, "repositoryName": REPO }));
                let mut request = usual.clone();
                request[member] = value.clone();
                if let Err(error) = emulator.call(operation, request) {
                    assert_ne!(error.code, "UnknownOperationException");
                    assert_eq!(error.status, 400, "{operation} {member} {value}: {error}");
                }
                let _ = emulator.create_repository(REPO);
            }
        }
    }
}
