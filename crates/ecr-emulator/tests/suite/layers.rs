//! Layers: how they are downloaded, and how long they are there.

use std::time::Duration;

use ecr_emulator::artifacts::plain_image;
use ecr_emulator::buildx::{Build, Pushed};
use ecr_emulator::{ApiError, Emulator, Fault, FaultRule, Server, Status, UnreferencedLayers, When};
use serde_json::{Value, json};

use crate::support::{REPO, Reply, admin, code, delete, emulator, request};

struct Scene {
    emulator: Emulator,
    server: Server,
    pushed: Pushed,
    /// The layer that is the first attestation's provenance.
    statement: String,
}

fn layers(emulator: &Emulator, digest: &str) -> Vec<String> {
    let manifest: Value = serde_json::from_str(&emulator.image(REPO, digest).unwrap().manifest).unwrap();
    let layers = manifest["layers"].as_array().unwrap().iter();
    layers.map(|layer| layer["digest"].as_str().unwrap().to_owned()).collect()
}

async fn scene() -> Scene {
    let emulator = emulator();
    let server = emulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    let pushed = Build::new(&["linux/amd64"]).push(&emulator, REPO, Some("v1")).unwrap();
    let statement = layers(&emulator, &pushed.attestations[0]).remove(0);
    Scene { emulator, server, pushed, statement }
}

impl Scene {
    /// Path and query of a layer's download URL.
    fn url(&self, layer: &str) -> Result<String, ApiError> {
        let request = json!({ "repositoryName": REPO, "layerDigest": layer });
        let answer = self.emulator.call("GetDownloadUrlForLayer", request)?;
        assert_eq!(answer["layerDigest"], layer);
        Ok(answer["downloadUrl"].as_str().unwrap().strip_prefix(&self.server.url()).unwrap().to_owned())
    }

    async fn get(&self, url: &str) -> Reply {
        request(&self.server.url(), "GET", url, "", "").await.unwrap()
    }

    fn availability(&self, layer: &str) -> Value {
        let request = json!({ "repositoryName": REPO, "layerDigests": [layer] });
        let answer = self.emulator.call("BatchCheckLayerAvailability", request).unwrap();
        answer["layers"][0]["layerAvailability"].clone()
    }

    /// Deletes the index, then the attestation.
    fn delete_attestation(&self) {
        for digest in [&self.pushed.root, &self.pushed.attestations[0]] {
            assert_eq!(delete(&self.emulator, json!([{ "imageDigest": digest }]))["failures"], json!([]));
        }
    }

    /// Pushes the manifest of a deleted image again.
    fn put_again(&self, manifest: &str) -> Result<Value, ApiError> {
        self.emulator.call("PutImage", json!({ "repositoryName": REPO, "imageManifest": manifest }))
    }
}

#[tokio::test]
async fn a_layer_is_downloaded_byte_for_byte() {
    let scene = scene().await;
    let url = scene.url(&scene.statement).unwrap();
    let layer = scene.get(&url).await;
    assert_eq!(
        (layer.status, layer.body.into_bytes()),
        (200, scene.emulator.blob(REPO, &scene.statement).unwrap())
    );
    assert_eq!(scene.emulator.calls()["GET /layers"], 1);
}

#[tokio::test]
async fn a_url_is_good_for_an_hour_and_for_its_own_layer() {
    let scene = scene().await;
    let start = scene.emulator.now();
    let url = scene.url(&scene.statement).unwrap();
    let other = layers(&scene.emulator, &scene.pushed.platforms[0]).remove(0);
    for forged in [
        url.replace(&scene.statement, &other),
        url.replace("X-Amz-Expires=3600", "X-Amz-Expires=9999"),
        url.replace("shop/web", "shop/api"),
        url.replace("123456789012", "210987654321"),
        format!("{url}0"),
        url.split('?').next().unwrap().to_owned(),
    ] {
        let refused = scene.get(&forged).await;
        assert_eq!(refused.status, 403, "{forged}");
        assert!(refused.body.contains("<Code>SignatureDoesNotMatch</Code>"), "{}", refused.body);
    }
    // The date of a URL has whole seconds.
    scene.emulator.set_clock(Some(start + 3_599_000 - start % 1_000));
    assert_eq!(scene.get(&url).await.status, 200);
    scene.emulator.set_clock(Some(start + 3_600_000 - start % 1_000));
    let expired = scene.get(&url).await;
    assert_eq!(expired.status, 403);
    assert!(expired.body.contains("<Code>AccessDenied</Code><Message>Request has expired</Message>"));
    scene.emulator.set_layer_url_lifetime(Duration::from_secs(5));
    assert!(scene.url(&scene.statement).unwrap().contains("X-Amz-Expires=5&"));
}

#[tokio::test]
async fn a_url_is_for_the_server_that_signed_it() {
    let (scene, other) = (scene().await, scene().await);
    let url = scene.url(&scene.statement).unwrap();
    assert_eq!(other.get(&url).await.status, 403);
}

#[tokio::test]
async fn unknown_and_declared_layers_have_no_url() {
    let scene = scene().await;
    let unknown = format!("sha256:{}", "0".repeat(64));
    assert_eq!(code(scene.url(&unknown)), "LayersNotFoundException");
    let declared = layers(&scene.emulator, &scene.pushed.platforms[0]).remove(0);
    assert_eq!(code(scene.url(&declared)), "LayerInaccessibleException");
    let request = json!({ "repositoryName": "no/such", "layerDigest": unknown });
    assert_eq!(code(scene.emulator.call("GetDownloadUrlForLayer", request)), "RepositoryNotFoundException");
}

#[tokio::test]
async fn a_layer_is_as_archived_as_all_its_images() {
    let scene = scene().await;
    let attestation = &scene.pushed.attestations[0];
    for status in [Status::Archived, Status::Activating] {
        scene.emulator.set_status(REPO, attestation, status);
        assert_eq!(scene.availability(&scene.statement), "ARCHIVED");
        assert_eq!(code(scene.url(&scene.statement)), "LayerInaccessibleException");
    }
    let path = format!("/v2/{REPO}/blobs/{}", scene.statement);
    assert_eq!(scene.get(&path).await.status, 404);
    // Another image that has it too makes it available.
    let manifest = scene.emulator.image(REPO, attestation).unwrap().manifest;
    let other = format!("{manifest}\n");
    let request = json!({ "repositoryName": REPO, "imageManifest": other });
    scene.emulator.call("PutImage", request).unwrap();
    assert_eq!(scene.availability(&scene.statement), "AVAILABLE");
    scene.url(&scene.statement).unwrap();
    assert_eq!(scene.get(&path).await.status, 200);
}

#[tokio::test]
async fn layers_of_a_deleted_manifest_stay_and_can_be_used_but_not_downloaded() {
    let scene = scene().await;
    let url = scene.url(&scene.statement).unwrap();
    let manifest = scene.emulator.image(REPO, &scene.pushed.attestations[0]).unwrap().manifest;
    scene.delete_attestation();
    assert_eq!(scene.availability(&scene.statement), "AVAILABLE");
    assert_eq!(code(scene.url(&scene.statement)), "LayerInaccessibleException");
    // A URL that was given out before still leads to the bytes.
    assert_eq!(scene.get(&url).await.status, 200);
    scene.put_again(&manifest).unwrap();
    scene.url(&scene.statement).unwrap();
}

#[tokio::test]
async fn layers_of_a_deleted_manifest_can_stay_downloadable() {
    let scene = scene().await;
    scene.emulator.set_unreferenced_layers(UnreferencedLayers::Downloadable);
    scene.delete_attestation();
    let url = scene.url(&scene.statement).unwrap();
    assert_eq!(scene.get(&url).await.status, 200);
}

#[tokio::test]
async fn layers_can_go_with_the_last_manifest_that_refers_to_them() {
    let scene = scene().await;
    let settings = r#"{"unreferenced_layers": "dropped"}"#;
    assert_eq!(admin(&scene.server.url(), "POST", "behavior", settings).await.status, 204);
    let url = scene.url(&scene.statement).unwrap();
    let manifest = scene.emulator.image(REPO, &scene.pushed.attestations[0]).unwrap().manifest;
    // The empty configuration is another attestation's too.
    let other = Build::new(&["linux/arm64"]).push(&scene.emulator, REPO, None).unwrap();
    scene.delete_attestation();
    assert_eq!(scene.availability(&scene.statement), "UNAVAILABLE");
    assert_eq!(code(scene.url(&scene.statement)), "LayersNotFoundException");
    assert_eq!(scene.get(&url).await.status, 404);
    assert_eq!(code(scene.put_again(&manifest)), "LayersNotFoundException");
    let empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert_eq!(scene.availability(empty), "AVAILABLE");
    scene.url(&layers(&scene.emulator, &other.attestations[0])[0]).unwrap();
    // One that was uploaded and never used stays.
    let uploaded = scene.emulator.push_blob(REPO, b"for later").unwrap();
    let image = plain_image(&scene.emulator, REPO, 1, None).unwrap();
    delete(&scene.emulator, json!([{ "imageDigest": image }]));
    assert_eq!(scene.availability(&uploaded), "AVAILABLE");
}

#[tokio::test]
async fn a_push_can_do_without_layers() {
    let scene = scene().await;
    let manifest = scene.emulator.image(REPO, &scene.pushed.attestations[0]).unwrap().manifest;
    let missing = manifest.replace(&scene.statement, &format!("sha256:{}", "0".repeat(64)));
    assert_eq!(code(scene.put_again(&missing)), "LayersNotFoundException");
    scene.emulator.set_require_layers(false);
    scene.put_again(&missing).unwrap();
}

#[tokio::test]
async fn faults_hit_downloads_too() {
    let scene = scene().await;
    let url = scene.url(&scene.statement).unwrap();
    let fault = |when, fault| {
        let operation = "GET /layers".to_owned();
        scene.emulator.fault(FaultRule { operation, repository: Some(REPO.to_owned()), when, fault });
    };
    fault(When::Nth(1), Fault::Unavailable);
    fault(When::Nth(2), Fault::Cut);
    assert_eq!(scene.get(&url).await.status, 503);
    let whole = scene.emulator.blob(REPO, &scene.statement).unwrap();
    assert_eq!(scene.get(&url).await.body.as_bytes(), &whole[..whole.len() / 2]);
    assert_eq!(scene.get(&url).await.body.as_bytes(), whole);
}
