//! Reading blobs.

use crate::oci_client::registry;
use crate::support::REPO;

#[tokio::test]
async fn a_blob_is_there_or_not() {
    let registry = registry().await;
    let digest = registry.emulator.push_blob(REPO, b"hello").unwrap();
    let path = format!("blobs/{digest}");
    let head = registry.send("HEAD", &path, "", b"").await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("5"), 0));
    assert_eq!(head.header("docker-content-digest"), Some(digest.as_str()));
    let get = registry.get(&path).await;
    assert_eq!((get.status, get.body.as_slice()), (200, b"hello".as_slice()));
    assert_eq!(registry.get(&path.replace(':', "%3A")).await.status, 200);

    let gone = format!("blobs/sha256:{}", "a".repeat(64));
    assert_eq!(registry.get(&gone).await.code(), (404, "BLOB_UNKNOWN".to_owned()));
    let head = registry.send("HEAD", &gone, "", b"").await;
    assert_eq!((head.status, head.body.len()), (404, 0));
    assert_eq!(registry.get("blobs/v1").await.code(), (400, "DIGEST_INVALID".to_owned()));
    assert_eq!(
        registry.get(&format!("/v2/no/such/blobs/{digest}")).await.problem(),
        (
            404,
            "NAME_UNKNOWN".to_owned(),
            "The repository with name 'no/such' does not exist in the registry with id '123456789012'"
                .to_owned()
        )
    );
    assert_eq!(registry.send("DELETE", &path, "", b"").await.code(), (405, "UNSUPPORTED".to_owned()));
}

#[tokio::test]
async fn parts_of_a_blob_can_be_had() {
    let registry = registry().await;
    let digest = registry.emulator.push_blob(REPO, b"0123456789").unwrap();
    let path = format!("blobs/{digest}");
    for (range, part, place) in [
        ("bytes=0-3", "0123", "bytes 0-3/10"),
        ("bytes=8-", "89", "bytes 8-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=5-99", "56789", "bytes 5-9/10"),
    ] {
        let answer = registry.send("GET", &path, &format!("Range: {range}\r\n"), b"").await;
        assert_eq!((answer.status, answer.header("content-range")), (206, Some(place)), "{range}");
        assert_eq!(answer.body, part.as_bytes(), "{range}");
    }
    let beyond = registry.send("GET", &path, "Range: bytes=10-\r\n", b"").await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some("bytes */10")));
    let nonsense = registry.send("GET", &path, "Range: lines=1-2\r\n", b"").await;
    assert_eq!((nonsense.status, nonsense.body.len()), (200, 10));
}

#[tokio::test]
async fn a_declared_blob_has_a_size_and_no_bytes() {
    let registry = registry().await;
    let digest = format!("sha256:{}", "d".repeat(64));
    registry.emulator.declare_blob(REPO, &digest, 1 << 40).unwrap();
    let head = registry.send("HEAD", &format!("blobs/{digest}"), "", b"").await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("1099511627776")));
    assert_eq!(registry.get(&format!("blobs/{digest}")).await.code(), (404, "BLOB_UNKNOWN".to_owned()));
}
