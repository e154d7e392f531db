//! The events that ECR sends to EventBridge.

use ecr_emulator::buildx::Build;
use ecr_emulator::{Emulator, Settings};
use serde_json::{Value, json};

use crate::support::{REPO, admin, delete, emulator};

/// An emulator that keeps its events, and a pushed build.
fn pushed() -> (Emulator, ecr_emulator::buildx::Pushed) {
    let emulator = emulator();
    emulator.set_events(true);
    let pushed = Build::new(&["linux/amd64"]).push(&emulator, REPO, Some("v1")).unwrap();
    (emulator, pushed)
}

fn details(emulator: &Emulator) -> Vec<Value> {
    emulator.events().iter().map(|event| event["detail"].clone()).collect()
}

#[test]
fn each_manifest_of_a_push_sends_one_and_those_without_a_tag_an_empty_one() {
    let (emulator, pushed) = pushed();
    let events = emulator.events();
    let tags: Vec<&Value> = events.iter().map(|event| &event["detail"]["image-tag"]).collect();
    assert_eq!(tags, ["", "", "v1"]);
    let index = &events[2];
    assert_eq!(
        *index,
        json!({
            "version": "0", "id": index["id"], "detail-type": "ECR Image Action", "source": "aws.ecr",
            "account": "123456789012", "time": "2025-06-15T15:06:40Z", "region": "us-east-1", "resources": [],
            "detail": {
                "result": "SUCCESS", "repository-name": REPO, "image-digest": pushed.root, "action-type": "PUSH",
                "image-tag": "v1", "manifest-media-type": "application/vnd.oci.image.index.v1+json",
            },
        })
    );
    let ids: std::collections::BTreeSet<&str> = events.iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!((ids.len(), ids.iter().all(|id| id.len() == 36)), (3, true));
    assert!(events[..2].iter().all(|event| event["detail"]["artifact-media-type"].is_string()));
}

#[test]
fn deletions_and_the_archive_send_some_too() {
    let (emulator, pushed) = pushed();
    emulator.set_events(true);
    delete(&emulator, json!([{ "imageDigest": pushed.root }]));
    delete(&emulator, json!([{ "imageDigest": pushed.attestations[0] }]));
    let archive = json!({
        "repositoryName": REPO, "imageId": { "imageDigest": pushed.platforms[0] }, "targetStorageClass": "ARCHIVE",
    });
    emulator.call("UpdateImageStorageClass", archive).unwrap();
    let manifest = emulator.image(REPO, &pushed.platforms[0]).unwrap();
    emulator.put_image(REPO, &manifest.manifest, Some(&manifest.media_type), None).unwrap();
    let told: Vec<[Value; 3]> = details(&emulator)
        .iter()
        .map(|it| ["action-type", "image-tag", "target-storage-class"].map(|key| it[key].clone()))
        .collect();
    let of = |action: &str, tag: Value, class: Value| [json!(action), tag, class];
    assert_eq!(
        told,
        [
            of("DELETE", json!("v1"), Value::Null),
            of("DELETE", Value::Null, Value::Null),
            of("UPDATE_STORAGE_CLASS", Value::Null, json!("ARCHIVE")),
            of("UPDATE_STORAGE_CLASS", Value::Null, json!("STANDARD")),
        ]
    );
    assert_eq!(details(&emulator)[3]["last-activated-at"], "2025-06-15T15:06:40.123Z");
}

#[test]
fn replication_carries_images_and_tags_over_and_tells_of_it_where_they_arrive() {
    let (emulator, pushed) = pushed();
    let rule = |region: &str, filter: &str| {
        json!({
            "destinations": [{ "region": region, "registryId": "210987654321" }],
            "repositoryFilters": [{ "filter": filter, "filterType": "PREFIX_MATCH" }],
        })
    };
    let rules = json!([rule("eu-west-1", "shop"), rule("eu-north-1", "other")]);
    let request = json!({ "replicationConfiguration": { "rules": rules } });
    emulator.call("PutReplicationConfiguration", request).unwrap();
    emulator.set_events(true);
    assert_eq!(emulator.replicate(REPO), Ok(3));
    let events = emulator.events();
    let last = events.last().unwrap();
    assert_eq!(
        *last,
        json!({
            "version": "0", "id": last["id"], "detail-type": "ECR Replication Action", "source": "aws.ecr",
            "account": "210987654321", "time": "2025-06-15T15:06:40Z", "region": "eu-west-1",
            "resources": [format!("arn:aws:ecr:eu-west-1:210987654321:repository/{REPO}")],
            "detail": {
                "result": "SUCCESS", "repository-name": REPO, "image-digest": pushed.root, "action-type": "REPLICATE",
                "source-account": "123456789012", "source-region": "us-east-1", "image-tag": "v1",
            },
        })
    );
    let there = Settings { account: "210987654321".to_owned(), region: "eu-west-1".to_owned() };
    let request = json!({ "repositoryName": REPO });
    let images = emulator.call_in(&there, "ListImages", request.clone()).unwrap()["imageIds"].clone();
    assert_eq!(images, emulator.call("ListImages", request.clone()).unwrap()["imageIds"]);
    let elsewhere = Settings { region: "eu-north-1".to_owned(), ..there };
    assert!(emulator.call_in(&elsewhere, "ListImages", request).is_err(), "no rule leads there");
    // What is there already is not new, and a tag that moved is told.
    assert_eq!((events.len(), emulator.replicate(REPO)), (3, Ok(0)));
    assert_eq!(emulator.events().len(), 3);
    assert!(emulator.replicate("shop/none").is_err());
}

#[tokio::test]
async fn programs_outside_can_ask_for_them() {
    let emulator = emulator();
    let server = emulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = server.url();
    assert_eq!(admin(&url, "GET", "events", "").await.json(), json!([]));
    assert_eq!(admin(&url, "POST", "events", r#"{"on": true}"#).await.status, 204);
    Build::new(&["linux/amd64"]).push(&emulator, REPO, Some("v1")).unwrap();
    assert_eq!(admin(&url, "GET", "events", "").await.json().as_array().unwrap().len(), 3);
    assert_eq!(
        admin(&url, "POST", "replicate", &json!({ "repository": REPO }).to_string()).await.json(),
        json!(0)
    );
    assert_eq!(admin(&url, "POST", "replicate", r#"{"repository": "none"}"#).await.status, 404);
    admin(&url, "POST", "events", r#"{"on": false}"#).await;
    assert_eq!(admin(&url, "GET", "events", "").await.json(), json!([]));
}
