//! The words of a decision: states, reasons and outcomes, stable in logs and reports, and the decision itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::policy::Action;
use crate::oci::attestation::{Form, Kind};
use crate::oci::digest::Digest;

/// Where an attestation stands among the indexes of its repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A tagged index is among its ancestors.
    Attached,
    /// All its ancestor indexes are untagged.
    Superseded,
    /// No index lists it.
    Orphaned,
}

/// Why an image is treated as it is: the first rule that matches. The order here is the order of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It is something else.
    NotAnAttestation,
    /// Its bytes cannot be had, or do not hash to its digest.
    Unreadable,
    /// It has a tag that the janitor did not write.
    Tagged,
    /// It, or an untagged ancestor index, is archived or being activated.
    NotActive,
    /// It is younger than the grace period, or of unknown age.
    WithinGrace,
    /// Something refers to it or to an untagged ancestor index, or such an index is itself a referrer.
    HasReferrers,
    /// A tagged index is among its ancestors.
    Attached,
    /// An untagged ancestor index, or something only such indexes hold, was pulled lately.
    RecentlyPulled,
    /// An untagged ancestor index is too young.
    SupersededWithinGrace,
    /// All its ancestor indexes are untagged, long enough.
    Superseded,
    /// Nothing lists it, but the image it speaks of is there and has no other attestation.
    SubjectPresent,
    /// Nothing lists it.
    Orphaned,
}

impl Reason {
    /// The rule in a sentence, for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NotAnAttestation => "it is not an attestation, and only attestations are touched",
            Self::Unreadable => "its own bytes could not be read and verified",
            Self::Tagged => "it has a tag that the janitor did not write",
            Self::NotActive => "it, or an untagged index above it, is archived or being activated",
            Self::WithinGrace => {
                "it is younger than grace_period (or of unknown age): its index may still be on the way"
            }
            Self::HasReferrers => {
                "something refers to it or to an untagged index above it, such as a signature"
            }
            Self::Attached => {
                "a tagged index lists it, directly or through another; ECR refuses to delete it"
            }
            Self::RecentlyPulled => {
                "an untagged index above it was pulled within keep_pulled_within: it may be deployed by digest"
            }
            Self::SupersededWithinGrace => "an untagged index above it is younger than superseded_after",
            Self::Superseded => "all indexes that list it have lost their tags",
            Self::SubjectPresent => {
                "no index lists it, but the image it speaks of is there and has no other attestation"
            }
            Self::Orphaned => "no index lists it any more",
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It would be done (plan mode), or is about to be.
    Planned,
    /// ECR answered that it is deleted.
    Deleted,
    /// It has the tag now.
    Tagged,
    /// Nothing was to be done.
    Kept,
    /// Somebody else had deleted it.
    AlreadyGone,
    /// ECR refused: an index lists it (`ImageReferencedByManifestList`).
    ProtectedByEcr,
    /// The re-check found it other than planned.
    ChangedSincePlan,
    /// A limit stopped the repository or the run before its first write.
    LimitReached,
    /// There was no time left.
    Deadline,
    /// A call failed; see the code.
    Failed,
}

/// One image, what was decided and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The image.
    pub digest: Digest,
    /// What it is.
    pub kind: Kind,
    /// For attestations: how it is stored or proven.
    pub form: Option<Form>,
    /// For attestations: where it stands.
    pub state: Option<State>,
    /// What the policy says.
    pub action: Action,
    /// What came of it.
    pub outcome: Outcome,
    /// The rule that decided.
    pub reason: Reason,
    /// ECR's code, or the janitor's, if something failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The same in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The indexes that list it.
    pub parents: Vec<Digest>,
    /// What it speaks of or refers to.
    pub subject: Option<Digest>,
    /// For attestations: the platform of the image it speaks of, as in `linux-arm64-v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Its tags when it was listed.
    pub tags: Vec<String>,
    /// The tag to be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_tag: Option<String>,
    /// ECR's `imageSizeInBytes`; for an index this is its largest child.
    pub size_bytes: u64,
    /// When its manifest was first stored.
    pub pushed_at: Option<Timestamp>,
}

impl Decision {
    /// Sets the outcome, with a code and a sentence where something went otherwise than planned.
    pub fn conclude(&mut self, outcome: Outcome, code: Option<&str>, detail: Option<String>) {
        self.outcome = outcome;
        self.code = code.map(str::to_owned);
        self.detail = detail;
    }
}
