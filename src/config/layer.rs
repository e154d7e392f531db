//! One layer of the configuration: the keys that a file or the environment gives.

use serde::Deserialize;

use crate::config::Mode;
use crate::config::backup::BackupPatch;
use crate::config::in_use::InUsePatch;
use crate::config::limits::LimitsPatch;
use crate::config::memory::MemoryPatch;
use crate::config::policy::PolicyPatch;
use crate::config::select::SelectPatch;

/// The keys that a file (but for its overrides) or the environment gives.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(super) struct Layer {
    /// The mode of the Lambda function; on the command line the verb is the mode.
    pub(super) mode: Option<Mode>,
    /// Which repositories take part.
    pub(super) select: SelectPatch,
    /// What happens to their attestations.
    pub(super) policy: PolicyPatch,
    /// What one run may do.
    pub(super) limits: LimitsPatch,
    /// Where runs leave what later ones should know.
    pub(super) memory: MemoryPatch,
    /// What is kept of what is deleted, where, and for how long.
    pub(super) backup: BackupPatch,
    /// Where to ask what runs.
    pub(super) in_use: InUsePatch,
}

/// A section of the file, by its keys.
#[derive(Debug)]
pub(super) struct Section {
    /// Its name; empty for the top of the file.
    pub(super) name: &'static str,
    pub(super) keys: &'static [&'static str],
    /// Whether the names of its variables contain its own: keys of several sections are called alike.
    is_in_variables: bool,
}

/// The one key outside of all sections.
pub(super) const MODE: &str = "mode";

const TOP: Section = Section { name: "", keys: &[MODE], is_in_variables: false };

/// The sections of [`Layer`].
pub(super) const SECTIONS: [Section; 6] = [
    Section { name: "select", keys: SelectPatch::KEYS, is_in_variables: false },
    Section { name: "policy", keys: PolicyPatch::KEYS, is_in_variables: false },
    Section { name: "limits", keys: LimitsPatch::KEYS, is_in_variables: false },
    Section { name: "memory", keys: MemoryPatch::KEYS, is_in_variables: true },
    Section { name: "backup", keys: BackupPatch::KEYS, is_in_variables: true },
    Section { name: "in_use", keys: InUsePatch::KEYS, is_in_variables: true },
];

impl Section {
    /// The top of the file and its sections.
    pub(super) fn all() -> impl Iterator<Item = &'static Self> {
        [&TOP].into_iter().chain(&SECTIONS)
    }

    /// The environment twin of a key.
    pub(super) fn variable(&self, key: &str) -> String {
        let section = if self.is_in_variables { format!("{}_", self.name) } else { String::new() };
        format!("{}{}", super::PREFIX, format!("{section}{key}").to_uppercase())
    }
}
