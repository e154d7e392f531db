//! The measurements for people.

use std::fmt::Write as _;

use crate::case::{self, Run};
use crate::janitor::Needs;
use crate::number::thousands;
use crate::pure::Pure;
use crate::sources::Measured;

/// Operations and their short names.
const OPERATIONS: [(&str, &str); 6] = [
    ("DescribeRepositories", "Repositories"),
    ("DescribePullThroughCacheRules", "CacheRules"),
    ("DescribeImages", "DescribeImages"),
    ("BatchGetImage", "BatchGetImage"),
    ("BatchDeleteImage", "BatchDelete"),
    ("GetDownloadUrlForLayer", "LayerUrl"),
];

/// A table of one case.
pub(crate) fn case(measured: &case::Measured) -> String {
    let mut text = format!("\n{}\n", measured.case.title());
    let _ = write!(
        text,
        "{:<12}{:>9}{:>9}{:>8}{:>9}{:>9}{:>8}",
        "", "wall", "listing", "ratio", "cpu", "peak", "at once"
    );
    for (_, name) in OPERATIONS {
        let _ = write!(text, "{name:>16}");
    }
    text.push('\n');
    for run in &measured.runs {
        row(&mut text, run);
    }
    for run in measured.case.rate.iter().flat_map(|_| &measured.runs) {
        let used = 100.0 * run.share_of(measured.case.rate.unwrap_or_default());
        let throttled = 100.0 * run.throttled_share();
        let _ = writeln!(
            text,
            "{}: {used:.0} % of the allowed rate used, {throttled:.1} % of the calls throttled",
            run.name
        );
    }
    if let Some(ratio) = measured.backups_take() {
        let _ = writeln!(text, "with backups it takes {ratio:.2} times as long");
    }
    text
}

fn row(text: &mut String, run: &Run) {
    let needed = |show: fn(&Needs) -> String| run.needs.as_ref().map_or("-".to_owned(), show);
    let cpu = needed(|needs| format!("{:.2} s", needs.cpu_ms as f64 / 1000.0));
    let peak = needed(|needs| format!("{:.1} MB", needs.peak_bytes as f64 / 1e6));
    let _ = write!(
        text,
        "{:<12}{:>7.2} s{:>7.2} s{:>8.2}{cpu:>9}{peak:>9}{:>8}",
        run.name,
        run.wall_ms / 1000.0,
        run.listing_ms / 1000.0,
        run.wall_ms / run.listing_ms,
        run.in_flight_peak,
    );
    for (operation, _) in OPERATIONS {
        let count = |calls: &crate::floor::Calls| calls.get(operation).copied().unwrap_or(0);
        let cell = format!("{} / {}", count(&run.calls), count(&run.floor));
        let _ = write!(text, "{cell:>16}");
    }
    let problems = run.problems();
    let verdict = if problems.is_empty() { "= floor".to_owned() } else { problems.join(", ") };
    let _ = writeln!(text, "  {verdict}");
}

/// What reading the sources of images in use takes.
pub(crate) fn sources(measured: &Measured) -> String {
    let mut text = format!("\n{}\n", measured.title());
    for run in &measured.runs {
        let _ = write!(text, "{:<12}{:>7.2} s ", run.sources, run.wall_ms / 1000.0);
        for (operation, needed) in &run.floor {
            let made = run.calls.get(operation).copied().unwrap_or(0);
            let _ = write!(text, " {operation} {made} / {needed}");
        }
        let verdict = if run.is_at_the_floor() { "= floor" } else { "NOT the floor" };
        let _ = writeln!(text, "  {verdict}");
    }
    text
}

/// The part without reading.
pub(crate) fn pure(pure: &Pure) -> String {
    let Pure { images, listing_us, bytes_us, link_us, judge_us } = pure;
    format!(
        "\nwithout any call, 1 repository x {} images, microseconds an image:\n\
         listing {listing_us:.2}   bytes {bytes_us:.2}   edges {link_us:.2}   rules {judge_us:.2}\n",
        thousands(*images as u64)
    )
}

/// What the columns mean.
pub(crate) fn legend() -> &'static str {
    "\nlisting: the pages of one repository's listing at the registry's latency, which come one after the other, and\n\
     nothing else; ratio: the whole run in these terms. cpu, peak: processor time and resident memory of the janitor\n\
     alone; the registry shares the machine with it. at once: the most calls in flight. calls: made / needed.\n"
}
