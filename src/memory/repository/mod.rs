//! The memory of a repository: what earlier runs learned of it. Pure.
//!
//! Whatever it says can only keep an image or save a call. What is deleted was read and proven in the run that
//! deletes it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::oci::digest::Digest;

mod entry;
mod format;
mod index_bytes;
mod merge;
mod moment;
mod observe;
mod own_reads;
mod sources;
mod tag_loss;

pub use entry::{LeftBehind, ManifestFact};
pub use format::Unusable;
pub use observe::Reads;
pub use sources::{Arrivals, Day, KnownPipeline};
pub use tag_loss::TagLoss;

use entry::Entry;
use index_bytes::IndexBytes;
use moment::Moment;
use sources::Sources;

/// A repository of a registry in a Region: what a memory, and a backup, is of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RepositoryId {
    /// The registry's id: the account, 12 digits.
    pub registry: String,
    /// The Region, as in `eu-central-1`.
    pub region: String,
    /// The repository's name.
    pub name: String,
}

impl std::fmt::Display for RepositoryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of the registry {} in {}", self.name, self.registry, self.region)
    }
}

/// An image as it is listed now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Its digest.
    pub digest: Digest,
    /// When its manifest was first stored.
    pub pushed_at: Option<Timestamp>,
    /// When it was last pulled, as ECR lists it: the janitor's own reads included.
    pub pulled_at: Option<Timestamp>,
    /// Whether it has a tag that the janitor did not write.
    pub has_user_tag: bool,
    /// The manifest that it refers to, as far as it is known.
    pub subject: Option<Digest>,
}

/// The memory of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryMemory {
    id: RepositoryId,
    /// The latest time at which a run looked. The clock of a memory never goes back.
    seen_at: Option<Moment>,
    /// In the order of digests.
    entries: Vec<Entry>,
    indexes: IndexBytes,
    sources: Sources,
}

/// What memory says of one image that is listed now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recalled {
    /// The last pull by others: ECR's pull time, without the janitor's own reads.
    pub pulled_at: Option<Timestamp>,
    /// The first run that saw it without a user's tag, since one that saw it with one; this run, if none did before.
    /// Nothing for an image that has a user's tag. Never before its push.
    pub untagged_at: Option<Timestamp>,
    /// What its bytes proved when they were read, unless it is an index: see [`RepositoryMemory::index_bytes`].
    pub fact: Option<ManifestFact>,
    /// The indexes that listed it and that the janitor deleted, if no others did.
    pub left_behind: Option<LeftBehind>,
    /// When the janitor restored it.
    pub restored_at: Option<Timestamp>,
}

impl RepositoryMemory {
    /// A memory of nothing.
    pub fn empty(id: RepositoryId) -> Self {
        Self {
            id,
            seen_at: None,
            entries: Vec::new(),
            indexes: IndexBytes::default(),
            sources: Sources::default(),
        }
    }

    /// The repository that this is a memory of.
    pub fn id(&self) -> &RepositoryId {
        &self.id
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What is known of an image as it is listed now.
    pub fn recall(&self, sight: &Sight, now: Timestamp) -> Recalled {
        let known = self.entry(sight.digest);
        let here_before = known.filter(|entry| !entry.is_gone());
        let since = here_before.and_then(|entry| entry.untagged_since);
        let untagged_at = since.unwrap_or_else(|| self.clock(now)).timestamp();
        let untagged_at = sight.pushed_at.map_or(untagged_at, |push| push.max(untagged_at));
        let own_reads = here_before.and_then(|entry| entry.own_reads.as_deref());
        Recalled {
            pulled_at: own_reads.map_or(sight.pulled_at, |own| own.pulled_by_others(sight.pulled_at)),
            untagged_at: (!sight.has_user_tag).then_some(untagged_at),
            fact: known.and_then(Entry::fact),
            left_behind: known.and_then(Entry::left_behind),
            restored_at: known.and_then(|entry| entry.restored_at).map(Moment::timestamp),
        }
    }

    /// The bytes of the indexes that are known, each with the digest that these bytes have.
    ///
    /// One after another, because they may be many; a digest that is not in the listing is of no use.
    pub fn index_bytes(&self) -> impl Iterator<Item = (Digest, Vec<u8>)> + '_ {
        self.indexes.iter()
    }

    /// The images that the janitor restored, with the last time.
    pub fn restored(&self) -> impl Iterator<Item = (Digest, Timestamp)> + '_ {
        self.entries.iter().filter_map(|entry| Some((entry.digest, entry.restored_at?.timestamp())))
    }

    /// Whether this image was ever seen here, now gone or not.
    pub fn was_here(&self, digest: Digest) -> bool {
        self.entry(digest).is_some()
    }

    /// Whether a pull time is one of the janitor's own reads of this image.
    pub fn explains_pull(&self, digest: Digest, pulled_at: Timestamp) -> bool {
        let own_reads = self.entry(digest).and_then(|entry| entry.own_reads.as_deref());
        own_reads.is_some_and(|own| own.explain(pulled_at))
    }

    /// The clock of this memory ahead of this time: then some clock is, or was, wrong, and what is superseded waits.
    pub fn ahead_of(&self, now: Timestamp) -> Option<Timestamp> {
        // To the second, as it is written down: the next run may begin within the second of the last one.
        self.seen_at.filter(|seen| *seen > Moment::ceil(now)).map(Moment::timestamp)
    }

    fn entry(&self, digest: Digest) -> Option<&Entry> {
        let found = self.entries.binary_search_by(|entry| entry.digest.cmp(&digest)).ok()?;
        self.entries.get(found)
    }

    fn entry_mut(&mut self, digest: Digest) -> Option<&mut Entry> {
        let found = self.entries.binary_search_by(|entry| entry.digest.cmp(&digest)).ok()?;
        self.entries.get_mut(found)
    }

    /// The time that is written down now: never before one that was.
    fn clock(&self, now: Timestamp) -> Moment {
        self.seen_at.map_or(Moment::ceil(now), |seen| seen.max(Moment::ceil(now)))
    }
}

#[cfg(test)]
mod tests;
