//! Settings that are kept and given back, and have no effect here.

use ecr_emulator::artifacts::plain_image;
use serde_json::{Value, json};

use crate::support::{REPO, code, emulator};

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

#[test]
fn a_repository_policy_is_kept_as_text() {
    let emulator = emulator();
    let name = json!({ "repositoryName": REPO });
    for operation in ["GetRepositoryPolicy", "DeleteRepositoryPolicy"] {
        assert_eq!(code(emulator.call(operation, name.clone())), "RepositoryPolicyNotFoundException");
    }
    let set = |text: &str| {
        emulator.call("SetRepositoryPolicy", json!({ "repositoryName": REPO, "policyText": text }))
    };
    let kept = set(POLICY).unwrap();
    assert_eq!(kept, json!({ "registryId": "123456789012", "repositoryName": REPO, "policyText": POLICY }));
    for bad in ["", "{}", "Statement"] {
        let error = set(bad).unwrap_err();
        assert_eq!(
            error.message,
            "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'"
        );
    }
    assert_eq!(emulator.call("GetRepositoryPolicy", name.clone()).unwrap(), kept);
    assert_eq!(emulator.call("DeleteRepositoryPolicy", name.clone()).unwrap(), kept);
    assert_eq!(code(emulator.call("GetRepositoryPolicy", name)), "RepositoryPolicyNotFoundException");
}

#[test]
fn a_registry_policy_is_kept_as_text() {
    let emulator = emulator();
    assert_eq!(code(emulator.call("DeleteRegistryPolicy", json!({}))), "RegistryPolicyNotFoundException");
    let kept = emulator.call("PutRegistryPolicy", json!({ "policyText": POLICY })).unwrap();
    assert_eq!(kept, json!({ "registryId": "123456789012", "policyText": POLICY }));
    assert_eq!(
        code(emulator.call("PutRegistryPolicy", json!({ "policyText": "[]" }))),
        "InvalidParameterException"
    );
    assert_eq!(emulator.call("GetRegistryPolicy", json!({})).unwrap(), kept);
    assert_eq!(emulator.call("DeleteRegistryPolicy", json!({})).unwrap(), kept);
    assert_eq!(code(emulator.call("GetRegistryPolicy", json!({}))), "RegistryPolicyNotFoundException");
}

#[test]
fn scanning_is_configured_but_not_done() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, None).unwrap();
    let frequency = || {
        let names = json!({ "repositoryNames": [REPO, "no/such"] });
        let all = emulator.call("BatchGetRepositoryScanningConfiguration", names).unwrap();
        assert_eq!(all["failures"][0]["failureCode"], "REPOSITORY_NOT_FOUND");
        all["scanningConfigurations"][0]["scanFrequency"].clone()
    };
    let registry = || emulator.call("GetRegistryScanningConfiguration", json!({})).unwrap();
    assert_eq!(registry()["scanningConfiguration"], json!({ "scanType": "BASIC", "rules": [] }));
    assert_eq!(frequency(), "MANUAL");
    let on = json!({ "repositoryName": REPO, "imageScanningConfiguration": { "scanOnPush": true } });
    emulator.call("PutImageScanningConfiguration", on).unwrap();
    assert_eq!(frequency(), "SCAN_ON_PUSH");
    let filters = json!([{ "filter": "shop/*", "filterType": "WILDCARD" }]);
    let rules = json!([{ "scanFrequency": "CONTINUOUS_SCAN", "repositoryFilters": filters }]);
    let set = json!({ "scanType": "ENHANCED", "rules": rules });
    emulator.call("PutRegistryScanningConfiguration", set.clone()).unwrap();
    assert_eq!((registry()["scanningConfiguration"].clone(), frequency()), (set, "CONTINUOUS_SCAN".into()));

    let image = json!({ "repositoryName": REPO, "imageId": { "imageDigest": digest } });
    assert_eq!(code(emulator.call("DescribeImageScanFindings", image.clone())), "ScanNotFoundException");
    assert_eq!(code(emulator.call("StartImageScan", image)), "UnsupportedImageTypeException");
    let none = json!({ "repositoryName": REPO, "imageId": { "imageTag": "none" } });
    assert_eq!(code(emulator.call("StartImageScan", none)), "ImageNotFoundException");
    let name = json!({ "repositoryName": REPO });
    assert_eq!(
        code(emulator.call("GetLifecyclePolicyPreview", name)),
        "LifecyclePolicyPreviewNotFoundException"
    );
}

#[test]
fn pull_through_rules_can_be_changed() {
    let emulator = emulator();
    let with = |operation: &str, more: Value| {
        let mut request = more;
        request["ecrRepositoryPrefix"] = "hub".into();
        emulator.call(operation, request)
    };
    for operation in ["UpdatePullThroughCacheRule", "ValidatePullThroughCacheRule"] {
        assert_eq!(code(with(operation, json!({}))), "PullThroughCacheRuleNotFoundException");
    }
    with("CreatePullThroughCacheRule", json!({ "upstreamRegistryUrl": "registry-1.docker.io" })).unwrap();
    emulator.set_clock(Some(1_760_000_000_000));
    let secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub";
    let changed = with("UpdatePullThroughCacheRule", json!({ "credentialArn": secret })).unwrap();
    assert_eq!((&changed["credentialArn"], &changed["updatedAt"]), (&secret.into(), &1_760_000_000.0.into()));
    let all = emulator.call("DescribePullThroughCacheRules", json!({})).unwrap();
    let rule = &all["pullThroughCacheRules"][0];
    assert_eq!((&rule["credentialArn"], &rule["updatedAt"]), (&secret.into(), &changed["updatedAt"]));
    assert_ne!(rule["createdAt"], rule["updatedAt"]);
    let valid = with("ValidatePullThroughCacheRule", json!({})).unwrap();
    assert_eq!(
        (&valid["isValid"], &valid["upstreamRegistryUrl"]),
        (&false.into(), &"registry-1.docker.io".into())
    );
}

#[test]
fn pull_time_exclusions_are_kept_and_listed() {
    const OPERATIONS: [&str; 2] = ["RegisterPullTimeUpdateExclusion", "DeregisterPullTimeUpdateExclusion"];
    let emulator = emulator();
    let call = |operation: &str, role: &str| {
        let arn = format!("arn:aws:iam::123456789012:role/{role}");
        emulator.call(operation, json!({ "principalArn": arn }))
    };
    let [register, deregister] = OPERATIONS;
    assert_eq!(code(call(deregister, "a")), "ExclusionNotFoundException");
    for role in ["path/b", "a", "c"] {
        call(register, role).unwrap();
    }
    assert_eq!(code(call(register, "a")), "ExclusionAlreadyExistsException");
    assert_eq!(code(call(register, "not a role")), "InvalidParameterException");
    call(deregister, "c").unwrap();
    let list = |request| emulator.call("ListPullTimeUpdateExclusions", request).unwrap();
    let first = list(json!({ "maxResults": 1 }));
    assert_eq!(first["pullTimeUpdateExclusions"], json!(["arn:aws:iam::123456789012:role/a"]));
    let second = list(json!({ "nextToken": first["nextToken"] }));
    assert_eq!(second, json!({ "pullTimeUpdateExclusions": ["arn:aws:iam::123456789012:role/path/b"] }));
}
