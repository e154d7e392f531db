//! The plan of one repository: typed steps, and what is kept. Immutable once made.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::counts::{InventoryCounts, ReferrerPressure};
use super::outcome::Cause;
use super::reason::{Reason, State};
use crate::oci::attestation::{Form, Kind};
use crate::oci::digest::Digest;

/// The plan of one repository.
#[derive(Debug, Clone)]
pub struct RepositoryPlan {
    /// The repository's name.
    pub name: String,
    /// The images of the repository, counted.
    pub counts: InventoryCounts,
    /// The image with the most attestations as referrers, if any has one.
    pub referrer_pressure: Option<ReferrerPressure>,
    /// What would be changed, in the order of digests.
    pub steps: Vec<Step>,
    /// The attestations and suspects that stay, in the order of digests.
    pub kept: Vec<Kept>,
    /// More of them, which are only counted, by reason.
    pub kept_counts: BTreeMap<Reason, u64>,
}

/// The number of a step in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepIndex(u32);

impl StepIndex {
    /// The index as a plain number.
    pub fn to_usize(self) -> usize {
        self.0 as usize
    }
}

/// One change of the registry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Step {
    /// An image is deleted, with the tags of the janitor that it may bear.
    Delete(Deletion),
    /// An attestation gets a tag.
    Tag(Tagging),
}

/// The deletion of an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deletion {
    /// What is deleted.
    #[serde(flatten)]
    pub target: DeletionTarget,
    /// The image.
    #[serde(flatten)]
    pub image: ImageFacts,
}

/// The kinds of image that a plan may delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum DeletionTarget {
    /// A proven attestation.
    Attestation {
        /// The form that its bytes, or its parent, prove.
        form: Form,
        /// Its position among the indexes.
        state: State,
    },
    /// An untagged index.
    Index,
    /// A platform image that only deleted indexes list.
    Image,
}

/// The tagging of an attestation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tagging {
    /// The form that its bytes, or its parent, prove.
    pub form: Form,
    /// Its position among the indexes.
    pub state: State,
    /// The tag to be written.
    pub new_tag: String,
    /// The image.
    #[serde(flatten)]
    pub image: ImageFacts,
}

/// An attestation or suspect that stays.
#[derive(Debug, Clone)]
pub struct Kept {
    /// What it is.
    pub artifact: Artifact,
    /// The image.
    pub image: ImageFacts,
    /// Why it could not be read, or not be dealt with as the policy says.
    pub problem: Option<Cause>,
    /// Whether that is a failure of the run.
    pub failed: bool,
    /// The tag that could not be planned because another image holds it.
    pub wanted_tag: Option<String>,
}

/// What an image is: a BuildKit attestation, or something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Artifact {
    /// A BuildKit attestation.
    Attestation {
        /// How it is stored or proven.
        form: Form,
        /// Its position among the indexes.
        state: State,
    },
    /// Something else.
    Other(Kind),
}

impl Artifact {
    /// The kind.
    pub fn kind(self) -> Kind {
        match self {
            Self::Attestation { .. } => Kind::Attestation,
            Self::Other(kind) => kind,
        }
    }

    /// The form of an attestation.
    pub fn form(self) -> Option<Form> {
        match self {
            Self::Attestation { form, .. } => Some(form),
            Self::Other(_) => None,
        }
    }

    /// The state of an attestation.
    pub fn state(self) -> Option<State> {
        match self {
            Self::Attestation { state, .. } => Some(state),
            Self::Other(_) => None,
        }
    }
}

impl From<DeletionTarget> for Artifact {
    fn from(target: DeletionTarget) -> Self {
        match target {
            DeletionTarget::Attestation { form, state } => Self::Attestation { form, state },
            DeletionTarget::Index => Self::Other(Kind::Index),
            DeletionTarget::Image => Self::Other(Kind::Image),
        }
    }
}

/// The facts about an image that a plan rests on, as they were when it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageFacts {
    /// Its digest.
    pub digest: Digest,
    /// The rule that decided.
    pub reason: Reason,
    /// The indexes that list it.
    pub parents: Vec<Digest>,
    /// The image that it attests or refers to.
    pub subject: Option<Digest>,
    /// For attestations: the platform of the subject, as in `linux-arm64-v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// ECR's `imageSizeInBytes`; for an index this is its largest child.
    pub size_bytes: u64,
    /// When its manifest was first stored.
    pub pushed_at: Option<Timestamp>,
    /// When it was last restored from the archive, if ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activated_at: Option<Timestamp>,
    /// ECR's `lastRecordedPullTime` as the listing gave it, whoever pulled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulled_at: Option<Timestamp>,
}

impl RepositoryPlan {
    /// Counts what stays instead of listing it, except for failures: a large registry keeps millions of images.
    pub fn count_kept(&mut self) {
        for kept in self.kept.iter().filter(|kept| !kept.failed) {
            *self.kept_counts.entry(kept.image.reason).or_default() += 1;
        }
        self.kept.retain(|kept| kept.failed);
        self.kept.shrink_to_fit();
    }

    /// The steps with their numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (StepIndex, &Step)> {
        (0..).map(StepIndex).zip(&self.steps)
    }

    /// One step.
    pub fn step(&self, index: StepIndex) -> &Step {
        &self.steps[index.to_usize()]
    }

    /// How many images it would delete.
    pub fn deletions(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step, Step::Delete(_))).count()
    }
}

impl Step {
    /// The image that is changed.
    pub fn image(&self) -> &ImageFacts {
        match self {
            Self::Delete(deletion) => &deletion.image,
            Self::Tag(tagging) => &tagging.image,
        }
    }

    /// The deletion, if it is one.
    pub fn deletion(&self) -> Option<&Deletion> {
        match self {
            Self::Delete(deletion) => Some(deletion),
            Self::Tag(_) => None,
        }
    }

    /// The tagging, if it is one.
    pub fn tagging(&self) -> Option<&Tagging> {
        match self {
            Self::Delete(_) => None,
            Self::Tag(tagging) => Some(tagging),
        }
    }
}
