//! The images that keep an attestation listed by an index, after the plan.

use std::collections::HashSet;

use crate::config::policy::Action;
use crate::inventory::{ImageIndex, Inventory, PerImage, Role};
use crate::oci::attestation::Kind;
use crate::rules::verdict::Verdict;

/// The subjects of the attestations that an index left by the plan lists. An orphan is listed by nobody, so that for
/// it every one of these is another attestation.
pub(super) fn attested_by_what_stays(
    inventory: &Inventory,
    verdicts: &PerImage<Verdict>,
) -> HashSet<ImageIndex> {
    let listed = inventory.positions().flat_map(|position| inventory.parents(position));
    let left = listed.filter(|edge| verdicts[edge.parent].action != Action::Delete);
    left.filter(|edge| verdicts[edge.child].kind() == Kind::Attestation)
        .flat_map(|edge| {
            let referenced = inventory.reference(edge).filter(|_| edge.role == Role::Attestation);
            let named = referenced.and_then(|digest| inventory.position(digest));
            named.into_iter().chain(inventory.subject(edge.child))
        })
        .collect()
}
