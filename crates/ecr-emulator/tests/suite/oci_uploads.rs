//! Pushing blobs.

use ecr_emulator::Change;

use crate::oci_client::{Answer, Registry, registry};
use crate::support::{OCI_MANIFEST, REPO};

const HELLO: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

async fn begin(registry: &Registry) -> String {
    let answer = registry.send("POST", "blobs/uploads/", "", b"").await;
    assert_eq!((answer.status, answer.header("range")), (202, Some("0-0")));
    let place = answer.header("location").unwrap().to_owned();
    assert!(place.ends_with(answer.header("docker-upload-uuid").unwrap()));
    place
}

fn assert_created(registry: &Registry, answer: &Answer) {
    assert_eq!((answer.status, answer.header("docker-content-digest")), (201, Some(HELLO)));
    assert_eq!(answer.header("location"), Some(format!("/v2/{REPO}/blobs/{HELLO}").as_str()));
    assert_eq!(registry.emulator.blob(REPO, HELLO).as_deref(), Some(b"hello".as_slice()));
}

#[tokio::test]
async fn in_one_request_or_two() {
    let registry = registry().await;
    let one = registry.send("POST", &format!("blobs/uploads/?digest={HELLO}"), "", b"hello").await;
    assert_created(&registry, &one);
    // Once more is fine, and no change.
    let place = begin(&registry).await;
    assert_created(&registry, &registry.send("PUT", &format!("{place}?digest={HELLO}"), "", b"hello").await);
    let journal = registry.emulator.journal();
    assert_eq!(journal.len(), 1);
    assert_eq!(journal[0].kind, Change::Uploaded { digest: HELLO.to_owned() });
    assert_eq!(
        (journal[0].operation.as_str(), journal[0].repository.as_str()),
        ("POST /v2/blobs/uploads", REPO)
    );
    assert_eq!(registry.get(&place).await.status, 404, "the upload is over");
}

#[tokio::test]
async fn in_chunks() {
    let registry = registry().await;
    let place = begin(&registry).await;
    let first = registry.send("PATCH", &place, "Content-Range: 0-1\r\n", b"he").await;
    assert_eq!((first.status, first.header("range")), (201, Some("0-1")), "ECR has 201 here");
    // A stream need not say where it is.
    let second = registry.send("PATCH", first.header("location").unwrap(), "", b"l").await;
    assert_eq!(second.header("range"), Some("0-2"));
    let again = registry.send("PATCH", &place, "Content-Range: 0-1\r\n", b"he").await;
    assert_eq!(
        again.problem(),
        (416, "BLOB_UPLOAD_INVALID".to_owned(), "First byte of the layer part is 0 instead of 3".to_owned())
    );
    for range in ["3-9", "x", "3-", "3-2"] {
        let answer = registry.send("PATCH", &place, &format!("Content-Range: {range}\r\n"), b"lo").await;
        assert_eq!(answer.code(), (416, "BLOB_UPLOAD_INVALID".to_owned()), "{range}");
    }
    let status = registry.get(&place).await;
    assert_eq!((status.status, status.header("range")), (204, Some("0-2")));
    let last =
        registry.send("PUT", &format!("{place}?digest={HELLO}"), "Content-Range: 3-4\r\n", b"lo").await;
    assert_created(&registry, &last);
}

#[tokio::test]
async fn what_has_another_digest_is_refused() {
    let registry = registry().await;
    let refused = (
        400,
        "BLOB_UPLOAD_INVALID".to_owned(),
        "None of the provided layer digests match the calculated layer digest".to_owned(),
    );
    let one = registry.send("POST", &format!("blobs/uploads/?digest={HELLO}"), "", b"hullo").await;
    assert_eq!(one.problem(), refused);
    let place = begin(&registry).await;
    let two = registry.send("PUT", &format!("{place}?digest={HELLO}"), "", b"hullo").await;
    assert_eq!(two.problem(), refused);
    let place = begin(&registry).await;
    for query in ["", "?digest=", "?digest=hello"] {
        let answer = registry.send("PUT", &format!("{place}{query}"), "", b"hello").await;
        assert_eq!(answer.code(), (400, "DIGEST_INVALID".to_owned()), "{query}");
    }
    let empty = registry.send("PUT", &format!("{place}?digest={HELLO}"), "", b"").await;
    assert_eq!(empty.code(), (400, "BLOB_UPLOAD_INVALID".to_owned()));
    assert!(empty.problem().2.ends_with("cannot be completed because it does not have any parts."));
    assert_eq!(registry.emulator.blob(REPO, HELLO), None);
}

#[tokio::test]
async fn an_upload_must_be_open() {
    let registry = registry().await;
    let place = begin(&registry).await;
    assert_eq!(registry.send("DELETE", &place, "", b"").await.status, 204);
    for path in [place.as_str(), "blobs/uploads/no-such"] {
        for method in ["GET", "PATCH", "PUT", "DELETE"] {
            let answer = registry.send(method, &format!("{path}?digest={HELLO}"), "", b"hello").await;
            assert_eq!(answer.code(), (404, "BLOB_UPLOAD_UNKNOWN".to_owned()), "{method} {path}");
        }
    }
    let answer = registry.send("POST", "/v2/no/such/blobs/uploads/", "", b"").await;
    assert_eq!(answer.code(), (404, "NAME_UNKNOWN".to_owned()));
    assert_eq!(registry.send("PUT", "blobs/uploads/", "", b"").await.code(), (405, "UNSUPPORTED".to_owned()));
}

#[tokio::test]
async fn a_blob_can_be_mounted_once_an_image_needs_it() {
    let registry = registry().await;
    registry.emulator.create_repository("shop/api").unwrap();
    let manifest = registry.image("hello");
    let mount = async |from: &str| {
        let path = format!("/v2/shop/api/blobs/uploads/?mount={HELLO}&from={from}");
        registry.send("POST", &path, "", b"").await
    };
    for from in [REPO, "no/such", "", "shop/api"] {
        let answer = mount(from).await;
        assert_eq!(answer.status, 202, "{from}");
        assert!(answer.header("location").unwrap().starts_with("/v2/shop/api/blobs/uploads/"));
    }
    assert_eq!(registry.put("v1", OCI_MANIFEST, &manifest).await.status, 201);
    let mounted = mount("shop%2Fweb").await;
    assert_eq!((mounted.status, mounted.header("docker-content-digest")), (201, Some(HELLO)));
    assert_eq!(registry.emulator.blob("shop/api", HELLO).as_deref(), Some(b"hello".as_slice()));
    let journal = registry.emulator.journal();
    let last = journal.last().unwrap();
    assert_eq!(
        (last.repository.as_str(), &last.kind),
        ("shop/api", &Change::Uploaded { digest: HELLO.to_owned() })
    );
    assert_eq!(mount(REPO).await.status, 201, "once more is fine");
}

#[tokio::test]
async fn bytes_come_back_as_they_went() {
    let registry = registry().await;
    let place = begin(&registry).await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for part in bytes.chunks(1_000_000) {
        assert_eq!(registry.send("PATCH", &place, "", part).await.status, 201);
    }
    let digest = registry.emulator.push_blob(REPO, &bytes).unwrap();
    assert_eq!(registry.send("PUT", &format!("{place}?digest={digest}"), "", b"").await.status, 201);
    assert_eq!(registry.get(&format!("blobs/{digest}")).await.body, bytes);
}
