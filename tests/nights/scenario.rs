//! Some weeks of days and nights under one cleaner, and what came of it.

use std::collections::BTreeMap;

use ecr_attestation_janitor::report::Report;

use crate::cleaner::Cleaner;
use crate::clock::night_of;
use crate::kinds::{Kind, WORKLOADS};
use crate::repository::{Class, Manifest, Presence, Repository};
use crate::world::{Size, World};

/// A cleaner, and what came of some weeks under it.
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) rows: Vec<Row>,
}

/// What became of one repository.
pub(crate) struct Row {
    pub(crate) kind: &'static Kind,
    /// Attestations that nobody can need.
    pub(crate) attestations: Gone,
    /// Indexes, images, signatures and the like that nobody can need.
    pub(crate) others: Gone,
    /// Why dead attestations are still there.
    pub(crate) left: BTreeMap<String, u64>,
    pub(crate) lost: usize,
    pub(crate) calls_a_night: f64,
    /// Calls of the people that ECR refused, by code.
    pub(crate) refused: BTreeMap<String, u64>,
}

/// How many there were, and how many of them are gone.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Gone {
    pub(crate) dead: u64,
    pub(crate) gone: u64,
}

impl Gone {
    fn add(&mut self, it: &Manifest) {
        self.dead += 1;
        self.gone += u64::from(it.presence == Presence::Cleaned);
    }

    /// The share that is gone, in percent; nothing of nothing.
    pub(crate) fn percent(self) -> Option<f64> {
        (self.dead > 0).then(|| 100.0 * self.gone as f64 / self.dead as f64)
    }
}

/// Lets days and nights pass.
pub(crate) fn simulate(start: &World, size: Size, mut cleaner: Cleaner) -> Vec<Row> {
    let mut world = start.fork();
    let mut calls: BTreeMap<String, u64> = BTreeMap::new();
    let mut last = None;
    for day in 0..size.nights {
        world.day(day);
        let night = cleaner.night(&world.emulator, night_of(day), running(&world), day == size.nights - 1);
        for repository in &mut world.repositories {
            let name = repository.kind.name;
            let deleted = night.deleted.get(name).map(Vec::as_slice).unwrap_or_default();
            repository.cleaned(deleted, night_of(day));
            *calls.entry(name.to_owned()).or_default() += night.calls.get(name).copied().unwrap_or(0);
        }
        if let Some(report) = &night.report {
            assert!(report.complete, "night {day}: {:?}", report.totals.counts);
        }
        last = night.report;
    }
    let reasons = last.as_ref().map(reasons).unwrap_or_default();
    let row = |repository: &Repository| {
        let calls = calls[repository.kind.name];
        Row::new(repository, night_of(size.nights - 1), calls as f64 / size.nights as f64, &reasons)
    };
    world.repositories.iter().map(row).collect()
}

/// The digests that run in the repository of which a source tells.
fn running(world: &World) -> Vec<String> {
    let workloads = world.repositories.iter().filter(|it| it.kind.name == WORKLOADS);
    workloads.flat_map(|it| it.running.values().map(|id| it.manifests[*id].digest.clone())).collect()
}

/// Why each image was kept that the last report has a row for.
fn reasons(report: &Report) -> BTreeMap<String, String> {
    let rows = report.repositories.iter().flat_map(|repository| &repository.decisions);
    rows.map(|row| {
        let reason: &str = row.image.reason.into();
        (row.image.digest.to_string(), reason.to_owned())
    })
    .collect()
}

impl Row {
    fn new(
        repository: &Repository,
        now: i64,
        calls_a_night: f64,
        reasons: &BTreeMap<String, String>,
    ) -> Self {
        let (mut attestations, mut others) = (Gone::default(), Gone::default());
        let mut left: BTreeMap<String, u64> = BTreeMap::new();
        let dead = repository.dead(now);
        for (it, _) in repository.manifests.iter().zip(dead).filter(|(_, dead)| *dead) {
            match it.class {
                Class::Attestation => attestations.add(it),
                _ => others.add(it),
            }
            if it.class == Class::Attestation && it.presence == Presence::There {
                let reason = reasons.get(&it.digest).cloned().unwrap_or_else(|| "no row".to_owned());
                *left.entry(reason).or_default() += 1;
            }
        }
        let (kind, lost) = (repository.kind, repository.lost.len());
        Self { kind, attestations, others, left, lost, calls_a_night, refused: repository.refused.clone() }
    }
}
