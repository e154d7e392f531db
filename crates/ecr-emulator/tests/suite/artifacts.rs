//! The look-alikes, and `ListImageReferrers`.

use ecr_emulator::Status;
use ecr_emulator::artifacts::{
    build_cache, cosign_bundle_referrer, cosign_signature_tag, helm_chart, notation_signature,
    plain_docker_image, plain_image, soci_index_v1, soci_index_v2,
};
use ecr_emulator::buildx::Build;
use serde_json::{Value, json};

use crate::support::{REPO, code, describe, emulator};

#[test]
fn each_artifact_can_be_pushed_and_shows_its_type() {
    let emulator = emulator();
    let image = plain_image(&emulator, REPO, 1, Some("v1")).unwrap();
    let kinds = [
        (plain_docker_image(&emulator, REPO, 1, None), "application/vnd.docker.container.image.v1+json"),
        (cosign_signature_tag(&emulator, REPO, &image), "application/vnd.oci.image.config.v1+json"),
        (cosign_bundle_referrer(&emulator, REPO, &image), "application/vnd.dev.sigstore.bundle.v0.3+json"),
        (notation_signature(&emulator, REPO, &image), "application/vnd.cncf.notary.signature"),
        (soci_index_v1(&emulator, REPO, &image), "application/vnd.amazon.soci.index.v1+json"),
        (soci_index_v2(&emulator, REPO, &image), "application/vnd.amazon.soci.index.v2+json"),
        (build_cache(&emulator, REPO, "cache"), "application/vnd.buildkit.cacheconfig.v0"),
        (helm_chart(&emulator, REPO, "1.2.3"), "application/vnd.cncf.helm.config.v1+json"),
    ];
    for (digest, kind) in kinds {
        assert_eq!(describe(&emulator, &digest.unwrap())["artifactMediaType"], kind);
    }
    let signature = emulator.digest_of_tag(REPO, &format!("{}.sig", image.replace(':', "-")));
    assert!(signature.is_some());
}

#[test]
fn referrers_are_listed_by_subject_type_and_status() {
    let emulator = emulator();
    let pushed = Build::new(&["linux/amd64"]).push(&emulator, REPO, Some("v1")).unwrap();
    let platform = &pushed.platforms[0];
    let bundle = cosign_bundle_referrer(&emulator, REPO, platform).unwrap();
    let list = |filter: Value, size: u64| {
        let request = json!({
            "repositoryName": REPO,
            "subjectId": { "imageDigest": platform },
            "filter": filter,
            "maxResults": size,
        });
        emulator.call("ListImageReferrers", request).unwrap()
    };
    let all = list(Value::Null, 50);
    assert_eq!(all["referrers"].as_array().unwrap().len(), 2);
    assert!(list(Value::Null, 1)["nextToken"].is_string());
    let kind = "application/vnd.docker.attestation.manifest.v1+json";
    let attestations = list(json!({ "artifactTypes": [kind] }), 50);
    assert_eq!(attestations["referrers"][0]["digest"], json!(pushed.attestations[0]));
    assert_eq!(attestations["referrers"][0]["artifactType"], kind);
    emulator.set_status(REPO, &bundle, Status::Archived);
    assert_eq!(list(Value::Null, 50)["referrers"].as_array().unwrap().len(), 1);
    let archived = list(json!({ "artifactStatus": "ARCHIVED" }), 50);
    assert_eq!(archived["referrers"][0]["annotations"]["dev.sigstore.bundle.content"], "dsse-envelope");
    let bad = json!({ "repositoryName": REPO, "subjectId": { "imageDigest": platform }, "maxResults": 51 });
    assert_eq!(code(emulator.call("ListImageReferrers", bad)), "InvalidParameterException");
}
