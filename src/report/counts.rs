//! Counts of images and of outcomes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::outcome::OutcomeName;
use super::reason::State;
use crate::config::policy::Preset;
use crate::oci::attestation::{Form, Kind};
use crate::oci::digest::Digest;

/// The images of a repository or of a run, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct InventoryCounts {
    /// Images of any status, indexes included.
    pub images: u64,
    /// Indexes among them.
    pub indexes: u64,
    /// Attestations.
    pub attestations: Attestations,
    /// Everything else, by kind.
    pub not_attestations: BTreeMap<Kind, u64>,
    /// Indexes and platform images that neither a tag nor anything in use reaches.
    #[serde(default)]
    pub unreached_images: u64,
    /// Platform images that the plan leaves without an index.
    pub stranded_images: u64,
    /// Their sizes, in bytes.
    pub stranded_bytes: u64,
}

/// The counts of a repository or of a run: what is there, and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Counts {
    /// The images; a run that carries out a plan from a file does not know them.
    #[serde(flatten)]
    pub inventory: Option<InventoryCounts>,
    /// Decisions that would be carried out in apply mode.
    pub planned: u64,
    /// Distinct digests that ECR said are deleted.
    pub deleted: u64,
    /// Images that got a tag.
    pub tagged: u64,
    /// Listed decisions with nothing to do.
    pub kept: u64,
    /// Images that ECR refused to delete because an index lists them.
    pub protected_by_ecr: u64,
    /// Images that were gone before.
    pub already_gone: u64,
    /// Images that were not tried because what had to go before them did not go.
    pub held_back: u64,
    /// Images that the re-check found changed.
    pub changed_since_plan: u64,
    /// Images that a limit stopped.
    pub limit_reached: u64,
    /// Images for which there was no time left.
    pub deadline: u64,
    /// Images of which a call failed.
    pub failed: u64,
    /// ECR's sizes of what was deleted, in bytes. Indexes do not count: ECR gives an index the size of a child.
    pub bytes_deleted: u64,
}

/// Attestations by form and by state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Attestations {
    /// All of them.
    pub total: u64,
    /// By form.
    pub by_form: BTreeMap<Form, u64>,
    /// By state.
    pub by_state: BTreeMap<State, u64>,
}

/// The image nearest to ECR's quota on referrers, past which pushes of new attestations and signatures fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReferrerPressure {
    /// The image to which the most manifests of its repository refer.
    pub subject: Digest,
    /// How many refer to it: attestations, signatures and all else.
    pub referrers: u64,
    /// How many of these are attestations.
    pub attestations: u64,
}

/// What a plan would be under a preset, without its paces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WhatIf {
    /// The preset. Keys that the configuration gives beside it stay as they are.
    pub preset: Preset,
    /// What would go now.
    pub now: Going,
    /// What would go once all waiting periods are over, if nothing else happens.
    pub later: Going,
    /// The same if nothing is pulled again for long enough; absent if that makes no difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless_pulled: Option<Going>,
}

/// Images that would go, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Going {
    /// Attestations.
    pub attestations: u64,
    /// Indexes.
    pub indexes: u64,
    /// Platform images.
    pub images: u64,
    /// Signatures, SBOMs and other artifacts that go with them.
    #[serde(default)]
    pub others: u64,
    /// ECR's sizes of all that would go but the indexes, in bytes.
    pub bytes: u64,
    /// Images that nobody has read yet and that would go if they are attestations: they are counted nowhere else.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unread: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl WhatIf {
    /// Adds what would go in another repository.
    pub fn add(&mut self, other: &Self) {
        if self.unless_pulled.is_some() || other.unless_pulled.is_some() {
            let mut sum = self.unless_pulled.unwrap_or(self.later);
            sum.add(&other.unless_pulled.unwrap_or(other.later));
            self.unless_pulled = Some(sum);
        }
        self.now.add(&other.now);
        self.later.add(&other.later);
    }
}

impl Going {
    fn add(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.attestations, other.attestations),
            (&mut self.indexes, other.indexes),
            (&mut self.images, other.images),
            (&mut self.others, other.others),
            (&mut self.bytes, other.bytes),
            (&mut self.unread, other.unread),
        ] {
            *mine = mine.saturating_add(theirs);
        }
    }
}

/// ECR's quota on referrers per image.
pub const MAX_REFERRERS: u64 = 100;

impl Counts {
    /// Counts one outcome.
    pub(super) fn add_outcome(&mut self, outcome: OutcomeName) {
        let count = match outcome {
            OutcomeName::Planned => &mut self.planned,
            OutcomeName::Deleted => &mut self.deleted,
            OutcomeName::Tagged => &mut self.tagged,
            OutcomeName::Kept => &mut self.kept,
            OutcomeName::AlreadyGone => &mut self.already_gone,
            OutcomeName::ProtectedByEcr => &mut self.protected_by_ecr,
            OutcomeName::HeldBack => &mut self.held_back,
            OutcomeName::ChangedSincePlan => &mut self.changed_since_plan,
            OutcomeName::LimitReached => &mut self.limit_reached,
            OutcomeName::Deadline => &mut self.deadline,
            OutcomeName::Failed => &mut self.failed,
        };
        *count += 1;
    }

    /// How many images came out how.
    pub fn by_outcome(&self) -> [(OutcomeName, u64); 11] {
        [
            (OutcomeName::Planned, self.planned),
            (OutcomeName::Deleted, self.deleted),
            (OutcomeName::Tagged, self.tagged),
            (OutcomeName::Kept, self.kept),
            (OutcomeName::AlreadyGone, self.already_gone),
            (OutcomeName::ProtectedByEcr, self.protected_by_ecr),
            (OutcomeName::HeldBack, self.held_back),
            (OutcomeName::ChangedSincePlan, self.changed_since_plan),
            (OutcomeName::LimitReached, self.limit_reached),
            (OutcomeName::Deadline, self.deadline),
            (OutcomeName::Failed, self.failed),
        ]
    }

    /// Adds the counts of another repository.
    pub(super) fn add(&mut self, other: &Self) {
        // A sum of which a part is unknown is no sum.
        match (&mut self.inventory, &other.inventory) {
            (Some(mine), Some(theirs)) => mine.add(theirs),
            (mine, _) => *mine = None,
        }
        for (mine, theirs) in [
            (&mut self.planned, other.planned),
            (&mut self.deleted, other.deleted),
            (&mut self.tagged, other.tagged),
            (&mut self.kept, other.kept),
            (&mut self.protected_by_ecr, other.protected_by_ecr),
            (&mut self.already_gone, other.already_gone),
            (&mut self.held_back, other.held_back),
            (&mut self.changed_since_plan, other.changed_since_plan),
            (&mut self.limit_reached, other.limit_reached),
            (&mut self.deadline, other.deadline),
            (&mut self.failed, other.failed),
            (&mut self.bytes_deleted, other.bytes_deleted),
        ] {
            // ECR, or a plan file, may claim any sizes.
            *mine = mine.saturating_add(theirs);
        }
    }
}

impl InventoryCounts {
    fn add(&mut self, other: &Self) {
        self.images = self.images.saturating_add(other.images);
        self.indexes = self.indexes.saturating_add(other.indexes);
        self.attestations.total = self.attestations.total.saturating_add(other.attestations.total);
        add_map(&mut self.attestations.by_form, &other.attestations.by_form);
        add_map(&mut self.attestations.by_state, &other.attestations.by_state);
        add_map(&mut self.not_attestations, &other.not_attestations);
        self.unreached_images = self.unreached_images.saturating_add(other.unreached_images);
        self.stranded_images = self.stranded_images.saturating_add(other.stranded_images);
        self.stranded_bytes = self.stranded_bytes.saturating_add(other.stranded_bytes);
    }
}

fn add_map<K: Ord + Copy>(mine: &mut BTreeMap<K, u64>, theirs: &BTreeMap<K, u64>) {
    for (key, count) in theirs {
        *mine.entry(*key).or_default() += count;
    }
}
