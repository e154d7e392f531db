//! Counts, faults, latency and hooks, as for the calls of the API.

use std::time::{Duration, Instant};

use ecr_emulator::artifacts::plain_image;
use ecr_emulator::{Fault, FaultRule, When};

use crate::oci_client::{Registry, registry};
use crate::support::{OCI_MANIFEST, REPO, admin, exchange};

fn fault(registry: &Registry, operation: &str, fault: Fault) {
    registry.emulator.clear_faults();
    registry.emulator.fault(FaultRule {
        operation: operation.to_owned(),
        repository: Some(REPO.to_owned()),
        when: When::Always,
        fault,
    });
}

#[tokio::test]
async fn calls_are_counted_by_what_they_are_about() {
    let registry = registry().await;
    registry.get("/v2/").await;
    registry.get("manifests/v1").await;
    registry.get("manifests/v2").await;
    registry.send("HEAD", "manifests/v1", "", b"").await;
    registry.send("POST", "blobs/uploads/", "", b"").await;
    registry.send("PATCH", "blobs/uploads/x", "", b"").await;
    registry.get("referrers/x").await;
    registry.get("tags/list").await;
    registry.get("/v2/nothing").await;
    let calls: Vec<(String, u64)> = registry.emulator.calls().into_iter().collect();
    let wanted = [
        ("GET /v2/", 1),
        ("GET /v2/manifests", 2),
        ("GET /v2/referrers", 1),
        ("GET /v2/tags/list", 1),
        ("GET /v2/unknown", 1),
        ("HEAD /v2/manifests", 1),
        ("PATCH /v2/blobs/uploads", 1),
        ("POST /v2/blobs/uploads", 1),
    ];
    assert_eq!(calls, wanted.map(|(name, count)| (name.to_owned(), count)));
}

#[tokio::test]
async fn faults_look_as_the_registrys_own_errors() {
    let registry = registry().await;
    for (kind, status, code, text) in [
        (Fault::Throttle, 429, "TOOMANYREQUESTS", "Rate exceeded"),
        (Fault::ServerError, 500, "UNKNOWN", "These errors"),
        (Fault::Unavailable, 503, "UNAVAILABLE", "Service is unavailable"),
        (Fault::ExpiredToken, 403, "DENIED", "Your authorization token has expired."),
        (Fault::AccessDenied, 403, "DENIED", "User: arn:aws:sts::123456789012:"),
    ] {
        fault(&registry, "PUT /v2/manifests", kind);
        let problem = registry.put("v1", OCI_MANIFEST, &registry.image("{}")).await.problem();
        assert_eq!((problem.0, problem.1.as_str()), (status, code));
        assert!(problem.2.starts_with(text), "{}", problem.2);
        if text.starts_with("User") {
            assert!(
                problem.2.contains("is not authorized to perform: ecr:PutImage on resource: "),
                "{}",
                problem.2
            );
        }
    }
    fault(&registry, "*", Fault::Garbage);
    let garbage = registry.get("manifests/v1").await;
    assert_eq!(garbage.status, 200);
    assert!(serde_json::from_slice::<serde_json::Value>(&garbage.body).is_err());
    assert_eq!(registry.get("/v2/other/manifests/v1").await.status, 404, "the rule is about one repository");
}

#[tokio::test]
async fn a_push_can_be_done_without_the_pusher_knowing() {
    let registry = registry().await;
    let manifest = registry.image("{}");
    let path = format!("/v2/{REPO}/manifests/v1");
    let headers = format!("Content-Type: {OCI_MANIFEST}\r\n");
    let url = registry.server.url();
    fault(&registry, "PUT /v2/manifests", Fault::Drop);
    assert!(exchange(&url, "PUT", &path, &headers, manifest.as_bytes()).await.is_none());
    assert_eq!(registry.emulator.image_count(REPO), 0);
    fault(&registry, "PUT /v2/manifests", Fault::DropAfter);
    assert!(exchange(&url, "PUT", &path, &headers, manifest.as_bytes()).await.is_none());
    assert_eq!(registry.emulator.image_count(REPO), 1);
    registry.emulator.clear_faults();
    assert_eq!(registry.put("v1", OCI_MANIFEST, &manifest).await.status, 201);
}

#[tokio::test]
async fn hooks_and_latency_hold_here_too() {
    let registry = registry().await;
    registry.emulator.set_latency(Some("GET /v2/manifests"), Duration::from_millis(40));
    registry.emulator.before("GET /v2/manifests", 2, |emulator| {
        plain_image(emulator, REPO, 1, Some("v1")).unwrap();
    });
    let start = Instant::now();
    assert_eq!(registry.get("manifests/v1").await.status, 404);
    assert!(start.elapsed() >= Duration::from_millis(40));
    assert_eq!(registry.get("manifests/v1").await.status, 200);
}

#[tokio::test]
async fn a_token_can_be_demanded_from_outside() {
    let registry = registry().await;
    assert_eq!(admin(&registry.server.url(), "POST", "require-auth", r#"{"on":true}"#).await.status, 204);
    assert_eq!(registry.get("/v2/").await.status, 401);
}
