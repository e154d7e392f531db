//! Results and cases as text tables.

use std::fmt::Write as _;

use crate::case::{Topic, Verdict};
use crate::run::Row;

/// One line per case, by topic, with the claim below each refuted one, and the totals.
pub fn results(topics: &[Topic], rows: &[Row]) -> String {
    let mut text = String::new();
    for topic in topics {
        let of = |row: &&Row| topic.cases.iter().any(|case| case.id == row.case.id);
        let mut rows = rows.iter().filter(of).peekable();
        if rows.peek().is_some() {
            let _ = writeln!(text, "{}", topic.title);
            rows.for_each(|row| line(&mut text, row));
            text.push('\n');
        }
    }
    let count = |is: fn(&Verdict) -> bool| rows.iter().filter(|row| is(&row.verdict)).count();
    let _ = writeln!(
        text,
        "{} confirmed, {} refuted, {} not testable",
        count(|verdict| matches!(verdict, Verdict::Confirmed(_))),
        count(|verdict| matches!(verdict, Verdict::Refuted(_))),
        count(|verdict| matches!(verdict, Verdict::NotTestable(_))),
    );
    text
}

fn line(text: &mut String, row: &Row) {
    let (result, status) = (row.verdict.as_str(), row.case.evidence.status());
    let _ = writeln!(text, "  {result:12}  {status:10}  {:44}  {}", row.case.id, seen(row.verdict.seen()));
    if matches!(row.verdict, Verdict::Refuted(_)) {
        let _ = writeln!(text, "      claim: {}", row.case.claim);
        let _ = writeln!(text, "      what the janitor does: {}", row.case.safeguard);
    }
}

/// The list of cases, without results.
pub fn list(topics: &[Topic]) -> String {
    let mut text = String::new();
    for topic in topics {
        let _ = writeln!(text, "{}", topic.title);
        for case in topic.cases {
            let _ = writeln!(text, "  {:10}  {:44}  {}", case.evidence.status(), case.id, case.claim);
        }
        text.push('\n');
    }
    text
}

/// Shortens a text to one line with digests of twelve hex digits.
fn seen(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut parts = text.split("sha256:");
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let hex = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        let (shown, rest) = part.split_at(hex);
        let _ = write!(short, "sha256:{}{rest}", shown.get(..12).unwrap_or(shown));
    }
    short
}
