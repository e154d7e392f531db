//! Saved plans, held against a repository that has changed since.

use super::*;
use crate::config::Config;
use crate::executor::saved::compare;
use crate::planner::plan_file::SavedRepository;
use crate::planner::recall::Recall;
use crate::planner::{RunRequest, Skipped};
use crate::report::RepositoryReason;
use OutcomeName::{AlreadyGone, ChangedSincePlan, Deleted};

/// A plan of these, saved when there were so many platform images; nothing was read before `time(-60)` or after
/// `time(0)`.
async fn taken_up(
    registry: &Registry,
    decisions: &[Decision],
    platform_images: u64,
) -> Result<Ready, Skipped> {
    let decisions = decisions.iter().filter_map(crate::report::testing::decisions::step).collect();
    let repository = SavedRepository { name: "r".to_owned(), platform_images, in_use: Vec::new(), decisions };
    let planned_reads = OwnReads::of_saved_plan(ReadTime { from: time(-60), until: time(0) });
    let (config, deadline) = (Config::default(), Deadline::default());
    let mut recall = Recall::load(&RunRequest::new(time(0), deadline.clone()), &config, "r").await;
    let policy = config.policy_of("r");
    let compared = compare(registry, repository, planned_reads, &policy, &mut recall, &deadline).await;
    compared.map(|(ready, _)| ready)
}

/// The outcomes that are known before anything is tried.
fn settled(ready: &Ready) -> Vec<(Digest, OutcomeName)> {
    let digest = |step: &StepIndex| ready.plan.step(*step).image().digest;
    ready.settled.iter().map(|(step, outcome)| (digest(step), outcome.name())).collect()
}

fn two() -> (Vec<Decision>, Registry) {
    let decisions = vec![attestation("a"), attestation("b")];
    let registry = Registry::with(&decisions);
    (decisions, registry)
}

#[tokio::test]
async fn what_is_as_it_was_costs_one_listing_and_is_done() {
    let (decisions, registry) = two();
    let ready = taken_up(&registry, &decisions, 0).await.unwrap();
    assert_eq!((settled(&ready), registry.log().len()), (vec![], 1));
    let report = executed(&registry, &NoBackups, ready, &Deadline::default(), &Nobody).await;
    assert_eq!(outcomes(&report, ["a", "b"]), [Deleted; 2]);
}

#[tokio::test]
async fn what_was_signed_since_stays() {
    for (pushed, stays) in [(time(1), true), (time(-61), false)] {
        let (decisions, registry) = two();
        let signature = attestation("s")
            .with(|it| (it.image.pushed_at, it.image.subject) = (Some(pushed), Some(digest("a"))));
        registry.add(&signature, "");
        let ready = taken_up(&registry, &decisions, 0).await.unwrap();
        let expected = if stays { vec![(digest("a"), ChangedSincePlan)] } else { vec![] };
        assert_eq!(settled(&ready), expected);
    }
}

#[tokio::test]
async fn what_changed_since_has_its_outcome_before_anything_is_read() {
    let changes: [fn(&Registry); 6] = [
        |registry| registry.tag(digest("a"), "v1"),
        |registry| registry.push_again("a", time(1)),
        |registry| registry.activate("a", time(1)),
        |registry| registry.archive("a"),
        |registry| registry.pull("a", time(1)),
        |registry| registry.pull("a", time(-3600)),
    ];
    for change in changes {
        let (decisions, registry) = two();
        change(&registry);
        let ready = taken_up(&registry, &decisions, 0).await.unwrap();
        assert_eq!(settled(&ready), [(digest("a"), ChangedSincePlan)]);
    }
}

#[tokio::test]
async fn what_is_not_listed_is_asked_for_by_name() {
    let (decisions, registry) = two();
    registry.lose("a");
    registry.hide_from_listings("b");
    let ready = taken_up(&registry, &decisions, 0).await.unwrap();
    assert_eq!(settled(&ready), [(digest("a"), AlreadyGone)]);
    registry.tag(digest("b"), "v1");
    let ready = taken_up(&registry, &decisions, 0).await.unwrap();
    let mut expected = vec![(digest("a"), AlreadyGone), (digest("b"), ChangedSincePlan)];
    expected.sort_by_key(|(it, _)| decisions.iter().position(|row| row.image.digest == *it));
    assert_eq!(settled(&ready), expected);
}

#[tokio::test]
async fn a_pull_that_was_the_planners_is_nobodys_later_on() {
    let (decisions, registry) = two();
    registry.pull("a", time(-30));
    let ready = taken_up(&registry, &decisions, 0).await.unwrap();
    let pulled_at = ready.plan.steps.iter().map(|step| step.image().pulled_at).collect::<Vec<_>>();
    assert_eq!((settled(&ready), pulled_at), (vec![], vec![Some(time(-30)), None]));
    let read = ReadTime { from: time(3600), until: time(3600) };
    let (deadline, rate_limiter) = (&Deadline::default(), &RateLimiter::default());
    let clock = Clock::start(time(3600));
    let run = Execution { at_once: 1, deadline, observer: &Nobody, rate_limiter, read, clock };
    let none = Outcomes::none(2);
    let (plan, all) = execute(&registry, &NoBackups, ready, none, &run).await;
    assert_eq!(outcomes(&RepositoryReport::new(plan, all), ["a", "b"]), [Deleted; 2]);
}

#[tokio::test]
async fn platform_images_are_no_more_than_planned_and_no_more_than_there_are() {
    let decisions = vec![index("i"), image("p").under(&["i"])];
    let registry = Registry::with(&decisions);
    registry.add(&image("q").kept(), "");
    for (planned, counted) in [(1_000_000, 2), (2, 2), (1, 1), (0, 0)] {
        let ready = taken_up(&registry, &decisions, planned).await.unwrap();
        assert_eq!(ready.plan.platform_images, counted);
    }
}

#[tokio::test]
async fn a_listing_that_fails_does_nothing() {
    let (decisions, registry) = two();
    registry.fail("list", 1, "KmsException");
    let skipped = taken_up(&registry, &decisions, 0).await.unwrap_err();
    assert_eq!(skipped.reason, RepositoryReason::ListingIncomplete);
    assert!(skipped.detail.contains("KmsException"), "{}", skipped.detail);
}
