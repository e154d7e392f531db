//! Numbers and outcomes in words.

use crate::report::outcome::OutcomeName;

/// A size in bytes, in decimal units as ECR's console shows it.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// `1 image`, `2 images`, `3 indexes`, `4 repositories`.
pub fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    match noun.strip_suffix('y') {
        _ if count == 1 => format!("1 {noun}"),
        Some(stem) => format!("{count} {stem}ies"),
        None if noun.ends_with(['x', 's']) => format!("{count} {noun}es"),
        None => format!("{count} {noun}s"),
    }
}

/// An outcome for people, the same wherever they meet it.
pub fn outcome(name: OutcomeName) -> &'static str {
    match name {
        OutcomeName::AlreadyGone => "already gone",
        OutcomeName::ProtectedByEcr => "protected by ECR",
        OutcomeName::HeldBack => "held back",
        OutcomeName::ChangedSincePlan => "changed since the plan",
        OutcomeName::LimitReached => "waiting for their turn",
        OutcomeName::Deadline => "out of time",
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_have_their_plurals() {
        let counted = |count: u64, noun| counted(count, noun);
        assert_eq!(counted(1, "repository"), "1 repository");
        assert_eq!(counted(0, "repository"), "0 repositories");
        assert_eq!((counted(2, "index"), counted(2, "API call")), ("2 indexes".into(), "2 API calls".into()));
    }

    #[test]
    fn sizes_are_in_decimal_units() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (695_123, "695.1 kB"),
            (999_950, "1.0 MB"),
            (u64::MAX, "18446744.1 TB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
