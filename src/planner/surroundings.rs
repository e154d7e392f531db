//! What bears on a repository from outside of it: replication, and what runs.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::replication::Replication;
use crate::in_use::Usage;
use crate::inventory::Inventory;
use crate::report::usage::SourceUsage;

/// What bears on the repositories of a run from outside of them.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// Where deletions go besides this registry.
    pub replication: Replication,
    /// What runs somewhere.
    pub usage: Usage,
    /// How many images in use were found in the repositories so far.
    found: AtomicUsize,
}

impl Surroundings {
    /// What bears on repositories of which none was looked at yet.
    pub fn new(replication: Replication, usage: Usage) -> Self {
        Self { replication, usage, found: AtomicUsize::new(0) }
    }

    /// The warning of a run over all repositories in which nothing of what lists name was found: one with a mistake in each
    /// line protects nothing.
    pub(super) fn nothing_found(&self) -> Option<String> {
        let is_list = |source: &&SourceUsage| source.source.contains(':');
        let named: u64 = self.usage.sources.iter().filter(is_list).map(|source| source.images).sum();
        let is_missing = named > 0 && self.found.load(Ordering::Relaxed) == 0;
        is_missing.then(|| {
            format!(
                "the lists of images in use name {named} that may be of this registry, and none of them is there: nothing is kept on their account; check the names, tags and digests in them"
            )
        })
    }

    /// Adds to an inventory what bears on it.
    pub fn note(&self, repository: &str, inventory: &mut Inventory) {
        inventory.deletions_are_replicated = self.replication.covers(repository);
        inventory.in_use = self.usage.within(repository, inventory);
        self.found.fetch_add(inventory.in_use.images().count(), Ordering::Relaxed);
    }
}
