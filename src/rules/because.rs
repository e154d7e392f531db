//! What a reason rests on: the digests and tags that people look at next. For people, never to act on.

use std::collections::HashMap;

use super::Judge;
use crate::inventory::{ImageIndex, ImageStatus, PerImage, Role, is_cosign_style};
use crate::oci::attestation::Kind;
use crate::report::reason::Reason;
use crate::rules::ancestors;
use crate::rules::tags;
use crate::rules::verdict::{MAX_LISTED, Verdict};

/// Images looked at for one row, at most: anybody may push a thousand indexes of one image.
const MAX_LOOKS: usize = 100;

/// The reasons of a repository's verdicts.
pub(super) struct Reasons<'a> {
    judge: Judge<'a>,
    verdicts: &'a PerImage<Verdict>,
    /// Indexes whose children are not known, the youngest first.
    unreadable: Vec<ImageIndex>,
    /// The orphan that is kept for each subject.
    kept: HashMap<ImageIndex, ImageIndex>,
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
        match verdict.reason {
            Reason::Tagged => list.user_tags(position),
            Reason::NotActive => self.untagged_above(position, |it| !self.is_active(it), &mut list),
            Reason::MayBeListed => self.unreadable_indexes(position, &mut list),
            Reason::HasReferrers => self.referrers(position, &mut list),
            Reason::Attached => {
                let tagged = self.above(position).into_iter().filter(|it| !self.is_untagged(*it));
                tagged.for_each(|index| list.tagged(index));
            }
            Reason::RecentlyPulled => self.pulled(position, &mut list),
            Reason::SupersededWithinGrace => {
                self.untagged_above(position, |it| self.judge.is_young_index(it), &mut list);
            }
            Reason::Superseded => self.superseded(position, verdict.kind(), &mut list),
            Reason::SubjectPresent => {
                let subject = self.judge.inventory.subject(position);
                subject.into_iter().for_each(|subject| list.tagged(subject));
            }
            Reason::Orphaned => self.other_attestation(position, &mut list),
            Reason::FollowsItsSubject => list.lines.extend(subject.map(|subject| subject.to_string())),
            Reason::NotAnAttestation => self.contradictions(position, &mut list),
            Reason::Unreadable | Reason::WithinGrace | Reason::Replicated | Reason::UntaggedRepository => {}
        }
        list.lines.truncate(MAX_LISTED);
        list.lines
    }

    fn is_active(&self, position: ImageIndex) -> bool {
        self.judge.inventory.image(position).status == ImageStatus::Active
    }

    fn is_untagged(&self, position: ImageIndex) -> bool {
        self.judge.inventory.image(position).tags.is_empty()
    }

    /// The indexes above an image, the nearest first, as many as anybody looks at.
    fn above(&self, position: ImageIndex) -> Vec<ImageIndex> {
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
    fn referrers(&self, position: ImageIndex, list: &mut List<'_>) {
        let inventory = self.judge.inventory;
        let above = self.above(position).into_iter().filter(|it| self.is_untagged(*it));
        for subject in [position].into_iter().chain(above) {
            let holds = |it: &ImageIndex| *it != subject && (!self.judge.follows() || self.judge.needed[*it]);
            inventory.referrers(subject).filter(holds).take(MAX_LISTED).for_each(|it| list.digest(it));
            if !self.judge.follows()
                && let Some(bearer) = inventory.signature_by_tag(subject)
            {
                list.cosign_tag(bearer, subject);
            }
            if subject != position
                && let Some(of) = inventory.image(subject).subject
            {
                list.digest(subject);
                list.line(of.to_string());
            }
        }
        if list.lines.is_empty() {
            let unknown = inventory.positions().filter(|it| self.judge.may_refer_to_anything(*it));
            unknown.take(MAX_LISTED).for_each(|it| list.digest(it));
        }
    }

    /// What was pulled: an index above, or something that only such indexes reach.
    fn pulled(&self, position: ImageIndex, list: &mut List<'_>) {
        let inventory = self.judge.inventory;
        let mut looked_at = self.above(position);
        for index in looked_at.clone() {
            let below = self.reached(index, |at, step| {
                inventory.children(at).iter().for_each(|edge| step(edge.child));
                inventory.referrers(at).for_each(step);
            });
            looked_at.extend(below.into_iter().take(MAX_LOOKS));
            if looked_at.len() > MAX_LOOKS {
                break;
            }
        }
        looked_at.into_iter().filter(|it| self.judge.flags.pulled_itself[*it]).for_each(|it| list.digest(it));
    }

    /// What goes first: of an index the attestations for whose sake it goes, of anything else the indexes that list it.
    fn superseded(&self, position: ImageIndex, kind: Kind, list: &mut List<'_>) {
        let inventory = self.judge.inventory;
        if kind == Kind::Index {
            let children = inventory.children(position).iter().map(|edge| edge.child);
            let goes = |it: &ImageIndex| {
                let verdict = &self.verdicts[*it];
                verdict.is_deletion() && matches!(verdict.kind(), Kind::Attestation | Kind::Index)
            };
            children.filter(goes).take(MAX_LISTED).for_each(|it| list.digest(it));
        } else {
            inventory.parents(position).iter().take(MAX_LOOKS).for_each(|edge| list.digest(edge.parent));
        }
    }

    /// Another attestation of an orphan's subject: one that is kept, or one that an index lists.
    fn other_attestation(&self, position: ImageIndex, list: &mut List<'_>) {
        let inventory = self.judge.inventory;
        let Some(subject) = inventory.subject(position) else { return };
        if let Some(kept) = self.kept.get(&subject) {
            return list.digest(*kept);
        }
        let digest = inventory.image(subject).digest;
        for parent in inventory.parents(subject).iter().take(MAX_LOOKS).map(|edge| edge.parent) {
            let children = inventory.children(parent).iter().take(MAX_LOOKS);
            let attests = |child| inventory.attested(child) == Some(digest);
            let is_other =
                |child: ImageIndex| self.verdicts[child].kind() == Kind::Attestation && attests(child);
            if self.verdicts[parent].is_deletion() {
                continue;
            }
            children.filter(|edge| is_other(edge.child)).for_each(|edge| list.digest(edge.child));
        }
    }

    fn contradictions(&self, position: ImageIndex, list: &mut List<'_>) {
        let parents = self.judge.inventory.parents(position).iter();
        let contradicts = parents.filter(|edge| matches!(edge.role, Role::Platform | Role::Contradiction));
        contradicts.take(MAX_LISTED).for_each(|edge| list.digest(edge.parent));
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

    fn cosign_tag(&mut self, bearer: ImageIndex, subject: ImageIndex) {
        let inventory = self.judge.inventory;
        let hex = inventory.image(subject).digest.hex();
        self.digest(bearer);
        let tags = inventory.image(bearer).tags.iter();
        let points = tags.filter(|tag| is_cosign_style(tag) && tag.contains(&hex)).take(MAX_LISTED);
        points.for_each(|tag| self.line(tag.to_string()));
    }
}
