//! The data of a page, as its script reads them. For that script alone: programs read the report.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::graph::Graph;
use super::rows::{self, Folded, Rows};
use super::segments::{self, Segments};
use super::tables::{Class, Tables};
use crate::config::Mode;
use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::render::summary::{self, closing, outcomes};
use crate::report::counts::WhatIf;
use crate::report::source::Source;
use crate::report::{
    Counts, ReferrerPressure, Report, RepositoryReason, RepositoryReport, RepositoryStatus, RunIdentity,
    Totals,
};
use crate::util::sanitize;

/// The data of a page.
#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    title: String,
    program: &'static str,
    /// `plan`, `apply` or `explain`.
    mode: &'static str,
    run: Run,
    complete: bool,
    facts: Vec<Fact>,
    closing: String,
    totals: Option<&'a Totals>,
    what_if: &'a [WhatIf],
    trend: Option<&'a Past>,
    digits: usize,
    drawn: usize,
    folded: usize,
    repositories: Vec<Repository<'a>>,
    texts: Vec<String>,
    classes: Vec<Class>,
    /// The image that was asked for.
    focus: Option<String>,
    explanation: Option<&'a str>,
}

/// Earlier runs, as far as somebody wrote down what they deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Past {
    /// The newest of them, the oldest first.
    pub runs: Vec<PastRun>,
    /// How many there are before those.
    pub older: usize,
}

/// An earlier run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PastRun {
    /// Its id.
    pub run_id: String,
    /// When it began.
    pub started_at: Timestamp,
    /// The images that it deleted; nothing if it was cut, and nobody wrote it down.
    pub deleted: Option<u64>,
    /// Their bytes.
    pub bytes: Option<u64>,
}

/// Room for decisions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// Decisions that are drawn one by one.
    rows: usize,
    /// The digits of a digest.
    digits: usize,
}

#[derive(Debug, Serialize)]
struct Run {
    run_id: String,
    account: Option<String>,
    region: String,
    configuration: String,
    started_at: Timestamp,
}

#[derive(Debug, Serialize)]
struct Fact {
    label: &'static str,
    text: String,
}

#[derive(Debug, Serialize)]
struct Repository<'a> {
    name: String,
    status: RepositoryStatus,
    reason: Option<RepositoryReason>,
    detail: Option<String>,
    what: String,
    images: Option<u64>,
    attestations: Option<u64>,
    kinds: Option<&'a BTreeMap<Kind, u64>>,
    changes: u64,
    quota: Option<f64>,
    pressure: Option<Pressure>,
    sources: Vec<Value>,
    before: Option<Segments>,
    after: Option<Segments>,
    graph: Graph,
    folded: Vec<Folded>,
    /// Kept images without a decision of their own in the report.
    unlisted: u64,
}

#[derive(Debug, Serialize)]
struct Pressure {
    subject: String,
    referrers: u64,
    attestations: u64,
}

/// Up to here all digits of a digest are there; beyond, as many as in tables.
const WHOLE_DIGESTS: usize = 5_000;
const ALL_DIGITS: usize = 64;
const SHORT_DIGITS: usize = 12;
const TITLE_OF_IMAGE: &str = "Explanation";

impl Size {
    /// Room for all of them.
    pub(super) fn of(decisions: usize) -> Self {
        Self { rows: decisions, digits: if decisions <= WHOLE_DIGESTS { ALL_DIGITS } else { SHORT_DIGITS } }
    }

    /// Room for less, if what came of this is too large and less would help.
    pub(super) fn smaller(self, bytes: usize, most: usize) -> Option<Self> {
        if bytes <= most || self.rows == 0 {
            return None;
        }
        // A little less than what should fit: what does not depend on the decisions has its bytes too.
        let rows = (self.rows as u128 * most as u128 * 19 / 20 / bytes as u128) as usize;
        Some(Self { rows: rows.min(self.rows - 1), digits: SHORT_DIGITS })
    }
}

impl<'a> Document<'a> {
    /// A run.
    pub(super) fn of_run(report: &'a Report, past: Option<&'a Past>, size: Size) -> Self {
        let verb = match report.mode {
            Mode::Plan => "Plan",
            Mode::Apply => "Apply",
        };
        let title = format!("{verb}: {}", summary::place(&report.run));
        let facts =
            summary::lines(report).into_iter().map(|line| Fact { label: line.label, text: line.text });
        let facts = facts.collect();
        Self {
            facts,
            closing: closing(report),
            complete: report.complete,
            what_if: &report.what_if,
            trend: past,
            totals: Some(&report.totals),
            ..Self::new(title, report.mode.word(), &report.run, &report.repositories, size)
        }
    }

    /// One image and what is around it.
    pub(super) fn of_image(
        run: &RunIdentity,
        around: &'a RepositoryReport,
        (focus, text): (Digest, &'a str),
        size: Size,
    ) -> Self {
        let repositories = std::slice::from_ref(around);
        let title = format!("{TITLE_OF_IMAGE}: {}@{}", sanitize::line(&around.name), focus.short());
        let document = Self::new(title, "explain", run, repositories, size);
        let focus = Some(focus.hex()[..document.digits].to_owned());
        Self { focus, explanation: Some(text), ..document }
    }

    fn new(
        title: String,
        mode: &'static str,
        run: &RunIdentity,
        repositories: &'a [RepositoryReport],
        size: Size,
    ) -> Self {
        let mut tables = Tables::default();
        let chosen = rows::choose(repositories, size.rows);
        let drawn = chosen.iter().map(|it| it.drawn.len()).sum();
        let all: usize = repositories.iter().map(|it| it.decisions.len()).sum();
        let of_one = |(repository, rows): (&'a RepositoryReport, Rows<'a>)| {
            Repository::new(repository, &rows, run.started_at, size.digits, &mut tables)
        };
        let repositories = repositories.iter().zip(chosen).map(of_one).collect();
        Self {
            title,
            program: concat!("ecr-janitor ", env!("CARGO_PKG_VERSION")),
            mode,
            run: Run::of(run),
            complete: true,
            facts: Vec::new(),
            closing: String::new(),
            totals: None,
            what_if: &[],
            trend: None,
            digits: size.digits,
            drawn,
            folded: all - drawn,
            repositories,
            texts: tables.texts,
            classes: tables.classes,
            focus: None,
            explanation: None,
        }
    }
}

impl Run {
    fn of(run: &RunIdentity) -> Self {
        Self {
            run_id: sanitize::line(&run.run_id),
            account: run.account.as_deref().map(sanitize::line),
            region: sanitize::line(&run.region),
            configuration: sanitize::line(&run.configuration),
            started_at: run.started_at,
        }
    }
}

impl<'a> Repository<'a> {
    fn new(
        report: &'a RepositoryReport,
        rows: &Rows<'_>,
        start: Timestamp,
        digits: usize,
        tables: &mut Tables,
    ) -> Self {
        let inventory = report.counts.inventory.as_ref();
        let [before, after] = segments::of(report).map_or([None, None], |both| both.map(Some));
        Self {
            name: sanitize::line(&report.name),
            status: report.status,
            reason: report.reason,
            detail: report.detail.as_deref().map(sanitize::line),
            what: what(report),
            images: inventory.map(|it| it.images),
            attestations: inventory.map(|it| it.attestations.total),
            kinds: inventory.map(|it| &it.not_attestations).filter(|kinds| !kinds.is_empty()),
            changes: changes(&report.counts),
            quota: report.image_quota_share,
            pressure: report.referrer_pressure.map(Pressure::of),
            sources: report.sources.iter().map(harmless).collect(),
            before,
            after,
            graph: Graph::new(&rows.drawn, digits, start, tables),
            folded: rows.folded(tables),
            unlisted: report.unlisted(),
        }
    }
}

impl Pressure {
    fn of(pressure: ReferrerPressure) -> Self {
        let ReferrerPressure { subject, referrers, attestations } = pressure;
        Self { subject: subject.short(), referrers, attestations }
    }
}

/// How many images are, were or will be changed.
fn changes(counts: &Counts) -> u64 {
    counts.planned + counts.deleted + counts.tagged + counts.limit_reached
}

/// One line on a repository, without what is only kept.
fn what(report: &RepositoryReport) -> String {
    if let Some(reason) = report.reason {
        return format!("{}, {}", summary::status(report.status), <&str>::from(reason));
    }
    let outcomes = outcomes(&Counts { kept: 0, ..report.counts.clone() });
    if outcomes.is_empty() { "nothing to do".to_owned() } else { outcomes.join(", ") }
}
/// What a registry says of a pipeline, with every text in one harmless line.
fn harmless(source: &Source) -> Value {
    fn clean(value: Value) -> Value {
        match value {
            Value::String(text) => sanitize::line(&text).into(),
            Value::Array(items) => items.into_iter().map(clean).collect(),
            Value::Object(members) => members.into_iter().map(|(name, it)| (name, clean(it))).collect(),
            other => other,
        }
    }
    serde_json::to_value(source).map(clean).unwrap_or_default()
}
