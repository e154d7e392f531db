//! What to do with attestations: the policy of one repository, after defaults, file, environment and overrides.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::config::tag_template::Template;

/// What becomes of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Action {
    /// It stays as it is.
    Keep,
    /// It gets a tag of the template.
    Tag,
    /// It is deleted.
    Delete,
}

/// The policy of one repository. Durations are at least zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Nothing younger is touched.
    pub grace_period: SignedDuration,
    /// For attestations that no index lists.
    pub orphaned: Action,
    /// For those of them whose subject is still there: keep, or delete (then they are as any orphan).
    pub orphaned_with_subject: Action,
    /// For attestations whose indexes have all lost their tags.
    pub superseded: Action,
    /// How long ago such an index must have been pushed.
    pub superseded_after: SignedDuration,
    /// For the images that only deleted indexes listed: keep or delete.
    pub superseded_images: Action,
    /// A superseded index pulled within this time is in use.
    pub keep_pulled_within: SignedDuration,
    /// For attestations of tagged images: keep or tag.
    pub attached: Action,
    /// The tags that the janitor writes.
    pub tag_template: Template,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            grace_period: SignedDuration::from_hours(48),
            orphaned: Action::Delete,
            orphaned_with_subject: Action::Keep,
            superseded: Action::Keep,
            superseded_after: SignedDuration::from_hours(30 * 24),
            superseded_images: Action::Keep,
            keep_pulled_within: SignedDuration::from_hours(90 * 24),
            attached: Action::Keep,
            #[expect(clippy::expect_used, reason = "a constant that every test parses")]
            tag_template: Template::from_str("attestation-{platform}-{digest}")
                .expect("the default template is legal"),
        }
    }
}

impl Policy {
    /// Whether something pushed then is inside the grace period; an unknown time always is.
    pub fn within_grace(&self, pushed_at: Option<Timestamp>, now: Timestamp) -> bool {
        is_younger(pushed_at, self.grace_period, now)
    }

    /// Whether an index pushed then is too young to be deleted; an unknown time always is.
    pub fn index_within_grace(&self, pushed_at: Option<Timestamp>, now: Timestamp) -> bool {
        is_younger(pushed_at, self.superseded_after.max(self.grace_period), now)
    }

    /// Whether something pulled then counts as in use. Never pulled is not in use.
    pub fn recently_pulled(&self, pulled_at: Option<Timestamp>, now: Timestamp) -> bool {
        pulled_at.is_some_and(|at| now.duration_since(at) <= self.keep_pulled_within)
    }

    /// Whether any rule of this policy can delete.
    pub fn deletes(&self) -> bool {
        [self.orphaned, self.superseded].contains(&Action::Delete)
    }

    /// Whether any rule of this policy can write a tag.
    pub fn tags(&self) -> bool {
        [self.orphaned, self.superseded, self.attached].contains(&Action::Tag)
    }
}

fn is_younger(at: Option<Timestamp>, than: SignedDuration, now: Timestamp) -> bool {
    at.is_none_or(|at| now.duration_since(at) < than)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp::from_second(1_700_000_000 + seconds).unwrap())
    }

    #[test]
    fn the_edges_of_time_fall_on_the_safe_side() {
        let policy = Policy { grace_period: SignedDuration::from_secs(10), ..Policy::default() };
        let now = at(10).unwrap();
        assert!(policy.within_grace(None, now), "unknown");
        assert!(policy.within_grace(at(20), now), "pushed in the future");
        assert!(policy.within_grace(at(1), now));
        assert!(!policy.within_grace(at(0), now), "exactly as old as the grace period");
        assert!(!policy.recently_pulled(None, now), "never pulled");
        let policy = Policy { keep_pulled_within: SignedDuration::from_secs(10), ..policy };
        assert!(policy.recently_pulled(at(0), now), "exactly at the edge");
        assert!(!policy.recently_pulled(at(-1), now));
    }

    #[test]
    fn the_longer_of_the_two_periods_holds_for_an_index() {
        let now = at(0).unwrap();
        let policy = Policy {
            grace_period: SignedDuration::from_secs(100),
            superseded_after: SignedDuration::from_secs(10),
            ..Policy::default()
        };
        assert!(policy.index_within_grace(at(-99), now));
        assert!(!policy.index_within_grace(at(-100), now));
        assert!(policy.index_within_grace(None, now));
    }
}
