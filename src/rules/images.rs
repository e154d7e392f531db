//! `superseded_images = "delete"`: the platform images that only deleted indexes list.

use super::Judge;
use crate::config::policy::Action;
use crate::inventory::graph::Set;
use crate::inventory::{Evidence, ImageIndex, ImageStatus, PerImage, Role};
use crate::oci::attestation::Kind;
use crate::report::reason::Reason;
use crate::rules::identity::is_referrer;
use crate::rules::verdict::Verdict;

impl Judge<'_> {
    pub(super) fn superseded_images(&self, verdicts: &mut PerImage<Verdict>) {
        // An index that cannot be read may list any of them, and a source that cannot be read may name any.
        let may_be_held = self.unreadable_index.is_some() || self.may_be_in_use();
        if self.policy.superseded_images != Action::Delete || may_be_held {
            return;
        }
        let goes: Set = verdicts.iter().map(|(_, verdict)| verdict.is_deletion()).collect();
        for position in self.inventory.positions().filter(|index| self.is_superseded_image(*index, &goes)) {
            verdicts[position] = Verdict::delete(Kind::Image, Reason::Superseded);
        }
    }

    fn is_superseded_image(&self, position: ImageIndex, goes: &Set) -> bool {
        let image = self.inventory.image(position);
        let parents = self.inventory.parents(position);
        let may_be_image = image.evidence == Evidence::Unread || image.evidence.kind() == Some(Kind::Image);
        let is_left = if parents.is_empty() {
            self.is_stranded(position)
        } else {
            parents.iter().all(|edge| edge.role == Role::Platform && goes[edge.parent])
        };
        may_be_image && is_left && self.may_go(position) && !self.is_held_by_what_stays(position, goes)
    }

    /// Whether only indexes listed an image which the janitor deleted in earlier runs.
    fn is_stranded(&self, position: ImageIndex) -> bool {
        self.policy.deletes_superseded()
            && self.inventory.recollection.stranded.contains(&self.inventory.image(position).digest)
            && !self.has_unknown_subject
            && !self.is_used_by_digest
            && (!self.inventory.deletions_are_replicated || self.policy.replicated == Action::Delete)
    }

    /// Whether nothing about an image that is no attestation holds it.
    pub(super) fn may_go(&self, position: ImageIndex) -> bool {
        let image = self.inventory.image(position);
        image.tags.is_empty()
            && image.status == ImageStatus::Active
            && !self.policy.within_grace(image.aged_from(), self.now)
            && !self.needed[position]
            && !self.may_be_listed(position)
    }

    /// Whether something that stays refers to an image, and is not known to be a referrer that nobody needs.
    pub(super) fn is_held_by_what_stays(&self, position: ImageIndex, goes: &Set) -> bool {
        if !self.follows() && self.inventory.is_signed_by_tag(position) {
            return true;
        }
        self.inventory.referrers(position).any(|it| !goes[it] && !self.lets_go(it))
    }

    fn lets_go(&self, referrer: ImageIndex) -> bool {
        let image = self.inventory.image(referrer);
        self.follows()
            && !self.needed[referrer]
            && is_referrer(image, self.identities[referrer]) == Some(true)
    }
}
