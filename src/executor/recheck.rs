//! The comparison of a planned image with the image as it is now.

use crate::inventory::{Image, ImageStatus};
use crate::registry::presence::Presence;
use crate::report::outcome::{Cause, Outcome};
use crate::report::plan::Step;

/// The outcome of a step whose image is not as it was planned; none if nothing changed.
pub(super) fn change(presence: &Presence, step: &Step) -> Option<Outcome> {
    let digest = step.image().digest;
    match presence.there.get(&digest) {
        Some(now) => difference(step, now),
        None if presence.gone.contains(&digest) => {
            Some(Outcome::AlreadyGone(Cause::of("it was deleted before this run came to it")))
        }
        None => Some(Outcome::Failed(Cause::new("no-answer", "DescribeImages did not mention it"))),
    }
}

fn difference(step: &Step, now: &Image) -> Option<Outcome> {
    let planned = step.image();
    let changed = |detail: &str| Some(Outcome::Changed(Cause::of(detail)));
    let has = |tag: &str| now.tags.iter().any(|held| **held == *tag);
    if step.tagging().is_some_and(|tagging| has(&tagging.new_tag)) {
        Some(Outcome::HadTag)
    } else if now.tags.iter().any(|tag| !planned.tags.iter().any(|known| **known == **tag)) {
        changed("it got a tag")
    } else if now.pushed_at != planned.pushed_at {
        changed("it was pushed again")
    } else if now.status != ImageStatus::Active {
        changed("it is not active any more")
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
