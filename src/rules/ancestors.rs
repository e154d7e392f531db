//! Flags of images that come from the indexes above them.

use jiff::Timestamp;

use crate::config::policy::{Policy, SupersededSince};
use crate::inventory::graph::{self, Set};
use crate::inventory::{Image, ImageIndex, ImageStatus, Inventory, PerImage, UNUSABLE_TIME};
use crate::rules::identity::{Identity, is_referrer};
use crate::rules::tags::is_root;

/// Sets of the images below indexes with some property.
pub(super) struct AncestorFlags {
    /// Below a tagged index.
    pub(super) tagged: Set,
    /// Below an untagged index that is not active.
    pub(super) inactive: Set,
    /// Below an untagged index that an unreadable one could list.
    pub(super) may_be_listed: Set,
    /// Below an untagged index to which something refers, or which refers to something.
    pub(super) referred: Set,
    /// Below an untagged index that may be deployed by its digest.
    pub(super) pulled: Set,
    /// Pulled, perhaps by way of an untagged index.
    pub(super) pulled_itself: Set,
    /// Below an untagged index that has not been superseded for long.
    pub(super) young: Set,
}

impl AncestorFlags {
    /// All flags but `referred`.
    pub(super) fn of(
        inventory: &Inventory,
        policy: &Policy,
        now: Timestamp,
        identities: &PerImage<Identity>,
        unreadable_index: Option<Timestamp>,
    ) -> Self {
        let image = |position| inventory.image(position);
        let below = |wanted: &dyn Fn(ImageIndex) -> bool| {
            graph::below(inventory, untagged_indexes(inventory).filter(|p| wanted(*p)))
        };
        let was_pulled =
            |position: ImageIndex| policy.recently_pulled(inventory.pulled_by_others(position), now);
        // What is not known to be an attestation or a referrer is taken for both: unsure means in use.
        let mut pulled_itself = PerImage::filled(inventory, false);
        let [in_use, or_in_use] = [true, false].map(|unknown| {
            let refers = |p| is_referrer(image(p), identities[p]).unwrap_or(unknown);
            let roots = inventory.positions().filter(|p| is_root(inventory, policy, *p));
            let rooted = graph::closure(inventory, roots, refers);
            let pulled = inventory.positions().filter(|p| !rooted[*p] && was_pulled(*p));
            let pulled: Vec<ImageIndex> = pulled.collect();
            pulled.iter().for_each(|p| pulled_itself[*p] = true);
            graph::reaching(inventory, pulled, refers)
        });
        let indexes = untagged_indexes(inventory).filter(|p| was_pulled(*p));
        indexes.for_each(|p| pulled_itself[p] = true);
        let could_be_listed = |p| could_be_listed(unreadable_index, image(p).pushed_at, policy);
        Self {
            tagged: graph::below(inventory, tagged_indexes(inventory)),
            inactive: below(&|p| image(p).status != ImageStatus::Active),
            may_be_listed: below(&could_be_listed),
            referred: PerImage::filled(inventory, false),
            pulled: below(&|p| in_use[p] || or_in_use[p] || was_pulled(p)),
            pulled_itself,
            young: below(&|p| is_young(image(p), policy, now)),
        }
    }
}

/// Whether an untagged index has not been superseded for long, or nobody knows.
pub(super) fn is_young(index: &Image, policy: &Policy, now: Timestamp) -> bool {
    policy.index_within_grace(superseded_from(index, policy).map(Since::at), now)
}

/// The beginning of the time for which an untagged index counts as superseded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    /// The first run that saw it untagged.
    Untagged(Timestamp),
    /// Its push.
    Pushed(Timestamp),
    /// Its restoring from the archive.
    Activated(Timestamp),
}

impl Since {
    pub(super) fn at(self) -> Timestamp {
        match self {
            Self::Untagged(at) | Self::Pushed(at) | Self::Activated(at) => at,
        }
    }
}

/// The time from which an untagged index counts as superseded; nothing if nobody knows.
pub(super) fn superseded_from(index: &Image, policy: &Policy) -> Option<Since> {
    let pushed = index.pushed_at?;
    let aged_from = match index.activated_at {
        Some(activated) if activated > pushed => Since::Activated(activated),
        _ => Since::Pushed(pushed),
    };
    match policy.superseded_since {
        SupersededSince::Push => Some(aged_from),
        // Whatever memory says, what was pushed or restored since is no older than that.
        SupersededSince::Untagged => index
            .untagged_at
            .map(|lost| if lost >= aged_from.at() { Since::Untagged(lost) } else { aged_from }),
    }
}

pub(super) fn untagged_indexes(inventory: &Inventory) -> impl Iterator<Item = ImageIndex> + '_ {
    inventory.positions().filter(|p| inventory.is_index(*p) && inventory.image(*p).tags.is_empty())
}

fn tagged_indexes(inventory: &Inventory) -> impl Iterator<Item = ImageIndex> + '_ {
    inventory.positions().filter(|p| inventory.is_index(*p) && !inventory.image(*p).tags.is_empty())
}

/// The age of the youngest index whose children are not known.
pub(super) fn youngest_unreadable_index(inventory: &Inventory) -> Option<Timestamp> {
    let unreadable = inventory.positions().filter(|position| inventory.is_unreadable_index(*position));
    unreadable.map(|position| age_of_unreadable(inventory, position)).max()
}

/// When an index whose children are not known was pushed or restored. An unknown time is later than any.
pub(super) fn age_of_unreadable(inventory: &Inventory, position: ImageIndex) -> Timestamp {
    inventory.image(position).aged_from().unwrap_or(UNUSABLE_TIME)
}

/// Whether an index pushed then could list this: ECR takes an index only when its children are there, but replication
/// may store them in any order, within the grace period.
pub(super) fn could_be_listed(
    index: Option<Timestamp>,
    pushed_at: Option<Timestamp>,
    policy: &Policy,
) -> bool {
    let Some(index) = index else { return false };
    let first = pushed_at.and_then(|pushed| pushed.checked_sub(policy.grace_period).ok());
    first.is_none_or(|first| first <= index)
}
