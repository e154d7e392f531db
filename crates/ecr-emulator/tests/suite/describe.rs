//! What `DescribeImages` says about an image.

use ecr_emulator::Status;
use ecr_emulator::artifacts::{cosign_bundle_referrer, notation_signature, plain_image};
use ecr_emulator::buildx::{Build, Form};
use serde_json::{Value, json};

use crate::support::{OCI_INDEX, OCI_MANIFEST, REPO, admin, code, describe, emulator};

#[test]
fn an_image_has_just_the_members_that_apply() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, None).unwrap();
    let detail = describe(&emulator, &digest);
    let size = detail["imageSizeInBytes"].as_u64().unwrap();
    assert!(size > 1 << 20);
    assert_eq!(
        detail,
        json!({
            "registryId": "123456789012",
            "repositoryName": REPO,
            "imageDigest": digest,
            "imageSizeInBytes": size,
            "imagePushedAt": 1_750_000_000.123,
            "imageManifestMediaType": OCI_MANIFEST,
            "artifactMediaType": "application/vnd.oci.image.config.v1+json",
            "imageStatus": "ACTIVE",
        })
    );
}

#[test]
fn an_index_is_as_large_as_its_largest_child_and_has_no_artifact_type() {
    let emulator = emulator();
    let pushed = Build::new(&["linux/amd64", "linux/arm64"]).push(&emulator, REPO, Some("v1")).unwrap();
    let detail = describe(&emulator, &pushed.root);
    let sizes =
        pushed.platforms.iter().map(|digest| describe(&emulator, digest)["imageSizeInBytes"].as_u64());
    assert_eq!(detail["imageSizeInBytes"].as_u64(), sizes.max().unwrap());
    assert_eq!(detail["imageManifestMediaType"], OCI_INDEX);
    assert_eq!(detail["artifactMediaType"], Value::Null);
    assert_eq!(detail["imageTags"], json!(["v1"]));
}

#[test]
fn attestations_and_referrers_show_their_type_and_subject() {
    let emulator = emulator();
    let oci = Build::new(&["linux/amd64"]).push(&emulator, REPO, None).unwrap();
    let detail = describe(&emulator, &oci.attestations[0]);
    assert_eq!(detail["artifactMediaType"], "application/vnd.docker.attestation.manifest.v1+json");
    assert_eq!(detail["subjectManifestDigest"], json!(oci.platforms[0]));

    let legacy = Build::new(&["linux/amd64"]).form(Form::Legacy).push(&emulator, REPO, None).unwrap();
    let detail = describe(&emulator, &legacy.attestations[0]);
    assert_eq!(detail["artifactMediaType"], "application/vnd.oci.image.config.v1+json");
    assert_eq!(detail["subjectManifestDigest"], Value::Null);

    let signature = notation_signature(&emulator, REPO, &oci.root).unwrap();
    let detail = describe(&emulator, &signature);
    assert_eq!(detail["artifactMediaType"], "application/vnd.cncf.notary.signature");
    assert_eq!(detail["subjectManifestDigest"], json!(oci.root));
    let bundle = cosign_bundle_referrer(&emulator, REPO, &oci.attestations[0]).unwrap();
    assert_eq!(describe(&emulator, &bundle)["subjectManifestDigest"], json!(oci.attestations[0]));
}

#[test]
fn one_unknown_image_fails_the_whole_call() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, None).unwrap();
    let gone = format!("sha256:{}", "0".repeat(64));
    let ids = json!([{ "imageDigest": digest }, { "imageDigest": gone }]);
    let error =
        emulator.call("DescribeImages", json!({ "repositoryName": REPO, "imageIds": ids })).unwrap_err();
    assert_eq!(error.code, "ImageNotFoundException");
    assert_eq!(
        error.message,
        format!(
            "The image with imageId {{imageDigest:'{gone}', imageTag:'null'}} does not exist within the repository \
             with name '{REPO}' in the registry with id '123456789012'"
        )
    );
}

#[test]
fn only_active_images_are_shown_unless_asked_for_others() {
    let emulator = emulator();
    let active = plain_image(&emulator, REPO, 1, Some("v1")).unwrap();
    let archived = plain_image(&emulator, REPO, 2, None).unwrap();
    emulator.set_status(REPO, &archived, Status::Archived);
    let list = |filter: Value| -> Vec<String> {
        let request = json!({ "repositoryName": REPO, "filter": filter });
        let answer = emulator.call("DescribeImages", request.clone()).unwrap();
        let digest = |value: &Value| value["imageDigest"].as_str().unwrap().to_owned();
        let described: Vec<String> = answer["imageDetails"].as_array().unwrap().iter().map(digest).collect();
        let answer = emulator.call("ListImages", request).unwrap();
        let listed: Vec<String> = answer["imageIds"].as_array().unwrap().iter().map(digest).collect();
        assert_eq!(described, listed);
        described
    };
    assert_eq!(list(Value::Null), [active.as_str()]);
    assert_eq!(list(json!({ "tagStatus": "ANY" })), [active.as_str()]);
    assert_eq!(list(json!({ "imageStatus": "ARCHIVED" })), [archived.as_str()]);
    assert_eq!(list(json!({ "imageStatus": "ANY" })).len(), 2);
    assert_eq!(list(json!({ "imageStatus": "ANY", "tagStatus": "UNTAGGED" })), [archived]);
    assert_eq!(list(json!({ "imageStatus": "ANY", "tagStatus": "TAGGED" })), [active]);
    let bad = json!({ "repositoryName": REPO, "filter": { "imageStatus": "GONE" } });
    assert_eq!(code(emulator.call("DescribeImages", bad)), "InvalidParameterException");
}

#[test]
fn old_images_can_be_without_media_types_and_push_time() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, None).unwrap();
    emulator.hide_media_types(REPO, &digest);
    emulator.set_pushed_at(REPO, &digest, None);
    let detail = describe(&emulator, &digest);
    for member in ["imageManifestMediaType", "artifactMediaType", "imagePushedAt"] {
        assert_eq!(detail.get(member), None, "{member}");
    }
}

#[test]
fn an_id_that_names_nothing_is_invalid() {
    for id in [json!({}), json!({ "imageDigest": "x" }), json!({ "imageTag": "a b" })] {
        let request = json!({ "repositoryName": REPO, "imageIds": [id] });
        let result = emulator().call("DescribeImages", request);
        assert_eq!(code(result), "InvalidParameterException", "{id}");
    }
}

#[test]
fn what_is_asked_for_by_id_is_shown_whatever_its_status() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, None).unwrap();
    let shown = |filter: Value| {
        let ids = json!([{ "imageDigest": digest }]);
        let request = json!({ "repositoryName": REPO, "imageIds": ids, "filter": filter });
        emulator.call("DescribeImages", request).unwrap()["imageDetails"].as_array().unwrap().len()
    };
    for status in [Status::Archived, Status::Activating] {
        emulator.set_status(REPO, &digest, status);
        assert_eq!((shown(Value::Null), shown(json!({ "imageStatus": status.as_str() }))), (1, 1));
        assert_eq!(shown(json!({ "imageStatus": "ACTIVE" })), 0);
        assert_eq!(
            (shown(json!({ "tagStatus": "TAGGED" })), shown(json!({ "tagStatus": "UNTAGGED" }))),
            (0, 1)
        );
    }
}

#[test]
fn ids_and_filter_in_one_call_can_be_refused() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, None).unwrap();
    let request = json!({
        "repositoryName": REPO,
        "imageIds": [{ "imageDigest": digest }],
        "filter": { "imageStatus": "ANY" },
    });
    emulator.call("DescribeImages", request.clone()).unwrap();
    emulator.set_ids_with_filter(false);
    assert_eq!(code(emulator.call("DescribeImages", request)), "InvalidParameterException");
    for either in [json!({ "imageIds": [{ "imageDigest": digest }] }), json!({ "filter": {} })] {
        let mut request = either;
        request["repositoryName"] = REPO.into();
        emulator.call("DescribeImages", request).unwrap();
    }
}

#[test]
fn several_unknown_images_are_named_all_or_only_the_first() {
    let emulator = emulator();
    let there = plain_image(&emulator, REPO, 1, None).unwrap();
    let gone = ["1", "2"].map(|hex| format!("sha256:{}", hex.repeat(64)));
    let ids = json!([{ "imageDigest": gone[0] }, { "imageDigest": there }, { "imageDigest": gone[1] }]);
    let named = || {
        let request = json!({ "repositoryName": REPO, "imageIds": ids });
        let message = emulator.call("DescribeImages", request).unwrap_err().message;
        [&gone[0], &there, &gone[1]].map(|digest| message.contains(digest.as_str()))
    };
    assert_eq!(named(), [true, false, false]);
    emulator.set_name_all_unknown_images(true);
    assert_eq!(named(), [true, false, true]);
}

#[test]
fn subjects_can_be_hidden() {
    let emulator = emulator();
    let pushed = Build::new(&["linux/amd64"]).push(&emulator, REPO, None).unwrap();
    let subject = || describe(&emulator, &pushed.attestations[0]).get("subjectManifestDigest").cloned();
    assert_eq!(subject(), Some(json!(pushed.platforms[0])));
    emulator.set_hide_subjects(true);
    assert_eq!(subject(), None);
}

#[tokio::test]
async fn behaviour_is_set_from_outside() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, None).unwrap();
    let server = emulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    let settings = r#"{"ids_with_filter": false, "hide_subjects": true, "name_all_unknown_images": true}"#;
    assert_eq!(admin(&server.url(), "POST", "behavior", settings).await.status, 204);
    let request = json!({ "repositoryName": REPO, "imageIds": [{ "imageDigest": digest }], "filter": {} });
    assert_eq!(code(emulator.call("DescribeImages", request)), "InvalidParameterException");
    assert_eq!(admin(&server.url(), "POST", "behavior", r#"{"colour": true}"#).await.status, 422);
}
