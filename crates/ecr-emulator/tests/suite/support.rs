//! Helpers for the tests.

use ecr_emulator::{ApiError, Emulator};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const REPO: &str = "shop/web";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// An emulator with one repository and a clock that stands.
pub(crate) fn emulator() -> Emulator {
    let emulator = Emulator::new();
    emulator.set_clock(Some(1_750_000_000_123));
    emulator.create_repository(REPO).unwrap();
    emulator
}

pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, ApiError>) -> String {
    result.unwrap_err().code
}

pub(crate) fn delete(emulator: &Emulator, ids: Value) -> Value {
    let request = json!({ "repositoryName": REPO, "imageIds": ids });
    emulator.call("BatchDeleteImage", request).unwrap()
}

pub(crate) fn describe(emulator: &Emulator, digest: &str) -> Value {
    let request = json!({
        "repositoryName": REPO,
        "imageIds": [{ "imageDigest": digest }],
        "filter": { "imageStatus": "ANY" },
    });
    emulator.call("DescribeImages", request).unwrap()["imageDetails"][0].clone()
}

/// An index over these digests, with made-up sizes.
pub(crate) fn index_over(children: &[&str]) -> String {
    let manifests: Vec<Value> = children
        .iter()
        .map(|digest| json!({ "mediaType": OCI_MANIFEST, "digest": digest, "size": 500 }))
        .collect();
    json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests }).to_string()
}

/// What came back over the wire.
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// One request on a connection of its own; `None` when the connection closes without an answer.
pub(crate) async fn request(url: &str, method: &str, path: &str, headers: &str, body: &str) -> Option<Reply> {
    let (head, body) = exchange(url, method, path, headers, body.as_bytes()).await?;
    Some(Reply {
        status: status_of(&head),
        head: head.to_ascii_lowercase(),
        body: String::from_utf8(body).unwrap(),
    })
}

/// The same with any bytes; the head is as it came.
pub(crate) async fn exchange(
    url: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> Option<(String, Vec<u8>)> {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let length = body.len();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    stream.write_all(&[text.as_bytes(), body].concat()).await.unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let body = bytes.split_off(end + 4);
    Some((String::from_utf8(bytes).unwrap(), body))
}

pub(crate) fn status_of(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

/// One call of the API.
pub(crate) async fn call(url: &str, operation: &str, body: &str) -> Option<Reply> {
    let target = format!("X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.{operation}\r\n");
    request(url, "POST", "/", &target, body).await
}

/// One call of the admin endpoint.
pub(crate) async fn admin(url: &str, method: &str, path: &str, body: &str) -> Reply {
    let headers = "Content-Type: application/json\r\n";
    let path = format!("/_emulator/{path}");
    request(url, method, &path, headers, body).await.unwrap()
}
