//! The report, cut to what Lambda may answer.

use serde::Serialize;

use crate::report::decision::Decision;
use crate::report::outcome::OutcomeName as Outcome;
use crate::report::{Report, RepositoryReport};

/// Lambda answers at most 6 MB; the rest of the envelope and the escaping of the text need room.
pub const MAX_ANSWER_BYTES: usize = 5_000_000;

/// Room for the count of what was left out, with its key.
const COUNT_BYTES: usize = 48;

/// Keeps, while there is room: the repositories in which something happened, what failed or was changed in them, what
/// would be changed, and then the idle repositories. What had to go is counted, totals and counts stay whole, and
/// the log has every decision.
pub fn cut(mut report: Report, max_bytes: usize) -> Report {
    let mut repositories = std::mem::take(&mut report.repositories);
    let mut room = Room::beside(&report, max_bytes);
    repositories.sort_by_key(RepositoryReport::is_idle);
    let idle = repositories.split_off(repositories.partition_point(|it| !it.is_idle()));
    let mut dropped = 0;
    let (mut kept, decisions) = take_repositories(repositories, &mut room, &mut dropped);
    take_decisions(&mut kept, decisions, &mut room, &mut dropped);
    let (idle, kept_ones) = take_repositories(idle, &mut room, &mut dropped);
    dropped += kept_ones.len() as u64;
    kept.extend(idle);
    kept.sort_by(|a, b| a.name.cmp(&b.name));
    Report { repositories: kept, decisions_truncated: report.decisions_truncated + dropped, ..report }
}

/// The repositories for which there is room, without their decisions, and those decisions with the number of their
/// repository.
fn take_repositories(
    repositories: Vec<RepositoryReport>,
    room: &mut Room,
    dropped: &mut u64,
) -> (Vec<RepositoryReport>, Vec<(usize, Decision)>) {
    let (mut kept, mut all) = (Vec::new(), Vec::new());
    for mut repository in repositories {
        *dropped += repository.unlisted();
        let decisions = std::mem::take(&mut repository.decisions);
        if room.take(&repository) {
            all.extend(decisions.into_iter().map(|decision| (kept.len(), decision)));
            kept.push(repository);
        } else {
            *dropped += 1 + decisions.len() as u64;
        }
    }
    (kept, all)
}

/// Gives the repositories their decisions back, the most important first, each repository's in their old order.
fn take_decisions(
    repositories: &mut [RepositoryReport],
    mut decisions: Vec<(usize, Decision)>,
    room: &mut Room,
    dropped: &mut u64,
) {
    decisions.sort_by_key(|(_, decision)| importance(decision.outcome));
    for (repository, decision) in decisions {
        if decision.outcome != Outcome::Kept && room.take(&decision) {
            repositories[repository].decisions.push(decision);
        } else {
            *dropped += 1;
        }
    }
    for repository in repositories {
        repository.decisions.sort_by_key(|decision| decision.image.digest);
    }
}

/// What failed comes first, then what was done, then what was not, then what would be done.
fn importance(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Failed => 0,
        Outcome::Deleted | Outcome::Tagged => 1,
        Outcome::AlreadyGone
        | Outcome::ProtectedByEcr
        | Outcome::HeldBack
        | Outcome::ChangedSincePlan
        | Outcome::Deadline => 2,
        Outcome::Planned => 3,
        Outcome::LimitReached => 4,
        Outcome::Kept => 5,
    }
}

/// The bytes that are left in an answer.
pub(super) struct Room(usize);

impl Room {
    /// What is left beside the frame of an answer, and a count of what was left out.
    pub(super) fn beside(frame: &impl Serialize, max_bytes: usize) -> Self {
        Self(max_bytes.saturating_sub(size(frame)).saturating_sub(COUNT_BYTES))
    }

    /// Takes the bytes of a value and the comma after it, if there is room for them.
    pub(super) fn take(&mut self, value: &impl Serialize) -> bool {
        let left = self.0.checked_sub(size(value).saturating_add(1));
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }
}

fn size(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |bytes| bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Mode;
    use crate::report::outcome::OutcomeName::*;
    use crate::report::testing::decisions::{With, attestation, attestations, repository};
    use crate::report::testing::reports::{OUTCOMES, one, report};

    /// Two repositories, each with attestations that are kept, then as many that are deleted.
    fn big(decisions: usize) -> Report {
        let part = |name: &str| {
            let mut kept: Vec<Decision> = attestations(decisions).into_iter().map(With::kept).collect();
            kept.extend(attestations(decisions).into_iter().map(|it| it.came_out(Deleted)));
            repository(name, 1000, kept)
        };
        report(Mode::Apply, vec![part("a"), part("b")])
    }

    fn listed(report: &Report) -> usize {
        report.repositories.iter().map(|repository| repository.decisions.len()).sum()
    }

    #[test]
    fn a_cut_report_is_never_larger_than_asked_for() {
        for limit in [3_000, 5_000, 10_000, 20_000, 50_000] {
            let cut = cut(big(50), limit);
            assert!(size(&cut) <= limit, "{} bytes instead of {limit}", size(&cut));
        }
    }

    #[test]
    fn many_small_repositories_are_cut_too() {
        let alone = |number: usize| repository(&format!("r{number:04}"), 1, vec![]);
        let cut = cut(report(Mode::Plan, (0..1000).map(alone).collect()), 100_000);
        assert!(size(&cut) <= 100_000, "{} bytes instead of 100000", size(&cut));
        assert_eq!(cut.repositories.len() as u64 + cut.decisions_truncated, 1000);
        assert!(cut.repositories.len() > 100, "only {} are left", cut.repositories.len());
    }

    #[test]
    fn what_was_changed_or_failed_stays_and_what_was_kept_goes_first() {
        let roomy = cut(big(50), 1_000_000);
        assert_eq!((listed(&roomy), roomy.decisions_truncated), (100, 100));
        let kept = |report: &Report| {
            report.repositories.iter().flat_map(|it| &it.decisions).filter(|it| it.outcome == Kept).count()
        };
        for limit in [10_000, 20_000, 1_000_000] {
            assert_eq!(kept(&cut(big(50), limit)), 0);
        }
    }

    #[test]
    fn only_kept_decisions_are_left_out_when_there_is_room() {
        for outcome in OUTCOMES {
            let cut = cut(one(Mode::Apply, outcome), 1_000_000);
            assert_eq!(listed(&cut), usize::from(outcome != Kept), "{outcome:?}");
        }
    }

    #[test]
    fn what_was_cut_is_counted_and_the_counts_stay_whole() {
        for limit in [5_000, 20_000, 50_000, 1_000_000] {
            let cut = cut(big(50), limit);
            let cut_repositories = 2 - cut.repositories.len();
            assert_eq!(cut.decisions_truncated as usize, 200 - listed(&cut) + cut_repositories, "{limit}");
            assert_eq!(cut.totals, big(50).totals);
            for repository in cut.repositories {
                assert_eq!((repository.counts.deleted, repository.counts.kept), (50, 50));
            }
        }
    }

    #[test]
    fn a_smaller_limit_never_leaves_more() {
        let left: Vec<usize> = (5..60).map(|thousands| listed(&cut(big(50), 1000 * thousands))).collect();
        assert!(left.is_sorted() && left[0] < left[54]);
    }

    #[test]
    fn repositories_that_changed_stay_before_idle_ones_and_failures_before_all() {
        let idle = (0..20_000).map(|number| repository(&format!("a{number:05}"), 1, vec![]));
        let busy = ["y", "z"].map(|name| {
            let changed = attestations(2000).into_iter().map(|it| it.came_out(Deleted));
            let failed = attestation("last").came_out(Failed);
            repository(name, 2001, changed.chain([failed]).collect())
        });
        let cut = cut(report(Mode::Apply, idle.chain(busy).collect()), 1_000_000);
        assert!(size(&cut) <= 1_000_000);
        for repository in &cut.repositories[cut.repositories.len() - 2..] {
            let failed = repository.decisions.iter().filter(|it| it.outcome == Failed).count();
            assert!(["y", "z"].contains(&repository.name.as_str()) && failed == 1, "{}", repository.name);
            assert!(repository.decisions.is_sorted_by_key(|it| it.image.digest));
        }
    }

    #[test]
    fn nothing_is_said_of_a_cut_that_did_not_happen() {
        let text = serde_json::to_value(cut(one(Mode::Apply, Deleted), 1_000_000)).unwrap();
        assert!(text.get("decisions_truncated").is_none());
    }
}
