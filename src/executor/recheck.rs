//! The comparison of a planned image with the image as it is now.

use jiff::{SignedDuration, Timestamp};

use crate::inventory::{Image, ImageStatus};
use crate::planner::ReadTime;
use crate::registry::presence::Presence;
use crate::report::outcome::{Cause, Outcome};
use crate::report::plan::{ImageFacts, Step};

/// The difference between two clocks that AWS still accepts.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
/// ECR may record a pull up to a day late.
const LATEST_RECORD: SignedDuration = SignedDuration::from_hours(24);

/// The time in which this run's reads may be recorded: ECR takes them for pulls, like anybody's.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnReads {
    since: Timestamp,
    until: Timestamp,
    latest_after: SignedDuration,
}

impl OwnReads {
    /// The reads of planning alone.
    pub(super) fn of_planning(read: ReadTime) -> Self {
        Self { since: read.from, until: read.until, latest_after: CLOCK_TOLERANCE }
    }

    /// The reads of the run that made a saved plan. What is later by any clock is somebody's.
    pub(super) fn of_saved_plan(read: ReadTime) -> Self {
        Self { since: read.from, until: read.until, latest_after: SignedDuration::ZERO }
    }

    /// All reads of a run that began to read then.
    pub(super) fn until_now(since: Timestamp, now: Timestamp) -> Self {
        Self { since, until: now, latest_after: LATEST_RECORD }
    }

    /// When they began.
    pub(super) fn since(self) -> Timestamp {
        self.since
    }

    /// Whether a pull at this time may be one of them.
    fn cover(&self, pull: Timestamp) -> bool {
        pull.duration_since(self.since) >= -CLOCK_TOLERANCE
            && pull.duration_since(self.until) <= self.latest_after
    }
}

/// The outcome of a step whose image is not as it was planned; none if nothing changed.
pub(super) fn change(presence: &Presence, step: &Step, own_reads: OwnReads) -> Option<Outcome> {
    let digest = step.image().digest;
    match presence.there.get(&digest) {
        Some(now) => difference(step, now, own_reads),
        None if presence.gone.contains(&digest) => {
            Some(Outcome::AlreadyGone(Cause::of("it was deleted before this run came to it")))
        }
        None if presence.not_shown.contains(&digest) => {
            Some(Outcome::Changed(Cause::of("it is gone, or not active any more")))
        }
        None => Some(Outcome::Failed(Cause::new("no-answer", "DescribeImages did not mention it"))),
    }
}

/// The outcome of a step whose image is there, but not as it was planned.
pub(super) fn difference(step: &Step, now: &Image, own_reads: OwnReads) -> Option<Outcome> {
    let has = |tag: &str| now.tags.iter().any(|held| **held == *tag);
    if step.tagging().is_some_and(|tagging| has(&tagging.new_tag)) {
        return Some(Outcome::HadTag);
    }
    let change = changed_fact(step.image(), now, own_reads)?;
    Some(Outcome::Changed(Cause::of(change)))
}

/// What happened to an image since it was planned, in a sentence.
fn changed_fact(planned: &ImageFacts, now: &Image, own_reads: OwnReads) -> Option<&'static str> {
    let is_new = |tag: &str| !planned.tags.iter().any(|known| **known == *tag);
    if now.tags.iter().any(|tag| is_new(tag)) {
        Some("it got a tag")
    } else if now.pushed_at != planned.pushed_at {
        Some("it was pushed again")
    } else if now.activated_at != planned.activated_at {
        Some("it was restored from the archive")
    } else if now.status != ImageStatus::Active {
        Some("it is not active any more")
    } else if now.pulled_at > planned.pulled_at && !now.pulled_at.is_some_and(|pull| own_reads.cover(pull)) {
        Some("somebody pulled it")
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
