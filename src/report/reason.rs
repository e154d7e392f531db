//! States and reasons: stable words of logs and reports.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

/// The position of an attestation among the indexes of its repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum State {
    /// A tagged index is among its ancestors.
    Attached,
    /// All its ancestor indexes are untagged.
    Superseded,
    /// No index lists it.
    Orphaned,
}

/// The first rule that matches an image, in the order of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Reason {
    /// It is something else.
    NotAnAttestation,
    /// Its bytes cannot be had, or do not hash to its digest.
    Unreadable,
    /// It has a tag that the janitor did not write.
    Tagged,
    /// A source of images in use names it, an index above it, or something that only such an index holds.
    InUse,
    /// It, or an untagged ancestor index, is archived or being activated.
    NotActive,
    /// It is younger than the grace period, or of unknown age.
    WithinGrace,
    /// An index that cannot be read, and is young enough for it, could list it.
    MayBeListed,
    /// Something refers to it or to an untagged ancestor index, or such an index is itself a referrer.
    HasReferrers,
    /// A tagged index is among its ancestors.
    Attached,
    /// An untagged ancestor index, or something only such indexes hold, was pulled lately.
    RecentlyPulled,
    /// It is superseded where a replication rule carries deletions elsewhere.
    Replicated,
    /// It is superseded where nothing bears a user's tag.
    UntaggedRepository,
    /// An untagged ancestor index has not been superseded for long enough, or nobody knows since when.
    SupersededWithinGrace,
    /// It could be in use, and a source of images in use could not be read.
    InUseUnknown,
    /// All its ancestor indexes are untagged, long enough.
    Superseded,
    /// Nothing lists it, but it is the newest attestation of an image that is needed, and no index lists another.
    SubjectPresent,
    /// Nothing lists it.
    Orphaned,
    /// It refers to something that goes, and nobody needs it.
    FollowsItsSubject,
}

/// The reason why nothing, or nothing more, was done in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum RepositoryReason {
    /// The configuration does not select it.
    NotSelected,
    /// It lacks the required resource tag.
    NotOptedIn,
    /// A pull-through cache rule fills it.
    PullThroughCache,
    /// A permission is missing.
    AccessDenied,
    /// It does not exist (any more).
    RepositoryGone,
    /// An index cannot be read, parsed or verified, and was pushed nobody knows when: it could list anything.
    IndexUnreadable,
    /// Its images could not be listed to the end.
    ListingIncomplete,
    /// Since the last run more of its tagged images lost every tag than honest work explains: a breaker.
    TagsVanished,
    /// There was no time left for it.
    Deadline,
}

impl RepositoryReason {
    /// Whether the repository was left out on purpose, or is gone.
    pub fn is_choice(self) -> bool {
        !self.is_failure() && self != Self::TagsVanished
    }

    /// Whether this is a failure of the run, not a choice of the user or of somebody else.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::AccessDenied | Self::IndexUnreadable | Self::ListingIncomplete | Self::Deadline)
    }
}
