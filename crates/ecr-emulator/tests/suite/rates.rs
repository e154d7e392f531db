//! RateLimits.

use ecr_emulator::{Fault, FaultRule, When};
use serde_json::json;

use crate::oci_client::registry;
use crate::support::{REPO, admin, call};

/// One in an hour: none comes back while a test runs.
const HARDLY: f64 = 1.0 / 3600.0;

#[tokio::test]
async fn what_is_over_the_rate_is_throttled() {
    let registry = registry().await;
    let url = registry.server.url();
    let body = json!({ "repositoryName": REPO }).to_string();
    let list = async || call(&url, "ListImages", &body).await.unwrap();
    registry.emulator.set_rate("ListImages", HARDLY, 2.0);
    assert_eq!([list().await.status, list().await.status], [200, 200]);
    let refused = list().await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json(), json!({ "__type": "ThrottlingException", "message": "Rate exceeded" }));
    assert_eq!(call(&url, "DescribeImages", &body).await.unwrap().status, 200);
    assert!(registry.emulator.call("ListImages", json!({ "repositoryName": REPO })).is_ok());
    registry.emulator.clear_rates();
    assert_eq!(list().await.status, 200);
}

#[tokio::test]
async fn a_bucket_fills_again_though_the_registrys_clock_stands() {
    let registry = registry().await;
    let url = registry.server.url();
    registry.emulator.set_rate("*", 20.0, 1.0);
    let mut refused = 0;
    assert_eq!(call(&url, "DescribeRegistry", "{}").await.unwrap().status, 200);
    while call(&url, "DescribeRegistry", "{}").await.unwrap().status == 400 {
        refused += 1;
        assert!(refused < 10_000, "it never fills");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn both_protocols_share_a_bucket() {
    let registry = registry().await;
    let manifest = registry.image("one");
    registry.emulator.set_rate("PutImage", HARDLY, 1.0);
    assert_eq!(registry.put("v1", crate::support::OCI_MANIFEST, &manifest).await.status, 201);
    let late = registry.put("v2", crate::support::OCI_MANIFEST, &manifest).await;
    assert_eq!(late.problem(), (429, "TOOMANYREQUESTS".to_owned(), "Rate exceeded".to_owned()));
    let body = json!({ "repositoryName": REPO, "imageManifest": manifest, "imageTag": "v3" }).to_string();
    let late = call(&registry.server.url(), "PutImage", &body).await.unwrap();
    assert_eq!(late.json()["__type"], "ThrottlingException");
    assert_eq!(registry.emulator.digest_of_tag(REPO, "v2"), None);
}

#[tokio::test]
async fn the_documented_rates_let_ten_pushes_through_at_once() {
    let registry = registry().await;
    let url = registry.server.url();
    assert_eq!(admin(&url, "POST", "documented-rates", "{}").await.status, 204);
    // An instant of the machine's clock is worth a hundredth of a push.
    let calls = (0..40).map(|_| {
        let url = url.clone();
        tokio::spawn(async move { call(&url, "PutImage", "{}").await.unwrap().json()["__type"].clone() })
    });
    let mut throttled = 0;
    for call in calls.collect::<Vec<_>>() {
        throttled += u32::from(call.await.unwrap() == "ThrottlingException");
    }
    assert!((1..=30).contains(&throttled), "{throttled}");
    for _ in 0..20 {
        assert_eq!(
            call(&url, "ListImages", &json!({ "repositoryName": REPO }).to_string()).await.unwrap().status,
            200
        );
    }
}

#[tokio::test]
async fn a_rule_goes_before_the_rate_and_takes_from_it() {
    let registry = registry().await;
    let url = registry.server.url();
    let rate = json!({ "operation": "DescribeRegistry", "per_second": HARDLY, "burst": 1 }).to_string();
    assert_eq!(admin(&url, "POST", "rate", &rate).await.status, 204);
    registry.emulator.fault(FaultRule {
        operation: "DescribeRegistry".to_owned(),
        repository: None,
        when: When::Nth(1),
        fault: Fault::ServerError,
    });
    assert_eq!(call(&url, "DescribeRegistry", "{}").await.unwrap().status, 500);
    assert_eq!(call(&url, "DescribeRegistry", "{}").await.unwrap().status, 400);
    assert_eq!(admin(&url, "POST", "clear-rates", "{}").await.status, 204);
    assert_eq!(call(&url, "DescribeRegistry", "{}").await.unwrap().status, 200);
}
