//! Two runs' memories of one repository, as one: of two facts the one that keeps more.

use std::cmp::Ordering;

use super::RepositoryMemory;
use super::entry::Entry;

impl RepositoryMemory {
    /// Takes in what another run has written meanwhile.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.seen_at = self.seen_at.max(other.seen_at);
        self.sources.merge(other.sources);
        let mine = std::mem::take(&mut self.indexes);
        self.indexes =
            mine.merge(&other.indexes, |digest| self.entry(digest).is_some_and(|entry| entry.has_bytes));
        let mut mine = std::mem::take(&mut self.entries).into_iter().peekable();
        let mut theirs = other.entries.into_iter().peekable();
        while let (Some(one), Some(two)) = (mine.peek(), theirs.peek()) {
            let next = match one.digest.cmp(&two.digest) {
                Ordering::Less => mine.next(),
                Ordering::Greater => theirs.next(),
                Ordering::Equal => mine.next().zip(theirs.next()).map(|(one, two)| one.merge(two)),
            };
            self.entries.extend(next);
        }
        self.entries.extend(mine.chain(theirs));
        self
    }
}

impl Entry {
    fn merge(mut self, other: Self) -> Self {
        // Seen with a tag by one of them: it loses it later. Seen by one of them: it is here.
        self.untagged_since = self.untagged_since.zip(other.untagged_since).map(|(one, two)| one.max(two));
        self.gone_since = self.gone_since.zip(other.gone_since).map(|(one, two)| one.max(two));
        self.restored_at = self.restored_at.max(other.restored_at);
        self.in_baseline |= other.in_baseline;
        self.lost_parent |= other.lost_parent;
        self.has_bytes |= other.has_bytes;
        // Only where both say so: otherwise one of them has seen that it is still here.
        self.is_going &= other.is_going;
        if let Some(left) = &other.left {
            self.leave_behind(left.by, left.as_platform_image);
        }
        if let Some(theirs) = other.own_reads.as_deref() {
            self.own_reads.get_or_insert_default().merge(theirs);
        }
        let fact = match (self.fact(), other.fact()) {
            // One of them is wrong: it is read again.
            (Some(mine), Some(theirs)) if mine != theirs => None,
            (mine, theirs) => mine.or(theirs),
        };
        self.set_fact(fact);
        self
    }
}
