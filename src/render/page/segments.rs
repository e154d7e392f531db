//! The images of a repository as parts of a bar, before and after what the run does.

use crate::config::policy::Action;
use crate::oci::attestation::Kind;
use crate::report::RepositoryReport;
use crate::report::decision::Decision;
use crate::report::outcome::OutcomeName;
use crate::report::reason::State;

/// Live images and indexes; attached, superseded (with the indexes and images that no tag and no use reaches) and
/// orphaned attestations; anything else.
pub(super) type Segments = [u64; 5];

const LIVE: usize = 0;
const ATTACHED: usize = 1;
const SUPERSEDED: usize = 2;
const ORPHANED: usize = 3;
const OTHER: usize = 4;

/// The images before and after; nothing if nobody counted them.
pub(super) fn of(repository: &RepositoryReport) -> Option<[Segments; 2]> {
    let counts = repository.counts.inventory.as_ref()?;
    let mut before = [0; 5];
    for (kind, count) in &counts.not_attestations {
        before[if matches!(kind, Kind::Image | Kind::Index) { LIVE } else { OTHER }] += count;
    }
    for (state, count) in &counts.attestations.by_state {
        before[of_state(*state)] += count;
    }
    // An index that is no attestation is one of those, an attestation without a state is not.
    let stated: u64 = counts.attestations.by_state.values().sum();
    before[OTHER] += counts.attestations.total.saturating_sub(stated);
    let deletions = || repository.decisions.iter().filter(|row| row.action == Action::Delete);
    let going = deletions().filter(|row| segment(row) == SUPERSEDED && row.state.is_none()).count() as u64;
    // What lives is what a tag or a use reaches, whatever the policy does with the rest.
    let past = counts.unreached_images.max(going).min(before[LIVE]);
    before[LIVE] -= past;
    before[SUPERSEDED] += past;
    let mut after = before;
    for row in deletions().filter(|row| goes(row.outcome)) {
        let part = &mut after[segment(row)];
        *part = part.saturating_sub(1);
    }
    Some([before, after])
}

fn of_state(state: State) -> usize {
    match state {
        State::Attached => ATTACHED,
        State::Superseded => SUPERSEDED,
        State::Orphaned => ORPHANED,
    }
}

/// The part that an image which the plan deletes is of.
fn segment(row: &Decision) -> usize {
    match (row.state, row.kind) {
        (Some(state), _) => of_state(state),
        (None, Kind::Index | Kind::Image) => SUPERSEDED,
        (None, _) => OTHER,
    }
}

fn goes(outcome: OutcomeName) -> bool {
    matches!(outcome, OutcomeName::Planned | OutcomeName::Deleted | OutcomeName::AlreadyGone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::reason::State::{Attached, Superseded};
    use crate::report::testing::decisions::{With as _, attestation, image, index, repository};

    #[test]
    fn what_goes_with_superseded_attestations_is_no_longer_live() {
        let superseded = |name: &str| attestation(name).with(|it| it.state = Some(Superseded));
        let rows = vec![
            attestation("a"),
            superseded("b"),
            superseded("c").came_out(OutcomeName::LimitReached),
            attestation("d").with(|it| it.state = Some(Attached)).kept(),
            index("i"),
            image("p").came_out(OutcomeName::ProtectedByEcr),
        ];
        let mut report = repository("r", 9, rows);
        assert_eq!(of(&report).map(|[before, _]| before), Some([0; 5]), "counted by nobody");
        let counts = report.counts.inventory.as_mut().unwrap();
        counts.not_attestations = [(Kind::Image, 3), (Kind::Index, 2), (Kind::Signature, 1)].into();
        counts.attestations.total = 4;
        counts.attestations.by_state = [(Attached, 1), (Superseded, 2), (State::Orphaned, 1)].into();
        assert_eq!(of(&report), Some([[3, 1, 4, 1, 1], [3, 1, 2, 0, 1]]));
        report.counts.inventory.as_mut().unwrap().unreached_images = 4;
        assert_eq!(of(&report).unwrap()[0], [1, 1, 6, 1, 1], "more is past than goes");
        report.counts.inventory.as_mut().unwrap().unreached_images = 99;
        assert_eq!(of(&report).unwrap()[0], [0, 1, 7, 1, 1]);
        report.counts.inventory = None;
        assert_eq!(of(&report), None);
    }
}
