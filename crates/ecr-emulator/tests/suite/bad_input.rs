//! Input that no client should send: AWS's own error, and nothing has changed.

use ecr_emulator::artifacts::plain_image;
use ecr_emulator::{Emulator, Server};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::requests::seen;
use crate::support::{REPO, Reply, call, emulator, request};

const TARGET: &str = "X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.";
const SIGNED: &str = "Authorization: AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20250615/us-east-1/ecr/aws4_request, \
                      SignedHeaders=host;x-amz-date;x-amz-target, Signature=00";

async fn served() -> (Emulator, Server) {
    let emulator = emulator();
    plain_image(&emulator, REPO, 1, Some("v1")).unwrap();
    let server = emulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    (emulator, server)
}

fn code(reply: &Reply) -> (u16, String) {
    (reply.status, reply.json()["__type"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_body_must_be_a_json_object() {
    let (emulator, server) = served().await;
    let before = seen(&emulator);
    let name = format!(r#"{{"repositoryName":"{REPO}","force":true"#);
    for body in ["{", "null", "[]", "\"DeleteRepository\"", "{} {}", "{\"a\":}", "\u{1}", &name] {
        let reply = call(&server.url(), "DeleteRepository", body).await.unwrap();
        assert_eq!(code(&reply), (400, "SerializationException".to_owned()), "{body}");
    }
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let reply = call(&server.url(), "DeleteRepository", &deep).await.unwrap();
    assert_eq!(code(&reply).1, "SerializationException");
    assert_eq!(seen(&emulator), before);
    assert!(emulator.journal().is_empty());
}

#[tokio::test]
async fn a_wrong_target_names_no_operation() {
    let (emulator, server) = served().await;
    let before = seen(&emulator);
    let body = json!({ "repositoryName": REPO, "force": true }).to_string();
    for target in [
        "X-Amz-Target: DeleteRepository\r\n",
        "X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.\r\n",
        "X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.deleteRepository\r\n",
        "X-Amz-Target: DynamoDB_20120810.DeleteTable\r\n",
        "",
    ] {
        let reply = request(&server.url(), "POST", "/", target, &body).await.unwrap();
        assert_eq!(code(&reply), (400, "UnknownOperationException".to_owned()), "{target}");
        assert!(reply.head.contains("x-amzn-errortype: unknownoperationexception"));
    }
    let reply = call(&server.url(), "MakeCoffee", "{}").await.unwrap();
    assert_eq!(reply.json(), json!({ "__type": "UnknownOperationException" }), "AWS has no more to say");
    assert_eq!(seen(&emulator), before);
}

#[tokio::test]
async fn a_manifest_has_at_most_4_mib() {
    let (emulator, server) = served().await;
    let before = seen(&emulator);
    let manifest = |size: usize| {
        let image: String =
            emulator.image(REPO, &emulator.digest_of_tag(REPO, "v1").unwrap()).unwrap().manifest;
        let padding = " ".repeat(size - image.len());
        format!("{image}{padding}")
    };
    let body =
        |text: &str| json!({ "repositoryName": REPO, "imageManifest": text, "imageTag": "big" }).to_string();
    let reply = call(&server.url(), "PutImage", &body(&manifest(4_194_305))).await.unwrap();
    assert_eq!(code(&reply), (400, "InvalidParameterException".to_owned()));
    // The limit is on bytes, of which these letters have two each.
    let reply = call(&server.url(), "PutImage", &body(&"é".repeat(2_097_153))).await.unwrap();
    assert_eq!(code(&reply).1, "InvalidParameterException");
    assert_eq!(seen(&emulator), before);
    let reply = call(&server.url(), "PutImage", &body(&manifest(4_194_304))).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.body);
}

#[tokio::test]
async fn a_request_that_breaks_off_does_nothing() {
    let (emulator, server) = served().await;
    let before = seen(&emulator);
    let host = server.url().strip_prefix("http://").unwrap().to_owned();
    let body = json!({ "repositoryName": REPO, "force": true }).to_string();
    for sent in [0, 1, body.len() - 1] {
        let mut stream = TcpStream::connect(&host).await.unwrap();
        let length = body.len();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n{TARGET}DeleteRepository\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body.as_bytes()[..sent]).await.unwrap();
        stream.shutdown().await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    assert_eq!(seen(&emulator), before);
}

#[tokio::test]
async fn unsigned_requests_are_refused_when_signing_is_demanded() {
    let (emulator, server) = served().await;
    let before = seen(&emulator);
    emulator.set_require_signature(true);
    let body = json!({ "repositoryName": REPO, "force": true }).to_string();
    let url = server.url();
    let send = async |operation: &str, authorization: &str| {
        let headers = format!("{TARGET}{operation}\r\n{authorization}");
        let line = if authorization.is_empty() { headers } else { format!("{headers}\r\n") };
        request(&url, "POST", "/", &line, &body).await.unwrap()
    };
    let missing = send("DeleteRepository", "").await;
    assert_eq!(code(&missing), (400, "MissingAuthenticationTokenException".to_owned()));
    assert_eq!(missing.json()["message"], "Missing Authentication Token");
    for (header, wanted) in [
        ("Authorization: Basic QVdTOng=".to_owned(), "IncompleteSignatureException"),
        (SIGNED.replace("Signature=00", "Signature="), "IncompleteSignatureException"),
        (SIGNED.replace("/aws4_request", ""), "IncompleteSignatureException"),
        (SIGNED.replace("SignedHeaders", "Headers"), "IncompleteSignatureException"),
        (SIGNED.replace("/ecr/", "/s3/"), "InvalidSignatureException"),
    ] {
        assert_eq!(code(&send("DeleteRepository", &header).await), (400, wanted.to_owned()), "{header}");
    }
    assert_eq!(seen(&emulator), before);
    assert_eq!(send("DescribeImages", SIGNED).await.status, 200);
    emulator.set_require_signature(false);
    assert_eq!(send("DescribeImages", "").await.status, 200);
}

#[tokio::test]
async fn an_upload_must_be_whole_and_have_its_digest() {
    let (emulator, server) = served().await;
    let before = seen(&emulator);
    let url = server.url();
    let send = async |operation: &str, more: Value| {
        let mut body = more;
        body["repositoryName"] = REPO.into();
        call(&url, operation, &body.to_string()).await.unwrap()
    };
    let opened = send("InitiateLayerUpload", json!({})).await.json();
    let id = &opened["uploadId"];
    let part = |first: i64, last: i64, blob: &str| json!({ "uploadId": id, "partFirstByte": first, "partLastByte": last, "layerPartBlob": blob });
    // Five bytes are "aGVsbG8=".
    for (part, wanted) in [
        (part(0, 9, "aGVsbG8="), "InvalidLayerPartException"),
        (part(1, 5, "aGVsbG8="), "InvalidLayerPartException"),
        (part(0, 0, ""), "InvalidLayerPartException"),
        (part(0, 4, "aGVsbG8"), "SerializationException"),
        (part(0, -1, "aGVsbG8="), "InvalidParameterException"),
    ] {
        assert_eq!(code(&send("UploadLayerPart", part.clone()).await), (400, wanted.to_owned()), "{part}");
    }
    let digest = format!("sha256:{}", "0".repeat(64));
    let end = json!({ "uploadId": id, "layerDigests": [digest] });
    assert_eq!(code(&send("CompleteLayerUpload", end.clone()).await).1, "EmptyUploadException");
    assert_eq!(send("UploadLayerPart", part(0, 4, "aGVsbG8=")).await.status, 200);
    assert_eq!(code(&send("CompleteLayerUpload", end).await).1, "InvalidLayerException");
    let there = send("BatchCheckLayerAvailability", json!({ "layerDigests": [digest] })).await.json();
    assert_eq!(there["layers"][0]["layerAvailability"], "UNAVAILABLE");

    let image = emulator.images(REPO)[0].manifest.clone();
    let pushed = json!({ "imageManifest": format!("{image} "), "imageDigest": digest, "imageTag": "v2" });
    assert_eq!(code(&send("PutImage", pushed).await).1, "ImageDigestDoesNotMatchException");
    assert_eq!(seen(&emulator), before);
}
