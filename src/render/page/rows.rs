//! The decisions that a page draws one by one, when there is not room for all.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::tables::Tables;
use crate::oci::digest::Digest;
use crate::report::RepositoryReport;
use crate::report::decision::Decision;
use crate::report::outcome::OutcomeName;
use crate::report::reason::Reason;

/// The decisions of a repository: those that are drawn, and those that are only counted.
#[derive(Debug, Default)]
pub(super) struct Rows<'a> {
    pub(super) drawn: Vec<&'a Decision>,
    counted: Vec<&'a Decision>,
}

/// Decisions of one class: its number, how many they are, and their bytes.
pub(super) type Folded = (usize, u64, u64);

/// How much a decision is worth a look: what acts or failed, what stays for a reason of its own, and the rest.
fn tier(row: &Decision) -> usize {
    match (row.outcome, row.image.reason) {
        (OutcomeName::Kept, Reason::Attached) => 2,
        (OutcomeName::Kept, _) => 1,
        _ => 0,
    }
}
const TIERS: usize = 3;

/// So many decisions in all: tier by tier, and within one so that small repositories are whole before large ones are.
pub(super) fn choose(repositories: &[RepositoryReport], most: usize) -> Vec<Rows<'_>> {
    let mut chosen: Vec<Rows<'_>> = repositories.iter().map(|_| Rows::default()).collect();
    let mut left = most;
    for wanted in 0..TIERS {
        let of_tier = |it: &RepositoryReport| it.decisions.iter().filter(|row| tier(row) == wanted).count();
        let shares = shares(&repositories.iter().map(of_tier).collect::<Vec<_>>(), left);
        left -= shares.iter().sum::<usize>();
        for ((repository, rows), share) in repositories.iter().zip(&mut chosen).zip(shares) {
            let mut of_tier: Vec<&Decision> =
                repository.decisions.iter().filter(|row| tier(row) == wanted).collect();
            if share < of_tier.len() {
                of_tier.sort_by_key(|row| family(row));
                rows.counted.extend(of_tier.drain(share..));
            }
            rows.drawn.extend(of_tier);
        }
    }
    chosen
}

/// Families are drawn whole as far as it goes.
fn family(row: &Decision) -> (Digest, Digest) {
    let image = &row.image;
    (image.parents.first().copied().or(image.subject).unwrap_or(image.digest), image.digest)
}

/// So many for all together, the same for each that wants that many.
fn shares(wants: &[usize], most: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..wants.len()).collect();
    order.sort_by_key(|at| wants[*at]);
    let mut shares = vec![0; wants.len()];
    let mut left = most;
    for (position, at) in order.iter().enumerate() {
        shares[*at] = wants[*at].min(left.div_ceil(wants.len() - position));
        left -= shares[*at];
    }
    shares
}

impl Rows<'_> {
    /// What is only counted, by class; most images first.
    pub(super) fn folded(&self, tables: &mut Tables) -> Vec<Folded> {
        let mut sums: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
        for row in &self.counted {
            let sum = sums.entry(tables.class(row)).or_default();
            sum.0 += 1;
            sum.1 = sum.1.saturating_add(row.image.size_bytes);
        }
        let mut folded: Vec<Folded> =
            sums.into_iter().map(|(class, (count, bytes))| (class, count, bytes)).collect();
        folded.sort_by_key(|(class, count, _)| (Reverse(*count), *class));
        folded
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::decisions::{With as _, attestation, attestations, repository};

    #[test]
    fn small_repositories_are_whole_before_large_ones_are() {
        assert_eq!(shares(&[100, 3, 50], 43), [20, 3, 20]);
        assert_eq!(shares(&[1, 2], 10), [1, 2]);
        assert_eq!(shares(&[5, 5, 5], 2), [1, 1, 0]);
        assert_eq!(shares(&[], 2), Vec::<usize>::new());
    }

    #[test]
    fn changes_and_failures_come_first_and_nothing_is_lost() {
        let attached = |name: &str| attestation(name).with(|it| it.image.reason = Reason::Attached).kept();
        let mut rows = attestations(4);
        rows.extend([attestation("y").kept(), attached("x"), attached("z")]);
        let reports = [repository("a", 9, rows), repository("b", 9, vec![attached("x")])];
        let chosen = choose(&reports, 6);
        let drawn: Vec<usize> = chosen.iter().map(|it| it.drawn.len()).collect();
        assert_eq!(drawn, [5, 1], "4 that act, 1 with a reason of its own, 1 of 3 that are attached");
        let mut tables = Tables::default();
        let folded: Vec<Vec<Folded>> = chosen.iter().map(|it| it.folded(&mut tables)).collect();
        assert_eq!(folded, [vec![(0, 2, 2000)], vec![]]);
        assert_eq!(choose(&reports, 99)[0].drawn.len(), 7);
        assert_eq!(choose(&reports, 0)[0].folded(&mut tables).iter().map(|it| it.1).sum::<u64>(), 7);
    }
}
