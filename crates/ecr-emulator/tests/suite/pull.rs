//! `BatchGetImage`.

use ecr_emulator::artifacts::plain_image;
use ecr_emulator::buildx::Build;
use ecr_emulator::{Emulator, Status};
use serde_json::{Value, json};

use crate::support::{OCI_INDEX, OCI_MANIFEST, REPO, code, describe, emulator};

fn get(emulator: &Emulator, ids: Value, accepted: Value) -> Value {
    let request = json!({ "repositoryName": REPO, "imageIds": ids, "acceptedMediaTypes": accepted });
    emulator.call("BatchGetImage", request).unwrap()
}

#[test]
fn a_manifest_comes_back_byte_for_byte() {
    let emulator = emulator();
    let pushed = Build::new(&["linux/amd64"]).push(&emulator, REPO, Some("v1")).unwrap();
    let answer = get(&emulator, json!([{ "imageTag": "v1" }]), json!([OCI_INDEX, OCI_MANIFEST]));
    let image = &answer["images"][0];
    assert_eq!(image["imageManifest"], json!(emulator.image(REPO, &pushed.root).unwrap().manifest));
    assert_eq!(image["imageManifestMediaType"], OCI_INDEX);
    assert_eq!(image["imageId"], json!({ "imageDigest": pushed.root, "imageTag": "v1" }));
}

#[test]
fn by_digest_comes_the_whole_manifest_once_for_each_tag() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, Some("a")).unwrap();
    plain_image(&emulator, REPO, 1, Some("b")).unwrap();
    let untagged = plain_image(&emulator, REPO, 2, None).unwrap();
    let ids = json!([{ "imageDigest": untagged }, { "imageDigest": digest }]);
    let answer = get(&emulator, ids, json!([OCI_MANIFEST]));
    let images = answer["images"].as_array().unwrap();
    let ids: Vec<&Value> = images.iter().map(|image| &image["imageId"]).collect();
    let expected = json!([
        { "imageDigest": digest, "imageTag": "a" },
        { "imageDigest": digest, "imageTag": "b" },
        { "imageDigest": untagged },
    ]);
    assert_eq!(json!(ids), expected);
    let manifest = json!(emulator.image(REPO, &digest).unwrap().manifest);
    assert_eq!([&images[0]["imageManifest"], &images[1]["imageManifest"]], [&manifest, &manifest]);
    // By tag, or by both, there is one.
    for id in [json!({ "imageTag": "b" }), json!({ "imageDigest": digest, "imageTag": "b" })] {
        let answer = get(&emulator, json!([id]), json!([OCI_MANIFEST]));
        assert_eq!(answer["images"].as_array().unwrap().len(), 1);
        assert_eq!(answer["images"][0]["imageId"], json!({ "imageDigest": digest, "imageTag": "b" }));
    }
}

#[test]
fn the_answer_is_not_in_the_order_of_the_request() {
    let emulator = emulator();
    let a = plain_image(&emulator, REPO, 1, None).unwrap();
    let b = plain_image(&emulator, REPO, 2, None).unwrap();
    let answer = get(&emulator, json!([{ "imageDigest": a }, { "imageDigest": b }]), json!([OCI_MANIFEST]));
    assert_eq!(answer["images"][0]["imageId"]["imageDigest"], json!(b));
    assert_eq!(answer["images"][1]["imageId"]["imageDigest"], json!(a));
}

#[test]
fn an_index_is_not_given_to_who_does_not_accept_it() {
    let emulator = emulator();
    let pushed = Build::new(&["linux/amd64"]).push(&emulator, REPO, Some("v1")).unwrap();
    for accepted in [Value::Null, json!([OCI_MANIFEST])] {
        let ids = json!([{ "imageDigest": pushed.root }, { "imageDigest": pushed.platforms[0] }]);
        let answer = get(&emulator, ids, accepted);
        assert_eq!(answer["failures"][0]["failureCode"], "ImageNotFound");
        assert_eq!(answer["images"][0]["imageId"]["imageDigest"], json!(pushed.platforms[0]));
    }
}

#[test]
fn what_is_archived_or_coming_back_cannot_be_pulled() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, None).unwrap();
    for status in [Status::Archived, Status::Activating] {
        emulator.set_status(REPO, &digest, status);
        let answer = get(&emulator, json!([{ "imageDigest": digest }]), json!([OCI_MANIFEST]));
        assert_eq!(answer["images"], json!([]));
        assert_eq!(answer["failures"][0]["failureCode"], "ImageInaccessible");
        assert_eq!(
            answer["failures"][0]["failureReason"],
            "The requested image is in an inaccessible state. Please restore if needed"
        );
        assert_eq!(answer["failures"][0]["imageId"], json!({ "imageDigest": digest }));
    }
    assert_eq!(emulator.image(REPO, &digest).unwrap().pulled_at_ms, None);
}

#[test]
fn a_pull_is_recorded_unless_the_caller_is_excluded() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, None).unwrap();
    let ids = json!([{ "imageDigest": digest }]);
    emulator.set_pull_time_updates(false);
    get(&emulator, ids.clone(), json!([OCI_MANIFEST]));
    assert_eq!(describe(&emulator, &digest).get("lastRecordedPullTime"), None);
    emulator.set_pull_time_updates(true);
    emulator.set_clock(Some(1_760_000_000_000));
    get(&emulator, ids, json!([OCI_MANIFEST]));
    assert_eq!(describe(&emulator, &digest)["lastRecordedPullTime"], json!(1_760_000_000.0));
}

#[test]
fn digest_and_tag_must_agree() {
    let emulator = emulator();
    let a = plain_image(&emulator, REPO, 1, Some("a")).unwrap();
    plain_image(&emulator, REPO, 2, Some("b")).unwrap();
    let answer = get(&emulator, json!([{ "imageDigest": a, "imageTag": "b" }]), json!([OCI_MANIFEST]));
    assert_eq!(answer["failures"][0]["failureCode"], "ImageTagDoesNotMatchDigest");
}

#[test]
fn corrupt_bytes_come_under_the_same_digest() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, None).unwrap();
    emulator.corrupt_manifest(REPO, &digest, "{}");
    let answer = get(&emulator, json!([{ "imageDigest": digest }]), json!([OCI_MANIFEST]));
    assert_eq!(answer["images"][0]["imageManifest"], "{}");
    assert_eq!(answer["images"][0]["imageId"]["imageDigest"], json!(digest));
}

#[test]
fn a_hundred_at_most() {
    let ids = vec![json!({ "imageTag": "x" }); 101];
    let request = json!({ "repositoryName": REPO, "imageIds": ids });
    assert_eq!(code(emulator().call("BatchGetImage", request)), "InvalidParameterException");
}
