//! The adapter to ECR with the real SDK, connected to the emulator or to made-up answers in this process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::future::ready;

use aws_config::SdkConfig;
use ecr_attestation_janitor::oci::digest::Digest;
use ecr_attestation_janitor::registry::caller::Caller;
use ecr_attestation_janitor::registry::ecr::Ecr;
use ecr_attestation_janitor::registry::inspection::InspectRegistry as _;
use ecr_attestation_janitor::registry::restore::{ManifestPut, RestoreImages as _};
use ecr_attestation_janitor::registry::{
    CallError, CallErrorKind, DeleteImages as _, ReadRepository as _, StoredManifest, TagImages as _,
    TagWritten,
};
use ecr_emulator::Emulator;
use ecr_in_process::{Attempt, Fault, Reply, Session, config};
use futures::StreamExt as _;
use serde_json::{Value, json};

const NAME: &str = "shop/web";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// An empty index, as long as it is wanted.
fn index(length: usize) -> StoredManifest {
    let padding = "x".repeat(length);
    let bytes =
        json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "annotations": {"a": padding}});
    let bytes = bytes.to_string();
    StoredManifest { digest: Digest::of(bytes.as_bytes()), bytes, media_type: Some(INDEX.to_owned()) }
}

fn put(emulator: &Emulator, manifest: &StoredManifest, tag: Option<&str>) {
    let request = json!({
        "repositoryName": NAME, "imageManifest": manifest.bytes, "imageManifestMediaType": INDEX, "imageTag": tag,
    });
    let request: Value = request
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    emulator.call("PutImage", request).unwrap();
}

/// A registry with one repository, and the janitor's connection to it with all of the SDK's attempts.
fn connected(prepare: impl Fn(&Emulator)) -> (Emulator, Session, Ecr) {
    let emulator = Emulator::new();
    emulator.create_repository(NAME).unwrap();
    prepare(&emulator);
    let session = Session::new(&emulator);
    let ecr = Ecr::new(&session.config()).unwrap();
    (emulator, session, ecr)
}

fn attempts(session: &Session, operation: &str) -> usize {
    session.exchanges().iter().filter(|exchange| exchange.attempt.operation == operation).count()
}

const FAULTS: [Fault; 5] =
    [Fault::Throttled, Fault::ServerError, Fault::Dropped, Fault::AnswerLost, Fault::Malformed];

fn kind<T>(result: Result<T, CallError>) -> Option<CallErrorKind> {
    result.err().map(|error| error.kind)
}

#[tokio::test(start_paused = true)]
async fn a_deletion_is_sent_once() {
    let it = index(1);
    for fault in FAULTS {
        let (_, session, ecr) = connected(|emulator| put(emulator, &it, None));
        session.fault(1.., fault);
        let failed = kind(ecr.delete(ecr.turn().await, NAME, &[it.digest]).await).unwrap();
        assert!(failed.is_transient(), "{fault:?}: {failed:?}");
        assert_eq!(session.exchanges().len(), 1, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_is_set_while_a_deletion_is_throttled_stays() {
    let it = index(1);
    let (emulator, session, ecr) = connected(|emulator| put(emulator, &it, None));
    session.fault(1..=1, Fault::Throttled);
    let tagged = it.clone();
    session.before(2, move |emulator| put(emulator, &tagged, Some("prod")));
    assert_eq!(kind(ecr.delete(ecr.turn().await, NAME, &[it.digest]).await), Some(CallErrorKind::Throttled));
    assert_eq!(session.exchanges().len(), 1);
    assert_eq!(emulator.images(NAME).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_tag_is_written_by_one_attempt() {
    let it = index(1);
    for fault in FAULTS {
        let (_, session, ecr) = connected(|emulator| put(emulator, &it, None));
        session.fault(1.., fault);
        assert!(kind(ecr.put_tag(NAME, &it, "mine").await).is_some_and(CallErrorKind::is_transient));
        assert_eq!(session.exchanges().len(), 1, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_restored_manifest_is_looked_for_before_it_is_sent_again() {
    let it = index(1);
    for fault in FAULTS {
        let (emulator, session, ecr) = connected(|_| ());
        session.fault(1..=1, fault);
        assert_eq!(ecr.put_manifest(NAME, &it).await.unwrap(), ManifestPut::Stored, "{fault:?}");
        let operations: Vec<String> =
            session.exchanges().iter().map(|exchange| exchange.attempt.operation.clone()).collect();
        let again: &[&str] = if fault.is_done() { &[] } else { &["PutImage"] };
        assert_eq!(operations, [&["PutImage", "DescribeImages"], again].concat(), "{fault:?}");
        assert_eq!(emulator.images(NAME).len(), 1);
    }
    let (_, session, ecr) = connected(|_| ());
    session.fault(1.., Fault::Throttled);
    assert_eq!(kind(ecr.put_manifest(NAME, &it).await), Some(CallErrorKind::Throttled));
    assert_eq!(attempts(&session, "PutImage"), 1, "what cannot be looked for is not sent again");
}

#[tokio::test(start_paused = true)]
async fn an_upload_is_looked_for_before_it_begins_anew() {
    let blob = b"a blob";
    let digest = Digest::of(blob);
    for at in 1..=3 {
        for fault in FAULTS {
            let (_, session, ecr) = connected(|_| ());
            session.fault(at..=at, fault);
            ecr.upload_blob(NAME, digest, blob)
                .await
                .unwrap_or_else(|error| panic!("{fault:?}, {at}: {error}"));
            let is_complete = at == 3 && fault.is_done();
            assert_eq!(attempts(&session, "InitiateLayerUpload"), if is_complete { 1 } else { 2 });
            assert_eq!(attempts(&session, "BatchCheckLayerAvailability"), 1, "{fault:?}, {at}");
            assert_eq!(ecr.missing_blobs(NAME, &[digest]).await.unwrap(), [].into());
        }
    }
}

/// An ECR that calls every image that is put one that exists, and names this holder of the tag.
fn existing(holder: Option<Digest>) -> Ecr {
    let settings = config(move |Attempt { operation, .. }| {
        let reply = match (operation.as_str(), holder) {
            ("PutImage", _) => Reply {
                status: 400,
                body: json!({"__type": "ImageAlreadyExistsException", "message": "it exists"}).to_string().into(),
            },
            ("BatchGetImage", Some(holder)) => Reply::ok(
                json!({"images": [{"imageId": {"imageDigest": holder, "imageTag": "mine"}, "imageManifest": "{}"}], "failures": []})
                    .to_string(),
            ),
            ("BatchGetImage", None) => Reply::ok(
                json!({"images": [], "failures": [{"imageId": {"imageTag": "mine"}, "failureCode": "ImageNotFound"}]})
                    .to_string(),
            ),
            other => panic!("{other:?}"),
        };
        ready(Ok(reply))
    });
    Ecr::new(&settings).unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_image_that_exists_has_the_tag_only_if_the_tag_names_it() {
    let it = index(1);
    let written = async |holder| existing(holder).put_tag(NAME, &it, "mine").await.unwrap();
    assert_eq!(written(Some(it.digest)).await, TagWritten::Done);
    assert_eq!(written(Some(index(2).digest)).await, TagWritten::InUse);
    assert_eq!(written(None).await, TagWritten::InUse);
}

/// An ECR with images of a hundred long tags each.
fn richly_tagged(images: usize) -> Ecr {
    let described = |number: usize| {
        let tags: Vec<String> = (0..100).map(|tag| format!("{}-{tag}", "x".repeat(100))).collect();
        json!({"imageDigest": format!("sha256:{number:064x}"), "imageTags": tags})
    };
    let settings = config(move |Attempt { request, .. }| {
        let first: usize = request["nextToken"].as_str().map_or(0, |token| token.parse().unwrap());
        let last = images.min(first + request["maxResults"].as_u64().unwrap() as usize);
        let page: Vec<Value> = (first..last).map(described).collect();
        let mut answer = json!({"imageDetails": page});
        if last < images {
            answer["nextToken"] = json!(last.to_string());
        }
        ready(Ok(Reply::ok(answer.to_string())))
    });
    Ecr::new(&settings).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_is_too_large_for_its_page_is_asked_for_in_smaller_ones() {
    use ecr_attestation_janitor::registry::MeterCalls as _;
    let ecr = richly_tagged(1200);
    let pages: Vec<_> = ecr.images(NAME).collect().await;
    let listed: usize = pages.into_iter().map(|page| page.unwrap().len()).sum();
    assert_eq!(
        (listed, ecr.usage().calls["DescribeImages"]),
        (1200, 6),
        "five pages of 250, and one too large"
    );
}

#[tokio::test(start_paused = true)]
async fn an_index_with_very_many_tags_can_be_read() {
    for (length, tags) in [(100_000, 200), (20_000, 1000), (3_000_000, 12)] {
        let it = index(length);
        let small = index(10);
        let (_, session, ecr) = connected(|emulator| {
            put(emulator, &small, None);
            (0..tags).for_each(|n| put(emulator, &it, Some(&format!("v{n}"))));
        });
        let parts: Vec<_> = ecr.manifests(NAME, vec![it.digest, small.digest]).collect().await;
        let mut read: Vec<Digest> = Vec::new();
        for part in parts {
            read.extend(part.response.unwrap().done.into_iter().map(|manifest| manifest.digest));
        }
        read.sort_unstable();
        let mut both = [it.digest, small.digest];
        both.sort_unstable();
        assert_eq!(read, both, "{length} bytes, {tags} tags");
        assert!(session.exchanges().len() <= 6);
    }
}

/// Settings of a connection to whatever answers with this body.
fn answered(body: &str) -> SdkConfig {
    let body = body.to_owned();
    config(move |_: Attempt| ready(Ok(Reply::ok(body.clone()))))
}

#[tokio::test(start_paused = true)]
async fn settings_without_their_content_are_no_settings() {
    for body in ["{}", "", "null"] {
        let ecr = Ecr::new(&answered(body)).unwrap();
        let exclusions = kind(ecr.pull_time_exclusions().await);
        assert_eq!(exclusions, Some(CallErrorKind::MalformedResponse), "{body:?}");
        assert_eq!(
            kind(ecr.lifecycle_policy(NAME).await),
            Some(CallErrorKind::MalformedResponse),
            "{body:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn exclusions_are_listed_to_the_last_page_and_a_missing_policy_is_none() {
    let (_, session, ecr) = connected(|emulator| {
        for n in 0..120 {
            let arn = format!("arn:aws:iam::123456789012:role/r{n:03}");
            let done = emulator.call("RegisterPullTimeUpdateExclusion", json!({ "principalArn": arn }));
            assert_eq!(done.is_ok(), n < 100, "ECR's quota");
        }
    });
    let listed = ecr.pull_time_exclusions().await.unwrap();
    assert_eq!((listed.len(), attempts(&session, "ListPullTimeUpdateExclusions")), (100, 1));
    assert_eq!(ecr.lifecycle_policy(NAME).await, Ok(None));
    session.fault(1.., Fault::Malformed);
    assert_eq!(kind(ecr.lifecycle_policy(NAME).await), Some(CallErrorKind::MalformedResponse));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_names_nobody_is_no_identity() {
    const ROOM: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult>{}</GetCallerIdentityResult></GetCallerIdentityResponse>";
    let caller = async |content: &str| Caller::of(&answered(&ROOM.replace("{}", content))).await;
    let whole = "<Arn>arn:aws:iam::123456789012:user/me</Arn><Account>123456789012</Account>";
    let me = Caller { account: "123456789012".into(), arn: "arn:aws:iam::123456789012:user/me".into() };
    assert_eq!(caller(whole).await, Ok(me));
    for content in ["", "<Account>123456789012</Account>", "<Arn>"] {
        assert_eq!(kind(caller(content).await), Some(CallErrorKind::MalformedResponse), "{content:?}");
    }
}
