//! Pipelines over all repositories.

use std::collections::BTreeMap;

use serde::Serialize;

use super::survey::Surveyed;
use crate::cli::advice;
use crate::oci::statement::Pipeline;
use crate::planner::sources;
use crate::report::source::Source;

/// A pipeline over all repositories, with the change that makes no more attestations in it.
#[derive(Debug, Serialize)]
pub(super) struct Totals {
    #[serde(flatten)]
    pub(super) sums: Source,
    /// The repositories that it pushes to.
    pub(super) repositories: Vec<String>,
    /// Its share of the attestations of the last 30 days; of all, if there are none of these.
    pub(super) share: f64,
    /// The exact change.
    pub(super) change: &'static str,
}

/// The pipelines, the one that costs most first.
pub(super) fn totals(repositories: &[Surveyed]) -> Vec<Totals> {
    let mut sums: BTreeMap<&Pipeline, (Source, Vec<String>)> = BTreeMap::new();
    for repository in repositories {
        for source in &repository.sources {
            match sums.get_mut(&source.pipeline) {
                Some((sum, names)) => {
                    add(sum, source);
                    names.push(repository.name.clone());
                }
                None => {
                    sums.insert(&source.pipeline, (source.clone(), vec![repository.name.clone()]));
                }
            }
        }
    }
    let mut names: BTreeMap<Pipeline, Vec<String>> =
        sums.values().map(|(sum, names)| (sum.pipeline.clone(), names.clone())).collect();
    let mut sums: Vec<Source> = sums.into_values().map(|(sum, _)| sum).collect();
    sources::sort(&mut sums);
    let lately: u64 = sums.iter().map(|it| it.attestations_of_the_last_30_days).sum();
    let all: u64 = sums.iter().map(|it| it.attestations).sum();
    let share = |it: &Source| match lately {
        0 => it.attestations as f64 / all.max(1) as f64,
        _ => it.attestations_of_the_last_30_days as f64 / lately as f64,
    };
    sums.into_iter()
        .map(|sums| Totals {
            repositories: names.remove(&sums.pipeline).unwrap_or_default(),
            share: (share(&sums) * 10_000.0).round() / 10_000.0,
            change: advice::change(sums.pipeline.kind),
            sums,
        })
        .collect()
}

fn add(sum: &mut Source, other: &Source) {
    sum.attestations += other.attestations;
    sum.attestations_of_the_last_30_days += other.attestations_of_the_last_30_days;
    sum.statements_read += other.statements_read;
    sum.pushes += other.pushes;
    if other.last_push > sum.last_push {
        sum.form = other.form;
        sum.buildkit = other.buildkit.clone().or(sum.buildkit.take());
    }
    sum.first_push = match (sum.first_push, other.first_push) {
        (Some(one), Some(two)) => Some(one.min(two)),
        (one, two) => one.or(two),
    };
    sum.last_push = sum.last_push.max(other.last_push);
}
