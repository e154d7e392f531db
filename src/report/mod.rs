//! The vocabulary of plans and results: data, for many printers.

mod backup;
pub mod counts;
pub mod decision;
pub mod fleet;
pub mod observer;
pub mod outcome;
pub mod outcomes;
pub mod plan;
pub mod reason;
pub mod source;
#[cfg(test)]
pub(crate) mod testing;
pub mod usage;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

pub use backup::{Backup, SMALL_ARTIFACT};
pub use counts::{Counts, ReferrerPressure};
use counts::{InventoryCounts, WhatIf};
use decision::Decision;
use outcome::OutcomeName;
use outcomes::Outcomes;
use plan::RepositoryPlan;
use reason::Reason;
pub use reason::RepositoryReason;
use source::Source;
use usage::SourceUsage;

use crate::config::{Config, Mode};
use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;

/// The version of the report's and the plan's JSON.
pub const SCHEMA_VERSION: u32 = 2;

/// The result of a run for one repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum RepositoryStatus {
    /// It was worked on to the end.
    Done,
    /// It was skipped on purpose.
    Skipped,
    /// A breaker stopped it before the first write.
    Stopped,
    /// It could not be worked on.
    Failed,
}

/// A repository with its decisions.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
    /// The share of ECR's quota on images per repository that its images take, before anything is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_quota_share: Option<f64>,
    /// The image with the most referrers, if any has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referrer_pressure: Option<ReferrerPressure>,
    /// The pipelines that make its attestations, the one that costs most first, as far as statements were read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
    /// Every attestation and suspect, and what else the plan acts on.
    pub decisions: Vec<Decision>,
    /// How many attestations and suspects stay, by reason, listed or not: for the log.
    #[serde(skip)]
    pub kept_by_reason: BTreeMap<Reason, u64>,
}

/// A whole run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Which run it was, where, and under which configuration.
    #[serde(flatten)]
    pub run: RunIdentity,
    /// Whether anything could be written.
    pub mode: Mode,
    /// When it ended.
    #[cfg_attr(test, schemars(with = "crate::oci::schema::Time"))]
    pub finished_at: Timestamp,
    /// Whether nothing was left undone by a breaker, a deadline or a failure, of a source of images in use too. What waits
    /// for its turn is not undone.
    pub complete: bool,
    /// The sums.
    pub totals: Totals,
    /// What the plan would be under the preset in force and under the other, without paces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub what_if: Vec<WhatIf>,
    /// What the backup can bring back; nothing where backups are switched off, or nothing is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<Backup>,
    /// How reading the sources of images in use went.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_use: Vec<SourceUsage>,
    /// What people should know of the run as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The repositories, by name.
    pub repositories: Vec<RepositoryReport>,
    /// Decisions (and skipped repositories) that were cut from this answer; the log has them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub decisions_truncated: u64,
}

/// The sums of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Totals {
    /// Repositories that were worked on, or should have been.
    pub repositories: u64,
    /// The counts of all of them.
    #[serde(flatten)]
    pub counts: Counts,
    /// The most manifests that refer to one image, before anything was deleted.
    pub referrer_pressure: u64,
    /// Repositories that a breaker stopped.
    pub breaker_trips: u64,
    /// About how many more runs it takes until nothing waits for its turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs_left: Option<u64>,
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

/// The identity of a run, named by every output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RunIdentity {
    /// An id that no other run has. Ids sort by the time of their runs.
    pub run_id: String,
    /// The registry's id, which is the account; unknown for a registry without repositories.
    pub account: Option<String>,
    /// The AWS region.
    pub region: String,
    /// The configuration in force, as [`Config::describe`] names it.
    pub configuration: String,
    /// When the run began. Ages are counted from here.
    #[cfg_attr(test, schemars(with = "crate::oci::schema::Time"))]
    pub started_at: Timestamp,
}

/// The frame of a run, besides its repositories.
#[derive(Debug, Clone)]
pub struct RunFrame {
    /// Which run it was.
    pub run: RunIdentity,
    /// Whether anything could be written.
    pub mode: Mode,
    /// When it ended.
    pub finished_at: Timestamp,
    /// The API calls.
    pub usage: ApiUsage,
    /// About how many more runs it takes until nothing waits for its turn.
    pub runs_left: Option<u64>,
    /// What the plan would be under each preset.
    pub what_if: Vec<WhatIf>,
    /// Until when its backup is kept, if there is one.
    pub backup_until: Option<Timestamp>,
    /// How reading the sources of images in use went.
    pub in_use: Vec<SourceUsage>,
    /// What people should know of the run as a whole.
    pub warnings: Vec<String>,
}

impl RunFrame {
    /// The frame of a run in which nothing waits and of which there is nothing else to say.
    pub fn new(run: RunIdentity, mode: Mode, finished_at: Timestamp, usage: ApiUsage) -> Self {
        Self {
            run,
            mode,
            finished_at,
            usage,
            runs_left: None,
            what_if: Vec::new(),
            backup_until: None,
            in_use: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

impl RunIdentity {
    /// The identity of a run that begins now. `salt` tells runs of one moment apart.
    pub fn new(config: &Config, region: &str, started_at: Timestamp, salt: &str) -> Self {
        let digest = Digest::of(format!("{salt}{}", started_at.as_nanosecond()).as_bytes());
        Self {
            run_id: format!("{}-{}", started_at.strftime("%Y%m%dT%H%M%SZ"), &digest.short()[..6]),
            account: None,
            region: region.to_owned(),
            configuration: config.describe(),
            started_at,
        }
    }

    /// The same run, in this account.
    pub fn in_account(self, account: Option<String>) -> Self {
        Self { account: account.or(self.account), ..self }
    }
}

impl RepositoryReport {
    /// A repository that was planned, with the outcomes of its steps.
    pub fn new(plan: RepositoryPlan, outcomes: Outcomes) -> Self {
        let counts = Counts { inventory: plan.counts, ..Counts::default() };
        let kept: u64 = plan.kept_by_reason.values().sum();
        let rows = plan.kept.iter().filter(|kept| !kept.failed).count() as u64;
        let steps = plan.steps.into_iter().zip(outcomes).map(|(step, out)| Decision::of_step(step, out));
        let mut decisions: Vec<Decision> =
            steps.chain(plan.kept.into_iter().map(Decision::of_kept)).collect();
        decisions.sort_by_key(|decision| decision.image.digest);
        let mut report = Self {
            name: plan.name,
            status: RepositoryStatus::Done,
            reason: None,
            detail: None,
            image_quota_share: counts.inventory.as_ref().map(|counts| image_quota_share(counts.images)),
            counts,
            referrer_pressure: plan.referrer_pressure,
            sources: plan.sources,
            decisions,
            kept_by_reason: plan.kept_by_reason,
        };
        report.count_outcomes();
        // What stays and has no row of its own.
        report.counts.kept += kept.saturating_sub(rows);
        report
    }

    /// A repository that was skipped, or failed, as a whole.
    pub fn skipped(name: String, reason: RepositoryReason, detail: Option<String>) -> Self {
        let status = match reason {
            RepositoryReason::TagsVanished => RepositoryStatus::Stopped,
            reason if reason.is_failure() => RepositoryStatus::Failed,
            _ => RepositoryStatus::Skipped,
        };
        Self {
            name,
            status,
            reason: Some(reason),
            detail,
            counts: Counts { inventory: Some(InventoryCounts::default()), ..Counts::default() },
            image_quota_share: None,
            referrer_pressure: None,
            sources: Vec::new(),
            decisions: Vec::new(),
            kept_by_reason: BTreeMap::new(),
        }
    }

    /// How many images stay that are only counted.
    pub fn unlisted(&self) -> u64 {
        let listed = self.decisions.iter().filter(|decision| decision.outcome == OutcomeName::Kept).count();
        self.counts.kept.saturating_sub(listed as u64)
    }

    fn count_outcomes(&mut self) {
        for decision in &self.decisions {
            self.counts.add_outcome(decision.outcome);
            if decision.outcome == OutcomeName::Deleted && decision.kind != Kind::Index {
                let bytes = &mut self.counts.bytes_deleted;
                *bytes = bytes.saturating_add(decision.image.size_bytes);
            }
        }
    }

    /// Whether nothing was left undone by a breaker, a deadline or a failure.
    pub fn is_complete(&self) -> bool {
        let Counts { deadline, failed, .. } = self.counts;
        !matches!(self.status, RepositoryStatus::Failed | RepositoryStatus::Stopped) && deadline + failed == 0
    }

    /// Whether the run changed nothing, would change nothing, and did not fail.
    pub fn is_idle(&self) -> bool {
        self.is_complete() && self.decisions.iter().all(|it| it.outcome == OutcomeName::Kept)
    }
}

impl Report {
    /// The report of a run.
    pub fn new(frame: RunFrame, mut repositories: Vec<RepositoryReport>) -> Self {
        repositories.sort_by(|a, b| a.name.cmp(&b.name));
        let RunFrame { run, mode, finished_at, usage, runs_left, what_if, backup_until, in_use, warnings } =
            frame;
        let ApiUsage { calls: api_calls, throttles } = usage;
        let mut totals = Totals { api_calls, throttles, runs_left, ..Totals::default() };
        totals.counts.inventory = Some(InventoryCounts::default());
        for repository in &repositories {
            totals.repositories += u64::from(repository.reason != Some(RepositoryReason::NotSelected));
            totals.breaker_trips += u64::from(repository.status == RepositoryStatus::Stopped);
            totals.counts.add(&repository.counts);
            let pressure = repository.referrer_pressure.map_or(0, |pressure| pressure.referrers);
            totals.referrer_pressure = totals.referrer_pressure.max(pressure);
        }
        let is_read = in_use.iter().all(|source| source.detail.is_none());
        let complete = is_read && repositories.iter().all(RepositoryReport::is_complete);
        let backup = backup_until.map(|until| Backup::of(&repositories, until));
        Self {
            schema_version: SCHEMA_VERSION,
            run,
            mode,
            finished_at,
            complete,
            totals,
            what_if,
            backup: backup.filter(|backup| backup.deletions() > 0),
            in_use,
            warnings,
            repositories,
            decisions_truncated: 0,
        }
    }

    /// This report and one of other repositories of the same registry as one. The order does not matter, but for the
    /// identity, which is that of the earlier run.
    pub fn and(self, other: Self) -> Self {
        let (first, second) =
            match (self.run.started_at, &self.run.run_id) <= (other.run.started_at, &other.run.run_id) {
                true => (self, other),
                false => (other, self),
            };
        let mut totals = first.totals;
        totals.add(&second.totals);
        let mut warnings = first.warnings;
        warnings.extend(second.warnings);
        let mut repositories = [first.repositories, second.repositories].concat();
        repositories.sort_by(|a, b| a.name.cmp(&b.name));
        Self {
            finished_at: first.finished_at.max(second.finished_at),
            mode: if first.mode == Mode::Apply { first.mode } else { second.mode },
            complete: first.complete && second.complete,
            totals,
            what_if: sums([first.what_if.as_slice(), &second.what_if]),
            backup: match (first.backup, second.backup) {
                (Some(one), Some(two)) => Some(one.and(&two)),
                (one, two) => one.or(two),
            },
            in_use: usage::merged(first.in_use, second.in_use),
            warnings: each_once(warnings),
            repositories,
            decisions_truncated: first.decisions_truncated + second.decisions_truncated,
            schema_version: first.schema_version,
            run: first.run,
        }
    }

    /// Whether a breaker stopped a repository.
    pub fn tripped_a_breaker(&self) -> bool {
        self.totals.breaker_trips > 0
    }

    /// Whether a repository, an image or a source of images in use failed, or time ran out.
    pub fn has_failures(&self) -> bool {
        let Counts { deadline, failed, .. } = self.totals.counts;
        let failed_repository = |repository: &RepositoryReport| repository.status == RepositoryStatus::Failed;
        let failed_source = self.in_use.iter().any(|source| source.detail.is_some());
        deadline + failed > 0 || failed_source || self.repositories.iter().any(failed_repository)
    }
}

impl Totals {
    /// Adds the sums of other repositories.
    fn add(&mut self, other: &Self) {
        self.repositories += other.repositories;
        self.counts.add(&other.counts);
        self.referrer_pressure = self.referrer_pressure.max(other.referrer_pressure);
        self.breaker_trips += other.breaker_trips;
        self.runs_left = self.runs_left.max(other.runs_left);
        for (operation, calls) in &other.api_calls {
            *self.api_calls.entry(operation.clone()).or_default() += calls;
        }
        self.throttles += other.throttles;
    }
}

/// The sums of what would go, preset by preset.
fn sums<'a>(parts: impl IntoIterator<Item = &'a [WhatIf]>) -> Vec<WhatIf> {
    let mut sums: Vec<WhatIf> = Vec::new();
    for what_if in parts.into_iter().flatten() {
        match sums.iter_mut().find(|sum| sum.preset == what_if.preset) {
            Some(sum) => sum.add(what_if),
            None => sums.push(*what_if),
        }
    }
    sums
}

/// Texts without repetitions, in order.
fn each_once(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts.dedup();
    texts
}

/// ECR's default quota on images per repository. Source: "Amazon ECR service quotas", Images per repository, which an
/// account may have raised.
pub const IMAGES_PER_REPOSITORY: u64 = 100_000;

/// To four digits.
fn image_quota_share(images: u64) -> f64 {
    (images as f64 * 10_000.0 / IMAGES_PER_REPOSITORY as f64).round() / 10_000.0
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests;
