//! What counts as a change of a planned image.

use super::*;
use crate::inventory::Evidence;
use crate::oci::attestation::ListedType;
use crate::oci::digest::Digest;
use crate::oci::media_type::Shape;
use crate::report::decision::Decision;
use crate::report::outcome::OutcomeName;
use crate::report::testing::decisions::{With as _, attestation, step, time};

fn listed(digest: Digest) -> Image {
    Image {
        digest,
        pushed_at: Some(time(0)),
        activated_at: None,
        pulled_at: None,
        untagged_at: None,
        size_bytes: 1000,
        tags: Box::default(),
        status: ImageStatus::Active,
        shape: Shape::Manifest,
        listed_type: ListedType::Unknown,
        subject: None,
        evidence: Evidence::Unread,
    }
}

/// The outcome for a planned image that is now like this.
fn compared(planned: &Decision, now: &Image) -> Option<OutcomeName> {
    difference(&step(planned).unwrap(), now, reads()).map(|outcome| outcome.name())
}

/// The outcome for a planned image with the tag `known` after this change.
fn outcome(change: impl FnOnce(&mut Image)) -> Option<OutcomeName> {
    let planned = attestation("a").with(|it| it.image.tags = vec!["known".into()]);
    let mut now = listed(planned.image.digest);
    now.tags = ["known".into()].into();
    change(&mut now);
    compared(&planned, &now)
}

#[test]
fn what_is_as_it_was_may_go() {
    assert_eq!(outcome(|_| ()), None);
}

/// The reads of a run that began a minute after the image was pushed and goes on for an hour.
fn reads() -> OwnReads {
    OwnReads::until_now(time(60), time(3660))
}

#[test]
fn sizes_and_lost_tags_are_no_difference() {
    assert_eq!(outcome(|now| now.size_bytes = 1), None);
    assert_eq!(outcome(|now| now.tags = Box::default()), None);
}

#[test]
fn a_new_tag_another_push_or_another_status_is_a_difference() {
    let changed = Some(OutcomeName::ChangedSincePlan);
    assert_eq!(outcome(|now| now.tags = ["known".into(), "new".into()].into()), changed);
    assert_eq!(outcome(|now| now.pushed_at = Some(time(1))), changed);
    assert_eq!(outcome(|now| now.pushed_at = Some(time(-1))), changed);
    assert_eq!(outcome(|now| now.pushed_at = None), changed);
    assert_eq!(outcome(|now| now.activated_at = Some(time(1))), changed);
    assert_eq!(outcome(|now| now.status = ImageStatus::Inactive), changed);
}

/// The outcome for an image that was pulled last at the first time when it was planned, and at the second now, in
/// seconds.
fn pulled(planned: Option<i64>, now: Option<i64>, reads: OwnReads) -> Option<OutcomeName> {
    let planned = attestation("a").with(|it| it.image.pulled_at = planned.map(time));
    let mut listed = listed(planned.image.digest);
    listed.pulled_at = now.map(time);
    difference(&step(&planned).unwrap(), &listed, reads).map(|outcome| outcome.name())
}

#[test]
fn a_later_pull_is_a_difference_unless_it_may_be_a_read_of_this_run() {
    const DAY: i64 = 24 * 3600;
    let changed = Some(OutcomeName::ChangedSincePlan);
    for (planned, now, outcome) in [
        (None, None, None),
        (Some(0), Some(0), None),
        (Some(0), Some(-1), None),
        (Some(0), None, None),
        (None, Some(-300), changed),
        (Some(-301), Some(-300), changed),
        (None, Some(-241), changed),
        (None, Some(-240), None),
        (None, Some(60), None),
        (Some(1000), Some(3660), None),
        (None, Some(3660 + DAY), None),
        (None, Some(3661 + DAY), changed),
    ] {
        assert_eq!(pulled(planned, now, reads()), outcome, "{planned:?}, then {now:?}");
    }
}

#[test]
fn before_the_reads_of_the_executor_only_those_of_planning_may_be_its_own() {
    let planning = OwnReads::of_planning(ReadTime { from: time(60), until: time(120) });
    let changed = Some(OutcomeName::ChangedSincePlan);
    for (now, outcome) in [(-241, changed), (-240, None), (120, None), (420, None), (421, changed)] {
        assert_eq!(pulled(None, Some(now), planning), outcome, "{now}");
    }
}

#[test]
fn an_image_that_has_the_wanted_tag_by_now_is_left_as_it_is() {
    let planned = attestation("a").to_be_tagged("wanted");
    let mut now = listed(planned.image.digest);
    now.tags = ["wanted".into()].into();
    assert_eq!(compared(&planned, &now), Some(OutcomeName::Kept));
}

#[test]
fn gone_is_only_what_ecr_says_it_does_not_find() {
    let planned = attestation("a");
    let outcome = |presence: Presence| {
        change(&presence, &step(&planned).unwrap(), reads()).map(|outcome| outcome.name())
    };
    let gone = Presence { gone: [planned.image.digest].into(), ..Presence::default() };
    assert_eq!(outcome(gone), Some(OutcomeName::AlreadyGone));
    let not_shown = Presence { not_shown: [planned.image.digest].into(), ..Presence::default() };
    assert_eq!(outcome(not_shown), Some(OutcomeName::ChangedSincePlan), "perhaps archived");
    assert_eq!(outcome(Presence::default()), Some(OutcomeName::Failed), "silence");
}
