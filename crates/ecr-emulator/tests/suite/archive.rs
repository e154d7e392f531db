//! Storage classes.

use ecr_emulator::artifacts::plain_image;
use ecr_emulator::buildx::Build;
use ecr_emulator::{Emulator, Status};
use serde_json::{Value, json};

use crate::support::{REPO, code, describe, emulator};

fn update(emulator: &Emulator, digest: &str, class: &str) -> Result<Value, ecr_emulator::ApiError> {
    let request = json!({
        "repositoryName": REPO,
        "imageId": { "imageDigest": digest },
        "targetStorageClass": class,
    });
    emulator.call("UpdateImageStorageClass", request)
}

#[test]
fn into_the_archive_at_once_and_back_after_a_while() {
    let emulator = emulator();
    let start = emulator.now();
    let digest = plain_image(&emulator, REPO, 1, None).unwrap();
    assert_eq!(update(&emulator, &digest, "ARCHIVE").unwrap()["imageStatus"], "ARCHIVED");
    assert_eq!(describe(&emulator, &digest)["lastArchivedAt"], describe(&emulator, &digest)["imagePushedAt"]);
    assert_eq!(code(update(&emulator, &digest, "ARCHIVE")), "ImageStorageClassUpdateNotSupportedException");

    assert_eq!(update(&emulator, &digest, "STANDARD").unwrap()["imageStatus"], "ACTIVATING");
    assert_eq!(code(update(&emulator, &digest, "STANDARD")), "ImageStorageClassUpdateNotSupportedException");
    emulator.set_clock(Some(start + 20 * 60 * 1_000 - 1));
    assert_eq!(describe(&emulator, &digest)["imageStatus"], "ACTIVATING");
    emulator.set_clock(Some(start + 20 * 60 * 1_000));
    let detail = describe(&emulator, &digest);
    assert_eq!(detail["imageStatus"], "ACTIVE");
    assert_eq!(detail["lastActivatedAt"], json!(1_750_001_200.123));
    assert_eq!(code(update(&emulator, &digest, "STANDARD")), "ImageStorageClassUpdateNotSupportedException");
}

#[test]
fn a_status_that_is_set_is_a_restore_too() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, None).unwrap();
    let activated = || describe(&emulator, &digest).get("lastActivatedAt").cloned();
    emulator.set_status(REPO, &digest, Status::Active);
    assert_eq!(activated(), None);
    emulator.set_status(REPO, &digest, Status::Archived);
    emulator.set_clock(Some(1_760_000_000_000));
    assert_eq!(activated(), None);
    emulator.set_status(REPO, &digest, Status::Active);
    assert_eq!(activated(), Some(json!(1_760_000_000.0)));
    emulator.set_activated_at(REPO, &digest, Some(1_755_000_000_000));
    assert_eq!(activated(), Some(json!(1_755_000_000.0)));
}

#[test]
fn a_push_restores_an_archived_image() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, Some("v1")).unwrap();
    update(&emulator, &digest, "ARCHIVE").unwrap();
    plain_image(&emulator, REPO, 1, Some("v2")).unwrap();
    let image = emulator.image(REPO, &digest).unwrap();
    assert_eq!((image.status, image.tags), (Status::Active, vec!["v1".to_owned(), "v2".to_owned()]));
}

#[test]
fn a_child_is_archived_only_after_its_index() {
    let emulator = emulator();
    let pushed = Build::new(&["linux/amd64"]).push(&emulator, REPO, Some("v1")).unwrap();
    let child = &pushed.attestations[0];
    assert_eq!(code(update(&emulator, child, "ARCHIVE")), "ImageStorageClassUpdateNotSupportedException");
    update(&emulator, &pushed.root, "ARCHIVE").unwrap();
    update(&emulator, child, "ARCHIVE").unwrap();
}

#[test]
fn unknown_images_and_classes_are_refused() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, None).unwrap();
    assert_eq!(code(update(&emulator, &digest.replace('1', "2"), "ARCHIVE")), "ImageNotFoundException");
    assert_eq!(code(update(&emulator, &digest, "COLD")), "InvalidParameterException");
}
