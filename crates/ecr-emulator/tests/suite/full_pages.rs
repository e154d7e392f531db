//! A repository at its limit, page by page.

use std::collections::BTreeSet;

use ecr_emulator::Emulator;
use serde_json::{Value, json};

use crate::support::{OCI_MANIFEST, REPO, call, code, delete, emulator};

/// As many images as a repository can have, all over one blob.
fn full() -> Emulator {
    let emulator = emulator();
    let config = emulator.push_blob(REPO, b"{}").unwrap();
    let image = |n: u32| {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":2}},"layers":[],"annotations":{{"n":"{n}"}}}}"#
        )
    };
    for n in 0..100_000 {
        emulator.put_image(REPO, &image(n), None, None).unwrap();
    }
    assert_eq!(code(emulator.put_image(REPO, &image(100_000), None, None)), "LimitExceededException");
    emulator
}

fn digests(page: &Value) -> Vec<String> {
    let details = page["imageDetails"].as_array().unwrap();
    details.iter().map(|image| image["imageDigest"].as_str().unwrap().to_owned()).collect()
}

/// A page is read out of the repository as it is at that moment, and between pages nothing is kept: what is deleted
/// ahead of a listing is missing in it, though its token is older than the deletion.
#[tokio::test]
async fn a_full_repository_is_listed_in_a_hundred_pages_none_of_which_is_a_copy() {
    let emulator = full();
    let server = emulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    let all: Vec<String> = emulator.images(REPO).into_iter().map(|image| image.digest).collect();
    let mut request = json!({ "repositoryName": REPO, "maxResults": 1000 });
    let mut listed = BTreeSet::new();
    let mut token_sizes = BTreeSet::new();
    for number in 1..=100 {
        let page = call(&server.url(), "DescribeImages", &request.to_string()).await.unwrap().json();
        let digests = digests(&page);
        // The last page is short of what was deleted ahead of it.
        assert_eq!(digests.len(), if number == 100 { 900 } else { 1000 }, "page {number}");
        listed.extend(digests);
        match page.get("nextToken") {
            Some(token) => {
                token_sizes.insert(token.as_str().unwrap().len());
                request["nextToken"] = token.clone();
            }
            None => assert_eq!(number, 100),
        }
        if number == 50 {
            let ahead: Vec<Value> = all[99_000..99_100].iter().map(|d| json!({ "imageDigest": d })).collect();
            delete(&emulator, json!(ahead));
        }
    }
    assert_eq!(listed.len(), 99_900);
    assert!(all[99_000..99_100].iter().all(|digest| !listed.contains(digest)));
    // A token says where to go on, and nothing of what there is.
    assert_eq!(token_sizes.len(), 1);
    assert!(token_sizes.iter().all(|size| *size < 200), "{token_sizes:?}");
    assert_eq!(emulator.calls()["DescribeImages"], 100);
}
