//! What a run adds to the memory of a repository.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;

use jiff::Timestamp;

use super::entry::{Entry, ManifestFact};
use super::index_bytes::IndexBytesBuilder;
use super::moment::Moment;
use super::{RepositoryMemory, Sight};
use crate::inventory::{Role, role};
use crate::oci::digest::Digest;
use crate::oci::manifest::Manifest;

/// How long an image that is gone is remembered, unless something here still refers to it.
const GONE_KEPT: u32 = 90 * 24 * 60 * 60;

/// The manifests that were read in a run, compressed as they come.
#[derive(Debug, Default)]
pub struct Reads {
    indexes: IndexBytesBuilder,
    facts: BTreeMap<Digest, Option<ManifestFact>>,
}

impl Reads {
    /// Adds an index, with its verified bytes.
    pub fn add_index(&mut self, digest: Digest, bytes: &[u8]) {
        self.indexes.add(digest, bytes);
        self.facts.insert(digest, None);
    }

    /// Adds a manifest that is no index, and what its verified bytes proved.
    pub fn add_manifest(&mut self, digest: Digest, fact: ManifestFact) {
        self.facts.insert(digest, Some(fact));
    }
}

impl RepositoryMemory {
    /// Takes note of a complete listing and of what was read.
    pub fn observe(&mut self, sights: &[Sight], reads: Reads, now: Timestamp) {
        let clock = self.clock(now);
        self.meet(sights, clock);
        self.take_reads(sights, reads, now);
        self.forget_indexes();
        self.forget_gone(sights, clock);
        self.seen_at = Some(clock);
    }

    /// Makes the user's tags of this listing the baseline of `max_tag_loss`: after a run that could act, and that no
    /// loss stopped.
    pub fn accept_tags(&mut self, sights: &[Sight]) {
        let tagged: BTreeSet<Digest> =
            sights.iter().filter(|sight| sight.has_user_tag).map(|sight| sight.digest).collect();
        for entry in &mut self.entries {
            entry.in_baseline = tagged.contains(&entry.digest);
        }
    }

    /// Takes note of indexes that the janitor is about to delete, in case that its run is killed.
    pub fn begin_deletion(&mut self, indexes: &BTreeSet<Digest>) {
        for entry in &mut self.entries {
            entry.is_going = entry.has_bytes && indexes.contains(&entry.digest);
        }
    }

    /// Takes note of what a run deleted that was killed: what it was about to delete, and is not listed any more. Other
    /// indexes that are not listed any more went without the janitor, and what they listed counts no more as left behind.
    pub fn conclude_deletion(&mut self, sights: &[Sight], now: Timestamp) {
        let deleted = self.missing(sights, |entry| entry.is_going);
        if self.entries.iter().any(|entry| entry.is_going) {
            self.delete(&deleted, now);
        }
        let gone = self.missing(sights, |entry| entry.has_bytes);
        self.lose_parents(&gone);
    }

    /// The images of this kind that are not listed any more.
    fn missing(&self, sights: &[Sight], is_meant: impl Fn(&Entry) -> bool) -> BTreeSet<Digest> {
        let mut missing: BTreeSet<Digest> =
            self.entries.iter().filter(|entry| is_meant(entry)).map(|entry| entry.digest).collect();
        if !missing.is_empty() {
            for sight in sights {
                missing.remove(&sight.digest);
            }
        }
        missing
    }

    /// Takes note of images that the janitor deleted. Nothing is about to be deleted any more.
    pub fn delete(&mut self, deleted: &BTreeSet<Digest>, now: Timestamp) {
        let clock = self.clock(now);
        for (parent, child, as_platform_image) in self.children_of(|digest| deleted.contains(&digest)) {
            if let Some(entry) = self.entry_mut(child) {
                entry.leave_behind(parent, as_platform_image);
            }
        }
        self.entries.iter_mut().for_each(|entry| entry.is_going = false);
        for digest in deleted {
            if let Some(entry) = self.entry_mut(*digest) {
                entry.has_bytes = false;
                entry.gone_since.get_or_insert(clock);
            }
        }
        self.indexes = std::mem::take(&mut self.indexes).retain(|digest| !deleted.contains(&digest));
        self.seen_at = Some(clock);
    }

    /// Takes note of a read of this image: ECR will record it as a pull.
    pub fn note_read(&mut self, digest: Digest, listed_pull: Option<Timestamp>, now: Timestamp) {
        if let Some(entry) = self.entry_mut(digest).filter(|entry| !entry.is_gone()) {
            entry.own_reads.get_or_insert_default().add(now, listed_pull);
        }
    }

    /// Takes note of images that the janitor restored.
    pub fn restore(&mut self, restored: impl IntoIterator<Item = Digest>, now: Timestamp) {
        let clock = self.clock(now);
        for digest in restored {
            if self.entry(digest).is_none() {
                let at = self.entries.partition_point(|entry| entry.digest < digest);
                self.entries.insert(at, Entry::new(digest));
            }
            if let Some(entry) = self.entry_mut(digest) {
                entry.forget_sights();
                entry.restored_at = Some(clock);
            }
        }
        self.seen_at = Some(clock);
    }

    /// Compares what was here with what is here.
    fn meet(&mut self, sights: &[Sight], clock: Moment) {
        let mut sights: Vec<&Sight> = sights.iter().collect();
        sights.sort_unstable_by_key(|sight| sight.digest);
        sights.dedup_by_key(|sight| sight.digest);
        let known = std::mem::take(&mut self.entries);
        self.entries.reserve(known.len().max(sights.len()));
        let mut known = known.into_iter().peekable();
        for sight in sights {
            while let Some(mut gone) = known.next_if(|entry| entry.digest < sight.digest) {
                gone.gone_since.get_or_insert(clock);
                self.entries.push(gone);
            }
            self.entries.push(seen(&mut known, sight, clock));
        }
        self.entries.extend(known.map(|mut gone| {
            gone.gone_since.get_or_insert(clock);
            gone
        }));
    }

    fn take_reads(&mut self, sights: &[Sight], reads: Reads, now: Timestamp) {
        let indexes = reads.indexes.finish();
        if !indexes.is_empty() {
            let known = std::mem::take(&mut self.indexes);
            let is_known = |digest| self.entry(digest).is_some_and(|entry| entry.has_bytes);
            self.indexes = known.merge(&indexes, is_known);
        }
        for (digest, _) in indexes.iter() {
            if let Some(entry) = self.entry_mut(digest) {
                entry.has_bytes = true;
            }
        }
        for sight in sights {
            let Some(fact) = reads.facts.get(&sight.digest) else { continue };
            self.note_read(sight.digest, sight.pulled_at, now);
            if let Some(entry) = self.entry_mut(sight.digest) {
                entry.set_fact(*fact);
            }
        }
    }

    /// An index that went without the janitor: what it listed was not left behind by the janitor alone.
    fn forget_indexes(&mut self) {
        let is_gone = |entry: &Entry| entry.is_gone() && entry.has_bytes;
        let gone: BTreeSet<Digest> =
            self.entries.iter().filter(|entry| is_gone(entry)).map(|entry| entry.digest).collect();
        if gone.is_empty() {
            return;
        }
        self.lose_parents(&gone);
        self.entries.iter_mut().filter(|entry| entry.is_gone()).for_each(|entry| entry.has_bytes = false);
        self.indexes = std::mem::take(&mut self.indexes).retain(|digest| !gone.contains(&digest));
    }

    /// Takes note that these indexes went without the janitor.
    fn lose_parents(&mut self, gone: &BTreeSet<Digest>) {
        if gone.is_empty() {
            return;
        }
        for (_, child, _) in self.children_of(|digest| gone.contains(&digest)) {
            if let Some(entry) = self.entry_mut(child) {
                entry.lost_parent = true;
            }
        }
    }

    fn forget_gone(&mut self, sights: &[Sight], clock: Moment) {
        let here = self.entries.iter().filter(|entry| !entry.is_gone());
        let mut referred: BTreeSet<Digest> = here.filter_map(|entry| entry.fact()?.subject).collect();
        referred.extend(sights.iter().filter_map(|sight| sight.subject));
        let is_recent = |since: Moment| since.plus(GONE_KEPT) > clock;
        self.entries
            .retain(|entry| entry.gone_since.is_none_or(is_recent) || referred.contains(&entry.digest));
    }

    /// What these indexes list: the index, the child, and whether it is listed as a platform image.
    fn children_of(&self, wanted: impl Fn(Digest) -> bool) -> Vec<(Digest, Digest, bool)> {
        let mut children = Vec::new();
        for (parent, bytes) in self.indexes.iter().filter(|(digest, _)| wanted(*digest)) {
            let Ok(index) = Manifest::parse(&bytes) else { continue };
            let Ok(listed) = index.children() else { continue };
            let edge = |(child, descriptor)| (parent, child, role(descriptor) == Role::Platform);
            children.extend(listed.into_iter().map(edge));
        }
        children
    }
}

/// The entry of an image that is here.
fn seen(known: &mut Peekable<impl Iterator<Item = Entry>>, sight: &Sight, clock: Moment) -> Entry {
    let mut entry =
        known.next_if(|entry| entry.digest == sight.digest).unwrap_or_else(|| Entry::new(sight.digest));
    if entry.is_gone() {
        entry.forget_sights();
    }
    if sight.has_user_tag {
        entry.untagged_since = None;
    } else {
        entry.untagged_since.get_or_insert(clock);
    }
    entry
}
