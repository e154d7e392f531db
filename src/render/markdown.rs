//! The report for pull requests and step summaries: GitHub's and GitLab's Markdown.
//!
//! Nothing that others wrote becomes markup, a link, or a mention of somebody. It is never longer than a comment may be.

use std::fmt::Write as _;

use super::summary::{self, Line, closing, outcomes};
use super::words::{self, counted, size};
use crate::oci::attestation::Kind;
use crate::report::decision::Decision;
use crate::report::outcome::OutcomeName;
use crate::report::{Counts, Report, RepositoryReport};
use crate::util::sanitize;

/// A comment on GitHub has at most 65,536 characters. Source: the error of its API, "Body is too long (maximum is 65536
/// characters)".
const LONGEST: usize = 60_000;
/// More repositories than this are counted, not named.
const NAMED: usize = 100;
/// More images of one repository than this are counted, not listed.
const LISTED: usize = 40;

/// The whole report: a summary, what changes, the repositories, and what waits.
pub fn report(report: &Report) -> String {
    let (facts, waits): (Vec<Line>, Vec<Line>) =
        summary::lines(report).into_iter().partition(|line| line.label != summary::WAITS);
    let mut text = Text(String::new(), ROOM);
    text.add(&format!("### ecr-janitor {}\n", plain(&summary::heading(report.mode, &report.run))));
    text.add(&format!("\n{}.\n", plain(&closing(report))));
    text.add(&table(&facts));
    // The images are the most, and take what room is left.
    let mut below = Text(String::new(), text.room());
    repositories(report, &mut below);
    left_out(report, &mut below);
    for Line { label, text } in waits {
        below.add(&format!("\n{label}: {}.\n", plain(&text)));
    }
    let mut changing = Text(String::new(), below.room());
    details(report, |outcome| outcome != OutcomeName::LimitReached, &mut changing);
    let mut waiting = Text(String::new(), changing.room());
    details(report, |outcome| outcome == OutcomeName::LimitReached, &mut waiting);
    text.0 + &changing.0 + &below.0 + &waiting.0 + &format!("\nRun {}\n", code(&report.run.run_id))
}

/// What comes of the parts that fit. Remarks on what is not there, and the end, have room of their own.
const ROOM: usize = LONGEST - 3000;

/// A text that is never longer than this.
struct Text(String, usize);

impl Text {
    /// Adds a part if there is room for it.
    fn add(&mut self, part: &str) -> bool {
        let fits = self.0.len() + part.len() < self.1;
        if fits {
            self.0.push_str(part);
        }
        fits
    }

    /// The room that is left.
    fn room(&self) -> usize {
        self.1.saturating_sub(self.0.len())
    }
}

fn table(facts: &[Line]) -> String {
    let mut text = String::from("\n| | |\n|---|---|\n");
    for Line { label, text: fact } in facts {
        let _ = writeln!(text, "| {label} | {} |", plain(fact));
    }
    text
}

/// The repositories in which something happens, those with the most of it first.
fn repositories(report: &Report, text: &mut Text) {
    let (idle, mut busy): (Vec<_>, Vec<_>) =
        report.repositories.iter().filter(|it| it.reason.is_none()).partition(|it| changes(it) == 0);
    busy.sort_by_key(|it| std::cmp::Reverse(changes(it)));
    let mut named = 0;
    for repository in busy.iter().take(NAMED) {
        let heading = "\n| repository | images | attestations | outcome |\n|---|---:|---:|---|\n".to_owned();
        let line = if named == 0 { heading + &row(repository) } else { row(repository) };
        named += usize::from(text.add(&line));
    }
    let more = busy.len() - named;
    let mut rest = Vec::new();
    if more > 0 {
        let changed: u64 = busy.iter().skip(named).map(|it| changes(it)).sum();
        rest.push(format!("{} with {}", counted(more, "more repository"), counted(changed, "change")));
    }
    if !idle.is_empty() {
        rest.push(format!("{} with nothing to do", counted(idle.len(), "repository")));
    }
    if !rest.is_empty() {
        let and = if named == 0 { "" } else { "And " };
        text.0.push_str(&format!("\n{and}{}.\n", rest.join(", ")));
    }
}

fn row(repository: &RepositoryReport) -> String {
    let number = |value: Option<u64>| value.map(|it| it.to_string()).unwrap_or_default();
    let inventory = repository.counts.inventory.as_ref();
    let outcomes = outcomes(&Counts { kept: 0, ..repository.counts.clone() });
    format!(
        "| {} | {} | {} | {} |\n",
        code(&repository.name),
        number(inventory.map(|it| it.images)),
        number(inventory.map(|it| it.attestations.total)),
        outcomes.join(", "),
    )
}

/// What came of something else than keeping.
fn changes(repository: &RepositoryReport) -> u64 {
    let counts = &repository.counts;
    counts.by_outcome().iter().filter(|(name, _)| *name != OutcomeName::Kept).map(|(_, count)| count).sum()
}

/// The repositories that failed, and those that were skipped.
fn left_out(report: &Report, text: &mut Text) {
    let mut out: Vec<&RepositoryReport> =
        report.repositories.iter().filter(|it| it.reason.is_some()).collect();
    out.sort_by_key(|it| it.reason.is_some_and(|reason| reason.is_choice()));
    let mut named = 0;
    for repository in out.iter().take(NAMED) {
        let heading = "\n| not worked on | why |\n|---|---|\n".to_owned();
        let line =
            format!("| {} | {} |\n", code(&repository.name), plain(&summary::what_happened(repository)));
        named += usize::from(text.add(&if named == 0 { heading + &line } else { line }));
    }
    if let Some(more) = out.len().checked_sub(named).filter(|more| *more > 0) {
        text.0.push_str(&format!("\nAnd {} that are not worked on.\n", counted(more, "more repository")));
    }
}

/// The images that came out so, folded in. What is only kept is not among them.
fn details(report: &Report, is_wanted: fn(OutcomeName) -> bool, text: &mut Text) {
    let mut unlisted = 0;
    for repository in report.repositories.iter().filter(|it| it.reason.is_none()) {
        let rows = repository.decisions.iter().filter(|row| row.outcome != OutcomeName::Kept);
        let rows: Vec<&Decision> = rows.filter(|row| is_wanted(row.outcome)).collect();
        if rows.is_empty() {
            continue;
        }
        let part = images(repository, &rows);
        unlisted += if text.add(&part) { rows.len().saturating_sub(LISTED) } else { rows.len() };
    }
    if unlisted > 0 {
        let sentence = "not listed here: --output json has each, and --output html draws them";
        text.0.push_str(&format!("\n{} {sentence}.\n", counted(unlisted, "image")));
    }
}

fn images(repository: &RepositoryReport, rows: &[&Decision]) -> String {
    let name = html(&sanitize::line(&repository.name));
    let mut text = format!(
        "\n<details><summary><code>{name}</code>: {}</summary>\n\n| image | what | outcome | reason | pushed | size |\n|---|---|---|---|---|---:|\n",
        counted(rows.len(), "image"),
    );
    for row in rows.iter().take(LISTED) {
        let _ = writeln!(text, "{}", image(row));
    }
    if let Some(more) = rows.len().checked_sub(LISTED).filter(|more| *more > 0) {
        let _ = writeln!(text, "\nAnd {}.", counted(more, "more image"));
    }
    text + "\n</details>\n"
}

fn image(row: &Decision) -> String {
    let platform = row.image.platform.as_deref().map(|it| format!(" {}", code(it))).unwrap_or_default();
    let tag = row.new_tag.as_deref().map(|tag| format!(", tag {}", code(tag))).unwrap_or_default();
    let cause = row.code.as_deref().map(|it| format!(", {}", code(it))).unwrap_or_default();
    let pushed = row.image.pushed_at.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
    let size = if row.kind == Kind::Index { String::new() } else { size(row.image.size_bytes) };
    format!(
        "| `{}` | {}{platform} | {}{tag}{cause} | {} | {pushed} | {size} |",
        row.image.digest.short(),
        <&str>::from(row.kind),
        words::outcome(row.outcome),
        <&str>::from(row.image.reason),
    )
}

/// Text as text, in a cell of a table too.
fn plain(text: &str) -> String {
    let text = sanitize::line(text);
    let mut safe = String::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        let rest = &text[at..];
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => {
                safe.push('\\');
                safe.push(character);
            }
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            // Neither a mention of somebody nor of an issue: those are found in what comes of the Markdown.
            '@' | '#' => {
                safe.push(character);
                safe.push_str("<!-- -->");
            }
            ':' if rest.starts_with("://") => safe.push_str("\\:"),
            '.' if safe.to_ascii_lowercase().ends_with("www") => safe.push_str("\\."),
            other => safe.push(other),
        }
    }
    safe
}

/// Text as code, in which nothing is a link or a mention.
fn code(text: &str) -> String {
    let text = sanitize::line(text).replace('|', "\\|");
    let runs = text.split(|character| character != '`').map(str::len);
    let fence = "`".repeat(1 + runs.max().unwrap_or(0));
    let gap = if text.starts_with('`') || text.ends_with('`') || text.is_empty() { " " } else { "" };
    format!("{fence}{gap}{text}{gap}{fence}")
}

/// Text within an element of HTML.
fn html(text: &str) -> String {
    let escape = |character| match character {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '`' => "&#96;".to_owned(),
        '[' => "&#91;".to_owned(),
        ']' => "&#93;".to_owned(),
        '@' | '#' | ':' => format!("{character}<!-- -->"),
        other => other.to_string(),
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Mode;
    use crate::report::RepositoryReason;
    use crate::report::testing::decisions::{With as _, attestation, attestations, repository};
    use crate::report::testing::reports::report as report_of;

    #[test]
    fn a_plan_has_its_repositories_and_images() {
        let orphan = attestation("a").with(|it| it.image.platform = Some("linux-arm64-v8".into()));
        let mut failed = repository("team/web", 2, vec![attestation("b").came_out(OutcomeName::Failed)]);
        failed.decisions[0].code = Some("AccessDenied".into());
        let skipped = RepositoryReport::skipped(
            "hub/nginx".into(),
            RepositoryReason::PullThroughCache,
            Some("the rule hub fills it".into()),
        );
        let repositories =
            vec![repository("team/api", 35, vec![orphan]), failed, skipped, repository("idle", 1, vec![])];
        let text = report(&report_of(Mode::Plan, repositories));
        for part in [
            "### ecr-janitor plan in account 123456789012, Region eu-central-1",
            "| repository | images | attestations | outcome |\n|---|---:|---:|---|\n",
            "| `team/api` | 35 | 0 | 1 planned |\n",
            "| `team/web` | 2 | 0 | 1 failed |\n",
            "And 1 repository with nothing to do.",
            "| `hub/nginx` | skipped, pull-through-cache: the rule hub fills it |",
            "<details><summary><code>team/api</code>: 1 image</summary>\n\n| image |",
            "| attestation `linux-arm64-v8` | planned | orphaned | 2023-11-14 | 1.0 kB |",
            "| attestation | failed, `AccessDenied` | orphaned |",
            "4 repositories with 38 images",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }

    #[test]
    fn where_nothing_is_listed_nothing_comes_on_top_of_it() {
        let text = report(&report_of(Mode::Plan, vec![repository("idle", 1, vec![])]));
        assert!(text.contains("\n1 repository with nothing to do.\n"), "{text}");
    }

    #[test]
    fn a_reader_sees_the_sum_then_the_changes_then_the_repositories_then_what_waits() {
        let rows = vec![attestation("a"), attestation("b").came_out(OutcomeName::LimitReached)];
        let text = report(&report_of(Mode::Plan, vec![repository("team/api", 35, rows)]));
        let order = [
            "plan: 1 planned, 1 waiting for their turn in 1 repository",
            "| Attestations |",
            "| planned | orphaned |",
            "| repository | images |",
            "\nWaits: 1 deletion ",
            "| waiting for their turn | orphaned |",
            "\nRun `",
        ];
        let places: Vec<usize> =
            order.iter().map(|part| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"))).collect();
        assert!(places.is_sorted(), "{places:?} {text}");
    }

    #[test]
    fn nothing_that_others_wrote_is_markup_a_link_or_a_mention() {
        let evil = "a|b`c``d <img src=x> @org/team #1 https://e.vil www.e.vil [x](y) **b** $x$ \u{202e}\n# h";
        assert_eq!(
            plain(evil),
            "a\\|b\\`c\\`\\`d &lt;img src=x&gt; @<!-- -->org/team #<!-- -->1 https\\://e.vil www\\.e.vil \\[x\\](y) \\*\\*b\\*\\* \\$x\\$ \\\\u{202e} #<!-- --> h"
        );
        assert!(
            code(evil).starts_with("```a\\|b`c``d <img") && code(evil).ends_with("# h```"),
            "{}",
            code(evil)
        );
        assert_eq!((code("`x"), code("")), ("`` `x ``".into(), "`  `".into()));
        assert_eq!(html("<b>@a`"), "&lt;b&gt;@<!-- -->a&#96;");
        let rows = vec![attestation("a").to_be_tagged(evil)];
        let mut repository = repository(evil, 1, rows);
        repository.detail = Some(evil.into());
        let mut report_ = report_of(Mode::Plan, vec![repository]);
        report_.warnings = vec![evil.into()];
        let text = report(&report_);
        let outside_of_code: String = text.split("```").step_by(2).collect();
        for bad in ["<img", "@org", "https://e", "](", "\u{202e}"] {
            assert!(!outside_of_code.replace("\\](", "").contains(bad), "{bad} in {outside_of_code}");
        }
        assert!(!text.contains("\n# h"));
    }

    #[test]
    fn it_is_never_longer_than_a_comment_and_says_what_is_not_listed() {
        let repositories =
            (0..400).map(|at| repository(&format!("team/{at}"), 90, attestations(60))).collect();
        let text = report(&report_of(Mode::Plan, repositories));
        assert!(text.len() < LONGEST, "{}", text.len());
        assert!(text.contains("And 300 more repositories with 18000 changes."), "{text}");
        assert!(text.contains("And 20 more images."), "{text}");
        let listed = text.matches("| planned | orphaned |").count();
        assert!(listed >= LISTED, "{listed}");
        assert!(text.contains(&format!("{} images not listed here", 24_000 - listed)), "{listed}");
    }
}
