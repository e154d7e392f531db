//! `referrers = "follow"`: what goes after the images that it refers to, or with the indexes that list it.

use super::Judge;
use crate::inventory::graph::Set;
use crate::inventory::{Evidence, ImageIndex, PerImage, Role};
use crate::report::plan::DeletionTarget;
use crate::report::reason::Reason;
use crate::rules::identity::{Identity, is_referrer};
use crate::rules::verdict::Verdict;

impl Judge<'_> {
    pub(super) fn followers(&self, verdicts: &mut PerImage<Verdict>) {
        if !self.follows() || self.may_be_in_use() {
            return;
        }
        let mut goes: Set = verdicts.iter().map(|(_, verdict)| verdict.is_deletion()).collect();
        let mut todo: Vec<ImageIndex> = self.inventory.positions().filter(|p| goes[*p]).collect();
        let departed = self.inventory.positions().filter(|p| self.follows_its_subject(*p, &goes));
        let departed: Vec<ImageIndex> = departed.collect();
        let mut take = |position: ImageIndex, reason, goes: &mut Set, todo: &mut Vec<ImageIndex>| {
            if let Identity::Not(kind) = self.identities[position]
                && !std::mem::replace(&mut goes[position], true)
            {
                verdicts[position] = Verdict::delete(kind, reason);
                todo.push(position);
            }
        };
        for position in departed {
            take(position, Reason::FollowsItsSubject, &mut goes, &mut todo);
        }
        while let Some(gone) = todo.pop() {
            for referrer in self.inventory.referrers(gone) {
                if self.follows_its_subject(referrer, &goes) {
                    take(referrer, Reason::FollowsItsSubject, &mut goes, &mut todo);
                }
            }
            for edge in self.inventory.children(gone) {
                if self.goes_with_its_indexes(edge.child, &goes) {
                    take(edge.child, Reason::Superseded, &mut goes, &mut todo);
                }
            }
        }
    }

    /// A referrer that nobody needs, and whose subject goes.
    fn follows_its_subject(&self, position: ImageIndex, goes: &Set) -> bool {
        self.subject_goes(position, |subject| goes[subject])
            && is_referrer(self.inventory.image(position), self.identities[position]) == Some(true)
            && !matches!(self.inventory.image(position).evidence, Evidence::Read(read) if !read.has_subject)
            && self.may_follow(position, goes)
    }

    /// An artifact that refers to nothing, and that only deleted indexes list: a SOCI index, say.
    fn goes_with_its_indexes(&self, position: ImageIndex, goes: &Set) -> bool {
        let image = self.inventory.image(position);
        let is_artifact = match image.evidence {
            Evidence::Read(read) => read.is_artifact,
            Evidence::Unread => true,
            _ => false,
        };
        is_artifact && image.subject.is_none() && self.may_follow(position, goes)
    }

    fn may_follow(&self, position: ImageIndex, goes: &Set) -> bool {
        let Identity::Not(kind) = self.identities[position] else { return false };
        let mut parents = self.inventory.parents(position).iter();
        DeletionTarget::of_follower(kind).is_some()
            && matches!(self.inventory.image(position).evidence, Evidence::Unread | Evidence::Read(_))
            && parents.all(|edge| edge.role != Role::Platform && goes[edge.parent])
            && self.may_go(position)
            && !self.is_held_by_what_stays(position, goes)
    }
}
