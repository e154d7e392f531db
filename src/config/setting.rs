//! The settings of a policy, each of which may stand in `[policy]`, in an `[[override]]`, or in the environment.

use jiff::SignedDuration;

use super::value::Value;
use crate::config::policy::{Action, Policy};
use crate::config::tag_template::Template;

/// One setting of a policy, read and checked.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    /// `grace_period`
    GracePeriod(SignedDuration),
    /// `orphaned`
    Orphaned(Action),
    /// `orphaned_with_subject`
    OrphanedWithSubject(Action),
    /// `superseded`
    Superseded(Action),
    /// `superseded_after`
    SupersededAfter(SignedDuration),
    /// `superseded_images`
    SupersededImages(Action),
    /// `keep_pulled_within`
    KeepPulledWithin(SignedDuration),
    /// `attached`
    Attached(Action),
    /// `tag_template`
    TagTemplate(Template),
}

const KEEP: (&str, Action) = ("keep", Action::Keep);
const TAG: (&str, Action) = ("tag", Action::Tag);
const DELETE: (&str, Action) = ("delete", Action::Delete);

/// A push in flight stores its attestations up to hours before their index: nobody may switch the grace period off.
const LEAST_GRACE: SignedDuration = SignedDuration::from_hours(1);

impl Setting {
    /// The keys, as they are written in the file.
    pub const KEYS: [&str; 9] = [
        "grace_period",
        "orphaned",
        "orphaned_with_subject",
        "superseded",
        "superseded_after",
        "superseded_images",
        "keep_pulled_within",
        "attached",
        "tag_template",
    ];

    /// Reads the value of a key.
    pub(super) fn read(key: &str, value: &Value) -> Result<Self, String> {
        Ok(match key {
            "grace_period" => Self::GracePeriod(grace(value)?),
            "orphaned" => Self::Orphaned(value.choice(&[KEEP, TAG, DELETE])?),
            "orphaned_with_subject" => Self::OrphanedWithSubject(value.choice(&[KEEP, DELETE])?),
            "superseded" => Self::Superseded(value.choice(&[KEEP, TAG, DELETE])?),
            "superseded_after" => Self::SupersededAfter(value.duration()?),
            "superseded_images" => Self::SupersededImages(value.choice(&[KEEP, DELETE])?),
            "keep_pulled_within" => Self::KeepPulledWithin(value.duration()?),
            "attached" => Self::Attached(value.choice(&[KEEP, TAG])?),
            "tag_template" => Self::TagTemplate(template(value)?),
            other => return Err(format!("there is no setting {other:?}")),
        })
    }

    /// Puts the setting into a policy.
    pub fn apply(&self, policy: &mut Policy) {
        match self.clone() {
            Self::GracePeriod(value) => policy.grace_period = value,
            Self::Orphaned(value) => policy.orphaned = value,
            Self::OrphanedWithSubject(value) => policy.orphaned_with_subject = value,
            Self::Superseded(value) => policy.superseded = value,
            Self::SupersededAfter(value) => policy.superseded_after = value,
            Self::SupersededImages(value) => policy.superseded_images = value,
            Self::KeepPulledWithin(value) => policy.keep_pulled_within = value,
            Self::Attached(value) => policy.attached = value,
            Self::TagTemplate(value) => policy.tag_template = value,
        }
    }
}

fn grace(value: &Value) -> Result<SignedDuration, String> {
    let grace = value.duration()?;
    if grace < LEAST_GRACE {
        return Err(format!(
            "{} is less than one hour, and a push in flight stores attestations that long before their index; give 1h or more",
            value.shown()
        ));
    }
    Ok(grace)
}

fn template(value: &Value) -> Result<Template, String> {
    let text = value.text()?;
    text.parse().map_err(|error| format!("the template {text:?} cannot be used: {error}"))
}
