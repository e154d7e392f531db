//! The results of runs in several registries, side by side.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::counts::{InventoryCounts, WhatIf};
use super::{Report, RepositoryReport, RunIdentity, SCHEMA_VERSION, Totals, sums};
use crate::config::Mode;
use crate::config::target::RoleArn;

/// A run in several registries: the sums, and the report of each.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FleetReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// An id that no other run has. Each registry's report has one of its own.
    pub run_id: String,
    /// The configuration in force.
    pub configuration: String,
    /// Whether anything could be written.
    pub mode: Mode,
    /// When the first registry's run began.
    #[cfg_attr(test, schemars(with = "crate::oci::schema::Time"))]
    pub started_at: Timestamp,
    /// When the last registry's run ended.
    #[cfg_attr(test, schemars(with = "crate::oci::schema::Time"))]
    pub finished_at: Timestamp,
    /// Whether every registry was worked on, and nothing was left undone in any.
    pub complete: bool,
    /// The sums over all registries.
    pub totals: Totals,
    /// What the plan would be under each preset, over all registries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub what_if: Vec<WhatIf>,
    /// What people should know of the fleet as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The registries, by account and Region.
    pub targets: Vec<TargetReport>,
}

/// One registry of a fleet.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TargetReport {
    /// The role that was assumed; none where the caller's own credentials were used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The account, as far as it is known.
    pub account: Option<String>,
    /// The Region.
    pub region: String,
    /// Why nothing could be done there, with what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether a later run may find it better all by itself.
    #[serde(skip)]
    pub heals: bool,
    /// The report of the registry, as of a run in it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
}

/// The frame of a fleet's run, besides its registries.
#[derive(Debug, Clone)]
pub struct FleetFrame {
    /// The id of the run.
    pub run_id: String,
    /// The configuration in force.
    pub configuration: String,
    /// Whether anything could be written.
    pub mode: Mode,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
}

/// More warnings than this are counted where all registries are shown as one.
const WARNINGS: usize = 20;

impl FleetReport {
    /// The report of a fleet. Reports of one registry, in whatever order, become one.
    pub fn new(frame: FleetFrame, targets: impl IntoIterator<Item = TargetReport>) -> Self {
        let mut merged: Vec<TargetReport> = Vec::new();
        let mut targets: Vec<TargetReport> = targets.into_iter().collect();
        targets.sort_by(TargetReport::by_place);
        for target in targets {
            match merged.last_mut().filter(|last| last.place() == target.place()) {
                Some(last) => last.merge(target),
                None => merged.push(target),
            }
        }
        let reports = || merged.iter().filter_map(|target| target.report.as_ref());
        let mut totals = Totals::default();
        totals.counts.inventory = Some(InventoryCounts::default());
        reports().for_each(|report| totals.add(&report.totals));
        let what_if = sums(reports().map(|report| report.what_if.as_slice()));
        let FleetFrame { run_id, configuration, mode, started_at, finished_at } = frame;
        Self {
            schema_version: SCHEMA_VERSION,
            run_id,
            configuration,
            mode,
            started_at: reports().map(|report| report.run.started_at).min().unwrap_or(started_at),
            finished_at: reports().map(|report| report.finished_at).max().unwrap_or(finished_at),
            complete: merged.iter().all(TargetReport::is_complete),
            totals,
            what_if,
            warnings: Vec::new(),
            targets: merged,
        }
    }

    /// The registries in which nothing could be done.
    pub fn failed(&self) -> impl Iterator<Item = &TargetReport> {
        self.targets.iter().filter(|target| target.error.is_some())
    }

    /// All registries as one report, for printers of one: the names of repositories begin with account and Region.
    pub fn flattened(&self) -> Report {
        let name = |report: &Report, name: &str| {
            let account = report.run.account.as_deref().unwrap_or("unknown");
            format!("{account}/{}/{name}", report.run.region)
        };
        let reports = || self.targets.iter().filter_map(|target| target.report.as_ref());
        let renamed = |report: &Report| -> Vec<RepositoryReport> {
            let rename =
                |it: &RepositoryReport| RepositoryReport { name: name(report, &it.name), ..it.clone() };
            report.repositories.iter().map(rename).collect()
        };
        let mut warnings = self.warnings.clone();
        for target in &self.targets {
            warnings.extend(target.error.iter().map(|error| format!("{}: {error}", target.describe())));
            let of_report = target.report.iter().flat_map(|report| &report.warnings);
            warnings.extend(of_report.map(|warning| format!("{}: {warning}", target.describe())));
        }
        let mut seen = BTreeSet::new();
        warnings.retain(|warning| seen.insert(warning.clone()));
        if let Some(more) = warnings.len().checked_sub(WARNINGS).filter(|more| *more > 0) {
            warnings.truncate(WARNINGS);
            warnings.push(format!("and {more} more warnings, which the report has"));
        }
        let accounts: BTreeSet<_> = reports().filter_map(|report| report.run.account.clone()).collect();
        let regions: BTreeSet<_> = self.targets.iter().map(|target| target.region.as_str()).collect();
        Report {
            schema_version: self.schema_version,
            run: RunIdentity {
                run_id: self.run_id.clone(),
                account: Some(accounts.into_iter().collect::<Vec<_>>().join(", ")),
                region: regions.into_iter().collect::<Vec<_>>().join(", "),
                configuration: self.configuration.clone(),
                started_at: self.started_at,
            },
            mode: self.mode,
            finished_at: self.finished_at,
            complete: self.complete,
            totals: self.totals.clone(),
            what_if: self.what_if.clone(),
            // The runs of which `restore` knows are those of the registries.
            backup: None,
            in_use: Vec::new(),
            warnings,
            repositories: reports().flat_map(renamed).collect(),
            decisions_truncated: reports().map(|report| report.decisions_truncated).sum(),
        }
    }
}

impl TargetReport {
    /// The report of a registry whose run could begin.
    pub fn done(role_arn: Option<String>, report: Report) -> Self {
        let account = report.run.account.clone().or_else(|| account_of(role_arn.as_deref()));
        let region = report.run.region.clone();
        Self { role_arn, account, region, error: None, heals: false, report: Some(report) }
    }

    /// A registry in which nothing could be done, and why. `heals` says whether a later run may do better by itself.
    pub fn failed(role_arn: Option<String>, region: &str, error: String, heals: bool) -> Self {
        let account = account_of(role_arn.as_deref());
        Self { role_arn, account, region: region.to_owned(), error: Some(error), heals, report: None }
    }

    /// `account 222222222222, Region eu-west-1`.
    pub fn describe(&self) -> String {
        let account =
            self.account.as_deref().map_or("the caller's account".into(), |it| format!("account {it}"));
        format!("{account}, Region {}", self.region)
    }

    fn place(&self) -> (Option<&str>, &str, Option<&str>) {
        (self.account.as_deref(), &self.region, self.role_arn.as_deref())
    }

    /// Registries in the order of their places; parts of one in an order that does not depend on how they came.
    fn by_place(&self, other: &Self) -> Ordering {
        let key = |it: &Self| {
            let report = it.report.as_ref();
            let run = report.map(|report| (report.run.started_at, report.run.run_id.clone()));
            (run, it.error.clone())
        };
        self.place().cmp(&other.place()).then_with(|| key(self).cmp(&key(other)))
    }

    fn merge(&mut self, other: Self) {
        self.error = match (self.error.take(), other.error) {
            (Some(one), Some(two)) if one != two => Some(format!("{one}; {two}")),
            (one, two) => one.or(two),
        };
        self.report = match (self.report.take(), other.report) {
            (Some(one), Some(two)) => Some(one.and(two)),
            (one, two) => one.or(two),
        };
    }

    fn is_complete(&self) -> bool {
        self.error.is_none() && self.report.as_ref().is_some_and(|report| report.complete)
    }
}

/// The account of a role: that of a registry without repositories is told by nothing else.
fn account_of(role_arn: Option<&str>) -> Option<String> {
    Some(RoleArn::parse(role_arn?).ok()?.account().to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::outcome::OutcomeName::{Deleted, Failed, Kept, Planned};
    use crate::report::testing::decisions::{With as _, attestation, repository, time};
    use crate::report::testing::reports::report;

    /// The report of some repositories of a registry, each with so many rows, in a run of its own.
    fn part(account: usize, region: usize, nth: usize, repositories: &[(usize, usize)]) -> TargetReport {
        let rows = |count: usize| {
            let outcome = |row: usize| [Deleted, Planned, Failed, Kept][row % 4];
            (0..count).map(|row| attestation(&format!("r{row}")).came_out(outcome(row))).collect()
        };
        let reports =
            repositories.iter().map(|(name, count)| repository(&format!("r{name}"), 9, rows(*count)));
        let mut report = report(Mode::Apply, reports.collect());
        report.run.account = Some(format!("{account:012}"));
        report.run.region = format!("eu-west-{region}");
        report.run.run_id = format!("run {account} {region} {nth}");
        report.run.started_at = time(i64::try_from(nth).unwrap());
        report.totals.api_calls = [("DescribeImages".to_owned(), nth as u64)].into();
        report.warnings = vec![format!("warning {}", nth % 2)];
        TargetReport::done(Some(format!("role {account}")), report)
    }

    fn merged(parts: Vec<TargetReport>) -> serde_json::Value {
        let frame = FleetFrame {
            run_id: "fleet".into(),
            configuration: "janitor.toml".into(),
            mode: Mode::Apply,
            started_at: time(0),
            finished_at: time(0),
        };
        serde_json::to_value(FleetReport::new(frame, parts)).unwrap()
    }

    fn parts() -> impl Strategy<Value = Vec<TargetReport>> {
        let repositories = proptest::collection::vec(0_usize..6, 0..4);
        let registry = proptest::collection::vec(repositories, 1..4);
        proptest::collection::vec(registry, 1..4).prop_map(|registries| {
            let mut all = Vec::new();
            for (registry, parts_of_it) in registries.into_iter().enumerate() {
                let mut name = 0;
                for (nth, counts) in parts_of_it.into_iter().enumerate() {
                    let named: Vec<(usize, usize)> =
                        counts.into_iter().map(|count| (name + count, count)).collect();
                    name += 10;
                    all.push(part(registry / 2, registry % 2, nth, &named));
                }
            }
            all
        })
    }

    proptest! {
        #[test]
        fn parts_make_the_same_whole_in_whatever_order_they_come(
            (sorted, shuffled) in parts().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        ) {
            let sum = |parts: &[TargetReport], of: fn(&Totals) -> u64| -> u64 {
                parts.iter().map(|part| of(&part.report.as_ref().unwrap().totals)).sum()
            };
            let (deleted, failed) = (sum(&sorted, |it| it.counts.deleted), sum(&sorted, |it| it.counts.failed));
            let whole = merged(sorted);
            prop_assert_eq!(&merged(shuffled), &whole);
            prop_assert_eq!(whole["totals"]["deleted"].as_u64(), Some(deleted));
            prop_assert_eq!(whole["totals"]["failed"].as_u64(), Some(failed));
            prop_assert_eq!(whole["complete"].as_bool(), Some(failed == 0));
        }

        #[test]
        fn what_was_merged_merges_on(all in parts(), at in any::<prop::sample::Index>()) {
            let whole = merged(all.clone());
            let (one, two) = all.split_at(at.index(all.len()));
            let again = |parts: &[TargetReport]| -> Vec<TargetReport> {
                serde_json::from_value(merged(parts.to_vec())["targets"].clone()).unwrap()
            };
            prop_assert_eq!(merged([again(one), again(two)].concat()), whole);
        }
    }

    #[test]
    fn a_registry_that_could_not_be_reached_is_told_and_makes_the_run_incomplete() {
        let mut failed = part(1, 1, 0, &[]);
        (failed.report, failed.error) = (None, Some("the role cannot be assumed".into()));
        let whole: FleetReport =
            serde_json::from_value(merged(vec![part(2, 1, 0, &[(0, 1)]), failed])).unwrap();
        assert!(!whole.complete);
        assert_eq!(whole.failed().count(), 1);
        let one = whole.flattened();
        assert_eq!(one.repositories[0].name, "000000000002/eu-west-1/r0");
        assert!(
            one.warnings[0].starts_with("account 000000000001, Region eu-west-1: the role"),
            "{:?}",
            one.warnings
        );
    }
}
