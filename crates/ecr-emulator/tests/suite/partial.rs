//! Answers that are about a part of what was asked.

use ecr_emulator::artifacts::plain_image;
use ecr_emulator::{Fault, FaultRule, When};
use serde_json::{Value, json};

use crate::oci_client::{Registry, registry};
use crate::support::{REPO, admin, call};

async fn with(fault: Fault) -> (Registry, Vec<String>) {
    let registry = registry().await;
    let digests = (0..5).map(|seed| plain_image(&registry.emulator, REPO, seed, None).unwrap()).collect();
    let when = When::Always;
    registry.emulator.fault(FaultRule { operation: "*".to_owned(), repository: None, when, fault });
    (registry, digests)
}

async fn batch(registry: &Registry, operation: &str, digests: &[String]) -> Value {
    let ids: Vec<Value> = digests.iter().map(|digest| json!({ "imageDigest": digest })).collect();
    let body = json!({ "repositoryName": REPO, "imageIds": ids }).to_string();
    call(&registry.server.url(), operation, &body).await.unwrap().json()
}

/// The digests of a list, sorted.
fn sorted(list: &Value) -> Vec<&str> {
    let ids = list.as_array().unwrap().iter().map(|entry| entry.get("imageId").unwrap_or(entry));
    let mut digests: Vec<&str> = ids.map(|id| id["imageDigest"].as_str().unwrap()).collect();
    digests.sort_unstable();
    digests
}

fn every_other(digests: &[String], first: usize) -> Vec<&str> {
    let mut chosen: Vec<&str> = digests.iter().skip(first).step_by(2).map(String::as_str).collect();
    chosen.sort_unstable();
    chosen
}

#[tokio::test]
async fn a_partial_answer_does_every_other_id_and_says_so() {
    let (registry, digests) = with(Fault::Partial).await;
    for (operation, list) in [("BatchGetImage", "images"), ("BatchDeleteImage", "imageIds")] {
        let answer = batch(&registry, operation, &digests).await;
        assert_eq!(sorted(&answer[list]), every_other(&digests, 0), "{operation}");
        assert_eq!(sorted(&answer["failures"]), every_other(&digests, 1), "{operation}");
        let failures = answer["failures"].as_array().unwrap();
        assert!(failures.iter().all(|failure| failure["failureCode"] == "KmsError"));
    }
    assert_eq!(registry.emulator.image_count(REPO), 2);
    assert!(registry.emulator.image(REPO, &digests[1]).unwrap().pulled_at_ms.is_none(), "it was not pulled");
}

#[tokio::test]
async fn a_silent_answer_did_what_it_does_not_say() {
    let (registry, digests) = with(Fault::Silent).await;
    for (operation, list) in [("BatchGetImage", "images"), ("BatchDeleteImage", "imageIds")] {
        let answer = batch(&registry, operation, &digests).await;
        assert_eq!(sorted(&answer[list]).len(), 3, "{operation}");
        assert_eq!(answer["failures"], json!([]), "{operation}");
    }
    assert_eq!(registry.emulator.image_count(REPO), 0);
}

#[tokio::test]
async fn silence_is_about_whole_images() {
    let (registry, digests) = with(Fault::Silent).await;
    for tag in ["a", "b", "c"] {
        plain_image(&registry.emulator, REPO, 0, Some(tag)).unwrap();
    }
    let answer = batch(&registry, "BatchDeleteImage", &digests[..2]).await;
    let tags: Vec<&str> =
        answer["imageIds"].as_array().unwrap().iter().filter_map(|id| id["imageTag"].as_str()).collect();
    assert_eq!(tags, ["a", "b", "c"]);
    assert!(!answer.to_string().contains(&digests[1]));
}

#[tokio::test]
async fn neither_hides_that_a_request_is_wrong() {
    for fault in [Fault::Partial, Fault::Silent] {
        let (registry, digests) = with(fault).await;
        let many: Vec<String> = digests.iter().cycle().take(101).cloned().collect();
        let answer = batch(&registry, "BatchDeleteImage", &many).await;
        assert_eq!(answer["__type"], "InvalidParameterException");
        let body = json!({ "repositoryName": REPO }).to_string();
        let listed = call(&registry.server.url(), "ListImages", &body).await.unwrap().json();
        assert_eq!(listed["imageIds"].as_array().unwrap().len(), 5);
        let one = batch(&registry, "BatchDeleteImage", &digests[..1]).await;
        assert_eq!((one["imageIds"].as_array().unwrap().len(), &one["failures"]), (1, &json!([])));
    }
}

#[tokio::test]
async fn the_admin_endpoint_knows_them_and_plans_calls() {
    let (registry, digests) = with(Fault::Partial).await;
    let url = registry.server.url();
    admin(&url, "POST", "clear-faults", "{}").await;
    let rule = json!({ "operation": "BatchGetImage", "when": { "nth": 1 }, "fault": "silent" }).to_string();
    assert_eq!(admin(&url, "POST", "fault", &rule).await.status, 204);
    assert_eq!(sorted(&batch(&registry, "BatchGetImage", &digests).await["images"]).len(), 3);
    let ids = json!([{ "imageDigest": digests[0] }]);
    let plan = json!({
        "operation": "BatchGetImage",
        "k": 2,
        "call": "BatchDeleteImage",
        "request": { "repositoryName": REPO, "imageIds": ids },
    });
    assert_eq!(admin(&url, "POST", "before", &plan.to_string()).await.status, 204);
    let answer = batch(&registry, "BatchGetImage", &digests).await;
    assert_eq!(answer["failures"][0]["failureCode"], "ImageNotFound");
    for (path, body) in [
        ("share-seed", json!({ "seed": 7 })),
        ("image-limit", json!({ "count": 4 })),
        ("referrer-limit", json!({ "count": 1 })),
        ("activation-delay", json!({ "ms": 1 })),
        ("pull-time-updates", json!({ "on": false })),
    ] {
        assert_eq!(admin(&url, "POST", path, &body.to_string()).await.status, 204, "{path}");
    }
    assert!(plain_image(&registry.emulator, REPO, 9, None).is_err(), "there are four already");
}
