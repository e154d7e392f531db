//! Pushing and pulling manifests.

use ecr_emulator::{Change, Status};
use serde_json::{Value, json};

use crate::oci_client::{OCI_CONFIG, registry};
use crate::support::{OCI_INDEX, OCI_MANIFEST, REPO, delete, index_over};

#[tokio::test]
async fn a_manifest_comes_back_as_it_went() {
    let registry = registry().await;
    let manifest = registry.image("{}") + "\n \n";
    let pushed = registry.put("v1", OCI_MANIFEST, &manifest).await;
    let digest = registry.emulator.digest_of_tag(REPO, "v1").unwrap();
    assert_eq!((pushed.status, pushed.header("docker-content-digest")), (201, Some(digest.as_str())));
    assert_eq!(pushed.header("location"), Some(format!("/v2/{REPO}/manifests/{digest}").as_str()));
    assert_eq!(pushed.header("oci-subject"), None);
    // Whatever is accepted: nothing is converted.
    for reference in ["v1", digest.as_str()] {
        for accept in ["", "Accept: text/plain\r\n"] {
            let pulled = registry.send("GET", &format!("manifests/{reference}"), accept, b"").await;
            assert_eq!((pulled.status, pulled.body.as_slice()), (200, manifest.as_bytes()));
            assert_eq!(pulled.header("content-type"), Some(OCI_MANIFEST));
            assert_eq!(pulled.header("docker-content-digest"), Some(digest.as_str()));
        }
    }
    let head = registry.send("HEAD", "manifests/v1", "", b"").await;
    let length = manifest.len().to_string();
    assert_eq!(
        (head.status, head.header("content-length"), head.body.len()),
        (200, Some(length.as_str()), 0)
    );
}

#[tokio::test]
async fn only_a_get_is_a_pull() {
    let registry = registry().await;
    let pushed = registry.put("v1", OCI_MANIFEST, &registry.image("{}")).await;
    let digest = pushed.header("docker-content-digest").unwrap();
    let pulled_at = || registry.emulator.image(REPO, digest).unwrap().pulled_at_ms;
    registry.send("HEAD", "manifests/v1", "", b"").await;
    assert_eq!(pulled_at(), None);
    registry.get("manifests/v1").await;
    assert_eq!(pulled_at(), Some(1_750_000_000_123));
    registry.emulator.set_clock(Some(1_750_000_001_000));
    registry.emulator.set_pull_time_updates(false);
    registry.get("manifests/v1").await;
    assert_eq!(pulled_at(), Some(1_750_000_000_123));
}

#[tokio::test]
async fn a_push_follows_the_rules_of_put_image() {
    let registry = registry().await;
    let gone = format!("sha256:{}", "a".repeat(64));
    let index = registry.put("v1", OCI_INDEX, &index_over(&[&gone])).await.problem();
    assert_eq!((index.0, index.1.as_str()), (400, "MANIFEST_BLOB_UNKNOWN"));
    assert!(index.2.starts_with("Images with digests '[sha256:aaaa"), "{}", index.2);
    let config = json!({ "mediaType": OCI_CONFIG, "digest": gone, "size": 2 });
    let image = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [] });
    let image = registry.put("v1", OCI_MANIFEST, &image.to_string()).await.problem();
    assert_eq!((image.0, image.1.as_str()), (400, "MANIFEST_BLOB_UNKNOWN"));
    assert!(image.2.starts_with("Layers with digests '[sha256:aaaa"), "{}", image.2);

    let good = registry.image("{}");
    assert_eq!(registry.put(&gone, OCI_MANIFEST, &good).await.code(), (400, "DIGEST_INVALID".to_owned()));
    let unsupported = (405, "UNSUPPORTED".to_owned());
    assert_eq!(registry.put("v1", "text/plain", &good).await.code(), unsupported);
    assert_eq!(registry.put("v1", OCI_INDEX, &good).await.code(), unsupported);
    assert_eq!(registry.put("a~b", OCI_MANIFEST, &good).await.code(), unsupported);
    for broken in ["", "{", "[]"] {
        assert_eq!(registry.put("v1", OCI_MANIFEST, broken).await.code(), unsupported, "{broken}");
    }
    let binary = registry.send("PUT", "manifests/v1", "", b"\xff\xfe").await;
    assert_eq!(binary.code(), unsupported);
    let other = registry.send("PUT", "/v2/no/such/manifests/v1", "", good.as_bytes()).await;
    assert_eq!(other.code(), (404, "NAME_UNKNOWN".to_owned()));
    assert_eq!(registry.emulator.image_count(REPO), 0);

    // The header names the type of a manifest that does not.
    let mut untyped: Value = serde_json::from_str(&good).unwrap();
    untyped.as_object_mut().unwrap().remove("mediaType");
    let typed = format!("{OCI_MANIFEST}; charset=utf-8");
    assert_eq!(registry.put("v1", &typed, &untyped.to_string()).await.status, 201);
    let answer = registry.send("PUT", "manifests/v1", "", untyped.to_string().as_bytes()).await;
    assert_eq!(answer.code(), unsupported);
}

#[tokio::test]
async fn tags_move_and_stay() {
    let registry = registry().await;
    let (first, second) = (registry.image("1"), registry.image("2"));
    assert_eq!(registry.put("v1", OCI_MANIFEST, &first).await.status, 201);
    assert_eq!(registry.put("v1", OCI_MANIFEST, &first).await.status, 201, "once more is fine");
    let old = registry.emulator.digest_of_tag(REPO, "v1").unwrap();
    assert_eq!(registry.put("v1", OCI_MANIFEST, &second).await.status, 201);
    let journal = registry.emulator.journal();
    let new = registry.emulator.digest_of_tag(REPO, "v1").unwrap();
    let moved = Change::Tagged { digest: new, tag: "v1".to_owned(), moved_from: Some(old.clone()) };
    assert_eq!((journal.len(), &journal[3].kind), (4, &moved));
    assert_eq!((journal[3].n, journal[3].operation.as_str()), (3, "PUT /v2/manifests"));

    let setting = json!({ "repositoryName": REPO, "imageTagMutability": "IMMUTABLE" });
    registry.emulator.call("PutImageTagMutability", setting).unwrap();
    let text = format!(
        "The image tag 'v1' already exists in the '{REPO}' repository and cannot be overwritten because the tag is \
         immutable."
    );
    let refused = (400, "TAG_INVALID".to_owned(), text);
    assert_eq!(registry.put("v1", OCI_MANIFEST, &first).await.problem(), refused);
    assert_eq!(registry.put("v1", OCI_MANIFEST, &second).await.problem(), refused);
    assert_eq!(registry.put(&old, OCI_MANIFEST, &first).await.status, 201, "a digest is no tag");
}

#[tokio::test]
async fn what_is_not_there_is_unknown() {
    let registry = registry().await;
    let unknown = (404, "MANIFEST_UNKNOWN".to_owned(), "Requested image not found".to_owned());
    for reference in ["v1", &format!("sha256:{}", "a".repeat(64))] {
        let path = format!("manifests/{reference}");
        assert_eq!(registry.get(&path).await.problem(), unknown);
        assert_eq!(registry.send("HEAD", &path, "", b"").await.status, 404);
    }
    assert_eq!(registry.get("manifests/a+b").await.code(), (400, "TAG_INVALID".to_owned()));
    assert_eq!(registry.get("manifests/sha256:xyz").await.code(), (400, "DIGEST_INVALID".to_owned()));
    assert_eq!(registry.get("/v2/no/such/manifests/v1").await.code(), (404, "NAME_UNKNOWN".to_owned()));
    let page = registry.get("/v2/no-such-page").await;
    assert_eq!((page.status, page.body.as_slice()), (404, b"404 page not found\n".as_slice()));
}

#[tokio::test]
async fn the_archive_is_out_of_reach_until_a_push() {
    let registry = registry().await;
    let manifest = registry.image("{}");
    registry.put("v1", OCI_MANIFEST, &manifest).await;
    let digest = registry.emulator.digest_of_tag(REPO, "v1").unwrap();
    registry.emulator.set_status(REPO, &digest, Status::Archived);
    let text = "The requested image is in an inaccessible state. Please restore if needed".to_owned();
    assert_eq!(registry.get("manifests/v1").await.problem(), (404, "MANIFEST_UNKNOWN".to_owned(), text));
    let head = registry.send("HEAD", &format!("manifests/{digest}"), "", b"").await;
    assert_eq!(head.status, 404);
    assert_eq!(registry.put("v1", OCI_MANIFEST, &manifest).await.status, 201);
    assert_eq!(registry.get("manifests/v1").await.status, 200);
    let restored = Change::Restored { digest };
    assert_eq!(registry.emulator.journal().last().map(|entry| &entry.kind), Some(&restored));
}

#[tokio::test]
async fn nothing_is_deleted_here() {
    let registry = registry().await;
    registry.put("child", OCI_MANIFEST, &registry.image("{}")).await;
    let child = registry.emulator.digest_of_tag(REPO, "child").unwrap();
    assert_eq!(registry.put("v1", OCI_INDEX, &index_over(&[&child])).await.status, 201);
    for reference in ["v1", "child", &child] {
        let answer = registry.send("DELETE", &format!("manifests/{reference}"), "", b"").await;
        assert_eq!(answer.code(), (405, "UNSUPPORTED".to_owned()));
    }
    assert_eq!(registry.send("POST", "manifests/v1", "", b"").await.code(), (405, "UNSUPPORTED".to_owned()));
    // What was pushed here is guarded there.
    let refused = delete(&registry.emulator, json!([{ "imageDigest": child }]));
    assert_eq!(refused["failures"][0]["failureCode"], "ImageReferencedByManifestList");
}
