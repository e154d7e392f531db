//! The protocol, and the admin endpoint.

use ecr_emulator::artifacts::plain_image;
use ecr_emulator::buildx::Build;
use ecr_emulator::{Change, Server, Status};
use serde_json::json;

use crate::support::{REPO, admin, call, emulator, request};

async fn served() -> (ecr_emulator::Emulator, Server) {
    let emulator = emulator();
    let server = emulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    (emulator, server)
}

#[tokio::test]
async fn answers_and_errors_are_aws_json() {
    let (_emulator, server) = served().await;
    let good = call(&server.url(), "DescribeRepositories", "{}").await.unwrap();
    assert_eq!(good.status, 200);
    assert!(good.head.contains("content-type: application/x-amz-json-1.1"));
    assert!(good.head.contains("x-amzn-requestid: "));
    assert_eq!(good.json()["repositories"][0]["repositoryName"], REPO);

    let bad = call(&server.url(), "ListImages", r#"{"repositoryName":"no/such"}"#).await.unwrap();
    assert_eq!(bad.status, 400);
    assert!(bad.head.contains("x-amzn-errortype: repositorynotfoundexception"));
    assert_eq!(bad.json()["__type"], "RepositoryNotFoundException");

    let broken = call(&server.url(), "ListImages", "{").await.unwrap();
    assert_eq!(broken.json()["__type"], "SerializationException");
    let unknown = call(&server.url(), "MakeCoffee", "{}").await.unwrap();
    assert_eq!((unknown.status, &unknown.json()["__type"]), (400, &json!("UnknownOperationException")));
    let untargeted = request(&server.url(), "POST", "/", "", "{}").await.unwrap();
    assert_eq!(untargeted.json()["__type"], "UnknownOperationException");
}

#[tokio::test]
async fn calls_are_counted_and_their_changes_journalled() {
    let (emulator, server) = served().await;
    let pushed = Build::new(&["linux/amd64"]).push(&emulator, REPO, Some("v1")).unwrap();
    assert!(emulator.journal().is_empty(), "the library's own calls are no traffic");
    let name = json!({ "repositoryName": REPO }).to_string();
    call(&server.url(), "ListImages", &name).await.unwrap();
    let ids = json!({ "repositoryName": REPO, "imageIds": [{ "imageDigest": pushed.root }] }).to_string();
    call(&server.url(), "BatchDeleteImage", &ids).await.unwrap();
    let calls: Vec<_> = emulator.calls().into_iter().collect();
    assert_eq!(calls, [("BatchDeleteImage".to_owned(), 1), ("ListImages".to_owned(), 1)]);
    let journal = emulator.journal();
    let digest = pushed.root;
    assert_eq!(journal[0].kind, Change::Untagged { digest: digest.clone(), tag: "v1".to_owned() });
    assert_eq!(journal[1].kind, Change::Deleted { digest });
    assert_eq!((journal[1].n, journal[1].operation.as_str()), (2, "BatchDeleteImage"));
    emulator.reset_calls();
    assert!(emulator.calls().is_empty() && emulator.journal().is_empty());
}

#[tokio::test]
async fn outside_programs_have_the_same_hooks() {
    let (emulator, server) = served().await;
    let url = server.url();
    let digest = plain_image(&emulator, REPO, 1, None).unwrap();
    assert_eq!(admin(&url, "GET", "health", "").await.status, 200);
    let post = async |path: &str, extra: serde_json::Value| {
        let mut body = json!({ "repository": REPO, "digest": digest });
        for (member, value) in extra.as_object().unwrap() {
            body[member] = value.clone();
        }
        admin(&url, "POST", path, &body.to_string()).await.status
    };
    assert_eq!(post("set-pushed-at", json!({ "at": 5 })).await, 204);
    assert_eq!(post("set-pulled-at", json!({ "at": 6 })).await, 204);
    assert_eq!(post("set-status", json!({ "status": "ARCHIVED" })).await, 204);
    assert_eq!(post("hide-media-types", json!({})).await, 204);
    assert_eq!(post("corrupt", json!({ "bytes": "x" })).await, 204);
    assert_eq!(post("set-status", json!({ "digest": "sha256:00", "status": "ACTIVE" })).await, 404);
    let image = emulator.image(REPO, &digest).unwrap();
    assert_eq!((image.pushed_at_ms, image.pulled_at_ms, image.status), (Some(5), Some(6), Status::Archived));

    assert_eq!(post("clock", json!({ "at": 42 })).await, 204);
    assert_eq!(emulator.now(), 42);
    assert_eq!(
        post(
            "fault",
            json!({ "operation": "*", "repository": null, "when": { "nth": 1 }, "fault": "throttle" })
        )
        .await,
        204
    );
    assert_eq!(call(&url, "DescribeRegistry", "{}").await.unwrap().status, 400);
    assert_eq!(admin(&url, "GET", "calls", "").await.json(), json!({ "DescribeRegistry": 1 }));
    call(&url, "CreateRepository", r#"{"repositoryName":"new/one"}"#).await.unwrap();
    assert_eq!(
        admin(&url, "GET", "journal", "").await.json(),
        json!([{ "n": 2, "operation": "CreateRepository", "repository": "new/one", "kind": "repositoryCreated" }])
    );
    assert_eq!(post("latency", json!({ "operation": null, "ms": 1 })).await, 204);
    assert_eq!(post("clear-faults", json!({})).await, 204);
    assert_eq!(post("reset", json!({})).await, 204);
    assert_eq!(admin(&url, "GET", "calls", "").await.json(), json!({}));
}
