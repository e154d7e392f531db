//! A run in a few lines of plain text.

use std::fmt::Write as _;

use super::pressure;
use super::words::{counted, outcome, size};
use crate::config::Mode;
use crate::config::policy::Action;
use crate::oci::attestation::Kind;
use crate::report::counts::{Going, InventoryCounts, WhatIf};
use crate::report::outcome::OutcomeName;
use crate::report::{
    Backup, Counts, IMAGES_PER_REPOSITORY, Report, RepositoryReport, RepositoryStatus, RunIdentity,
};
use crate::util::sanitize;

/// More repositories than this are counted, not named.
const NAMED: usize = 20;
/// Repositories that take less of the quota on images are not mentioned for it.
const NOTABLE_SHARE: f64 = 0.1;

/// The label of what waits for a later run.
pub(super) const WAITS: &str = "Waits";

/// Why images are not read: they stay, whatever they are.
pub(super) const UNREAD: &str = "unread (young, tagged or archived)";

/// A fact about a run, under its label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The label, of at most 12 characters.
    pub label: &'static str,
    /// The fact.
    pub text: String,
}

/// The run in a few lines, for a notification: the facts, then the repositories in which something happened.
pub fn text(report: &Report) -> String {
    let mut text = format!("{}\n{}\n", heading(report.mode, &report.run), closing(report));
    for Line { label, text: fact } in lines(report) {
        let _ = writeln!(text, "{label}: {fact}");
    }
    let busy: Vec<&RepositoryReport> = report.repositories.iter().filter(|it| !it.is_idle()).collect();
    for repository in busy.iter().take(NAMED) {
        let _ = writeln!(text, "{}: {}", sanitize::line(&repository.name), what_happened(repository));
    }
    if let Some(more) = busy.len().checked_sub(NAMED).filter(|more| *more > 0) {
        let _ = writeln!(text, "and {} more", counted(more, "repository"));
    }
    text
}

/// `apply in account 123456789012, Region eu-west-1, configuration: janitor.toml`.
pub fn heading(mode: Mode, run: &RunIdentity) -> String {
    format!("{} in {}, configuration: {}", mode.word(), place(run), sanitize::line(&run.configuration))
}

/// `account 123456789012, Region eu-west-1`.
pub fn place(run: &RunIdentity) -> String {
    let region = sanitize::line(&run.region);
    match &run.account {
        Some(account) => format!("account {}, Region {region}", sanitize::line(account)),
        None => format!("a registry without repositories, Region {region}"),
    }
}

/// The facts about the run as a whole.
pub fn lines(report: &Report) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut add = |label, text: Option<String>| lines.extend(text.map(|text| Line { label, text }));
    add("Attestations", report.totals.counts.inventory.as_ref().map(|it| attestations(it, report)));
    if report.mode == Mode::Plan {
        let [now, later, other] = forecast(&report.what_if);
        add("Due now", now.map(|now| with_tags(now, report)));
        add("Due later", later);
        add("Other preset", other);
    }
    add("Backup", report.backup.map(|it| backup(&it, report)));
    add(WAITS, waits(report));
    add("Stranded", report.totals.counts.inventory.as_ref().and_then(|it| stranded(it, report.mode)));
    add("Quota", quota(report));
    report.repositories.iter().for_each(|it| add("Nearly full", pressure::warning(it)));
    report.warnings.iter().for_each(|warning| add("Warning", Some(sanitize::line(warning))));
    lines
}

fn attestations(counts: &InventoryCounts, report: &Report) -> String {
    let states = counts.attestations.by_state.iter().map(|(state, n)| format!("{n} {}", <&str>::from(state)));
    let states: Vec<String> = states.collect();
    let states = if states.is_empty() { String::new() } else { format!(": {}", states.join(", ")) };
    let unread = counts.not_attestations.get(&Kind::Unread).copied().unwrap_or(0);
    let unread = (unread > 0).then(|| format!("; {} {UNREAD}", counted(unread, "image")));
    format!(
        "{} of {} in {}{states}{}",
        counts.attestations.total,
        counted(counts.images, "image"),
        counted(report.totals.repositories, "repository"),
        unread.unwrap_or_default(),
    )
}

/// What goes now, what goes later, and both under the other preset, as far as they differ.
fn forecast(what_if: &[WhatIf]) -> [Option<String>; 3] {
    let Some(in_force) = what_if.first() else { return [None, None, None] };
    let figures = |it: &WhatIf| (it.now, it.later, it.unless_pulled);
    let other = what_if.get(1).filter(|it| figures(it) != figures(in_force));
    let other = other.map(|it| {
        let later = later(it).map(|later| format!("; {later}")).unwrap_or_default();
        format!("preset = \"{}\": {} now{later}", it.preset.word(), going(&it.now))
    });
    [Some(going(&in_force.now)), later(in_force), other]
}

/// What goes when time has passed, as far as that differs from what goes now.
fn later(it: &WhatIf) -> Option<String> {
    let known = |it: &Going| Going { unread: 0, ..*it };
    let waits = (known(&it.later) != known(&it.now))
        .then(|| format!("{} in all, once waiting periods are over", going(&it.later)));
    let pulled = it.unless_pulled.filter(|unpulled| known(unpulled) != known(&it.later));
    let pulled = pulled.map(|unpulled| format!("{} if nothing is pulled again", going(&unpulled)));
    let unread = match it.later.unread {
        0 => None,
        1 => Some("1 image that nobody has read yet, if it is an attestation".to_owned()),
        unread => Some(format!("attestations among {unread} images that nobody has read yet")),
    };
    let parts: Vec<String> = [waits, pulled, unread].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// What goes now, and what gets a tag.
fn with_tags(now: String, report: &Report) -> String {
    let rows = report.repositories.iter().flat_map(|it| &it.decisions);
    let tags = rows.filter(|it| it.action == Action::Tag && it.outcome == OutcomeName::Planned).count();
    match (tags, now.as_str()) {
        (0, _) => now,
        (tags, "nothing") => format!("{} to be tagged", counted(tags, "image")),
        (tags, _) => format!("{now}, and {} to be tagged", counted(tags, "image")),
    }
}

fn going(going: &Going) -> String {
    let parts = [
        (going.attestations, "attestation"),
        (going.indexes, "index"),
        (going.images, "image"),
        (going.others, "other artifact"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, noun)| counted(*count, noun)).collect();
    match parts.is_empty() {
        true => "nothing".to_owned(),
        false => format!("{} ({})", parts.join(", "), size(going.bytes)),
    }
}

/// How much of what goes can be brought back, and how.
fn backup(backup: &Backup, report: &Report) -> String {
    let until = backup.restorable_until.strftime("%Y-%m-%d");
    let how = match (backup.fully_restorable, backup.manifest_only) {
        (_, 0) => "all of it".to_owned(),
        (fully, with_layers) => format!(
            "{fully} of {}, and {with_layers} more while ECR still has their layers,",
            backup.deletions()
        ),
    };
    match report.mode {
        Mode::Plan => format!("{how} could be restored until {until}"),
        Mode::Apply => {
            let run = sanitize::line(&report.run.run_id);
            format!("{how} can be restored until {until}: ecr-janitor restore --run {run}")
        }
    }
}

fn waits(report: &Report) -> Option<String> {
    let waiting = report.totals.counts.limit_reached;
    let runs = match report.totals.runs_left {
        Some(1) => "for the next run".to_owned(),
        Some(runs) => format!("for about {runs} more runs"),
        None => "until max_deletions is raised".to_owned(),
    };
    let limits = "max_deletions and max_images_share limit each run";
    (waiting > 0).then(|| format!("{} {runs}, oldest first: {limits}", counted(waiting, "deletion")))
}

fn stranded(counts: &InventoryCounts, mode: Mode) -> Option<String> {
    let will = match mode {
        Mode::Plan => "would be left",
        Mode::Apply => "are left",
    };
    (counts.stranded_images > 0).then(|| {
        format!(
            "{} ({}) {will} without an index; superseded_images = \"delete\" deletes them too",
            counted(counts.stranded_images, "image"),
            size(counts.stranded_bytes),
        )
    })
}

/// The repository that takes most of the quota on images, if that is notable.
fn quota(report: &Report) -> Option<String> {
    let shares = report.repositories.iter().filter_map(|it| Some((it.image_quota_share?, it)));
    let (share, fullest) = shares.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (share >= NOTABLE_SHARE).then(|| {
        format!(
            "{} holds {:.0} % of the {IMAGES_PER_REPOSITORY} images that ECR allows a repository by default",
            sanitize::line(&fullest.name),
            share * 100.0,
        )
    })
}

/// One line on a repository: its outcomes, or why nothing was done in it.
pub fn what_happened(repository: &RepositoryReport) -> String {
    if let Some(reason) = repository.reason {
        let detail = repository.detail.as_deref().map(|detail| format!(": {}", sanitize::line(detail)));
        return format!(
            "{}, {}{}",
            status(repository.status),
            <&str>::from(reason),
            detail.unwrap_or_default()
        );
    }
    outcomes(&repository.counts).join(", ")
}

/// The result for a repository, in a word.
pub fn status(status: RepositoryStatus) -> &'static str {
    <&str>::from(status)
}

/// The outcomes that occurred, each with its count.
pub fn outcomes(counts: &Counts) -> Vec<String> {
    let named = counts.by_outcome().into_iter().filter(|(_, count)| *count > 0);
    let told = |(name, count)| match name {
        OutcomeName::Kept => kept(counts),
        OutcomeName::Deleted => format!("{count} deleted ({})", size(counts.bytes_deleted)),
        other => format!("{count} {}", outcome(other)),
    };
    named.map(told).collect()
}

/// What stays, by what it is as far as that is known: all the rest stays too, and is not counted here.
fn kept(counts: &Counts) -> String {
    let Some(inventory) = &counts.inventory else { return format!("{} kept", counts.kept) };
    let suspects = inventory.not_attestations.get(&Kind::Suspect).copied().unwrap_or(0).min(counts.kept);
    let parts = [(counts.kept - suspects, "attestation"), (suspects, "suspect")].into_iter();
    let parts = parts.filter(|(count, _)| *count > 0).map(|(count, noun)| counted(count, noun));
    format!("{} kept", parts.collect::<Vec<_>>().join(" and "))
}

/// The run in one line: `apply: 4 deleted (2.2 kB), 8 attestations kept in 2 repositories with 35 images, 5 API calls`.
pub fn closing(report: &Report) -> String {
    let totals = &report.totals;
    let outcomes = outcomes(&totals.counts);
    let images = totals.counts.inventory.as_ref().map(|it| format!(" with {}", counted(it.images, "image")));
    let calls: u64 = totals.api_calls.values().sum();
    format!(
        "{}: {} in {}{}, {}{}",
        report.mode.word(),
        if outcomes.is_empty() { "nothing".to_owned() } else { outcomes.join(", ") },
        counted(totals.repositories, "repository"),
        images.unwrap_or_default(),
        counted(calls, "API call"),
        if report.complete { "" } else { "; not complete" },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::policy::Preset;
    use crate::report::testing::decisions::{attestations, repository};
    use crate::report::testing::reports::report;

    fn going_of(attestations: u64, images: u64) -> Going {
        Going { attestations, indexes: images, images, bytes: 1000 * attestations, ..Going::default() }
    }

    fn said(report: &Report, label: &str) -> Option<String> {
        lines(report).into_iter().find(|line| line.label == label).map(|line| line.text)
    }

    #[test]
    fn what_goes_is_told_for_now_for_later_and_for_the_other_preset() {
        let mut report = report(Mode::Plan, vec![repository("r", 9, attestations(3))]);
        let what_if = |preset, now, later| WhatIf { preset, now, later, unless_pulled: None };
        report.what_if = vec![
            what_if(Preset::Orphans, going_of(3, 0), going_of(4, 0)),
            what_if(Preset::Recommended, going_of(5, 2), going_of(5, 2)),
        ];
        assert_eq!(said(&report, "Due now").unwrap(), "3 attestations (3.0 kB)");
        assert_eq!(
            said(&report, "Due later").unwrap(),
            "4 attestations (4.0 kB) in all, once waiting periods are over"
        );
        assert_eq!(
            said(&report, "Other preset").unwrap(),
            "preset = \"recommended\": 5 attestations, 2 indexes, 2 images (5.0 kB) now"
        );
        report.what_if = vec![what_if(Preset::Orphans, going_of(0, 0), going_of(0, 0)); 2];
        assert_eq!(said(&report, "Due now").unwrap(), "nothing");
        assert_eq!((said(&report, "Due later"), said(&report, "Other preset")), (None, None));
        report.mode = Mode::Apply;
        assert_eq!(said(&report, "Due now"), None);
    }

    #[test]
    fn what_pulls_hold_and_what_nobody_has_read_is_due_later_as_well() {
        let mut report = report(Mode::Plan, vec![repository("r", 9, attestations(3))]);
        let mut due = |later, unless_pulled| {
            let now = going_of(3, 0);
            report.what_if = vec![WhatIf { preset: Preset::Orphans, now, later, unless_pulled }];
            said(&report, "Due later")
        };
        assert_eq!(
            due(going_of(4, 0), Some(going_of(6, 1))).unwrap(),
            "4 attestations (4.0 kB) in all, once waiting periods are over; 6 attestations, 1 index, 1 image (6.0 kB) if nothing is pulled again"
        );
        assert_eq!(
            due(going_of(3, 0), Some(going_of(6, 0))).unwrap(),
            "6 attestations (6.0 kB) if nothing is pulled again"
        );
        assert_eq!(
            due(Going { unread: 2, ..going_of(4, 0) }, None).unwrap(),
            "4 attestations (4.0 kB) in all, once waiting periods are over; attestations among 2 images that nobody has read yet"
        );
        assert_eq!(
            due(Going { unread: 1, ..going_of(3, 0) }, None).unwrap(),
            "1 image that nobody has read yet, if it is an attestation"
        );
        assert_eq!(due(going_of(3, 0), None), None);
    }

    #[test]
    fn tags_and_other_artifacts_are_due_too() {
        use crate::report::testing::decisions::{With as _, attestation};
        let row = attestation("a").to_be_tagged("attestation-0123456789ab");
        let mut report = report(Mode::Plan, vec![repository("r", 9, vec![row])]);
        let due = |now| WhatIf { preset: Preset::Orphans, now, later: now, unless_pulled: None };
        report.what_if = vec![due(Going { others: 2, ..going_of(3, 0) })];
        let text = "3 attestations, 2 other artifacts (3.0 kB), and 1 image to be tagged";
        assert_eq!(said(&report, "Due now").unwrap(), text);
        report.what_if = vec![due(Going::default())];
        assert_eq!(said(&report, "Due now").unwrap(), "1 image to be tagged");
    }

    #[test]
    fn what_is_kept_is_counted_by_what_it_is() {
        let mut counts = Counts { kept: 9, ..Counts::default() };
        assert_eq!(outcomes(&counts), ["9 kept"]);
        counts.inventory = Some(InventoryCounts::default());
        assert_eq!(outcomes(&counts), ["9 attestations kept"]);
        counts.inventory.get_or_insert_default().not_attestations.insert(Kind::Suspect, 2);
        assert_eq!(outcomes(&counts), ["7 attestations and 2 suspects kept"]);
    }

    #[test]
    fn images_that_were_not_read_are_told_beside_the_attestations() {
        let mut report = report(Mode::Plan, vec![repository("r", 9, vec![])]);
        report.totals.counts.inventory.get_or_insert_default().not_attestations.insert(Kind::Unread, 3);
        let said = said(&report, "Attestations").unwrap();
        assert!(said.ends_with("; 3 images unread (young, tagged or archived)"), "{said}");
    }

    #[test]
    fn what_waits_comes_with_about_how_many_runs_it_takes() {
        let mut report = report(Mode::Plan, vec![]);
        assert_eq!(said(&report, "Waits"), None);
        report.totals.counts.limit_reached = 2500;
        for (runs, text) in [
            (Some(1), "for the next run"),
            (Some(3), "for about 3 more runs"),
            (None, "until max_deletions is raised"),
        ] {
            report.totals.runs_left = runs;
            let said = said(&report, "Waits").unwrap();
            assert!(said.starts_with("2500 deletions") && said.contains(text), "{said}");
        }
    }

    #[test]
    fn stranded_images_and_a_notable_share_of_the_quota_are_told() {
        let mut report = report(Mode::Plan, vec![repository("small", 9_000, vec![])]);
        assert_eq!((said(&report, "Stranded"), said(&report, "Quota")), (None, None));
        report.repositories.push(repository("team/big", 35_000, vec![]));
        let counts = report.totals.counts.inventory.get_or_insert_default();
        (counts.stranded_images, counts.stranded_bytes) = (8, 341_000_000);
        assert!(
            said(&report, "Stranded")
                .unwrap()
                .starts_with("8 images (341.0 MB) would be left without an index")
        );
        assert!(said(&report, "Quota").unwrap().starts_with("team/big holds 35 % of the 100000 images"));
    }
}
