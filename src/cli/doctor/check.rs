//! One line of the findings.

use serde::Serialize;

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub(super) enum Status {
    /// Nothing is missing.
    Ok,
    /// A run works, and does less than it could.
    Warn,
    /// A run fails, or leaves out a part.
    Fail,
}

/// One finding, with how to fix it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// What was looked at: `Identity`, `Permissions` ...
    pub(super) subject: &'static str,
    pub(super) status: Status,
    /// The finding, in a sentence.
    pub(super) text: String,
    /// The command that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) command: Option<String>,
    /// Whether without it nothing can be done at all.
    #[serde(skip)]
    pub(super) is_fatal: bool,
}

impl Check {
    fn new(subject: &'static str, status: Status, text: impl Into<String>) -> Self {
        Self { subject, status, text: text.into(), command: None, is_fatal: false }
    }

    pub(super) fn ok(subject: &'static str, text: impl Into<String>) -> Self {
        Self::new(subject, Status::Ok, text)
    }

    pub(super) fn warn(subject: &'static str, text: impl Into<String>) -> Self {
        Self::new(subject, Status::Warn, text)
    }

    pub(super) fn fail(subject: &'static str, text: impl Into<String>) -> Self {
        Self::new(subject, Status::Fail, text)
    }

    /// A failure after which nothing else can be looked at.
    pub(super) fn fatal(subject: &'static str, text: impl Into<String>) -> Self {
        Self { is_fatal: true, ..Self::fail(subject, text) }
    }

    /// The same, with the command that fixes it.
    pub(super) fn fixed_by(self, command: impl Into<String>) -> Self {
        Self { command: Some(command.into()), ..self }
    }
}
