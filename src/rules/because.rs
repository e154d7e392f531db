//! What a reason rests on: the digests and tags that people look at next. For people, never to act on.

use std::collections::HashMap;

use super::Judge;
use crate::config::policy::Action;
use crate::inventory::{ImageIndex, ImageStatus, PerImage, is_cosign_style};
use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::report::reason::Reason;
use crate::rules::ancestors;
use crate::rules::tags;
use crate::rules::verdict::{MAX_LISTED, Verdict};

/// Images looked at for one row, at most: anybody may push a thousand indexes of one image.
const MAX_LOOKS: usize = 100;

/// The reasons of a repository's verdicts.
pub(super) struct Reasons<'a> {
    pub(super) judge: Judge<'a>,
    pub(super) verdicts: &'a PerImage<Verdict>,
    /// Indexes whose children are not known, the youngest first.
    pub(super) unreadable: Vec<ImageIndex>,
    /// The orphan that is kept for each subject.
    kept: HashMap<ImageIndex, ImageIndex>,
}

/// What refers to an image, or to an untagged index above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// A manifest with a subject.
    Referrer {
        /// The manifest.
        referrer: ImageIndex,
        /// The image, or an index above it.
        subject: ImageIndex,
    },
    /// An image with a cosign-style tag.
    CosignTag {
        /// The image.
        bearer: ImageIndex,
        /// What the tag names.
        subject: ImageIndex,
    },
    /// An index above that is itself a referrer.
    Refers {
        /// The index.
        index: ImageIndex,
        /// What it refers to.
        to: Digest,
    },
    /// A manifest that may refer to anything.
    Unknown(ImageIndex),
}

impl<'a> Reasons<'a> {
    pub(super) fn new(judge: Judge<'a>, verdicts: &'a PerImage<Verdict>) -> Self {
        let inventory = judge.inventory;
        let mut unreadable: Vec<ImageIndex> =
            inventory.positions().filter(|position| inventory.is_unreadable_index(*position)).collect();
        unreadable.sort_by_key(|index| std::cmp::Reverse(ancestors::age_of_unreadable(inventory, *index)));
        let is_kept = |verdict: &Verdict| verdict.reason == Reason::SubjectPresent;
        let kept = verdicts.iter().filter(|(_, verdict)| is_kept(verdict));
        let kept = kept.filter_map(|(position, _)| Some((inventory.subject(position)?, position))).collect();
        Self { judge, verdicts, unreadable, kept }
    }

    /// What the verdict on an image rests on.
    pub(super) fn of(&self, position: ImageIndex) -> Vec<String> {
        let verdict = &self.verdicts[position];
        let subject = self.judge.inventory.image(position).subject;
        let mut list = List { judge: &self.judge, lines: Vec::new() };
        match self.reason(position) {
            Reason::Tagged => list.user_tags(position),
            Reason::InUse => self.uses(position).into_iter().for_each(|used| list.used(used, position)),
            Reason::InUseUnknown => list.unread_sources(),
            Reason::NotActive => self.untagged_above(position, |it| !self.is_active(it), &mut list),
            Reason::MayBeListed => self.unreadable_indexes(position, &mut list),
            Reason::HasReferrers => self.holds(position).into_iter().for_each(|hold| list.hold(hold)),
            Reason::Attached => {
                let tagged = self.above(position).into_iter().filter(|it| !self.is_untagged(*it));
                tagged.for_each(|index| list.tagged(index));
            }
            Reason::RecentlyPulled => {
                self.pulled_ones(position).into_iter().for_each(|it| list.digest(it));
            }
            Reason::SupersededWithinGrace => {
                self.untagged_above(position, |it| self.judge.is_young_index(it), &mut list);
            }
            Reason::Superseded => self.superseded(position, verdict.kind(), &mut list),
            Reason::SubjectPresent => {
                let subject = self.judge.inventory.subject(position);
                subject.into_iter().for_each(|subject| list.tagged(subject));
                let is_needed = subject.is_none_or(|subject| self.judge.needed[subject]);
                let unreadable = self.unreadable.first().filter(|_| !is_needed);
                unreadable.into_iter().for_each(|index| list.digest(*index));
            }
            Reason::Orphaned => self.others(position).into_iter().for_each(|it| list.digest(it)),
            Reason::FollowsItsSubject => list.lines.extend(subject.map(|subject| subject.to_string())),
            Reason::NotAnAttestation if verdict.kind() == Kind::Suspect => {
                self.contradictions(position).into_iter().for_each(|it| list.digest(it));
            }
            Reason::NotAnAttestation => {
                list.all_tags(position);
                self.held_by(position).into_iter().for_each(|it| list.tagged(it));
            }
            Reason::Unreadable | Reason::WithinGrace | Reason::Replicated | Reason::UntaggedRepository => {}
        }
        list.lines.truncate(MAX_LISTED);
        list.lines
    }

    /// The action on an image: what its bytes do not prove is left alone.
    pub(super) fn action(&self, position: ImageIndex) -> Action {
        if self.is_unproven(position) { Action::Keep } else { self.verdicts[position].action }
    }

    /// The reason for it.
    pub(super) fn reason(&self, position: ImageIndex) -> Reason {
        if self.is_unproven(position) { Reason::Unreadable } else { self.verdicts[position].reason }
    }

    fn is_unproven(&self, position: ImageIndex) -> bool {
        let verdict = &self.verdicts[position];
        let evidence = self.judge.inventory.image(position).evidence;
        verdict.action != Action::Keep && verdict.proven_target(evidence).is_none()
    }

    pub(super) fn is_active(&self, position: ImageIndex) -> bool {
        self.judge.inventory.image(position).status == ImageStatus::Active
    }

    pub(super) fn is_untagged(&self, position: ImageIndex) -> bool {
        self.judge.inventory.image(position).tags.is_empty()
    }

    /// The indexes above an image, the nearest first, as many as anybody looks at.
    pub(super) fn above(&self, position: ImageIndex) -> Vec<ImageIndex> {
        self.reached(position, |at, step| {
            self.judge.inventory.parents(at).iter().for_each(|edge| step(edge.parent));
        })
    }

    /// What some steps lead to, without the beginning.
    fn reached(
        &self,
        position: ImageIndex,
        next: impl Fn(ImageIndex, &mut dyn FnMut(ImageIndex)),
    ) -> Vec<ImageIndex> {
        let mut found = vec![position];
        let mut at = 0;
        while at < found.len() && found.len() <= MAX_LOOKS {
            next(found[at], &mut |step| {
                if found.len() <= MAX_LOOKS && !found.contains(&step) {
                    found.push(step);
                }
            });
            at += 1;
        }
        found.remove(0);
        found
    }

    fn untagged_above(&self, position: ImageIndex, wanted: impl Fn(ImageIndex) -> bool, list: &mut List<'_>) {
        let above = self.above(position).into_iter().filter(|it| self.is_untagged(*it) && wanted(*it));
        above.for_each(|index| list.digest(index));
    }

    fn unreadable_indexes(&self, position: ImageIndex, list: &mut List<'_>) {
        let Judge { inventory, policy, .. } = self.judge;
        let mut listed = self.above(position);
        listed.retain(|it| self.is_untagged(*it));
        listed.push(position);
        let could_list = |index: &&ImageIndex| {
            let age = Some(ancestors::age_of_unreadable(inventory, **index));
            listed.iter().any(|it| ancestors::could_be_listed(age, inventory.image(*it).pushed_at, policy))
        };
        self.unreadable.iter().take_while(could_list).take(MAX_LISTED).for_each(|index| list.digest(*index));
    }

    /// Who refers to an image, or to an untagged index above it; and such indexes that refer to something themselves.
    pub(super) fn holds(&self, position: ImageIndex) -> Vec<Hold> {
        let inventory = self.judge.inventory;
        let mut holds = Vec::new();
        let above = self.above(position).into_iter().filter(|it| self.is_untagged(*it));
        for subject in [position].into_iter().chain(above) {
            let holds_it =
                |it: &ImageIndex| *it != subject && (!self.judge.follows() || self.judge.needed[*it]);
            let referrers = inventory.referrers(subject).filter(holds_it).take(MAX_LISTED);
            holds.extend(referrers.map(|referrer| Hold::Referrer { referrer, subject }));
            if !self.judge.follows()
                && let Some(bearer) = inventory.signature_by_tag(subject)
            {
                holds.push(Hold::CosignTag { bearer, subject });
            }
            if subject != position
                && let Some(to) = inventory.image(subject).subject
            {
                holds.push(Hold::Refers { index: subject, to });
            }
        }
        // An index whose own subject goes holds nothing any more.
        let is_past = |hold: &Hold| match hold {
            Hold::Refers { index, .. } => {
                self.judge.follows()
                    && self.judge.subject_goes(*index, |subject| self.verdicts[subject].is_deletion())
            }
            _ => false,
        };
        if !holds.iter().all(is_past) {
            holds.retain(|hold| !is_past(hold));
        }
        if holds.is_empty() {
            let unknown = inventory.positions().filter(|it| self.judge.may_refer_to_anything(*it));
            holds.extend(unknown.take(MAX_LISTED).map(Hold::Unknown));
        }
        holds
    }

    /// What makes an image one in use: itself, an index above, or something that only such an index holds.
    pub(super) fn uses(&self, position: ImageIndex) -> Vec<ImageIndex> {
        let running = &self.judge.running;
        let mut looked_at = vec![position];
        looked_at.extend(self.above(position).into_iter().filter(|it| running.roots[*it]));
        for index in looked_at.clone() {
            looked_at.extend(self.below(index));
            if looked_at.len() > MAX_LOOKS {
                break;
            }
        }
        let inventory = self.judge.inventory;
        looked_at.retain(|it| inventory.in_use.names(inventory.image(*it).digest));
        looked_at.dedup();
        looked_at
    }

    /// What an index lists and what refers to that, as far as anybody looks.
    fn below(&self, index: ImageIndex) -> Vec<ImageIndex> {
        let inventory = self.judge.inventory;
        let mut below = self.reached(index, |at, step| {
            inventory.children(at).iter().for_each(|edge| step(edge.child));
            inventory.referrers(at).for_each(step);
        });
        below.truncate(MAX_LOOKS);
        below
    }

    /// What was pulled: an index above, or something that only such indexes reach.
    pub(super) fn pulled_ones(&self, position: ImageIndex) -> Vec<ImageIndex> {
        let mut looked_at = self.above(position);
        for index in looked_at.clone() {
            looked_at.extend(self.below(index));
            if looked_at.len() > MAX_LOOKS {
                break;
            }
        }
        looked_at.retain(|it| self.judge.flags.pulled_itself[*it]);
        looked_at
    }

    /// What goes first: of an index the attestations for whose sake it goes, of anything else the indexes that list it.
    fn superseded(&self, position: ImageIndex, kind: Kind, list: &mut List<'_>) {
        let inventory = self.judge.inventory;
        if kind == Kind::Index {
            self.going_children(position).into_iter().for_each(|it| list.digest(it));
        } else {
            inventory.parents(position).iter().take(MAX_LOOKS).for_each(|edge| list.digest(edge.parent));
        }
    }

    /// The attestations and indexes for whose sake an index goes.
    pub(super) fn going_children(&self, position: ImageIndex) -> Vec<ImageIndex> {
        let children = self.judge.inventory.children(position).iter().map(|edge| edge.child);
        let goes = |it: &ImageIndex| {
            let verdict = &self.verdicts[*it];
            verdict.is_deletion() && matches!(verdict.kind(), Kind::Attestation | Kind::Index)
        };
        children.filter(goes).take(MAX_LISTED).collect()
    }

    /// Other attestations of an orphan's subject: one that is kept, or those that an index lists.
    pub(super) fn others(&self, position: ImageIndex) -> Vec<ImageIndex> {
        let inventory = self.judge.inventory;
        let Some(subject) = inventory.subject(position) else { return Vec::new() };
        if let Some(kept) = self.kept.get(&subject) {
            return vec![*kept];
        }
        let digest = inventory.image(subject).digest;
        let mut others = Vec::new();
        for parent in inventory.parents(subject).iter().take(MAX_LOOKS).map(|edge| edge.parent) {
            let children = inventory.children(parent).iter().take(MAX_LOOKS);
            let attests = |child| inventory.attested(child) == Some(digest);
            let is_other =
                |child: ImageIndex| self.verdicts[child].kind() == Kind::Attestation && attests(child);
            if self.verdicts[parent].is_deletion() {
                continue;
            }
            others.extend(children.map(|edge| edge.child).filter(|child| is_other(*child)));
        }
        others
    }
}

/// Digests and tags, each once.
struct List<'a> {
    judge: &'a Judge<'a>,
    lines: Vec<String>,
}

impl List<'_> {
    fn line(&mut self, line: String) {
        if self.lines.len() < MAX_LISTED && !self.lines.contains(&line) {
            self.lines.push(line);
        }
    }

    fn digest(&mut self, position: ImageIndex) {
        self.line(self.judge.inventory.image(position).digest.to_string());
    }

    /// An image in use with what uses it.
    fn used(&mut self, used: ImageIndex, position: ImageIndex) {
        if used != position {
            self.digest(used);
        }
        let inventory = self.judge.inventory;
        let users = inventory.in_use.users(inventory.image(used).digest);
        users.iter().for_each(|user| self.line(user.to_string()));
    }

    fn unread_sources(&mut self) {
        let sources = self.judge.inventory.in_use.unread();
        sources.iter().for_each(|source| self.line(source.to_string()));
    }

    fn user_tags(&mut self, position: ImageIndex) {
        let Judge { inventory, policy, .. } = *self.judge;
        let tags = inventory.image(position).tags.iter();
        let mine = tags.filter(|tag| !tags::is_own(inventory, policy, position, tag)).take(MAX_LISTED);
        mine.for_each(|tag| self.line(tag.to_string()));
    }

    fn tagged(&mut self, position: ImageIndex) {
        self.digest(position);
        self.user_tags(position);
    }

    fn all_tags(&mut self, position: ImageIndex) {
        let tags = self.judge.inventory.image(position).tags.iter().take(MAX_LISTED);
        tags.for_each(|tag| self.line(tag.to_string()));
    }

    fn hold(&mut self, hold: Hold) {
        match hold {
            Hold::Referrer { referrer, .. } => self.digest(referrer),
            Hold::CosignTag { bearer, subject } => self.cosign_tag(bearer, subject),
            Hold::Refers { index, to } => {
                self.digest(index);
                self.line(to.to_string());
            }
            Hold::Unknown(unread) => self.digest(unread),
        }
    }

    fn cosign_tag(&mut self, bearer: ImageIndex, subject: ImageIndex) {
        let inventory = self.judge.inventory;
        let hex = inventory.image(subject).digest.hex();
        self.digest(bearer);
        let tags = inventory.image(bearer).tags.iter();
        let points = tags.filter(|tag| is_cosign_style(tag) && tag.contains(&hex)).take(MAX_LISTED);
        points.for_each(|tag| self.line(tag.to_string()));
    }
}
