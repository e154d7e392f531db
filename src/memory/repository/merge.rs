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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::repository::ManifestFact;
    use crate::oci::attestation::{Classified, Form};
    use crate::oci::digest::Digest;

    /// Both orders of merging two entries of one image.
    fn merged(change: impl Fn(&mut Entry), other: impl Fn(&mut Entry)) -> [Entry; 2] {
        let [mut one, mut two] = [(); 2].map(|()| Entry::new(Digest::of(b"it")));
        change(&mut one);
        other(&mut two);
        [one.clone().merge(two.clone()), two.merge(one)]
    }

    #[test]
    fn what_one_run_knows_of_an_image_both_know() {
        for entry in merged(|it| it.in_baseline = true, |_| {}) {
            assert!(entry.in_baseline && !entry.lost_parent && !entry.has_bytes);
        }
        for entry in merged(|it| it.lost_parent = true, |_| {}) {
            assert!(entry.lost_parent && !entry.in_baseline);
        }
        for entry in merged(|it| it.has_bytes = true, |_| {}) {
            assert!(entry.has_bytes && !entry.in_baseline);
        }
    }

    #[test]
    fn of_two_facts_that_differ_neither_is_believed() {
        let fact = |form| Some(ManifestFact { classified: Classified::attestation(form), subject: None });
        let (oci, legacy) = (fact(Form::Oci), fact(Form::Legacy));
        for (theirs, expected) in [(oci, oci), (legacy, None), (None, oci)] {
            for entry in merged(|it| it.set_fact(oci), |it| it.set_fact(theirs)) {
                assert_eq!(entry.fact(), expected);
            }
        }
    }
}
