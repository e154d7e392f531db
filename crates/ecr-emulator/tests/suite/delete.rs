//! `BatchDeleteImage` apart from the guard.

use ecr_emulator::artifacts::plain_image;
use serde_json::json;

use crate::support::{REPO, code, delete, emulator};

#[test]
fn by_digest_goes_the_image_with_all_its_tags() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, Some("a")).unwrap();
    plain_image(&emulator, REPO, 1, Some("b")).unwrap();
    let answer = delete(&emulator, json!([{ "imageDigest": digest }]));
    assert_eq!(
        answer["imageIds"],
        json!([{ "imageDigest": digest, "imageTag": "a" }, { "imageDigest": digest, "imageTag": "b" }])
    );
    assert_eq!(emulator.digest_of_tag(REPO, "a"), None);
    assert_eq!(emulator.image_count(REPO), 0);
}

#[test]
fn an_untagged_image_is_answered_by_its_digest() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, None).unwrap();
    let answer = delete(&emulator, json!([{ "imageDigest": digest }]));
    assert_eq!(answer, json!({ "imageIds": [{ "imageDigest": digest }], "failures": [] }));
}

#[test]
fn by_tag_goes_the_tag_and_with_the_last_one_the_image() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, Some("a")).unwrap();
    plain_image(&emulator, REPO, 1, Some("b")).unwrap();
    delete(&emulator, json!([{ "imageTag": "a" }]));
    assert_eq!(emulator.image(REPO, &digest).unwrap().tags, ["b"]);
    delete(&emulator, json!([{ "imageTag": "b" }]));
    assert_eq!(emulator.image(REPO, &digest), None);
}

#[test]
fn by_digest_and_tag_goes_that_tag_and_with_the_last_one_the_image() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, Some("a")).unwrap();
    plain_image(&emulator, REPO, 1, Some("b")).unwrap();
    let both = |tag: &str| json!([{ "imageDigest": digest, "imageTag": tag }]);
    assert_eq!(delete(&emulator, both("a")), json!({ "imageIds": both("a"), "failures": [] }));
    assert_eq!(emulator.image(REPO, &digest).unwrap().tags, ["b"]);
    assert_eq!(delete(&emulator, both("b")), json!({ "imageIds": both("b"), "failures": [] }));
    assert_eq!(emulator.image(REPO, &digest), None);
}

#[test]
fn what_cannot_be_deleted_is_said_for_each_id() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, Some("a")).unwrap();
    let other = plain_image(&emulator, REPO, 2, Some("b")).unwrap();
    let gone = format!("sha256:{}", "0".repeat(64));
    let ids = json!([
        { "imageDigest": gone },
        { "imageTag": "nope" },
        { "imageDigest": digest, "imageTag": "b" },
        { "imageDigest": digest, "imageTag": "nope" },
        { "imageDigest": "sha256" },
        {},
        { "imageTag": "a b" },
        { "imageDigest": other },
    ]);
    let answer = delete(&emulator, ids);
    let codes: Vec<_> = answer["failures"].as_array().unwrap().iter().map(|f| &f["failureCode"]).collect();
    let expected = [
        "ImageNotFound",
        "ImageNotFound",
        "ImageTagDoesNotMatchDigest",
        "ImageNotFound",
        "InvalidImageDigest",
        "MissingDigestAndTag",
        "InvalidImageTag",
    ];
    assert_eq!(codes, expected);
    assert_eq!(answer["failures"][0]["failureReason"], "Requested image not found");
    assert_eq!(answer["imageIds"], json!([{ "imageDigest": other, "imageTag": "b" }]));
}

#[test]
fn a_digest_named_twice_is_gone_the_second_time() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, None).unwrap();
    let answer = delete(&emulator, json!([{ "imageDigest": digest }, { "imageDigest": digest }]));
    assert_eq!(answer["imageIds"].as_array().unwrap().len(), 1);
    assert_eq!(answer["failures"][0]["failureCode"], "ImageNotFound");
}

#[test]
fn one_to_a_hundred_ids_and_no_more() {
    let emulator = emulator();
    let call = |count: usize| {
        let ids = vec![json!({ "imageTag": "x" }); count];
        emulator.call("BatchDeleteImage", json!({ "repositoryName": REPO, "imageIds": ids }))
    };
    assert_eq!(call(100).unwrap()["failures"].as_array().unwrap().len(), 100);
    assert_eq!(
        call(101).unwrap_err().message,
        "Invalid parameter at 'imageIds' failed to satisfy constraint: 'Member must have length less than or equal \
         to 100'"
    );
    assert_eq!(code(call(0)), "InvalidParameterException");
}

#[test]
fn a_repository_that_does_not_exist_fails_the_call() {
    let request = json!({ "repositoryName": "no/such", "imageIds": [{ "imageTag": "x" }] });
    let error = emulator().call("BatchDeleteImage", request).unwrap_err();
    assert_eq!(error.code, "RepositoryNotFoundException");
    assert_eq!(
        error.message,
        "The repository with name 'no/such' does not exist in the registry with id '123456789012'"
    );
}
