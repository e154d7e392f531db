//! What a run reports: data, for many printers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Mode;
use crate::oci::attestation::{Form, Kind};
use crate::oci::digest::Digest;
use crate::report::decision::{Decision, Outcome, State};

pub mod decision;
pub mod observer;

/// The version of the report's and the plan's JSON.
pub const SCHEMA_VERSION: u32 = 1;

/// Why nothing, or nothing more, was done in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepositoryReason {
    /// The configuration does not select it.
    NotSelected,
    /// It lacks the required resource tag.
    NotOptedIn,
    /// A pull-through cache rule fills it.
    PullThroughCache,
    /// A permission is missing.
    AccessDenied,
    /// It does not exist (any more).
    RepositoryGone,
    /// An index cannot be read, parsed or verified, so that no parent is certain.
    IndexUnreadable,
    /// Its images could not be listed to the end.
    ListingIncomplete,
    /// There was no time left for it.
    Deadline,
}

impl RepositoryReason {
    /// Whether this is a failure of the run, not a choice of the user or of somebody else.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::AccessDenied | Self::IndexUnreadable | Self::ListingIncomplete | Self::Deadline)
    }
}

/// How a repository came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It was worked on to the end.
    Done,
    /// It was left alone on purpose.
    Skipped,
    /// A limit stopped it before the first write.
    Stopped,
    /// It could not be worked on.
    Failed,
}

/// Counts, of a repository or of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Images of any status, indexes included.
    pub images: u64,
    /// Indexes among them.
    pub indexes: u64,
    /// Attestations.
    pub attestations: Attestations,
    /// Everything else, by kind.
    pub not_attestations: BTreeMap<Kind, u64>,
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
    /// Images that somebody else had deleted.
    pub already_gone: u64,
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

/// Attestations, counted twice over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestations {
    /// All of them.
    pub total: u64,
    /// By the way they are stored or proven.
    pub by_form: BTreeMap<Form, u64>,
    /// By where they stand among the indexes.
    pub by_state: BTreeMap<State, u64>,
}

/// How near an image is to ECR's limit on referrers, past which pushes of new attestations fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferrerPressure {
    /// The image of which the most attestations in its repository are referrers.
    pub subject: Digest,
    /// How many.
    pub attestations: u64,
}

/// ECR's quota: so many referrers may an image have.
pub const MAX_REFERRERS: u64 = 100;

/// A repository, what was decided in it and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RepositoryReport {
    /// Its name.
    pub name: String,
    /// How it came out.
    pub status: Status,
    /// Why it was left alone or failed.
    pub reason: Option<RepositoryReason>,
    /// The same in a sentence, with what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The counts.
    #[serde(flatten)]
    pub counts: Counts,
    /// The image with the most attestations as referrers, if any has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referrer_pressure: Option<ReferrerPressure>,
    /// Every attestation and suspect, and what else the plan acts on.
    pub decisions: Vec<Decision>,
}

/// A whole run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Whether anything could be written.
    pub mode: Mode,
    /// When the run began. Ages are counted from here.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// Whether nothing was left undone by a limit, a deadline or a failure.
    pub complete: bool,
    /// The sums.
    pub totals: Totals,
    /// The repositories, by name.
    pub repositories: Vec<RepositoryReport>,
    /// Decisions (and repositories left alone) that were cut from this answer; the log has them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub decisions_truncated: u64,
}

/// The sums of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Repositories that were worked on, or should have been.
    pub repositories: u64,
    /// The counts of all of them.
    #[serde(flatten)]
    pub counts: Counts,
    /// The most attestations that are referrers of one image, before anything was deleted.
    pub referrer_pressure: u64,
    /// Limits that stopped something.
    pub breaker_trips: u64,
    /// HTTP requests, retries included, by API operation.
    pub api_calls: BTreeMap<String, u64>,
    /// HTTP requests that ECR throttled.
    pub throttles: u64,
}

/// What a run saw besides its repositories.
#[derive(Debug, Clone, Default)]
pub struct Circumstances {
    /// HTTP requests, retries included, by API operation.
    pub api_calls: BTreeMap<String, u64>,
    /// HTTP requests that ECR throttled.
    pub throttles: u64,
    /// Limits that stopped something.
    pub breaker_trips: u64,
}

impl RepositoryReport {
    /// A repository that was left alone, or failed, as a whole.
    pub fn without_decisions(name: String, reason: RepositoryReason, detail: Option<String>) -> Self {
        let status = if reason.is_failure() { Status::Failed } else { Status::Skipped };
        Self {
            name,
            status,
            reason: Some(reason),
            detail,
            counts: Counts::default(),
            referrer_pressure: None,
            decisions: Vec::new(),
        }
    }

    /// Counts the outcomes of the decisions anew.
    pub fn count_outcomes(&mut self) {
        let mut counts = Counts {
            images: self.counts.images,
            indexes: self.counts.indexes,
            attestations: std::mem::take(&mut self.counts.attestations),
            not_attestations: std::mem::take(&mut self.counts.not_attestations),
            ..Counts::default()
        };
        for decision in &self.decisions {
            *counts.outcome(decision.outcome) += 1;
            if decision.outcome == Outcome::Deleted && decision.kind != Kind::Index {
                counts.bytes_deleted = counts.bytes_deleted.saturating_add(decision.size_bytes);
            }
        }
        self.counts = counts;
    }

    /// Whether a limit, a deadline or a failure left something undone.
    pub fn is_complete(&self) -> bool {
        let Counts { limit_reached, deadline, failed, .. } = self.counts;
        self.reason.is_none_or(|reason| !reason.is_failure()) && limit_reached + deadline + failed == 0
    }
}

impl Counts {
    fn outcome(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Planned => &mut self.planned,
            Outcome::Deleted => &mut self.deleted,
            Outcome::Tagged => &mut self.tagged,
            Outcome::Kept => &mut self.kept,
            Outcome::AlreadyGone => &mut self.already_gone,
            Outcome::ProtectedByEcr => &mut self.protected_by_ecr,
            Outcome::ChangedSincePlan => &mut self.changed_since_plan,
            Outcome::LimitReached => &mut self.limit_reached,
            Outcome::Deadline => &mut self.deadline,
            Outcome::Failed => &mut self.failed,
        }
    }

    fn add(&mut self, other: &Self) {
        add_map(&mut self.not_attestations, &other.not_attestations);
        add_map(&mut self.attestations.by_form, &other.attestations.by_form);
        add_map(&mut self.attestations.by_state, &other.attestations.by_state);
        for (mine, theirs) in [
            (&mut self.images, other.images),
            (&mut self.indexes, other.indexes),
            (&mut self.attestations.total, other.attestations.total),
            (&mut self.planned, other.planned),
            (&mut self.deleted, other.deleted),
            (&mut self.tagged, other.tagged),
            (&mut self.kept, other.kept),
            (&mut self.protected_by_ecr, other.protected_by_ecr),
            (&mut self.already_gone, other.already_gone),
            (&mut self.changed_since_plan, other.changed_since_plan),
            (&mut self.limit_reached, other.limit_reached),
            (&mut self.deadline, other.deadline),
            (&mut self.failed, other.failed),
            (&mut self.bytes_deleted, other.bytes_deleted),
        ] {
            // A plan file may claim any numbers.
            *mine = mine.saturating_add(theirs);
        }
    }
}

impl Report {
    /// Sums up.
    pub fn new(
        mode: Mode,
        started_at: Timestamp,
        finished_at: Timestamp,
        mut repositories: Vec<RepositoryReport>,
        Circumstances { api_calls, throttles, breaker_trips }: Circumstances,
    ) -> Self {
        repositories.sort_by(|a, b| a.name.cmp(&b.name));
        let mut totals = Totals { api_calls, throttles, breaker_trips, ..Totals::default() };
        for repository in &repositories {
            totals.repositories += u64::from(repository.reason != Some(RepositoryReason::NotSelected));
            totals.counts.add(&repository.counts);
            let pressure = repository.referrer_pressure.map_or(0, |pressure| pressure.attestations);
            totals.referrer_pressure = totals.referrer_pressure.max(pressure);
        }
        let complete = repositories.iter().all(RepositoryReport::is_complete);
        Self {
            schema_version: SCHEMA_VERSION,
            mode,
            started_at,
            finished_at,
            complete,
            totals,
            repositories,
            decisions_truncated: 0,
        }
    }

    /// Whether a limit stopped anything.
    pub fn hit_a_limit(&self) -> bool {
        self.totals.counts.limit_reached > 0
    }

    /// Whether a repository failed, an image failed, or time ran out.
    pub fn has_failures(&self) -> bool {
        let Counts { deadline, failed, .. } = self.totals.counts;
        let failed_repository = |repository: &RepositoryReport| repository.status == Status::Failed;
        deadline + failed > 0 || self.repositories.iter().any(failed_repository)
    }
}

fn add_map<K: Ord + Copy>(mine: &mut BTreeMap<K, u64>, theirs: &BTreeMap<K, u64>) {
    for (key, count) in theirs {
        *mine.entry(*key).or_default() += count;
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests;
