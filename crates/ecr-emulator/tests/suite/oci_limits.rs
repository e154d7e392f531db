//! What is too much.

use ecr_emulator::Status;
use ecr_emulator::artifacts::{cosign_bundle_referrer, notation_signature, soci_index_v1};
use ecr_emulator::buildx::Build;
use serde_json::{Value, json};

use crate::oci_client::registry;
use crate::support::{OCI_MANIFEST, REPO, delete};

fn full(limit: usize) -> String {
    format!(
        "The subject of your artifact has the maximum number of artifacts ({limit}) referring to it. Configure an \
         appropriate lifecycle policy for cleanup or delete an existing artifact before retrying."
    )
}

#[tokio::test]
async fn a_subject_has_at_most_a_hundred_referrers() {
    let registry = registry().await;
    let subject = format!("sha256:{}", "c".repeat(64));
    let referrer = |n: usize| registry.referrer(&subject, "application/a", &n.to_string());
    for n in 0..100 {
        registry.emulator.put_image(REPO, &referrer(n), None, None).unwrap();
    }
    let error = registry.emulator.put_image(REPO, &referrer(100), None, None).unwrap_err();
    assert_eq!((error.code.as_str(), error.message), ("LimitExceededException", full(100)));
    let denied = registry.put("r100", OCI_MANIFEST, &referrer(100)).await;
    assert_eq!(denied.problem(), (403, "DENIED".to_owned(), full(100)));
    // One that is there gets another tag all the same, and one less makes room for one.
    assert_eq!(registry.put("r7", OCI_MANIFEST, &referrer(7)).await.status, 201);
    let digest = registry.emulator.digest_of_tag(REPO, "r7").unwrap();
    delete(&registry.emulator, json!([{ "imageDigest": digest }]));
    assert_eq!(registry.put("r100", OCI_MANIFEST, &referrer(100)).await.status, 201);

    let other = format!("sha256:{}", "d".repeat(64));
    registry.emulator.set_referrer_limit(1);
    let referrer = |n: usize| registry.referrer(&other, "application/a", &n.to_string());
    assert_eq!(registry.put("o0", OCI_MANIFEST, &referrer(0)).await.status, 201);
    assert_eq!(registry.put("o1", OCI_MANIFEST, &referrer(1)).await.problem().2, full(1));
}

#[tokio::test]
async fn every_kind_of_referrer_counts() {
    let registry = registry().await;
    let emulator = &registry.emulator;
    let pushed = Build::new(&["linux/amd64"]).push(emulator, REPO, None).unwrap();
    let image = &pushed.platforms[0];
    for signature in [notation_signature, cosign_bundle_referrer, soci_index_v1] {
        signature(emulator, REPO, image).unwrap();
    }
    // Those, and the attestation. One in the archive counts too.
    emulator.set_status(REPO, &pushed.attestations[0], Status::Archived);
    emulator.set_referrer_limit(4);
    let denied = registry.put("r", OCI_MANIFEST, &registry.referrer(image, "application/a", "1")).await;
    assert_eq!(denied.problem(), (403, "DENIED".to_owned(), full(4)));
}

#[tokio::test]
async fn a_full_repository_denies_a_push() {
    let registry = registry().await;
    registry.emulator.set_image_limit(0);
    let denied = registry.put("v1", OCI_MANIFEST, &registry.image("{}")).await.problem();
    assert_eq!((denied.0, denied.1.as_str()), (403, "DENIED"));
    assert!(denied.2.ends_with("already has the maximum allowed number of images which is '0'"));
}

#[tokio::test]
async fn a_subject_with_a_platform_is_refused() {
    let registry = registry().await;
    let subject = format!("sha256:{}", "c".repeat(64));
    let mut manifest: Value =
        serde_json::from_str(&registry.referrer(&subject, "application/a", "1")).unwrap();
    manifest["subject"]["platform"] = json!({ "architecture": "amd64", "os": "linux" });
    let text =
        "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'".to_owned();
    let refused = registry.put("r", OCI_MANIFEST, &manifest.to_string()).await;
    assert_eq!(refused.problem(), (405, "UNSUPPORTED".to_owned(), text));
}
