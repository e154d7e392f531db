//! Tables for people and for docs/RELIABILITY.md.

use std::fmt::Write as _;

use crate::scenario::{Row, Scenario};

/// The yields of the janitor, and the calls of the first two: with and without memory.
pub(crate) fn yields(janitors: &[Scenario]) -> String {
    let names: Vec<&str> = janitors.iter().map(|scenario| scenario.name.as_str()).collect();
    let mut text = format!(
        "| repository | left by | dead | {} | lost | calls a night | without memory | left, and why |\n|---|---|---|{}\n",
        names.join(" | "),
        "---|".repeat(names.len() + 4)
    );
    for (n, row) in janitors[0].rows.iter().enumerate() {
        let yields: Vec<String> = janitors.iter().map(|scenario| percent(&scenario.rows[n])).collect();
        let lost: usize = janitors.iter().map(|scenario| scenario.rows[n].lost).sum();
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {lost} | {:.1} | {:.1} | {} |",
            row.kind.name,
            row.kind.about,
            row.attestations.dead,
            yields.join(" | "),
            row.calls_a_night,
            janitors[1].rows[n].calls_a_night,
            left(row)
        );
    }
    text
}

/// What other cleaners clear and lose.
pub(crate) fn losses(scenarios: &[&Scenario]) -> String {
    let mut text =
        String::from("| cleaner | dead | gone | lost | repositories with losses |\n|---|---|---|---|---|\n");
    for scenario in scenarios {
        let sum = |of: fn(&Row) -> u64| scenario.rows.iter().map(of).sum::<u64>();
        let (dead, gone) = (sum(|row| row.attestations.dead), sum(|row| row.attestations.gone));
        let lost = sum(|row| row.lost as u64);
        let where_lost = scenario.rows.iter().filter(|row| row.lost > 0);
        let where_lost: Vec<String> =
            where_lost.map(|row| format!("`{}` {}", row.kind.name, row.lost)).collect();
        let name = &scenario.name;
        let _ = writeln!(text, "| {name} | {dead} | {gone} | {lost} | {} |", or_none(&where_lost));
    }
    text
}

/// The kinds that only memory can clear.
pub(crate) fn notes(scenario: &Scenario) -> String {
    let noted = scenario.rows.iter().filter_map(|row| Some((row, row.kind.without_memory.as_ref()?)));
    noted.map(|(row, without)| format!("- `{}`: {}.\n", row.kind.name, without.why)).collect()
}

/// One scenario in full.
pub(crate) fn full(scenario: &Scenario) -> String {
    let mut text = format!("\n{}\n", scenario.name);
    let _ = writeln!(
        text,
        "{:<20}{:>6}{:>6}{:>8}{:>14}{:>6}{:>14}  left, and why",
        "", "dead", "gone", "yield", "others gone", "lost", "calls a night"
    );
    for row in &scenario.rows {
        let others = format!("{} / {}", row.others.gone, row.others.dead);
        let _ = writeln!(
            text,
            "{:<20}{:>6}{:>6}{:>8}{others:>14}{:>6}{:>14.1}  {}",
            row.kind.name,
            row.attestations.dead,
            row.attestations.gone,
            percent(row),
            row.lost,
            row.calls_a_night,
            left(row),
        );
    }
    text
}

fn percent(row: &Row) -> String {
    match row.attestations.percent() {
        None => "–".to_owned(),
        Some(percent) if percent.fract() == 0.0 => format!("{percent:.0} %"),
        // Never rounded up to 100.
        Some(percent) => format!("{:.1} %", (percent * 10.0).floor() / 10.0),
    }
}

fn left(row: &Row) -> String {
    let left: Vec<String> = row.left.iter().map(|(reason, count)| format!("{count} `{reason}`")).collect();
    or_none(&left)
}

fn or_none(list: &[String]) -> String {
    if list.is_empty() { "–".to_owned() } else { list.join(", ") }
}
