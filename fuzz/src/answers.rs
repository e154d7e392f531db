//! ECR's answers, through the SDK and the adapter: what was not said is not believed.

use std::sync::Mutex;

use ecr_attestation_janitor::oci::digest::Digest;
use ecr_attestation_janitor::planner::collect::verified;
use ecr_attestation_janitor::registry::{
    CallError, DeleteImages as _, ListRegistry as _, ReadRepository as _, StoredManifest, TagImages as _,
};
use ecr_in_process::Reply;
use futures::StreamExt as _;

use super::{assert_line, in_process};

/// The bytes are answers, separated by U+001E, in turn; one that begins with a digit has that as its status class.
pub fn run(bytes: &[u8]) {
    let mut answers: Vec<Vec<u8>> = bytes.split(|byte| *byte == 0x1e).map(<[u8]>::to_vec).collect();
    answers.truncate(16);
    let all = String::from_utf8_lossy(bytes).into_owned();
    let next = Mutex::new(answers.into_iter());
    let ecr = in_process::ecr(move |_, _| reply(next.lock().unwrap().next().unwrap_or_default()));
    let asked = Digest::of(b"asked");
    in_process::wait(async {
        let page = ecr.images("team/api").next().await.and_then(check);
        for image in page.into_iter().flatten() {
            assert!(all.contains(&image.digest.hex()) || all.contains('\\'), "{:?}", image.digest);
        }
        check(ecr.describe("team/api", &[asked]).await);
        let part = ecr.manifests("team/api", vec![asked]).next().await;
        let response = part.and_then(|part| check(part.response));
        for manifest in response.into_iter().flat_map(|it| it.done) {
            let (digest, bytes) = (manifest.digest, manifest.bytes.clone());
            match verified(manifest) {
                Ok(_) => assert_eq!(digest, Digest::of(bytes.as_bytes())),
                Err(problem) => assert_line(&problem.detail),
            }
        }
        check(ecr.tag_holders("team/api", &["v1".into()]).await);
        let turn = ecr.turn().await;
        let deleted =
            check(ecr.delete(turn, "team/api", &[asked]).await).map(|it| it.done).unwrap_or_default();
        assert!(deleted.is_sorted_by(|a, b| a < b), "each once");
        let stored = StoredManifest { digest: asked, bytes: "asked".into(), media_type: None };
        check(ecr.put_tag("team/api", &stored, "v1").await);
        check(ecr.resource_tags("arn").await);
        check(ecr.repositories().await);
        check(ecr.pull_through_prefixes().await);
    });
}

fn reply(answer: Vec<u8>) -> Reply {
    match answer.split_first() {
        Some((class @ b'2'..=b'5', body)) => {
            Reply { status: u16::from(class - b'0') * 100, body: body.to_vec() }
        }
        _ => Reply::ok(answer),
    }
}

fn check<T>(answer: Result<T, CallError>) -> Option<T> {
    let error = match answer {
        Ok(answer) => return Some(answer),
        Err(error) => error,
    };
    assert_line(&error.message);
    assert_line(&error.code);
    assert!(!error.to_string().to_lowercase().contains("x-amz-security-token"), "{error}");
    None
}
