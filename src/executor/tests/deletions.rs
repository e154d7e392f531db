//! Deletions: their order, and what is made of ECR's answers.

use super::registry::Script::{Lags, Refused, Silence};
use super::*;
use crate::report::reason::Reason;
use OutcomeName::{AlreadyGone, ChangedSincePlan, Deleted, Failed, HeldBack, Kept, ProtectedByEcr};

/// An index with an attestation and an image, all to go.
fn superseded() -> Vec<Decision> {
    vec![attestation("a").under(&["i"]).of("p"), index("i"), image("p").under(&["i"])]
}

fn registry(decisions: &[Decision]) -> Registry {
    let registry = Registry::with(decisions);
    for name in ["a", "b", "i", "j", "o", "p", "q", "outer", "inner", "innermost"] {
        registry.name(digest(name), name);
    }
    registry
}

async fn run(decisions: Vec<Decision>) -> (Registry, RepositoryReport) {
    let registry = registry(&decisions);
    let report = applied(&registry, decisions).await;
    (registry, report)
}

#[tokio::test]
async fn each_batch_is_read_then_looked_at_again_and_then_deleted() {
    let (registry, report) = run(superseded()).await;
    let calls = |name: &str| ["read", "describe", "delete"].map(|call| format!("{call} {name}"));
    assert_eq!(registry.log(), ["i", "a", "p"].map(calls).concat());
    assert_eq!(outcomes(&report, ["i", "a", "p"]), [Deleted; 3]);
    assert_eq!((report.counts.deleted, report.counts.planned), (3, 0));
}

#[tokio::test]
async fn outer_indexes_go_before_inner_ones_and_children_at_once() {
    let (registry, report) = run(vec![
        index("innermost").under(&["inner"]),
        index("inner").under(&["outer"]),
        index("outer"),
        attestation("a").under(&["innermost"]),
        attestation("b").under(&["inner"]),
        attestation("o").under(&["outer"]),
    ])
    .await;
    let deletes = registry.calls_of("delete");
    assert_eq!(deletes.concat(), ["outer", "o", "inner", "b", "innermost", "a"]);
    assert_eq!(report.counts.deleted, 6);
}

#[tokio::test]
async fn an_index_listed_by_two_levels_waits_for_the_later_one() {
    let (registry, _) = run(vec![
        index("outer"),
        index("inner").under(&["outer"]),
        index("innermost").under(&["inner", "outer"]),
        attestation("a").under(&["outer", "innermost"]),
    ])
    .await;
    assert_eq!(registry.calls_of("delete").concat(), ["outer", "inner", "innermost", "a"]);
}

#[tokio::test]
async fn indexes_of_one_level_go_in_one_call_and_so_do_their_children() {
    let (registry, _) = run(vec![
        index("i"),
        index("j"),
        attestation("a").under(&["i"]),
        attestation("b").under(&["j", "i"]),
        image("p").under(&["i", "j"]),
    ])
    .await;
    assert_eq!(registry.calls_of("delete"), [vec!["i", "j"], vec!["a", "b"], vec!["p"]]);
}

#[tokio::test]
async fn orphans_go_together_after_what_is_superseded() {
    let mut decisions = vec![attestation("o"), attestation("b")];
    decisions.extend(superseded());
    let (registry, _) = run(decisions).await;
    assert_eq!(registry.calls_of("delete"), [vec!["i"], vec!["a"], vec!["p"], vec!["b", "o"]]);
}

#[tokio::test]
async fn an_image_waits_for_an_orphan_that_speaks_of_it() {
    let mut decisions = superseded();
    decisions.push(attestation("o").of("p"));
    let (registry, report) = run(decisions).await;
    assert_eq!(registry.calls_of("delete").concat(), ["i", "a", "o", "p"]);
    assert_eq!(report.counts.deleted, 4);
}

#[tokio::test]
async fn an_image_stays_when_what_speaks_of_it_stays() {
    for speaking in ["a", "o"] {
        let mut decisions = superseded();
        decisions.push(attestation("o").of("p"));
        let registry = registry(&decisions);
        registry.script("delete", digest(speaking), Refused("SomethingNew"));
        let report = applied(&registry, decisions).await;
        assert!(registry.has("p") && registry.has(speaking));
        assert_eq!((after(&report, "p").outcome, code(&report, "p")), (HeldBack, "none"));
    }
}

#[tokio::test]
async fn only_an_image_waits_for_what_speaks_of_it() {
    let (registry, report) = run(vec![index("i"), attestation("a").under(&["i"]).of("i")]).await;
    assert_eq!(registry.calls_of("delete").concat(), ["i", "a"]);
    assert_eq!(report.counts.deleted, 2);
}

#[tokio::test]
async fn in_a_repository_that_is_gone_everything_is_gone() {
    let decisions = vec![attestation("a"), attestation("o")];
    let registry = registry(&decisions);
    registry.fail("delete", 1, "RepositoryNotFoundException");
    assert_eq!(outcomes(&applied(&registry, decisions).await, ["a", "o"]), [AlreadyGone; 2]);
}

#[tokio::test]
async fn what_is_kept_is_not_touched() {
    let decisions = vec![attestation("a").kept(), image("p").kept()];
    let (registry, report) = run(decisions).await;
    assert_eq!(registry.log(), [""; 0]);
    assert_eq!(outcomes(&report, ["a", "p"]), [Kept, Kept]);
}

#[tokio::test]
async fn children_of_an_index_that_did_not_go_are_held_back() {
    for (code_of_ecr, outcome) in
        [("ImageReferencedByManifestList", ProtectedByEcr), ("SomethingNew", Failed)]
    {
        let decisions = superseded();
        let registry = registry(&decisions);
        registry.script("delete", digest("i"), Refused(code_of_ecr));
        let report = applied(&registry, decisions).await;
        assert_eq!(outcomes(&report, ["i", "a", "p"]), [outcome, HeldBack, HeldBack]);
        assert_eq!((code(&report, "i"), code(&report, "a")), (code_of_ecr, "none"));
        assert_eq!(report.counts.held_back, 2);
        assert!(after(&report, "a").detail.as_ref().unwrap().contains(&digest("i").to_string()));
        assert_eq!(registry.calls_of("delete"), [["i"]]);
    }
}

#[tokio::test]
async fn one_blocked_parent_of_two_is_enough() {
    let decisions = vec![index("i"), index("j"), attestation("a").under(&["i", "j"])];
    let registry = registry(&decisions);
    registry.tag(digest("j"), "v1");
    let report = applied(&registry, decisions).await;
    assert_eq!(outcomes(&report, ["i", "j", "a"]), [Deleted, ChangedSincePlan, HeldBack]);
    assert!(registry.has("a"));
}

#[tokio::test]
async fn a_blocked_outer_index_blocks_everything_below() {
    let decisions =
        vec![index("outer"), index("inner").under(&["outer"]), attestation("a").under(&["inner"])];
    let registry = registry(&decisions);
    registry.tag(digest("outer"), "v1");
    let report = applied(&registry, decisions).await;
    assert_eq!(outcomes(&report, ["outer", "inner", "a"]), [ChangedSincePlan, HeldBack, HeldBack]);
    assert_eq!(registry.log(), ["read outer", "describe outer"]);
}

#[tokio::test]
async fn an_index_that_is_already_gone_lets_its_children_go_on() {
    let decisions = superseded();
    let registry = registry(&decisions);
    registry.lose("i");
    let report = applied(&registry, decisions).await;
    assert_eq!(outcomes(&report, ["i", "a", "p"]), [AlreadyGone, Deleted, Deleted]);
}

#[tokio::test]
async fn an_index_that_vanishes_between_the_two_calls_lets_them_go_on_too() {
    let decisions = superseded();
    let registry = registry(&decisions);
    registry.script("delete", digest("i"), Refused("ImageNotFound"));
    registry.add_index("i", &[]);
    let report = applied(&registry, decisions).await;
    assert_eq!(outcomes(&report, ["i", "a", "p"]), [AlreadyGone, Deleted, Deleted]);
}

#[tokio::test]
async fn a_parent_that_appeared_since_protects_its_children() {
    let decisions = superseded();
    let registry = registry(&decisions);
    registry.add_index("new", &["a"]);
    let report = applied(&registry, decisions).await;
    assert_eq!(outcomes(&report, ["i", "a", "p"]), [Deleted, ProtectedByEcr, HeldBack]);
    assert_eq!(code(&report, "a"), "ImageReferencedByManifestList");
}

#[tokio::test]
async fn what_changed_since_the_plan_is_left_alone_and_the_rest_of_the_batch_goes() {
    let decisions = vec![attestation("a"), attestation("b"), attestation("o")];
    let registry = registry(&decisions);
    registry.tag(digest("a"), "v1");
    registry.lose("b");
    let report = applied(&registry, decisions).await;
    assert_eq!(outcomes(&report, ["a", "b", "o"]), [ChangedSincePlan, AlreadyGone, Deleted]);
    assert_eq!(registry.calls_of("delete"), [["o"]]);
}

#[tokio::test]
async fn a_signature_that_got_a_tag_since_holds_what_it_is_of() {
    let follower = |name: &str, of: &str| {
        let row = Decision { kind: Kind::Signature, ..index(name) };
        row.of(of).with(|it| it.image.reason = Reason::FollowsItsSubject)
    };
    // The one that is tagged is of a signature of the image.
    let decisions =
        [superseded(), vec![follower("b", "p"), follower("o", "b"), image("q"), follower("j", "q")]];
    let registry = registry(&decisions.concat());
    registry.tag(digest("o"), "v1");
    let report = applied(&registry, decisions.concat()).await;
    assert_eq!(outcomes(&report, ["i", "a", "p"]), [Deleted, Deleted, ChangedSincePlan]);
    assert_ne!(outcomes(&report, ["b", "o"]), [Deleted; 2]);
    assert!(
        !registry.calls_of("delete").concat().iter().any(|name| ["p", "b", "o"].contains(&name.as_str()))
    );
    assert_eq!(outcomes(&report, ["q"]), [Deleted]);
}

#[tokio::test]
async fn nothing_is_deleted_when_nothing_of_a_batch_is_left() {
    let decisions = vec![attestation("a")];
    let registry = registry(&decisions);
    registry.lose("a");
    applied(&registry, decisions).await;
    assert_eq!(registry.log(), ["read a", "describe a"]);
}

#[tokio::test]
async fn what_ecr_says_nothing_of_is_failed() {
    let decisions = vec![attestation("a"), attestation("b"), attestation("o")];
    let registry = registry(&decisions);
    registry.script("delete", digest("a"), Silence);
    registry.script("delete", digest("b"), Refused("UnableToDelete"));
    let report = applied(&registry, decisions).await;
    assert_eq!(outcomes(&report, ["a", "b", "o"]), [Failed, Failed, Deleted]);
    assert_eq!((code(&report, "a"), code(&report, "b")), ("no-answer", "UnableToDelete"));
}

#[tokio::test]
async fn a_call_that_fails_as_a_whole_fails_its_batch_and_no_other() {
    for operation in ["delete", "describe", "read"] {
        let mut decisions = superseded();
        decisions.push(attestation("o"));
        let registry = registry(&decisions);
        registry.fail(operation, 1, "KmsException");
        let report = applied(&registry, decisions).await;
        assert_eq!(outcomes(&report, ["i", "a", "p", "o"]), [Failed, HeldBack, HeldBack, Deleted]);
        assert_eq!(code(&report, "i"), "KmsException");
    }
}

#[tokio::test]
async fn a_missing_permission_says_what_to_do() {
    let decisions = vec![attestation("a")];
    let registry = registry(&decisions);
    registry.fail("delete", 1, "AccessDeniedException");
    let report = applied(&registry, decisions).await;
    assert_eq!((after(&report, "a").outcome, code(&report, "a")), (Failed, "AccessDeniedException"));
    assert!(after(&report, "a").detail.as_ref().unwrap().contains("needs this permission"));
}

#[tokio::test]
async fn a_hundred_at_a_time_and_the_children_of_a_batch_before_the_next() {
    let mut decisions = Vec::new();
    for number in 0..250 {
        let name = format!("i{number:03}");
        decisions.push(attestation(&format!("a{number:03}")).under(&[&name]));
        decisions.push(index(&name));
    }
    let (registry, report) = run(decisions).await;
    let sizes: Vec<usize> = registry.calls_of("delete").iter().map(Vec::len).collect();
    assert_eq!(sizes, [100, 100, 100, 100, 50, 50]);
    assert_eq!((report.counts.deleted, report.counts.failed), (500, 0));
}

#[tokio::test]
async fn more_than_a_hundred_children_of_one_index_go_in_several_calls() {
    let mut decisions = vec![index("i")];
    decisions.extend(attestations(230).into_iter().map(|a| a.under(&["i"])));
    decisions.extend((0..120).map(|number| attestation(&format!("o{number}"))));
    let (registry, report) = run(decisions).await;
    let sizes: Vec<usize> = registry.calls_of("delete").iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, 100, 100, 30, 100, 20]);
    assert_eq!(report.counts.deleted, 351);
}

#[tokio::test]
async fn a_child_shared_by_two_batches_of_indexes_waits_for_both() {
    let mut decisions: Vec<Decision> = (0..101).map(|number| index(&format!("i{number}"))).collect();
    decisions.push(attestation("a").under(&["i0", "i100"]));
    let (registry, report) = run(decisions).await;
    let sizes: Vec<usize> = registry.calls_of("delete").iter().map(Vec::len).collect();
    assert_eq!((sizes, report.counts.deleted), (vec![100, 1, 1], 102));
}

#[tokio::test]
async fn an_index_that_lists_itself_goes_by_what_ecr_says() {
    let (registry, report) = run(vec![index("i").under(&["i"]), attestation("a").under(&["i"])]).await;
    assert_eq!(outcomes(&report, ["i", "a"]), [ProtectedByEcr, HeldBack]);
    assert_eq!(registry.calls_of("delete"), [["i"]]);
}

#[tokio::test]
async fn a_plan_that_goes_in_circles_ends_and_leaves_nothing_planned() {
    let circle = vec![index("i").under(&["j"]), index("j").under(&["i"]), attestation("a").under(&["j"])];
    let (registry, report) = run(circle).await;
    assert_eq!(outcomes(&report, ["i", "j", "a"]), [Failed; 3]);
    assert_eq!((registry.log().len(), code(&report, "a")), (0, "not-attempted"));
}

#[tokio::test]
async fn applying_the_same_plan_again_finishes_what_a_cut_run_left() {
    let decisions = superseded();
    let registry = registry(&decisions);
    registry.fail("delete", 2, "KmsException");
    let first = applied(&registry, decisions.clone()).await;
    assert_eq!(outcomes(&first, ["i", "a", "p"]), [Deleted, Failed, HeldBack]);
    let second = applied(&registry, decisions).await;
    assert_eq!(outcomes(&second, ["i", "a", "p"]), [AlreadyGone, Deleted, Deleted]);
}

#[tokio::test(start_paused = true)]
async fn a_child_of_an_index_that_this_run_deleted_is_tried_once_more_a_little_later() {
    let decisions = superseded();
    let registry = registry(&decisions);
    registry.script("delete", digest("a"), Lags { index: digest("i"), calls: 1 });
    let start = tokio::time::Instant::now();
    let report = applied(&registry, decisions).await;
    assert_eq!(outcomes(&report, ["i", "a", "p"]), [Deleted; 3]);
    assert_eq!(registry.calls_of("delete").concat(), ["i", "a", "a", "p"]);
    assert_eq!(registry.calls_of("read").concat(), ["i", "a", "p"], "its bytes have proven it");
    assert_eq!(registry.calls_of("describe").concat(), ["i", "a", "a", "p"], "but it is looked at again");
    assert_eq!(start.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_once_more_and_only_what_this_run_unlocked() {
    for (named, calls, attempts) in [("i", 2, 2), ("i", 9, 2), ("j", 9, 1), ("new", 9, 1)] {
        let mut decisions = superseded();
        decisions.push(index("j"));
        let registry = registry(&decisions);
        registry.script("delete", digest("j"), Refused("ImageNotFound"));
        registry.script("delete", digest("a"), Lags { index: digest(named), calls });
        let report = applied(&registry, decisions).await;
        assert_eq!(outcomes(&report, ["i", "a", "p"]), [Deleted, ProtectedByEcr, HeldBack], "{named}");
        let tries = registry.calls_of("delete").into_iter().filter(|names| names.contains(&"a".into()));
        assert_eq!(tries.count(), attempts, "{named}");
    }
}

#[tokio::test(start_paused = true)]
async fn so_is_a_child_of_an_index_whose_answer_was_lost() {
    let decisions = superseded();
    let registry = registry(&decisions);
    registry.lose_answer("delete", 1);
    registry.script("delete", digest("a"), Lags { index: digest("i"), calls: 1 });
    let report = applied(&registry, decisions).await;
    assert_eq!(outcomes(&report, ["i", "a", "p"]), [AlreadyGone, Deleted, Deleted]);
}

#[tokio::test(start_paused = true)]
async fn without_time_for_another_try_ecr_s_refusal_stands() {
    let decisions = vec![index("i"), attestation("a").under(&["i"])];
    let registry = registry(&decisions);
    registry.script("delete", digest("a"), Lags { index: digest("i"), calls: 1 });
    registry.delay("delete", 44);
    let deadline = Deadline::after(std::time::Duration::from_secs(100), true);
    let report = applied_until(&registry, decisions, deadline).await;
    assert_eq!(
        (after(&report, "a").outcome, code(&report, "a")),
        (ProtectedByEcr, "ImageReferencedByManifestList")
    );
}

#[tokio::test]
async fn bytes_are_counted_for_what_ecr_deleted_but_not_for_indexes() {
    let decisions = superseded();
    let registry = registry(&decisions);
    registry.script("delete", digest("p"), Silence);
    let report = applied(&registry, decisions).await;
    assert_eq!(report.counts.bytes_deleted, 1000);
}
