//! The vocabulary of plans and results: data, for many printers.

pub mod counts;
pub mod decision;
pub mod observer;
pub mod outcome;
pub mod outcomes;
pub mod plan;
pub mod reason;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

pub use counts::{Counts, ReferrerPressure};
use decision::Decision;
use outcome::OutcomeName;
use outcomes::Outcomes;
use plan::RepositoryPlan;
use reason::Reason;
pub use reason::RepositoryReason;

use crate::config::Mode;
use crate::oci::attestation::Kind;

/// The version of the report's and the plan's JSON.
pub const SCHEMA_VERSION: u32 = 1;

/// The result of a run for one repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum RepositoryStatus {
    /// It was worked on to the end.
    Done,
    /// It was skipped on purpose.
    Skipped,
    /// A limit stopped it before the first write.
    Stopped,
    /// It could not be worked on.
    Failed,
}

/// A repository with its decisions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RepositoryReport {
    /// Its name.
    pub name: String,
    /// The result.
    pub status: RepositoryStatus,
    /// Why it was skipped or failed.
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
    /// What stays and is only counted, by reason.
    #[serde(skip)]
    pub kept_counts: BTreeMap<Reason, u64>,
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
    /// Decisions (and skipped repositories) that were cut from this answer; the log has them.
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

/// The API calls of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiUsage {
    /// HTTP requests, retries included, by API operation.
    pub calls: BTreeMap<String, u64>,
    /// HTTP requests that ECR throttled.
    pub throttles: u64,
}

/// The frame of a run, besides its repositories.
#[derive(Debug, Clone)]
pub struct RunFrame {
    /// Whether anything could be written.
    pub mode: Mode,
    /// When the run began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// The API calls.
    pub usage: ApiUsage,
    /// Limits that stopped something.
    pub breaker_trips: u64,
}

impl RepositoryReport {
    /// A repository that was planned, with the outcomes of its steps.
    pub fn new(plan: RepositoryPlan, outcomes: Outcomes) -> Self {
        let counts = Counts { inventory: plan.counts, ..Counts::default() };
        let steps = plan.steps.into_iter().zip(outcomes).map(|(step, out)| Decision::of_step(step, out));
        let mut decisions: Vec<Decision> =
            steps.chain(plan.kept.into_iter().map(Decision::of_kept)).collect();
        decisions.sort_by_key(|decision| decision.image.digest);
        let mut report = Self {
            name: plan.name,
            status: RepositoryStatus::Done,
            reason: None,
            detail: None,
            counts,
            referrer_pressure: plan.referrer_pressure,
            decisions,
            kept_counts: plan.kept_counts,
        };
        report.count_outcomes();
        report
    }

    /// A repository that was skipped, or failed, as a whole.
    pub fn skipped(name: String, reason: RepositoryReason, detail: Option<String>) -> Self {
        let status = if reason.is_failure() { RepositoryStatus::Failed } else { RepositoryStatus::Skipped };
        Self {
            name,
            status,
            reason: Some(reason),
            detail,
            counts: Counts::default(),
            referrer_pressure: None,
            decisions: Vec::new(),
            kept_counts: BTreeMap::new(),
        }
    }

    /// What stays, listed or only counted, by reason.
    pub fn kept_by_reason(&self) -> BTreeMap<Reason, u64> {
        let mut counts = self.kept_counts.clone();
        for decision in self.decisions.iter().filter(|decision| decision.outcome == OutcomeName::Kept) {
            *counts.entry(decision.image.reason).or_default() += 1;
        }
        counts
    }

    fn count_outcomes(&mut self) {
        self.counts.kept += self.kept_counts.values().sum::<u64>();
        for decision in &self.decisions {
            self.counts.add_outcome(decision.outcome);
            match decision.outcome {
                OutcomeName::Deleted if decision.kind != Kind::Index => {
                    let bytes = &mut self.counts.bytes_deleted;
                    *bytes = bytes.saturating_add(decision.image.size_bytes);
                }
                OutcomeName::LimitReached => self.status = RepositoryStatus::Stopped,
                _ => {}
            }
        }
    }

    /// Whether a limit, a deadline or a failure left something undone.
    pub fn is_complete(&self) -> bool {
        let Counts { limit_reached, deadline, failed, .. } = self.counts;
        self.reason.is_none_or(|reason| !reason.is_failure()) && limit_reached + deadline + failed == 0
    }
}

impl Report {
    /// The report of a run.
    pub fn new(frame: RunFrame, mut repositories: Vec<RepositoryReport>) -> Self {
        repositories.sort_by(|a, b| a.name.cmp(&b.name));
        let RunFrame { mode, started_at, finished_at, usage, breaker_trips } = frame;
        let ApiUsage { calls: api_calls, throttles } = usage;
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
        let failed_repository = |repository: &RepositoryReport| repository.status == RepositoryStatus::Failed;
        deadline + failed > 0 || self.repositories.iter().any(failed_repository)
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests;
