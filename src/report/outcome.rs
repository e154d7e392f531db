//! The outcome of one step of a plan.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::oci::digest::Digest;

/// What ECR may have done, in the outcomes of deletions whose response was lost.
pub const MAY_BE_DELETED: &str = "it may be deleted";

/// The outcome of one step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// ECR answered that the image is deleted.
    Deleted,
    /// The image has the tag now.
    Tagged,
    /// The image had the tag already.
    HadTag,
    /// The image was gone before.
    AlreadyGone(Cause),
    /// ECR refused: an index lists the image (`ImageReferencedByManifestList`).
    Protected(Cause),
    /// The image is not as it was planned.
    Changed(Cause),
    /// A limit stopped it before the first write.
    LimitReached,
    /// There was no time left for it.
    OutOfTime,
    /// A call failed.
    Failed(Cause),
    /// Something had to go first, and did not.
    HeldBack {
        /// The image that did not go.
        by: Digest,
    },
}

/// A code and a sentence: why a step went otherwise than planned. Shared by all steps of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// ECR's code, or the janitor's in kebab-case.
    pub code: Option<Arc<str>>,
    /// The same in a sentence.
    pub detail: Arc<str>,
}

impl Cause {
    /// A cause with a code.
    pub fn new(code: impl Into<Arc<str>>, detail: impl Into<Arc<str>>) -> Self {
        Self { code: Some(code.into()), detail: detail.into() }
    }

    /// A cause that a sentence is enough for.
    pub fn of(detail: impl Into<Arc<str>>) -> Self {
        Self { code: None, detail: detail.into() }
    }
}

/// The outcomes as they are written in logs and reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum OutcomeName {
    /// It would be done (plan mode).
    Planned,
    /// ECR answered that it is deleted.
    Deleted,
    /// It has the tag now.
    Tagged,
    /// Nothing was to be done.
    Kept,
    /// It was gone before.
    AlreadyGone,
    /// ECR refused: an index lists it (`ImageReferencedByManifestList`).
    ProtectedByEcr,
    /// What had to go before it did not go; ECR was not asked.
    HeldBack,
    /// The re-check found it other than planned.
    ChangedSincePlan,
    /// A limit stopped the repository or the run before its first write.
    LimitReached,
    /// There was no time left.
    Deadline,
    /// A call failed; see the code.
    Failed,
}

impl Outcome {
    /// Its name in logs and reports.
    pub fn name(&self) -> OutcomeName {
        match self {
            Self::Deleted => OutcomeName::Deleted,
            Self::Tagged => OutcomeName::Tagged,
            Self::HadTag => OutcomeName::Kept,
            Self::AlreadyGone(_) => OutcomeName::AlreadyGone,
            Self::Protected(_) => OutcomeName::ProtectedByEcr,
            Self::Changed(_) => OutcomeName::ChangedSincePlan,
            Self::LimitReached => OutcomeName::LimitReached,
            Self::OutOfTime => OutcomeName::Deadline,
            Self::Failed(_) => OutcomeName::Failed,
            Self::HeldBack { .. } => OutcomeName::HeldBack,
        }
    }

    /// Whether the image is not there any more.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Deleted | Self::AlreadyGone(_))
    }

    /// Whether nobody knows if the image was deleted: the response was lost.
    pub fn may_be_deleted(&self) -> bool {
        match self {
            Self::AlreadyGone(cause) | Self::Failed(cause) => cause.detail.contains(MAY_BE_DELETED),
            _ => false,
        }
    }

    /// The code and the sentence for a step that went otherwise than planned.
    pub fn cause(self) -> Option<Cause> {
        match self {
            Self::Deleted | Self::Tagged | Self::LimitReached => None,
            Self::HadTag => Some(Cause::of("it has the tag already")),
            Self::OutOfTime => Some(Cause::of("there was no time left for it")),
            Self::AlreadyGone(cause)
            | Self::Protected(cause)
            | Self::Changed(cause)
            | Self::Failed(cause) => Some(cause),
            Self::HeldBack { by } => {
                Some(Cause::of(format!("{by} has to be gone before it, and nothing says that it is")))
            }
        }
    }
}
