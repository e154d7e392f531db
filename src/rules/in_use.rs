//! What runs somewhere: the images that sources name, and the indexes that alone hold them.

use crate::config::policy::Policy;
use crate::inventory::graph::{self, Set};
use crate::inventory::{ImageIndex, Inventory, PerImage};
use crate::rules::identity::{Identity, is_referrer};
use crate::rules::tags::is_root;

/// The images of a repository that are in use.
pub(super) struct Running {
    /// Those that a source names, and the untagged indexes that hold one of them which no tag reaches.
    pub(super) roots: Set,
    /// Whatever the indexes among these list, directly or through other indexes.
    pub(super) below: Set,
}

impl Running {
    /// Works out what is in use. An image that several untagged indexes hold keeps all of them: nobody knows by which it
    /// was deployed.
    pub(super) fn of(inventory: &Inventory, policy: &Policy, identities: &PerImage<Identity>) -> Self {
        let nothing = PerImage::filled(inventory, false);
        if inventory.in_use.is_empty() {
            return Self { roots: nothing.clone(), below: nothing };
        }
        let names = |position: ImageIndex| inventory.in_use.names(inventory.image(position).digest);
        let refers = |position, unknown| {
            is_referrer(inventory.image(position), identities[position]).unwrap_or(unknown)
        };
        // What is not known to refer to anything leads up, and lets no tag reach further: unsure means in use.
        let tagged = inventory.positions().filter(|p| is_root(inventory, policy, *p));
        let reached = graph::closure(inventory, tagged, |p| refers(p, false));
        let alone = inventory.positions().filter(|p| names(*p) && !reached[*p]);
        let above = graph::reaching(inventory, alone, |p| refers(p, true));
        let holds = |p| above[p] && inventory.is_index(p) && inventory.image(p).tags.is_empty();
        let roots: Set = inventory.positions().map(|p| names(p) || holds(p)).collect();
        let below = graph::below(inventory, inventory.positions().filter(|p| roots[*p]));
        Self { roots, below }
    }

    /// Whether an image is in use, or part of an index that is.
    pub(super) fn holds(&self, position: ImageIndex) -> bool {
        self.roots[position] || self.below[position]
    }
}
