//! What an index lists cannot go before the index.

use ecr_emulator::buildx::{Build, merge};
use ecr_emulator::{Emulator, ReferenceLag, Status};
use serde_json::json;

use crate::support::{REPO, delete, emulator, index_over};

#[test]
fn a_child_of_a_tagged_index_is_refused_with_its_parent_named() {
    let emulator = emulator();
    let pushed = Build::new(&["linux/amd64"]).push(&emulator, REPO, Some("v1")).unwrap();
    let attestation = &pushed.attestations[0];
    let answer = delete(&emulator, json!([{ "imageDigest": attestation }]));
    assert_eq!(answer["imageIds"], json!([]));
    assert_eq!(
        answer["failures"],
        json!([{
            "imageId": { "imageDigest": attestation },
            "failureCode": "ImageReferencedByManifestList",
            "failureReason": format!("Requested image referenced by manifest list: [{}]", pushed.root),
        }])
    );
    assert!(emulator.image(REPO, attestation).is_some());
}

#[test]
fn untagged_and_archived_indexes_guard_too() {
    for status in [Status::Active, Status::Archived, Status::Activating] {
        let emulator = emulator();
        let pushed = Build::new(&["linux/amd64"]).push(&emulator, REPO, None).unwrap();
        emulator.set_status(REPO, &pushed.root, status);
        let answer = delete(&emulator, json!([{ "imageDigest": pushed.attestations[0] }]));
        let code = &answer["failures"][0]["failureCode"];
        assert_eq!(code, "ImageReferencedByManifestList", "{status:?}");
    }
}

#[test]
fn an_index_goes_at_once_and_its_children_stay() {
    let emulator = emulator();
    let pushed = Build::new(&["linux/amd64", "linux/arm64"]).push(&emulator, REPO, Some("v1")).unwrap();
    let answer = delete(&emulator, json!([{ "imageDigest": pushed.root }]));
    assert_eq!(answer["imageIds"], json!([{ "imageDigest": pushed.root, "imageTag": "v1" }]));
    assert_eq!(emulator.image_count(REPO), 4);
    let answer = delete(&emulator, json!([{ "imageDigest": pushed.attestations[0] }]));
    assert_eq!(answer["failures"], json!([]));
    assert_eq!(emulator.image_count(REPO), 3);
}

#[test]
fn index_and_children_in_one_call_lose_only_the_index() {
    for index_first in [true, false] {
        let emulator = emulator();
        let pushed = Build::new(&["linux/amd64"]).push(&emulator, REPO, Some("v1")).unwrap();
        let mut ids = [&pushed.root, &pushed.platforms[0], &pushed.attestations[0]];
        if !index_first {
            ids.reverse();
        }
        let ids: Vec<_> = ids.iter().map(|digest| json!({ "imageDigest": digest })).collect();
        let answer = delete(&emulator, json!(ids));
        assert_eq!(answer["imageIds"].as_array().unwrap().len(), 1, "index first: {index_first}");
        assert_eq!(answer["failures"].as_array().unwrap().len(), 2);
        assert!(emulator.image(REPO, &pushed.root).is_none());
        assert!(emulator.image(REPO, &pushed.attestations[0]).is_some());
    }
}

#[test]
fn the_only_tag_of_a_child_cannot_be_deleted_but_can_be_moved() {
    let emulator = emulator();
    let pushed = Build::new(&["linux/amd64"]).push(&emulator, REPO, Some("v1")).unwrap();
    let child = &pushed.platforms[0];
    let manifest = emulator.image(REPO, child).unwrap().manifest;
    emulator.put_image(REPO, &manifest, None, Some("child")).unwrap();
    let answer = delete(&emulator, json!([{ "imageTag": "child" }]));
    assert_eq!(answer["failures"][0]["failureCode"], "ImageReferencedByManifestList");
    assert_eq!(emulator.digest_of_tag(REPO, "child").as_ref(), Some(child));

    // With a second tag, the first is just a tag.
    emulator.put_image(REPO, &manifest, None, Some("other")).unwrap();
    let answer = delete(&emulator, json!([{ "imageTag": "child" }]));
    assert_eq!(answer["imageIds"], json!([{ "imageDigest": child, "imageTag": "child" }]));
}

#[test]
fn a_child_is_guarded_until_its_last_index_is_gone() {
    let emulator = emulator();
    let amd = Build::new(&["linux/amd64"]).push(&emulator, REPO, None).unwrap();
    let arm = Build::new(&["linux/arm64"]).push(&emulator, REPO, None).unwrap();
    let merged = merge(&emulator, REPO, &[&amd.root, &arm.root], Some("v1")).unwrap();
    let child = json!([{ "imageDigest": amd.attestations[0] }]);
    let reason = &delete(&emulator, child.clone())["failures"][0]["failureReason"];
    for parent in [&merged, &amd.root] {
        assert!(reason.as_str().unwrap().contains(parent.as_str()));
    }
    delete(&emulator, json!([{ "imageDigest": amd.root }]));
    assert_eq!(delete(&emulator, child.clone())["failures"].as_array().unwrap().len(), 1);
    delete(&emulator, json!([{ "imageDigest": merged }]));
    assert_eq!(delete(&emulator, child)["imageIds"].as_array().unwrap().len(), 1);
}

#[test]
fn a_nested_index_is_guarded_by_the_outer_one() {
    let emulator = emulator();
    let inner = Build::new(&["linux/amd64"]).push(&emulator, REPO, None).unwrap();
    let outer = emulator.put_image(REPO, &index_over(&[&inner.root]), None, None).unwrap();
    let answer = delete(&emulator, json!([{ "imageDigest": inner.root }]));
    assert_eq!(answer["failures"][0]["failureCode"], "ImageReferencedByManifestList");
    delete(&emulator, json!([{ "imageDigest": outer }]));
    let answer = delete(&emulator, json!([{ "imageDigest": inner.root }]));
    assert_eq!(answer["failures"], json!([]));
}

#[test]
fn a_subject_or_a_referrer_guards_nothing() {
    let emulator = emulator();
    let image = ecr_emulator::artifacts::plain_image(&emulator, REPO, 1, None).unwrap();
    let signature = ecr_emulator::artifacts::cosign_bundle_referrer(&emulator, REPO, &image).unwrap();
    let answer = delete(&emulator, json!([{ "imageDigest": image }, { "imageDigest": signature }]));
    assert_eq!(answer["failures"], json!([]));
    assert_eq!(emulator.image_count(REPO), 0);
}

/// The code of the failure to delete an image, if it is one.
fn refusal(emulator: &Emulator, digest: &str) -> Option<String> {
    let answer = delete(emulator, json!([{ "imageDigest": digest }]));
    answer["failures"][0]["failureCode"].as_str().map(str::to_owned)
}

#[test]
fn a_deleted_index_can_guard_its_children_for_some_calls() {
    let emulator = emulator();
    let pushed = Build::new(&["linux/amd64", "linux/arm64"]).push(&emulator, REPO, None).unwrap();
    emulator.set_reference_lag(ReferenceLag::Calls(2));
    delete(&emulator, json!([{ "imageDigest": pushed.root }]));
    let refused = delete(&emulator, json!([{ "imageDigest": pushed.attestations[0] }]));
    assert_eq!(
        refused["failures"][0]["failureReason"],
        format!("Requested image referenced by manifest list: [{}]", pushed.root)
    );
    assert_eq!(refusal(&emulator, &pushed.attestations[0]).as_deref(), Some("ImageReferencedByManifestList"));
    assert_eq!(refusal(&emulator, &pushed.attestations[0]), None);
    assert_eq!(refusal(&emulator, &pushed.attestations[1]), None);
}

#[test]
fn a_deleted_index_can_guard_its_children_for_a_while() {
    let emulator = emulator();
    let start = emulator.now();
    let pushed = Build::new(&["linux/amd64"]).push(&emulator, REPO, None).unwrap();
    emulator.set_reference_lag(ReferenceLag::Milliseconds(500));
    delete(&emulator, json!([{ "imageDigest": pushed.root }]));
    emulator.set_clock(Some(start + 499));
    assert_eq!(refusal(&emulator, &pushed.attestations[0]).as_deref(), Some("ImageReferencedByManifestList"));
    emulator.set_clock(Some(start + 500));
    assert_eq!(refusal(&emulator, &pushed.attestations[0]), None);
}
