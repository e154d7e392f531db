//! Which images keep an attestation that an index lists, after the plan.

use std::collections::HashMap;

use crate::attestation::Kind;
use crate::inventory::{Inventory, Position, Role};
use crate::policy::Action;
use crate::verdict::Verdict;

/// For each subject, up to two attestations of it that an index left by the plan lists: enough to tell whether
/// there is another one.
#[derive(Default)]
pub(super) struct Attested(HashMap<Position, (Position, Option<Position>)>);

impl Attested {
    pub(super) fn has_another(&self, subject: Position, attestation: Position) -> bool {
        self.0
            .get(&subject)
            .is_some_and(|(one, two)| *one != attestation || two.is_some_and(|two| two != attestation))
    }

    fn add(&mut self, subject: Position, attestation: Position) {
        let (one, two) = self.0.entry(subject).or_insert((attestation, None));
        if *one != attestation && two.is_none() {
            *two = Some(attestation);
        }
    }
}

pub(super) fn attested_by_what_stays(inventory: &Inventory, verdicts: &[Verdict]) -> Attested {
    let mut attested = Attested::default();
    let listed = inventory.positions().flat_map(|position| inventory.parents(position));
    for edge in listed.filter(|edge| verdicts[edge.parent as usize].action != Action::Delete) {
        if verdicts[edge.child as usize].kind != Kind::Attestation {
            continue;
        }
        let referenced = inventory.reference(edge).filter(|_| edge.role == Role::Attestation);
        let named = referenced.and_then(|digest| inventory.position(digest));
        for subject in named.into_iter().chain(inventory.subject(edge.child)) {
            attested.add(subject, edge.child);
        }
    }
    attested
}
