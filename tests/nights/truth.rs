//! The truth about a repository, from the record of those who use it: what they need, and what nobody can need.

use crate::clock::{DAY, HOUR, Ms};
use crate::kinds::Use;
use crate::repository::{Class, Id, Manifest, Presence, Repository};

/// How long people may still want an image back whose last tag has moved on.
const ROLLBACK: Ms = 14 * DAY;
/// How long a push may take until its index is there.
const PUSH: Ms = 24 * HOUR;

/// The periods after which nobody needs a manifest: the janitor's defaults and a night in which it could have acted.
const UNTAGGED: Ms = 31 * DAY;
const PULLED: Ms = 91 * DAY;
const YOUNG: Ms = 3 * DAY;

impl Repository {
    /// The manifests that must not be lost: tagged, running, archived or wanted back, with all that belongs to them.
    pub(crate) fn needed(&self, now: Ms) -> Vec<bool> {
        self.closure(|it, id| {
            self.is_in_use(it, id) || now - it.pushed < PUSH || it.had_tag && now - it.untagged < ROLLBACK
        })
    }

    /// The manifests that nobody can need any more, whether they are still there or not; what the people themselves
    /// deleted is none of them.
    pub(crate) fn dead(&self, now: Ms) -> Vec<bool> {
        let pulled = self.pulled_lately(now);
        let alive = self.closure(|it, id| {
            let may_be_root = it.had_tag || it.class == Class::Index;
            self.is_in_use(it, id)
                || now - it.pushed < YOUNG
                || may_be_root && now - it.untagged < UNTAGGED
                || pulled[id]
        });
        let mut dead: Vec<bool> = alive.iter().map(|alive| !alive).collect();
        for (id, it) in self.manifests.iter().enumerate() {
            dead[id] &= it.presence != Presence::Removed && self.kind.used != Use::OptedOut;
        }
        dead
    }

    fn is_in_use(&self, it: &Manifest, id: Id) -> bool {
        let by_digest = self.kind.used == Use::ByDigest && it.class == Class::Index;
        by_digest
            || self.kind.used == Use::OptedOut
            || !self.is_untagged(id)
            || it.is_archived
            || self.running.values().any(|running| *running == id)
    }

    /// What was pulled lately by its digest, and the indexes above it: a pull of what a tag reaches is explained by that.
    fn pulled_lately(&self, now: Ms) -> Vec<bool> {
        let tagged = self.closure(|_, id| !self.is_untagged(id));
        let mut pulled = vec![false; self.manifests.len()];
        let was_pulled = |it: &Manifest| it.pulled.is_some_and(|at| now - at < PULLED);
        let mut todo: Vec<Id> =
            (0..self.manifests.len()).filter(|id| was_pulled(&self.manifests[*id]) && !tagged[*id]).collect();
        while let Some(id) = todo.pop() {
            if !std::mem::replace(&mut pulled[id], true) {
                todo.extend(self.manifests[id].parents.iter().copied());
            }
        }
        pulled
    }

    /// Everything that belongs to the manifests that are needed themselves: children, companions, and one attestation of
    /// each image, by which clients can still find it.
    fn closure(&self, is_needed: impl Fn(&Manifest, Id) -> bool) -> Vec<bool> {
        let mut marked = vec![false; self.manifests.len()];
        let companions = self.companions();
        let is_there = |it: &Manifest| it.presence != Presence::Removed;
        let seeds = self.manifests.iter().enumerate().filter(|(id, it)| is_there(it) && is_needed(it, *id));
        let mut todo: Vec<Id> = seeds.map(|(id, _)| id).collect();
        loop {
            while let Some(id) = todo.pop() {
                if !std::mem::replace(&mut marked[id], true) {
                    todo.extend(&self.manifests[id].children);
                    todo.extend(&companions[id]);
                }
            }
            todo = self.last_attestations(&marked);
            if todo.is_empty() {
                return marked;
            }
        }
    }

    fn companions(&self) -> Vec<Vec<Id>> {
        let mut companions = vec![Vec::new(); self.manifests.len()];
        for (id, it) in self.manifests.iter().enumerate().filter(|(_, it)| it.class == Class::Companion) {
            if let Some(subject) = it.subject.filter(|_| it.presence != Presence::Removed) {
                companions[subject].push(id);
            }
        }
        companions
    }

    /// The newest attestation of each marked image without a marked one, among those that are found by their subject.
    fn last_attestations(&self, marked: &[bool]) -> Vec<Id> {
        let mut newest: Vec<Option<Id>> = vec![None; self.manifests.len()];
        let mut is_attested = vec![false; self.manifests.len()];
        for (id, it) in self.manifests.iter().enumerate().filter(|(_, it)| it.class == Class::Attestation) {
            let Some(subject) = it.subject.filter(|subject| marked[*subject]) else { continue };
            is_attested[subject] |= marked[id];
            let is_newer = newest[subject].is_none_or(|last| self.manifests[last].pushed <= it.pushed);
            if it.is_referrer && it.presence != Presence::Removed && is_newer {
                newest[subject] = Some(id);
            }
        }
        let wanted = newest.into_iter().zip(is_attested).filter(|(_, is_attested)| !is_attested);
        wanted.filter_map(|(newest, _)| newest).collect()
    }
}
