//! What would become of a repository under other circumstances, and what a plan leaves behind.

use jiff::{SignedDuration, Timestamp};

use crate::config::policy::{Policy, Preset, SupersededSince};
use crate::inventory::graph;
use crate::inventory::{Evidence, ImageIndex, Inventory, PerImage, Role};
use crate::oci::attestation::{Form, Kind, ListedType};
use crate::report::counts::{Going, WhatIf};
use crate::report::plan::Artifact;
use crate::report::reason::Reason;
use crate::rules::judge;
use crate::rules::tags::is_root;
use crate::rules::verdict::Verdict;

/// What would go under a preset, whose policy this is: now, and once all waiting periods are over.
///
/// What was not read counts as what it is shown to be. The verdicts under this policy and now are found if they are not
/// at hand.
pub fn what_if(
    inventory: &Inventory,
    preset: Preset,
    policy: &Policy,
    now: Timestamp,
    verdicts: Option<&PerImage<Verdict>>,
) -> WhatIf {
    let (policy_then, at) = later(policy, now);
    let under = |policy: &Policy, now| going(inventory, &judge(inventory, policy, now));
    let now = verdicts.map_or_else(|| under(policy, now), |verdicts| going(inventory, verdicts));
    // Only one set of verdicts at a time: a repository may have a hundred thousand.
    let (later, are_pulled) = {
        let verdicts = judge(inventory, &policy_then, at);
        let are_pulled = verdicts.iter().any(|(_, verdict)| verdict.reason == Reason::RecentlyPulled);
        (going(inventory, &verdicts), are_pulled)
    };
    let unpulled = Policy { keep_pulled_within: SignedDuration::ZERO, ..policy_then };
    let unless_pulled = are_pulled.then(|| under(&unpulled, at)).filter(|unpulled| *unpulled != later);
    WhatIf { preset, now, later, unless_pulled }
}

/// The policy and the time when every period but that of pulls has passed: a pull is use, and no waiting.
fn later(policy: &Policy, now: Timestamp) -> (Policy, Timestamp) {
    let wait = policy.grace_period.max(policy.superseded_after);
    let policy = Policy {
        superseded_since: SupersededSince::Push,
        keep_pulled_within: policy.keep_pulled_within.checked_add(wait).unwrap_or(SignedDuration::MAX),
        ..policy.clone()
    };
    (policy, now.checked_add(wait).unwrap_or(now))
}

fn going(inventory: &Inventory, verdicts: &PerImage<Verdict>) -> Going {
    let mut going = Going::default();
    for (position, verdict) in verdicts.iter().filter(|(_, verdict)| verdict.is_deletion()) {
        if !is_credible(inventory, position, verdict) {
            going.unread += u64::from(inventory.image(position).evidence.is_unread());
            continue;
        }
        let image = inventory.image(position);
        match verdict.artifact {
            Artifact::Attestation { .. } => going.attestations += 1,
            Artifact::Other(Kind::Index) => going.indexes += 1,
            Artifact::Other(Kind::Image) => going.images += 1,
            Artifact::Other(_) => going.others += 1,
        }
        if verdict.kind() != Kind::Index {
            going.bytes = going.bytes.saturating_add(image.size_bytes);
        }
    }
    going
}

/// Whether an image is proven, or at least shown, to be what would go.
fn is_credible(inventory: &Inventory, position: ImageIndex, verdict: &Verdict) -> bool {
    let image = inventory.image(position);
    let is_shown = image.listed_type == ListedType::Attestation
        || inventory
            .parents(position)
            .iter()
            .any(|edge| matches!(edge.role, Role::Attestation | Role::UnknownPlatform));
    match (image.evidence, verdict.artifact) {
        (Evidence::Read(_), _) => verdict.proven_target(image.evidence).is_some(),
        (_, Artifact::Attestation { form: Form::Unread, .. }) => is_shown,
        _ => true,
    }
}

/// The platform images that a plan leaves without any index, and their bytes.
pub fn stranded(inventory: &Inventory, verdicts: &PerImage<Verdict>) -> (u64, u64) {
    let is_stranded = |(position, verdict): &(ImageIndex, &Verdict)| {
        let parents = inventory.parents(*position);
        verdict.kind() == Kind::Image
            && !verdict.is_deletion()
            && inventory.image(*position).tags.is_empty()
            && !parents.is_empty()
            && parents.iter().all(|edge| verdicts[edge.parent].is_deletion())
    };
    verdicts.iter().filter(is_stranded).fold((0, 0), |(images, bytes), (position, _)| {
        (images + 1, bytes.saturating_add(inventory.image(position).size_bytes))
    })
}

/// The indexes and platform images that neither a tag nor anything in use reaches.
pub fn unreached(inventory: &Inventory, policy: &Policy, verdicts: &PerImage<Verdict>) -> u64 {
    let is_live = |position: &ImageIndex| {
        is_root(inventory, policy, *position) || inventory.in_use.names(inventory.image(*position).digest)
    };
    let below = graph::below(inventory, inventory.positions().filter(is_live));
    let is_of_images = |verdict: &Verdict| matches!(verdict.kind(), Kind::Image | Kind::Index);
    let unreached = |(position, verdict): &(ImageIndex, &Verdict)| {
        is_of_images(verdict) && !is_live(position) && !below[*position]
    };
    verdicts.iter().filter(unreached).count() as u64
}
