//! What bears on a repository from outside of it: replication, and what runs.

use super::replication::Replication;
use crate::in_use::Usage;
use crate::inventory::Inventory;

/// What bears on the repositories of a run from outside of them.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Where deletions go besides this registry.
    pub replication: Replication,
    /// What runs somewhere.
    pub usage: Usage,
}

impl Surroundings {
    /// Adds to an inventory what bears on it.
    pub(super) fn note(&self, repository: &str, inventory: &mut Inventory) {
        inventory.deletions_are_replicated = self.replication.covers(repository);
        inventory.in_use = self.usage.within(repository, inventory);
    }
}
