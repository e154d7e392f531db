//! How reading a source of images in use went.

use serde::{Deserialize, Serialize};

/// A source of images in use, and how reading it went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SourceUsage {
    /// Its name, as the configuration has it.
    pub source: String,
    /// References that may be of this registry.
    pub images: u64,
    /// References to images of other registries and Regions, which are left out.
    pub elsewhere: u64,
    /// Why it could not be read, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Whether a later run may read it all by itself: for the queue.
    #[serde(skip)]
    pub heals: bool,
}

impl SourceUsage {
    /// A source that was read, before anything is counted.
    pub fn new(source: String) -> Self {
        Self { source, ..Self::default() }
    }

    /// A source that could not be read.
    pub fn failed(source: String, detail: String) -> Self {
        Self { detail: Some(detail), ..Self::new(source) }
    }
}

/// The sources of two parts of a run: each is told once, and one that failed in either has failed.
pub(super) fn merged(one: Vec<SourceUsage>, two: Vec<SourceUsage>) -> Vec<SourceUsage> {
    let mut sources = [one, two].concat();
    sources.sort_by(|a, b| (&a.source, &b.detail).cmp(&(&b.source, &a.detail)));
    sources.dedup_by(|next, kept| next.source == kept.source);
    sources
}
