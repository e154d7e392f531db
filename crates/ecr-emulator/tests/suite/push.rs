//! `PutImage`.

use ecr_emulator::Emulator;
use ecr_emulator::artifacts::{cosign_bundle_referrer, plain_docker_image, plain_image};
use ecr_emulator::buildx::{Build, Form};
use serde_json::json;

use crate::support::{OCI_MANIFEST, REPO, code, describe, emulator, index_over};

fn put(emulator: &Emulator, request: serde_json::Value) -> Result<serde_json::Value, ecr_emulator::ApiError> {
    let mut whole = json!({ "repositoryName": REPO });
    for (member, value) in request.as_object().unwrap() {
        whole[member] = value.clone();
    }
    emulator.call("PutImage", whole)
}

#[test]
fn retagging_with_the_same_bytes_moves_the_tag_and_keeps_the_push_time() {
    let emulator = emulator();
    let old = plain_image(&emulator, REPO, 1, Some("latest")).unwrap();
    let new = plain_image(&emulator, REPO, 2, None).unwrap();
    emulator.set_clock(Some(1_760_000_000_000));
    let manifest = emulator.image(REPO, &new).unwrap().manifest;
    let answer =
        put(&emulator, json!({ "imageManifest": manifest, "imageDigest": new, "imageTag": "latest" }))
            .unwrap();
    assert_eq!(answer["image"]["imageId"], json!({ "imageDigest": new, "imageTag": "latest" }));
    assert_eq!(emulator.digest_of_tag(REPO, "latest"), Some(new.clone()));
    assert_eq!(emulator.image(REPO, &old).unwrap().tags, [""; 0]);
    assert_eq!(describe(&emulator, &new)["imagePushedAt"], json!(1_750_000_000.123));
}

#[test]
fn nothing_new_is_an_error() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, Some("canary")).unwrap();
    let manifest = emulator.image(REPO, &digest).unwrap().manifest;
    let error = put(&emulator, json!({ "imageManifest": manifest, "imageTag": "canary" })).unwrap_err();
    assert_eq!(error.code, "ImageAlreadyExistsException");
    assert_eq!(
        error.message,
        format!(
            "Image with digest '{digest}' and tag 'canary' already exists in the repository with name '{REPO}' in \
             registry with id '123456789012'"
        )
    );
    assert_eq!(code(put(&emulator, json!({ "imageManifest": manifest }))), "ImageAlreadyExistsException");
}

#[test]
fn other_bytes_than_the_digest_says_are_refused() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, None).unwrap();
    let manifest = emulator.image(REPO, &digest).unwrap().manifest + "\n";
    let request = json!({ "imageManifest": manifest, "imageDigest": digest, "imageTag": "x" });
    assert_eq!(code(put(&emulator, request)), "ImageDigestDoesNotMatchException");
    assert_eq!(emulator.image_count(REPO), 1);
    // Without the digest they are simply another image.
    put(&emulator, json!({ "imageManifest": manifest, "imageTag": "x" })).unwrap();
    assert_eq!(emulator.image_count(REPO), 2);
}

#[test]
fn all_that_a_manifest_needs_must_be_there_except_its_subject() {
    let emulator = emulator();
    let gone = format!("sha256:{}", "a".repeat(64));
    let error = emulator.put_image(REPO, &index_over(&[&gone]), None, None).unwrap_err();
    assert_eq!(error.code, "ReferencedImagesNotFoundException");
    assert_eq!(
        error.message,
        format!(
            "Images with digests '[{gone}]' required for pushing image into repository with name '{REPO}' in the \
             registry with id '123456789012' do not exist"
        )
    );
    let config =
        json!({ "mediaType": "application/vnd.oci.image.config.v1+json", "digest": gone, "size": 2 });
    let manifest = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": null });
    let manifest = manifest.to_string();
    assert_eq!(code(emulator.put_image(REPO, &manifest, None, None)), "LayersNotFoundException");
    emulator.declare_blob(REPO, &gone, 2).unwrap();
    emulator.put_image(REPO, &manifest, None, None).unwrap();
    cosign_bundle_referrer(&emulator, REPO, &format!("sha256:{}", "b".repeat(64))).unwrap();
}

#[test]
fn a_manifest_must_be_json_and_say_what_it_is() {
    let emulator = emulator();
    let untyped = json!({ "schemaVersion": 2, "manifests": [] }).to_string();
    for (manifest, media_type) in [
        ("nonsense", Some(OCI_MANIFEST)),
        ("[]", Some(OCI_MANIFEST)),
        ("{}", None),
        (untyped.as_str(), None),
        (untyped.as_str(), Some("text/plain")),
        (untyped.as_str(), Some(OCI_MANIFEST)),
        (index_over(&[]).as_str(), Some(OCI_MANIFEST)),
        ("", Some(OCI_MANIFEST)),
    ] {
        let result = emulator.put_image(REPO, manifest, media_type, None);
        assert_eq!(code(result), "InvalidParameterException", "{manifest} {media_type:?}");
    }
    let large = format!("{}{}", index_over(&[]), " ".repeat(4_194_304));
    assert_eq!(code(emulator.put_image(REPO, &large, None, None)), "InvalidParameterException");
    emulator
        .put_image(REPO, &untyped, Some("application/vnd.docker.distribution.manifest.list.v2+json"), None)
        .unwrap();
}

#[test]
fn a_subject_with_a_platform_is_refused() {
    let emulator = emulator();
    let pushed = Build::new(&["linux/amd64"]).push(&emulator, REPO, None).unwrap();
    let text = emulator.image(REPO, &pushed.attestations[0]).unwrap().manifest;
    let mut manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    manifest["subject"]["platform"] = json!({ "architecture": "amd64", "os": "linux" });
    let error = emulator.put_image(REPO, &manifest.to_string(), None, None).unwrap_err();
    assert!(error.message.ends_with("'Invalid JSON syntax'"), "{error}");
}

#[test]
fn tags_have_a_grammar() {
    let emulator = emulator();
    for tag in ["a b", "", "a/b", "é", &"x".repeat(301)] {
        assert_eq!(code(plain_image(&emulator, REPO, 1, Some(tag))), "InvalidParameterException", "{tag}");
    }
    assert_eq!(
        plain_image(&emulator, REPO, 1, Some("a:b")).unwrap_err().message,
        "Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy regular expression \
         '[a-zA-Z0-9-_.]+''"
    );
    plain_image(&emulator, REPO, 1, Some(&"x".repeat(300))).unwrap();
}

#[test]
fn immutable_tags_stay_where_they_are() {
    let emulator = emulator();
    plain_image(&emulator, REPO, 1, Some("v1")).unwrap();
    plain_image(&emulator, REPO, 1, Some("dev-1")).unwrap();
    let set = |setting: &str, filter: Option<&str>| {
        let mut request = json!({ "repositoryName": REPO, "imageTagMutability": setting });
        if let Some(filter) = filter {
            request["imageTagMutabilityExclusionFilters"] =
                json!([{ "filterType": "WILDCARD", "filter": filter }]);
        }
        emulator.call("PutImageTagMutability", request)
    };
    set("IMMUTABLE", None).unwrap();
    let error = plain_image(&emulator, REPO, 2, Some("v1")).unwrap_err();
    assert_eq!(error.code, "ImageTagAlreadyExistsException");
    assert_eq!(emulator.image_count(REPO), 1, "nothing of a refused push stays");
    plain_image(&emulator, REPO, 1, Some("v2")).unwrap();

    set("IMMUTABLE_WITH_EXCLUSION", Some("dev-*")).unwrap();
    assert_eq!(code(plain_image(&emulator, REPO, 3, Some("v1"))), "ImageTagAlreadyExistsException");
    plain_image(&emulator, REPO, 3, Some("dev-1")).unwrap();

    set("MUTABLE_WITH_EXCLUSION", Some("v*")).unwrap();
    assert_eq!(code(plain_image(&emulator, REPO, 4, Some("v1"))), "ImageTagAlreadyExistsException");
    plain_image(&emulator, REPO, 4, Some("dev-1")).unwrap();

    assert_eq!(code(set("MUTABLE_WITH_EXCLUSION", None)), "InvalidParameterException");
    assert_eq!(code(set("MUTABLE", Some("v*"))), "InvalidParameterException");
    assert_eq!(code(set("SOMETIMES", None)), "InvalidParameterException");
}

#[test]
fn quotas_of_tags_and_images() {
    let emulator = emulator();
    for n in 0..1_000 {
        plain_docker_image(&emulator, REPO, 1, Some(&format!("t{n}"))).unwrap();
    }
    assert_eq!(code(plain_docker_image(&emulator, REPO, 1, Some("more"))), "LimitExceededException");
    emulator.set_image_limit(2);
    plain_image(&emulator, REPO, 2, None).unwrap();
    assert_eq!(code(plain_image(&emulator, REPO, 3, None)), "LimitExceededException");
    // What is there already is no new image.
    plain_image(&emulator, REPO, 2, Some("again")).unwrap();
}

#[test]
fn a_single_platform_without_provenance_is_a_bare_image() {
    let emulator = emulator();
    let pushed = Build::new(&["linux/amd64"]).form(Form::None).push(&emulator, REPO, Some("v1")).unwrap();
    assert_eq!(pushed.index, None);
    assert_eq!(emulator.digest_of_tag(REPO, "v1"), Some(pushed.platforms[0].clone()));
    assert_eq!(emulator.image_count(REPO), 1);
}
