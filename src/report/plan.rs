//! The plan of one repository: typed steps, and what is kept. Immutable once made.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::counts::{InventoryCounts, ReferrerPressure, WhatIf};
use super::outcome::Cause;
use super::reason::{Reason, State};
use super::source::Source;
use crate::oci::attestation::{Classified, Form, Kind};
use crate::oci::digest::Digest;

/// The plan of one repository.
#[derive(Debug, Clone, Default)]
pub struct RepositoryPlan {
    /// The repository's name.
    pub name: String,
    /// The images of the repository, counted; a plan from a file does not know them.
    pub counts: Option<InventoryCounts>,
    /// Its platform images: a run may delete a share of them.
    pub platform_images: u64,
    /// The image with the most referrers, if any has one.
    pub referrer_pressure: Option<ReferrerPressure>,
    /// What the plan would be under each preset.
    pub what_if: Vec<WhatIf>,
    /// The pipelines that make its attestations, as far as statements were read.
    pub sources: Vec<Source>,
    /// Its images that run somewhere, as its sources told when it was made.
    pub in_use: Vec<Digest>,
    /// The newest attestation of a push of which no statement was read yet.
    pub unread_statement: Option<UnreadStatement>,
    /// What would be changed, in the order of digests.
    pub steps: Vec<Step>,
    /// The attestations and suspects that stay, in the order of digests, as far as rows were asked for.
    pub kept: Vec<Kept>,
    /// How many of them stay, by reason, rows or not. What failed is not among them.
    pub kept_by_reason: BTreeMap<Reason, u64>,
}

/// An attestation whose statement was not read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnreadStatement {
    /// The attestation.
    pub digest: Digest,
    /// When it was last pulled, as ECR's listing had it.
    pub pulled_at: Option<Timestamp>,
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Step {
    /// An image is deleted, with the tags of the janitor that it may bear.
    Delete(Deletion),
    /// An attestation gets a tag.
    Tag(Tagging),
}

/// The deletion of an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Deletion {
    /// What is deleted.
    #[serde(flatten)]
    pub target: DeletionTarget,
    /// The image.
    #[serde(flatten)]
    pub image: ImageFacts,
}

/// The kinds of image that a plan may delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
    /// A signature that follows its subject, or goes with its indexes. So does whatever is below.
    Signature,
    /// A SOCI index.
    SociIndex,
    /// A manifest with a subject.
    Referrer,
    /// An artifact of some other kind.
    Artifact,
    /// A Helm chart.
    Chart,
    /// A build cache.
    Cache,
}

impl DeletionTarget {
    /// The target of something that follows its subject or its indexes; none for a kind that never does.
    pub fn of_follower(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::Signature => Self::Signature,
            Kind::SociIndex => Self::SociIndex,
            Kind::Referrer => Self::Referrer,
            Kind::Artifact => Self::Artifact,
            Kind::Chart => Self::Chart,
            Kind::Cache => Self::Cache,
            Kind::Attestation | Kind::Suspect | Kind::Index | Kind::Image | Kind::Unknown | Kind::Unread => {
                return None;
            }
        })
    }

    /// Whether it follows a subject or indexes.
    pub fn is_follower(self) -> bool {
        !matches!(self, Self::Attestation { .. } | Self::Index | Self::Image)
    }

    /// Whether bytes prove an image to be such a target.
    pub fn is_proven_by(self, read: &Classified) -> bool {
        match self {
            Self::Attestation { form: Form::ByParent, .. } => read.by_parent,
            Self::Attestation { form, .. } => read.form == Some(form),
            Self::Index => read.kind == Kind::Index,
            Self::Image => read.kind == Kind::Image,
            // docker/attest's, without a parent.
            Self::Referrer if read.kind == Kind::Suspect => read.by_parent && read.has_subject,
            _ => Self::of_follower(read.kind) == Some(self) && (read.has_subject || read.is_artifact),
        }
    }
}

/// The tagging of an attestation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
            DeletionTarget::Signature => Self::Other(Kind::Signature),
            DeletionTarget::SociIndex => Self::Other(Kind::SociIndex),
            DeletionTarget::Referrer => Self::Other(Kind::Referrer),
            DeletionTarget::Artifact => Self::Other(Kind::Artifact),
            DeletionTarget::Chart => Self::Other(Kind::Chart),
            DeletionTarget::Cache => Self::Other(Kind::Cache),
        }
    }
}

/// The facts about an image that a plan rests on, as they were when it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ImageFacts {
    /// Its digest.
    pub digest: Digest,
    /// The rule that decided.
    pub reason: Reason,
    /// The digests and tags on which that rests, the first few.
    #[serde(default)]
    pub because: Vec<String>,
    /// The indexes that list it; of what stays, the first few.
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
    #[cfg_attr(test, schemars(with = "Option<crate::oci::schema::Time>"))]
    pub pushed_at: Option<Timestamp>,
    /// When it was last restored from the archive, if ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<crate::oci::schema::Time>"))]
    pub activated_at: Option<Timestamp>,
    /// ECR's `lastRecordedPullTime` as the listing gave it, whoever pulled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<crate::oci::schema::Time>"))]
    pub pulled_at: Option<Timestamp>,
    /// The first run that saw it untagged.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "Option<crate::oci::schema::Time>"))]
    pub untagged_at: Option<Timestamp>,
}

impl RepositoryPlan {
    /// The steps with their numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (StepIndex, &Step)> {
        (0..).map(StepIndex).zip(&self.steps)
    }

    /// One step.
    pub fn step(&self, index: StepIndex) -> &Step {
        &self.steps[index.to_usize()]
    }

    /// The memory that its rows take, about.
    pub fn bytes(&self) -> usize {
        self.steps.iter().map(Step::bytes).sum::<usize>() + self.kept.len() * size_of::<Kept>()
    }

    /// How many images it would delete.
    pub fn deletions(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step, Step::Delete(_))).count()
    }
}

impl Step {
    /// The memory that it takes, about.
    pub fn bytes(&self) -> usize {
        const ALLOCATION: usize = 32;
        let texts = |texts: &[String]| texts.iter().map(|text| text.len() + ALLOCATION).sum::<usize>();
        let image = self.image();
        let lists = texts(&image.because) + texts(&image.tags) + image.parents.len() * size_of::<Digest>();
        size_of::<Self>() + lists + image.platform.as_ref().map_or(0, |it| it.len() + ALLOCATION)
    }

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
