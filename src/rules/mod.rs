//! The rules: an inventory, a policy and the time make one verdict per image. Pure; the heart of the janitor.
//!
//! The first rule that matches wins, in the order of [`Reason`]. Images that were not read yet are judged as if
//! they were what they seem to be, so that a verdict tells whether reading is worth a call; nothing is acted on
//! before its own bytes proved it (see [`verdict::expand`]).

use jiff::Timestamp;

use crate::config::policy::{Action, Policy, Referrers};
use crate::inventory::graph::{self, Set};
use crate::inventory::{Evidence, ImageIndex, ImageStatus, Inventory, PerImage};
use crate::oci::attestation::{Form, Kind};
use crate::report::plan::Artifact;
use crate::report::reason::{Reason, State};
use crate::rules::verdict::Verdict;

mod ancestors;
mod because;
pub mod explanation;
mod followers;
pub mod forecast;
mod identity;
mod images;
mod in_use;
pub mod limits;
mod needed;
pub mod reads;
mod sentence;
mod subjects;
pub mod tags;
pub mod verdict;

use ancestors::AncestorFlags;
use identity::{Identity, identify};
use in_use::Running;
use needed::Needs;
use tags::{bears_own_tag, has_user_tag};

/// How often the verdicts may be found again because an index lost the subject that held it. Chains of indexes that
/// refer to each other are not made by anybody.
const MAX_ROUNDS: usize = 8;

/// The verdict on every image.
pub fn judge(inventory: &Inventory, policy: &Policy, now: Timestamp) -> PerImage<Verdict> {
    let mut judge = Judge::new(inventory, policy, now);
    let held = judge.verdicts();
    let mut verdicts = held.clone();
    for _ in 0..MAX_ROUNDS {
        if !judge.release_indexes(&verdicts) {
            break;
        }
        verdicts = judge.verdicts();
    }
    // What was released must rest on what goes in the end.
    if judge.is_released_rightly(&verdicts) { verdicts } else { held }
}

struct Judge<'a> {
    inventory: &'a Inventory,
    policy: &'a Policy,
    now: Timestamp,
    identities: PerImage<Identity>,
    running: Running,
    needed: Set,
    /// The same with what an index that cannot be read may list: somebody may need that index.
    may_be_needed: Set,
    flags: AncestorFlags,
    /// The push of the youngest index whose children are not known.
    unreadable_index: Option<Timestamp>,
    /// Whether nothing bears a tag by which people find it.
    is_used_by_digest: bool,
    /// Whether some manifest may refer to anything, because the call that should have read it failed.
    has_unknown_subject: bool,
    /// Untagged indexes that are referrers, and whose subjects go.
    released: Set,
}

impl<'a> Judge<'a> {
    fn new(inventory: &'a Inventory, policy: &'a Policy, now: Timestamp) -> Self {
        let identities: PerImage<Identity> =
            inventory.positions().map(|position| identify(inventory, policy, now, position)).collect();
        let is_used_by_digest = needed::is_used_by_digest(inventory, policy);
        let unreadable_index = ancestors::youngest_unreadable_index(inventory);
        let running = Running::of(inventory, policy, &identities);
        let needs =
            Needs { inventory, policy, now, identities: &identities, running: &running, is_used_by_digest };
        let (needed, may_be_needed) = (needs.needed(None), needs.needed(unreadable_index));
        let flags = AncestorFlags::of(inventory, policy, now, &identities, unreadable_index);
        let released = PerImage::filled(inventory, false);
        let mut judge = Self {
            inventory,
            policy,
            now,
            identities,
            running,
            needed,
            may_be_needed,
            flags,
            unreadable_index,
            is_used_by_digest,
            has_unknown_subject: false,
            released,
        };
        judge.has_unknown_subject = inventory.positions().any(|it| judge.may_refer_to_anything(it));
        judge.flags.referred = judge.below_referred();
        judge
    }

    fn verdicts(&self) -> PerImage<Verdict> {
        let mut verdicts: PerImage<Verdict> =
            self.inventory.positions().map(|position| self.verdict(position)).collect();
        self.superseded_indexes(&mut verdicts);
        self.orphans_with_subject(&mut verdicts);
        self.superseded_images(&mut verdicts);
        self.followers(&mut verdicts);
        verdicts
    }

    fn verdict(&self, position: ImageIndex) -> Verdict {
        match self.identities[position] {
            Identity::Not(kind) => Verdict::keep(kind, Reason::NotAnAttestation),
            Identity::Unreadable if self.inventory.is_index(position) => {
                Verdict::keep(Kind::Index, Reason::Unreadable)
            }
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
        let has_its_tag = action == Action::Tag && bears_own_tag(self.inventory, self.policy, position);
        let action = if has_its_tag { Action::Keep } else { action };
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
        if has_user_tag(self.inventory, self.policy, position) {
            Reason::Tagged
        } else if self.running.holds(position) {
            Reason::InUse
        } else if image.status != ImageStatus::Active || self.flags.inactive[position] {
            Reason::NotActive
        } else if self.policy.within_grace(image.aged_from(), self.now) {
            Reason::WithinGrace
        } else if self.may_be_listed(position) {
            Reason::MayBeListed
        } else if self.is_referred(position) || self.flags.referred[position] {
            Reason::HasReferrers
        } else {
            match state {
                State::Attached => Reason::Attached,
                State::Orphaned if self.may_be_in_use() && self.inventory.subject(position).is_some() => {
                    Reason::InUseUnknown
                }
                State::Orphaned => Reason::Orphaned,
                State::Superseded => self.superseded(position),
            }
        }
    }

    fn superseded(&self, position: ImageIndex) -> Reason {
        if self.has_unknown_subject {
            Reason::HasReferrers
        } else if self.flags.pulled[position] {
            Reason::RecentlyPulled
        } else if self.inventory.deletions_are_replicated && self.policy.replicated != Action::Delete {
            Reason::Replicated
        } else if self.is_used_by_digest {
            Reason::UntaggedRepository
        } else if self.flags.young[position] {
            Reason::SupersededWithinGrace
        } else if self.may_be_in_use() {
            Reason::InUseUnknown
        } else {
            Reason::Superseded
        }
    }

    /// Whether the call failed that should have read what an image refers to.
    fn may_refer_to_anything(&self, position: ImageIndex) -> bool {
        let image = self.inventory.image(position);
        image.evidence == Evidence::CallFailed && image.subject.is_none() && !image.listed_type.is_image()
    }

    /// Whether a source that could not be read might have named anything.
    fn may_be_in_use(&self) -> bool {
        !self.inventory.in_use.is_whole()
    }

    fn is_young_index(&self, position: ImageIndex) -> bool {
        ancestors::is_young(self.inventory.image(position), self.policy, self.now)
    }

    fn follows(&self) -> bool {
        self.policy.referrers == Referrers::Follow
    }

    /// Whether an index whose children are not known could list this image, or an untagged index above it.
    fn may_be_listed(&self, position: ImageIndex) -> bool {
        let pushed_at = self.inventory.image(position).pushed_at;
        ancestors::could_be_listed(self.unreadable_index, pushed_at, self.policy)
            || self.flags.may_be_listed[position]
    }

    /// Whether something that refers to this image holds it.
    fn is_referred(&self, position: ImageIndex) -> bool {
        if self.follows() {
            self.inventory.referrers(position).any(|it| it != position && self.needed[it])
        } else {
            self.inventory.has_referrers(position)
        }
    }

    /// Everything below an untagged index to which something refers, or which itself refers to something that stays.
    fn below_referred(&self) -> Set {
        let refers = |p: &ImageIndex| self.inventory.image(*p).subject.is_some() && !self.released[*p];
        let indexes = ancestors::untagged_indexes(self.inventory);
        graph::below(self.inventory, indexes.filter(|p| refers(p) || self.is_referred(*p)))
    }

    /// Releases the untagged indexes whose subjects go by these verdicts; false if that changes nothing.
    fn release_indexes(&mut self, verdicts: &PerImage<Verdict>) -> bool {
        if !self.follows() {
            return false;
        }
        let released: Vec<ImageIndex> = ancestors::untagged_indexes(self.inventory)
            .filter(|p| !self.released[*p] && self.subject_goes(*p, |it| verdicts[it].is_deletion()))
            .collect();
        for position in &released {
            self.released[*position] = true;
        }
        if !released.is_empty() {
            self.flags.referred = self.below_referred();
        }
        !released.is_empty()
    }

    fn is_released_rightly(&self, verdicts: &PerImage<Verdict>) -> bool {
        let mut released = self.inventory.positions().filter(|p| self.released[*p]);
        released.all(|p| self.subject_goes(p, |it| verdicts[it].is_deletion()))
    }

    /// Whether an image refers to something that goes in this plan, or that was here and is gone.
    fn subject_goes(&self, position: ImageIndex, goes: impl Fn(ImageIndex) -> bool) -> bool {
        let Some(subject) = self.inventory.image(position).subject else { return false };
        match self.inventory.position(subject) {
            Some(subject) => subject != position && goes(subject),
            None => self.inventory.recollection.departed.contains(&subject),
        }
    }

    /// The indexes above an attestation that is deleted as superseded go before it. All of them are untagged,
    /// active, old, unreferred and unused: otherwise the attestation would not be deleted.
    fn superseded_indexes(&self, verdicts: &mut PerImage<Verdict>) {
        let deleted = self.inventory.positions().filter(|p| {
            let verdict = &verdicts[*p];
            verdict.reason == Reason::Superseded && verdict.is_deletion()
        });
        let going = graph::above(self.inventory, deleted);
        for position in self.inventory.positions().filter(|p| going[*p]) {
            verdicts[position] = Verdict::delete(Kind::Index, Reason::Superseded);
        }
    }

    /// `subject-present`: the newest orphan of an image that somebody may need may be the only attestation of it that
    /// clients can still find.
    fn orphans_with_subject(&self, verdicts: &mut PerImage<Verdict>) {
        if self.policy.orphaned_with_subject == Action::Delete {
            return;
        }
        for position in subjects::last_attestations(self.inventory, &self.may_be_needed, verdicts) {
            let verdict = &mut verdicts[position];
            verdict.reason = Reason::SubjectPresent;
            verdict.action = Action::Keep;
        }
    }
}

#[cfg(test)]
mod tests;
