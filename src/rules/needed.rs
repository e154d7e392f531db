//! The images that somebody may need: what keeps referrers, and what an unlisted attestation may still speak of.

use jiff::Timestamp;

use crate::config::policy::{Action, Policy};
use crate::inventory::graph::{self, Set};
use crate::inventory::{Evidence, ImageIndex, ImageStatus, Inventory, PerImage};
use crate::oci::attestation::Kind;
use crate::rules::ancestors;
use crate::rules::identity::{Identity, is_referrer};
use crate::rules::in_use::Running;
use crate::rules::tags::is_root;

/// What makes the images of a repository needed.
pub(super) struct Needs<'a> {
    pub(super) inventory: &'a Inventory,
    pub(super) policy: &'a Policy,
    pub(super) now: Timestamp,
    pub(super) identities: &'a PerImage<Identity>,
    pub(super) running: &'a Running,
    pub(super) is_used_by_digest: bool,
}

impl Needs<'_> {
    /// The needed images.
    ///
    /// What a needed index lists is needed, what a needed referrer refers to, and the referrers of anything needed. A
    /// BuildKit attestation is no referrer. What is not known to be one or the other counts as a referrer where that keeps
    /// more, unless it is shown as an attestation: then it is read before anything rests on it. With the age of an index
    /// that cannot be read, what it could list counts as needed too.
    pub(super) fn needed(&self, unreadable_index: Option<Timestamp>) -> Set {
        let Self { inventory, policy, .. } = *self;
        let may_be_listed = |position: &ImageIndex| {
            ancestors::could_be_listed(unreadable_index, inventory.image(*position).pushed_at, policy)
        };
        let seeds = inventory.positions().filter(|it| self.is_needed_itself(*it) || may_be_listed(it));
        graph::reachable(inventory, seeds, |at, step| {
            inventory.children(at).iter().for_each(|edge| step(edge.child));
            inventory.subject(at).filter(|_| self.may_refer(at)).into_iter().for_each(&mut *step);
            inventory.referrers(at).filter(|referrer| self.refers(*referrer)).for_each(step);
        })
    }

    fn is_needed_itself(&self, position: ImageIndex) -> bool {
        let image = self.inventory.image(position);
        image.evidence != Evidence::Gone
            && (is_root(self.inventory, self.policy, position)
                || self.running.roots[position]
                || image.status != ImageStatus::Active
                || self.policy.within_grace(image.aged_from(), self.now)
                || self.policy.recently_pulled(self.inventory.pulled_by_others(position), self.now)
                || self.is_of_unknown_kind(position)
                || self.is_used_by_digest && self.is_image_or_index(position))
    }

    /// Unread, not shown to be anything, and not about to be read: it may be anything.
    fn is_of_unknown_kind(&self, position: ImageIndex) -> bool {
        let identity = self.identities[position];
        matches!(identity, Identity::Perhaps | Identity::Not(Kind::Unread) | Identity::Unreadable)
            && is_referrer(self.inventory.image(position), identity).is_none()
    }

    fn is_image_or_index(&self, position: ImageIndex) -> bool {
        matches!(self.identities[position], Identity::Not(Kind::Image | Kind::Index))
    }

    fn may_refer(&self, position: ImageIndex) -> bool {
        is_referrer(self.inventory.image(position), self.identities[position]) != Some(false)
    }

    fn refers(&self, position: ImageIndex) -> bool {
        let identity = self.identities[position];
        is_referrer(self.inventory.image(position), identity)
            .unwrap_or(!matches!(identity, Identity::Attestation(_) | Identity::Candidate))
    }
}

/// Whether a repository counts as used by digest: nothing in it bears a tag by which people find it.
pub(super) fn is_used_by_digest(inventory: &Inventory, policy: &Policy) -> bool {
    policy.superseded_without_tags != Action::Delete
        && !inventory.positions().any(|position| is_root(inventory, policy, position))
}
