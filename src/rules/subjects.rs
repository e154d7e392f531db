//! The subjects of attestations, and the last attestation of each.

use std::collections::{HashMap, HashSet};

use crate::inventory::graph::Set;
use crate::inventory::{ImageIndex, Inventory, PerImage, Role};
use crate::oci::attestation::Kind;
use crate::report::reason::Reason;
use crate::rules::verdict::Verdict;

/// The newest orphan of each of these images that no index left by the plan lists an attestation of.
pub(super) fn last_attestations(
    inventory: &Inventory,
    needed: &Set,
    verdicts: &PerImage<Verdict>,
) -> Vec<ImageIndex> {
    let attested = attested_by_what_stays(inventory, verdicts);
    let mut newest: HashMap<ImageIndex, ImageIndex> = HashMap::new();
    for (position, _) in verdicts.iter().filter(|(_, verdict)| verdict.reason == Reason::Orphaned) {
        let Some(subject) = inventory.subject(position) else { continue };
        if needed[subject] && !attested.contains(&subject) {
            let pushed = |it: ImageIndex| (inventory.image(it).pushed_at, inventory.image(it).digest);
            let last = newest.entry(subject).or_insert(position);
            if pushed(position) > pushed(*last) {
                *last = position;
            }
        }
    }
    newest.into_values().collect()
}

/// The subjects of the attestations that an index left by the plan lists. An orphan is listed by nobody, so that for
/// it every one of these is another attestation.
fn attested_by_what_stays(inventory: &Inventory, verdicts: &PerImage<Verdict>) -> HashSet<ImageIndex> {
    let listed = inventory.positions().flat_map(|position| inventory.parents(position));
    let left = listed.filter(|edge| !verdicts[edge.parent].is_deletion());
    left.filter(|edge| verdicts[edge.child].kind() == Kind::Attestation)
        .flat_map(|edge| {
            let referenced = inventory.reference(edge).filter(|_| edge.role == Role::Attestation);
            let named = referenced.and_then(|digest| inventory.position(digest));
            named.into_iter().chain(inventory.subject(edge.child))
        })
        .collect()
}
