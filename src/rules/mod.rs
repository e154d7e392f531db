//! The rules: an inventory, a policy and the time make one verdict per image. Pure; the heart of the janitor.
//!
//! The first rule that matches wins, in the order of [`Reason`]. Images that were not read yet are judged as if
//! they were what they seem to be, so that a verdict tells whether reading is worth a call; nothing is acted on
//! before its own bytes proved it (see [`verdict::expand`]).

use jiff::Timestamp;

use crate::config::policy::{Action, Policy};
use crate::inventory::graph::{self, Set};
use crate::inventory::{Evidence, ImageIndex, ImageStatus, Inventory, PerImage, Role};
use crate::oci::attestation::{Form, Kind};
use crate::report::plan::Artifact;
use crate::report::reason::{Reason, State};
use crate::rules::verdict::Verdict;

mod identity;
pub mod limits;
mod subjects;
pub mod verdict;

use identity::{Identity, identify};

/// The verdict on every image.
pub fn judge(inventory: &Inventory, policy: &Policy, now: Timestamp) -> PerImage<Verdict> {
    let flags = AncestorFlags::of(inventory, policy, now);
    let judge = Judge { inventory, policy, now, flags };
    let mut verdicts: PerImage<Verdict> =
        inventory.positions().map(|position| judge.verdict(position)).collect();
    judge.superseded_indexes(&mut verdicts);
    judge.orphans_with_subject(&mut verdicts);
    judge.superseded_images(&mut verdicts);
    verdicts
}

struct Judge<'a> {
    inventory: &'a Inventory,
    policy: &'a Policy,
    now: Timestamp,
    flags: AncestorFlags,
}

/// Flags of images that come from the indexes above them.
struct AncestorFlags {
    tagged: Set,
    inactive: Set,
    referred: Set,
    young: Set,
    pulled: Set,
}

impl AncestorFlags {
    fn of(inventory: &Inventory, policy: &Policy, now: Timestamp) -> Self {
        let image = |position| inventory.image(position);
        let is_root = |position: &ImageIndex| has_user_tag(inventory, policy, *position);
        let indexes = |tagged: bool| {
            inventory
                .positions()
                .filter(move |p| inventory.is_index(*p) && image(*p).tags.is_empty() != tagged)
        };
        let below = |wanted: &dyn Fn(ImageIndex) -> bool| {
            graph::below(inventory, indexes(false).filter(|p| wanted(*p)))
        };
        let was_pulled = |position: ImageIndex| policy.recently_pulled(image(position).pulled_at, now);
        // What is not known to be an attestation or a referrer is taken for both: unsure means in use.
        let [in_use, or_in_use] = [true, false].map(|unknown| {
            let refers = |p| identity::is_referrer(inventory, policy, now, p).unwrap_or(unknown);
            let rooted = graph::closure(inventory, inventory.positions().filter(is_root), refers);
            let pulled = inventory.positions().filter(|p| !rooted[*p] && was_pulled(*p));
            graph::reaching(inventory, pulled, refers)
        });
        Self {
            tagged: graph::below(inventory, indexes(true)),
            inactive: below(&|p| image(p).status != ImageStatus::Active),
            referred: below(&|p| image(p).subject.is_some() || inventory.has_referrers(p)),
            young: below(&|p| policy.index_within_grace(image(p).pushed_at, now)),
            pulled: below(&|p| in_use[p] || or_in_use[p] || was_pulled(p)),
        }
    }
}

/// Whether a tag makes this image a root. The janitor's own tag does not; on an index every tag does, because the
/// janitor never tags one.
fn has_user_tag(inventory: &Inventory, policy: &Policy, position: ImageIndex) -> bool {
    let image = inventory.image(position);
    let own = |tag: &str| policy.tag_template.is_own(tag, image.digest) && !inventory.is_index(position);
    image.tags.iter().any(|tag| !own(tag))
}

impl Judge<'_> {
    fn verdict(&self, position: ImageIndex) -> Verdict {
        match identify(self.inventory, self.policy, self.now, position) {
            Identity::Not(kind) => Verdict::keep(kind, Reason::NotAnAttestation),
            Identity::Unreadable => Verdict::keep(Kind::Unread, Reason::Unreadable),
            Identity::Attestation(form) => self.attestation(position, form),
            Identity::Candidate => Verdict { candidate: true, ..self.attestation(position, Form::Unread) },
            Identity::Perhaps => {
                // Listed, and nothing speaks for an attestation yet: worth a look only if it would be acted on.
                let believed = self.attestation(position, Form::Unread);
                if believed.action == Action::Keep {
                    Verdict::keep(Kind::Unread, Reason::NotAnAttestation)
                } else {
                    believed
                }
            }
        }
    }

    fn attestation(&self, position: ImageIndex, form: Form) -> Verdict {
        let state = self.state(position);
        let reason = self.reason(position, state);
        let action = match reason {
            Reason::Attached => self.policy.attached,
            Reason::Superseded => self.policy.superseded,
            Reason::Orphaned => self.policy.orphaned,
            _ => Action::Keep,
        };
        let action =
            if action == Action::Tag && self.bears_own_tag(position) { Action::Keep } else { action };
        Verdict { artifact: Artifact::Attestation { form, state }, reason, action, candidate: false }
    }

    fn state(&self, position: ImageIndex) -> State {
        if self.flags.tagged[position] {
            State::Attached
        } else if self.inventory.parents(position).is_empty() {
            State::Orphaned
        } else {
            State::Superseded
        }
    }

    fn reason(&self, position: ImageIndex, state: State) -> Reason {
        let image = self.inventory.image(position);
        let on = |flag: &Set| flag[position];
        if has_user_tag(self.inventory, self.policy, position) {
            Reason::Tagged
        } else if image.status != ImageStatus::Active || on(&self.flags.inactive) {
            Reason::NotActive
        } else if self.policy.within_grace(image.pushed_at, self.now) {
            Reason::WithinGrace
        } else if self.inventory.has_referrers(position) || on(&self.flags.referred) {
            Reason::HasReferrers
        } else if state == State::Attached {
            Reason::Attached
        } else if state == State::Orphaned {
            Reason::Orphaned
        } else if on(&self.flags.pulled) {
            Reason::RecentlyPulled
        } else if on(&self.flags.young) {
            Reason::SupersededWithinGrace
        } else {
            Reason::Superseded
        }
    }

    fn bears_own_tag(&self, position: ImageIndex) -> bool {
        let image = self.inventory.image(position);
        image.tags.iter().any(|tag| self.policy.tag_template.is_own(tag, image.digest))
    }

    /// The indexes above an attestation that is deleted as superseded go before it. All of them are untagged,
    /// active, old, unreferred and unused: otherwise the attestation would not be deleted.
    fn superseded_indexes(&self, verdicts: &mut PerImage<Verdict>) {
        let deleted = self.inventory.positions().filter(|p| {
            let verdict = &verdicts[*p];
            verdict.reason == Reason::Superseded && verdict.action == Action::Delete
        });
        let going = graph::above(self.inventory, deleted);
        for position in self.inventory.positions().filter(|p| going[*p]) {
            verdicts[position] = Verdict::delete_superseded(Kind::Index);
        }
    }

    /// `subject-present`: the orphan may be the only attestation of an image that clients can still find.
    fn orphans_with_subject(&self, verdicts: &mut PerImage<Verdict>) {
        if self.policy.orphaned_with_subject == Action::Delete {
            return;
        }
        let attested = subjects::attested_by_what_stays(self.inventory, verdicts);
        for position in self.inventory.positions() {
            let verdict = &mut verdicts[position];
            if verdict.reason == Reason::Orphaned
                && let Some(subject) = self.inventory.subject(position)
                && !attested.contains(&subject)
            {
                verdict.reason = Reason::SubjectPresent;
                verdict.action = Action::Keep;
            }
        }
    }

    /// `superseded_images = "delete"`: the platform images that only deleted indexes list.
    fn superseded_images(&self, verdicts: &mut PerImage<Verdict>) {
        if self.policy.superseded_images != Action::Delete {
            return;
        }
        let goes: Set = verdicts.iter().map(|(_, verdict)| verdict.action == Action::Delete).collect();
        for position in self.inventory.positions().filter(|index| self.is_superseded_image(*index, &goes)) {
            verdicts[position] = Verdict::delete_superseded(Kind::Image);
        }
    }

    fn is_superseded_image(&self, position: ImageIndex, goes: &Set) -> bool {
        let image = self.inventory.image(position);
        let parents = self.inventory.parents(position);
        let may_be_image = image.evidence == Evidence::Unread || image.evidence.kind() == Some(Kind::Image);
        let signed_or_subject_of_what_stays = self.inventory.is_signed_by_tag(position)
            || self.inventory.referrers(position).any(|referrer| !goes[referrer]);
        may_be_image
            && !parents.is_empty()
            && parents.iter().all(|edge| edge.role == Role::Platform && goes[edge.parent])
            && image.tags.is_empty()
            && image.status == ImageStatus::Active
            && !self.policy.within_grace(image.pushed_at, self.now)
            && !signed_or_subject_of_what_stays
    }
}

#[cfg(test)]
mod tests;
