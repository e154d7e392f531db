//! Tags: verbatim bytes, and never a tag that another image holds.

use std::time::Duration;

use serde_json::json;

use super::registry::Script::{Refused, Silence};
use super::*;
use crate::oci::attestation::Form;
use crate::oci::media_type::{DOCKER_ATTESTATION, EMPTY, IMAGE_CONFIG, IN_TOTO};
use OutcomeName::{AlreadyGone, ChangedSincePlan, Failed, Kept, Tagged};

/// An attestation in the OCI form: its bytes, and that it is to be tagged `tag-<number>`.
fn attestation_with_bytes(number: usize) -> (Decision, String) {
    let bytes = json!({
        "schemaVersion": 2,
        "artifactType": DOCKER_ATTESTATION,
        "config": { "mediaType": EMPTY, "digest": Digest::of(b"{}"), "size": 2 },
        "layers": [{ "mediaType": IN_TOTO, "digest": format!("sha256:{number:064x}"), "size": 1 }],
    })
    .to_string();
    let decision = attestation("").to_be_tagged(&format!("tag-{number}")).with(|it| {
        it.image.digest = Digest::of(bytes.as_bytes());
        it.form = Some(Form::Oci);
    });
    (decision, bytes)
}

/// Attestations that want the tags `tag-0`, `tag-1` ..., and a registry that has them.
pub(super) fn to_be_tagged(count: usize) -> (Vec<Decision>, Registry) {
    let (registry, mut decisions) = (Registry::default(), Vec::new());
    for number in 0..count {
        let (decision, bytes) = attestation_with_bytes(number);
        registry.add(&decision, &bytes);
        registry.name(decision.image.digest, &number.to_string());
        decisions.push(decision);
    }
    (decisions, registry)
}

fn outcomes(report: &RepositoryReport) -> Vec<(OutcomeName, &str)> {
    let mut rows: Vec<&Decision> = report.decisions.iter().collect();
    rows.sort_by_key(|row| row.new_tag.as_ref());
    rows.into_iter().map(|row| (row.outcome, row.code.as_deref().unwrap_or(""))).collect()
}

#[tokio::test(start_paused = true)]
async fn a_tag_is_written_with_the_stored_bytes_after_one_look_for_the_whole_batch() {
    let (decisions, registry) = to_be_tagged(2);
    let wanted: Vec<Digest> = decisions.iter().map(|decision| decision.image.digest).collect();
    let report = applied(&registry, decisions).await;
    assert_eq!(outcomes(&report), [(Tagged, ""); 2]);
    let log = ["describe 0 1", "holders tag-0 tag-1", "read 0 1", "put tag-0", "put tag-1"];
    assert_eq!(registry.log(), log);
    assert_eq!(["tag-0", "tag-1"].map(|tag| registry.holder(tag).unwrap()).to_vec(), wanted);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_at_hand_are_not_read_again() {
    let (decisions, registry) = to_be_tagged(1);
    let (decision, bytes) = attestation_with_bytes(0);
    let manifest = StoredManifest { digest: decision.image.digest, bytes, media_type: None };
    let manifests = HashMap::from([(manifest.digest, manifest)]);
    let ready = Ready { plan: plan("r", 1, decisions), manifests, ..Ready::default() };
    let report = executed(&registry, &NoBackups, ready, &Deadline::default(), &Nobody).await;
    assert_eq!(report.counts.tagged, 1);
    assert!(registry.calls_of("read").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_another_image_holds_is_not_moved() {
    let (decisions, registry) = to_be_tagged(2);
    registry.add(&image("other"), "");
    registry.tag(digest("other"), "tag-0");
    let report = applied(&registry, decisions).await;
    assert_eq!(outcomes(&report), [(Failed, "tag-in-use"), (Tagged, "")]);
    assert_eq!(registry.holder("tag-0"), Some(digest("other")));
    assert_eq!(registry.calls_of("put"), [["tag-1"]]);
}

/// Applies while somebody else does something five seconds later, in the middle of a slow call.
async fn applied_while(
    registry: &Registry,
    decisions: Vec<Decision>,
    slow: &'static str,
    change: impl Fn(),
) -> RepositoryReport {
    registry.delay(slow, 10);
    let later = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        change();
    };
    tokio::join!(applied(registry, decisions), later).0
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_is_taken_at_the_last_moment_is_in_use_too() {
    let (decisions, registry) = to_be_tagged(1);
    registry.never_move_tags();
    let take_it = || {
        registry.add(&image("other"), "");
        registry.tag(digest("other"), "tag-0");
    };
    let report = applied_while(&registry, decisions, "read", take_it).await;
    assert_eq!(outcomes(&report), [(Failed, "tag-in-use")]);
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_the_image_has_by_now_is_not_written_again() {
    let (decisions, registry) = to_be_tagged(1);
    let own = decisions[0].image.digest;
    let report = applied_while(&registry, decisions, "holders", || registry.tag(own, "tag-0")).await;
    assert_eq!(outcomes(&report), [(Kept, "")]);
    assert!(registry.calls_of("put").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_tag_of_which_ecr_says_nothing_is_not_written() {
    let (decisions, registry) = to_be_tagged(1);
    registry.script("holders", digest("tag-0"), Silence);
    let report = applied(&registry, decisions).await;
    assert_eq!(outcomes(&report), [(Failed, "no-answer")]);
    assert!(registry.calls_of("put").is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_image_that_changed_or_vanished_since_gets_no_tag() {
    let (mut decisions, registry) = to_be_tagged(2);
    decisions[0].image.pushed_at = Some(time(1));
    let vanished = attestation("vanished").to_be_tagged("tag-2");
    decisions.push(vanished);
    let report = applied(&registry, decisions).await;
    assert_eq!(outcomes(&report), [(ChangedSincePlan, ""), (Tagged, ""), (AlreadyGone, "")]);
    assert_eq!(registry.calls_of("put"), [["tag-1"]]);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_missing_or_of_another_image_prove_nothing() {
    let (decisions, registry) = to_be_tagged(3);
    registry.add(&decisions[0], &attestation_with_bytes(9).1);
    let (refused, silent) = (decisions[1].image.digest, decisions[2].image.digest);
    registry.script("read", refused, Refused("ImageNotFound"));
    registry.script("read", silent, Silence);
    let report = applied(&registry, decisions).await;
    assert_eq!(outcomes(&report), [(Failed, "not-proven"); 3]);
    assert!(registry.calls_of("put").is_empty());
}

#[tokio::test(start_paused = true)]
async fn bytes_of_another_form_than_planned_prove_nothing() {
    for form in [Some(Form::Legacy), Some(Form::ByParent), Some(Form::Unread)] {
        let (mut decisions, registry) = to_be_tagged(1);
        decisions[0].form = form;
        let report = applied(&registry, decisions).await;
        assert_eq!(outcomes(&report), [(Failed, "not-proven")], "{form:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_only_its_parent_proves_is_tagged_if_the_plan_says_that_it_did() {
    let config = "sha256:".to_owned() + &"0".repeat(64);
    let bytes = json!({
        "schemaVersion": 2,
        "config": { "mediaType": IMAGE_CONFIG, "digest": config, "size": 2 },
        "layers": [{ "mediaType": IN_TOTO, "digest": config, "size": 1 }],
    })
    .to_string();
    for (form, outcome) in [
        (Form::ByParent, (Tagged, "")),
        (Form::Legacy, (Failed, "not-proven")),
        (Form::Oci, (Failed, "not-proven")),
    ] {
        let decision = attestation("").to_be_tagged("tag").with(|it| {
            (it.image.digest, it.form) = (Digest::of(bytes.as_bytes()), Some(form));
        });
        let registry = Registry::default();
        registry.add(&decision, &bytes);
        assert_eq!(outcomes(&applied(&registry, vec![decision]).await), [outcome], "{form:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_as_a_whole_fails_what_it_names() {
    for operation in ["describe", "holders", "read"] {
        let (decisions, registry) = to_be_tagged(2);
        registry.fail(operation, 1, "KmsException");
        let report = applied(&registry, decisions).await;
        assert_eq!(outcomes(&report), [(Failed, "KmsException"); 2], "{operation}");
        assert!(registry.calls_of("put").is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_changes_nothing_of_what_was_found_before() {
    let (decisions, registry) = to_be_tagged(2);
    registry.add(&image("other"), "");
    registry.tag(digest("other"), "tag-0");
    registry.fail("read", 1, "ServerException");
    let report = applied(&registry, decisions).await;
    assert_eq!(outcomes(&report), [(Failed, "tag-in-use"), (Failed, "ServerException")]);
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_cannot_be_put_does_not_stop_the_next() {
    for (code, outcome) in [("LimitExceededException", Failed), ("ImageNotFoundException", AlreadyGone)] {
        let (decisions, registry) = to_be_tagged(2);
        registry.fail("put", 1, code);
        let report = applied(&registry, decisions).await;
        assert_eq!(outcomes(&report), [(outcome, code), (Tagged, "")]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_put_that_is_never_answered_is_failed() {
    let (decisions, registry) = to_be_tagged(1);
    registry.delay("put", 1000);
    let deadline = Deadline::after(Duration::from_secs(100), true);
    let report = applied_until(&registry, decisions, deadline).await;
    assert_eq!(outcomes(&report), [(Failed, "no-answer")]);
}

#[tokio::test(start_paused = true)]
async fn tags_are_looked_up_a_hundred_at_a_time() {
    let (decisions, registry) = to_be_tagged(150);
    let report = applied(&registry, decisions).await;
    let sizes = |operation| registry.calls_of(operation).iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(
        (sizes("describe"), sizes("holders"), sizes("read")),
        (vec![100, 50], vec![100, 50], vec![100, 50])
    );
    assert_eq!(report.counts.tagged, 150);
}

#[tokio::test(start_paused = true)]
async fn the_same_plan_again_leaves_its_own_tags_and_writes_the_rest() {
    let (decisions, registry) = to_be_tagged(2);
    registry.fail("put", 2, "KmsException");
    applied(&registry, decisions.clone()).await;
    let report = applied(&registry, decisions).await;
    assert_eq!(outcomes(&report), [(Kept, ""), (Tagged, "")]);
}
