//! The policy of one repository, after defaults, file, environment and overrides.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

use crate::config::section::{section, words};
use crate::config::tag_template::Template;
use crate::config::value::{GracePeriod, Period};

words! {
    /// The action that a policy takes on an image.
    #[derive(Hash, PartialOrd, Ord)]
    pub enum Action {
        /// It stays as it is.
        Keep = "keep",
        /// It gets a tag of the template.
        Tag = "tag",
        /// It is deleted.
        Delete = "delete",
    }
}

words! {
    /// An [`Action`] that writes no tag.
    pub enum KeepOrDelete {
        /// It stays as it is.
        Keep = "keep",
        /// It is deleted.
        Delete = "delete",
    }
}

words! {
    /// An [`Action`] that deletes nothing.
    pub enum KeepOrTag {
        /// It stays as it is.
        Keep = "keep",
        /// It gets a tag of the template.
        Tag = "tag",
    }
}

words! {
    /// Defaults for the policy keys that nobody gave.
    pub enum Preset {
        /// Only orphaned attestations go.
        Orphans = "orphans",
        /// Superseded indexes go too, with their images and what refers to them.
        Recommended = "recommended",
    }
}

words! {
    /// The effect of a referrer that nobody needs on its subject.
    pub enum Referrers {
        /// It holds its subject.
        Hold = "hold",
        /// It goes after its subject.
        Follow = "follow",
    }
}

words! {
    /// The moment from which an index counts as superseded.
    pub enum SupersededSince {
        /// The first run that saw it untagged.
        Untagged = "untagged",
        /// Its push.
        Push = "push",
    }
}

section! {
    /// The policy of one repository. Durations are at least zero.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Policy, PolicyPatch {
        /// Defaults for the keys that nobody gave.
        preset: Preset = Preset::Orphans, from Preset;
        /// Age below which nothing is touched.
        grace_period: SignedDuration = hours(48), from GracePeriod;
        /// Action on attestations that no index lists.
        orphaned: Action = Action::Delete, from Action;
        /// Action on those of them whose subject is needed: keep, or delete (then they are as any orphan).
        orphaned_with_subject: Action = Action::Keep, from KeepOrDelete;
        /// Action on attestations whose indexes have all lost their tags.
        superseded: Action = Action::Keep, from Action;
        /// Time since such an index lost its tag before it may go.
        superseded_after: SignedDuration = hours(30 * 24), from Period;
        /// Start of that time.
        superseded_since: SupersededSince = SupersededSince::Untagged, from SupersededSince;
        /// Action on images that only deleted indexes listed: keep or delete.
        superseded_images: Action = Action::Keep, from KeepOrDelete;
        /// Action where nothing bears a user's tag: keep what is superseded, or delete (then it is as anywhere).
        superseded_without_tags: Action = Action::Keep, from KeepOrDelete;
        /// Effect of referrers that nobody needs.
        referrers: Referrers = Referrers::Hold, from Referrers;
        /// Time within which a pull counts as use.
        keep_pulled_within: SignedDuration = hours(90 * 24), from Period;
        /// Action on attestations of tagged images: keep or tag.
        attached: Action = Action::Keep, from KeepOrTag;
        /// Action where deletions are replicated: keep what is superseded, or delete (then it is as anywhere).
        replicated: Action = Action::Keep, from KeepOrDelete;
        /// The tags that the janitor writes.
        tag_template: Template = default_template(), from Template;
    }
}

const fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

#[expect(clippy::expect_used, reason = "a constant that every test parses")]
fn default_template() -> Template {
    Template::from_str("attestation-{platform}-{digest}").expect("the default template is legal")
}

impl From<KeepOrDelete> for Action {
    fn from(action: KeepOrDelete) -> Self {
        match action {
            KeepOrDelete::Keep => Self::Keep,
            KeepOrDelete::Delete => Self::Delete,
        }
    }
}

impl From<KeepOrTag> for Action {
    fn from(action: KeepOrTag) -> Self {
        match action {
            KeepOrTag::Keep => Self::Keep,
            KeepOrTag::Tag => Self::Tag,
        }
    }
}

impl Preset {
    /// The preset that is not this one.
    pub fn other(self) -> Self {
        match self {
            Self::Orphans => Self::Recommended,
            Self::Recommended => Self::Orphans,
        }
    }

    /// The defaults under this preset.
    pub fn policy(self) -> Policy {
        let orphans = Policy::default();
        match self {
            Self::Orphans => orphans,
            Self::Recommended => Policy {
                preset: self,
                superseded: Action::Delete,
                superseded_images: Action::Delete,
                referrers: Referrers::Follow,
                ..orphans
            },
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

    /// Whether this policy deletes indexes that lost their tags.
    pub fn deletes_superseded(&self) -> bool {
        self.superseded == Action::Delete
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
