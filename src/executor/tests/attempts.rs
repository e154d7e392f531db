//! A write is sent once. Trying again means looking again, and what was in doubt stays in doubt.

use std::time::Duration;

use super::*;
use OutcomeName::{AlreadyGone, ChangedSincePlan, Deleted, Failed};

fn one() -> (Vec<Decision>, Registry) {
    let decisions = vec![attestation("a")];
    let registry = Registry::with(&decisions);
    registry.name(digest("a"), "a");
    (decisions, registry)
}

fn detail<'a>(report: &'a RepositoryReport, name: &str) -> &'a str {
    after(report, name).detail.as_deref().unwrap_or("none")
}

fn is_in_doubt(report: &RepositoryReport, name: &str) -> bool {
    detail(report, name).contains("it may be deleted")
}

#[tokio::test(start_paused = true)]
async fn what_was_throttled_is_looked_at_again_before_it_is_tried_again() {
    let (decisions, registry) = one();
    registry.fail_all("delete", 1..=3, "ThrottlingException");
    let start = tokio::time::Instant::now();
    let report = applied(&registry, decisions).await;
    let again = ["describe a", "delete a"].repeat(4);
    assert_eq!(registry.log(), ["read a"].iter().chain(&again).copied().collect::<Vec<_>>());
    assert_eq!((after(&report, "a").outcome, detail(&report, "a")), (Deleted, "none"));
    assert!(start.elapsed() > Duration::ZERO, "it waited");
}

#[tokio::test(start_paused = true)]
async fn what_changes_between_two_attempts_stays() {
    let changes: [fn(&Registry); 5] = [
        |registry| registry.tag(digest("a"), "prod"),
        |registry| registry.push_again("a", time(1)),
        |registry| registry.activate("a", time(1)),
        |registry| registry.archive("a"),
        |registry| registry.pull("a", time(-1000)),
    ];
    for change in changes {
        for code in ["ThrottlingException", "ServerException"] {
            let (decisions, registry) = one();
            registry.fail("delete", 1, code);
            registry.before("describe", 2, change);
            let report = applied(&registry, decisions).await;
            assert_eq!(after(&report, "a").outcome, ChangedSincePlan);
            assert_eq!(is_in_doubt(&report, "a"), code == "ServerException", "{}", detail(&report, "a"));
            assert!(registry.has("a"));
            assert_eq!(registry.calls_of("delete").len(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_pushed_again_after_a_lost_answer_is_not_deleted_too() {
    let (decisions, registry) = one();
    registry.lose_answer("delete", 1);
    registry.before("describe", 2, |registry| {
        registry.add(&attestation("a").with(|it| it.image.pushed_at = Some(time(5))), "");
    });
    let report = applied(&registry, decisions).await;
    assert_eq!(after(&report, "a").outcome, ChangedSincePlan);
    assert!(is_in_doubt(&report, "a") && registry.has("a"));
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_after_a_lost_answer_may_be_this_runs_deed() {
    let (decisions, registry) = one();
    registry.lose_answer("delete", 1);
    let report = applied(&registry, decisions).await;
    assert_eq!(after(&report, "a").outcome, AlreadyGone);
    assert!(is_in_doubt(&report, "a"), "{}", detail(&report, "a"));
}

#[tokio::test(start_paused = true)]
async fn doubt_stays_whatever_comes_after_it() {
    for later in ["ThrottlingException", "ServerException", "AccessDeniedException", "KmsException"] {
        let (decisions, registry) = one();
        registry.fail("delete", 1, "ServerException");
        registry.fail_all("delete", 2..=20, later);
        let report = applied(&registry, decisions).await;
        assert_eq!((after(&report, "a").outcome, code(&report, "a")), (Failed, later));
        assert!(is_in_doubt(&report, "a"), "{}", detail(&report, "a"));
    }
    let (decisions, registry) = one();
    registry.fail("delete", 1, "ServerException");
    registry.fail("describe", 2, "KmsException");
    let report = applied(&registry, decisions).await;
    assert_eq!((after(&report, "a").outcome, code(&report, "a")), (Failed, "KmsException"));
    assert!(is_in_doubt(&report, "a"));
}

#[tokio::test(start_paused = true)]
async fn certainty_is_certainty_after_doubt_too() {
    let (decisions, registry) = one();
    registry.fail("delete", 1, "ServerException");
    let report = applied(&registry, decisions).await;
    assert_eq!((after(&report, "a").outcome, detail(&report, "a")), (Deleted, "none"));
}

#[tokio::test(start_paused = true)]
async fn throttling_alone_leaves_no_doubt() {
    let (decisions, registry) = one();
    registry.fail_all("delete", 1..=10, "ThrottlingException");
    let report = applied(&registry, decisions).await;
    assert_eq!((after(&report, "a").outcome, code(&report, "a")), (Failed, "ThrottlingException"));
    assert!(!is_in_doubt(&report, "a"));
    assert_eq!(registry.calls_of("delete").len(), 10, "no more attempts than the SDK would make");
}

#[tokio::test(start_paused = true)]
async fn what_no_later_call_could_mend_is_not_tried_again() {
    for code in ["AccessDeniedException", "KmsException", "ExpiredTokenException", "LimitExceededException"] {
        let (decisions, registry) = one();
        registry.fail("delete", 1, code);
        assert_eq!(after(&applied(&registry, decisions).await, "a").outcome, Failed);
        assert_eq!(registry.calls_of("delete").len(), 1, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_tried_again_when_the_time_is_up_and_doubt_is_said() {
    for (code, doubt) in [("ThrottlingException", false), ("ServerException", true)] {
        let (decisions, registry) = one();
        registry.fail("delete", 1, code);
        registry.delay("delete", 95);
        let deadline = Deadline::after(Duration::from_secs(100), true);
        let report = applied_until(&registry, decisions, deadline).await;
        assert_eq!((after(&report, "a").outcome, is_in_doubt(&report, "a")), (Failed, doubt), "{code}");
        assert_eq!(registry.calls_of("delete").len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_that_finds_no_time_after_a_lost_answer_says_the_doubt() {
    let (decisions, registry) = one();
    registry.fail("delete", 1, "ServerException");
    registry.before("describe", 2, |registry| registry.delay("describe", 1000));
    let deadline = Deadline::after(Duration::from_secs(100), true);
    let report = applied_until(&registry, decisions, deadline).await;
    assert_eq!((after(&report, "a").outcome, code(&report, "a")), (Failed, "ServerException"));
    assert!(is_in_doubt(&report, "a"));
}

#[tokio::test(start_paused = true)]
async fn all_of_a_batch_shares_its_doubt() {
    let decisions = vec![attestation("a"), attestation("b"), attestation("o")];
    let registry = Registry::with(&decisions);
    registry.fail("delete", 1, "ServerException");
    registry.fail("delete", 2, "KmsException");
    registry.before("describe", 2, |registry| registry.tag(digest("b"), "prod"));
    let report = applied(&registry, decisions).await;
    assert_eq!(outcomes(&report, ["a", "b", "o"]), [Failed, ChangedSincePlan, Failed]);
    assert!(["a", "b", "o"].iter().all(|name| is_in_doubt(&report, name)));
}

#[tokio::test(start_paused = true)]
async fn a_tag_is_tried_again_after_a_look_too() {
    for code in ["ThrottlingException", "ServerException"] {
        let (decisions, registry) = tags::to_be_tagged(1);
        registry.fail("put", 1, code);
        let report = applied(&registry, decisions).await;
        let log = [
            "describe 0",
            "holders tag-0",
            "read 0",
            "put tag-0",
            "describe 0",
            "holders tag-0",
            "put tag-0",
        ];
        assert_eq!((registry.log().as_slice(), report.counts.tagged), (log.map(String::from).as_slice(), 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_is_there_after_a_lost_answer_is_written() {
    let (decisions, registry) = tags::to_be_tagged(1);
    registry.lose_answer("put", 1);
    let report = applied(&registry, decisions).await;
    assert_eq!((report.counts.tagged, registry.calls_of("put").len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_somebody_took_between_two_attempts_is_not_moved() {
    let (decisions, registry) = tags::to_be_tagged(1);
    registry.add(&image("other"), "");
    registry.fail("put", 1, "ServerException");
    registry.before("holders", 2, |registry| registry.tag(digest("other"), "tag-0"));
    let report = applied(&registry, decisions).await;
    let row = &report.decisions[0];
    assert_eq!((row.outcome, row.code.as_deref()), (Failed, Some("tag-in-use")));
    assert!(row.detail.as_ref().unwrap().contains("it may have the tag"));
    assert_eq!(registry.holder("tag-0"), Some(digest("other")));
}
