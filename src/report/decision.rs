//! One row of a report: an image, what was decided and what came of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::outcome::{Cause, Outcome, OutcomeName};
use super::plan::{Artifact, ImageFacts, Kept, Step};
use super::reason::State;
use crate::config::policy::Action;
use crate::oci::attestation::{Form, Kind};

/// One row of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Decision {
    /// The image.
    #[serde(flatten)]
    pub image: ImageFacts,
    /// What it is.
    pub kind: Kind,
    /// For attestations: how it is stored or proven.
    pub form: Option<Form>,
    /// For attestations: its position among the indexes.
    pub state: Option<State>,
    /// What the policy says.
    pub action: Action,
    /// What came of it.
    pub outcome: OutcomeName,
    /// ECR's code, or the janitor's, if something went otherwise than planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Arc<str>>,
    /// The same in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Arc<str>>,
    /// The tag to be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_tag: Option<String>,
}

impl Decision {
    /// The row of a step with its outcome; without one it is still planned.
    pub fn of_step(step: Step, outcome: Option<Outcome>) -> Self {
        let name = outcome.as_ref().map_or(OutcomeName::Planned, Outcome::name);
        let cause = outcome.and_then(Outcome::cause);
        match step {
            Step::Delete(deletion) => {
                Self::new(deletion.target.into(), Action::Delete, name, cause, deletion.image)
            }
            Step::Tag(tagging) => {
                let artifact = Artifact::Attestation { form: tagging.form, state: tagging.state };
                let row = Self::new(artifact, Action::Tag, name, cause, tagging.image);
                Self { new_tag: Some(tagging.new_tag), ..row }
            }
        }
    }

    /// The row of an image that stays.
    pub fn of_kept(kept: Kept) -> Self {
        let outcome = if kept.failed { OutcomeName::Failed } else { OutcomeName::Kept };
        let action = if kept.wanted_tag.is_some() { Action::Tag } else { Action::Keep };
        let row = Self::new(kept.artifact, action, outcome, kept.problem, kept.image);
        Self { new_tag: kept.wanted_tag, ..row }
    }

    fn new(
        artifact: Artifact,
        action: Action,
        outcome: OutcomeName,
        cause: Option<Cause>,
        image: ImageFacts,
    ) -> Self {
        let (code, detail) = cause.map_or((None, None), |cause| (cause.code, Some(cause.detail)));
        let (kind, form, state) = (artifact.kind(), artifact.form(), artifact.state());
        Self { kind, form, state, action, outcome, code, detail, new_tag: None, image }
    }
}
