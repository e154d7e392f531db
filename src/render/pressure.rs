//! Warnings of images that have nearly as many referrers as ECR allows.

use std::collections::BTreeMap;

use super::words::counted;
use crate::report::RepositoryReport;
use crate::report::counts::MAX_REFERRERS;
use crate::report::outcome::OutcomeName;
use crate::report::reason::Reason;
use crate::util::sanitize;

/// ECR's refusal of one referrer too many, as people meet and search for it.
pub const REFUSAL: &str =
    "The subject of your artifact has the maximum number of artifacts (100) referring to it";

/// The warning of the fullest image of a repository, if four fifths of its referrers are used up.
///
/// It comes before ECR refuses a push, and names what makes room here.
pub fn warning(report: &RepositoryReport) -> Option<String> {
    let pressure = report.referrer_pressure.filter(|it| it.referrers * 5 >= MAX_REFERRERS * 4)?;
    let others = pressure.referrers.saturating_sub(pressure.attestations);
    Some(format!(
        "{}@{} has {} of the {MAX_REFERRERS} referrers that ECR allows ({}, {}). At {MAX_REFERRERS} ECR refuses the next push: \"{REFUSAL}\". {}",
        sanitize::line(&report.name),
        pressure.subject.short(),
        pressure.referrers,
        counted(pressure.attestations, "attestation"),
        counted(others, "other"),
        remedy(report),
    ))
}

/// What makes room, by the reasons for which the attestations of the image stay.
fn remedy(report: &RepositoryReport) -> String {
    let subject = report.referrer_pressure.map(|pressure| pressure.subject);
    let rows = || report.decisions.iter().filter(|it| it.image.subject == subject);
    let going = rows().filter(|it| goes(it.outcome)).count();
    let mut staying: BTreeMap<Reason, u64> = BTreeMap::new();
    for row in rows().filter(|it| it.outcome == OutcomeName::Kept) {
        *staying.entry(row.image.reason).or_default() += 1;
    }
    let mut parts: Vec<String> = Vec::new();
    if going > 0 {
        parts.push(format!("This policy deletes {going} of them"));
    }
    let mut by_count: Vec<(Reason, u64)> = staying.into_iter().collect();
    by_count.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let keys = by_count.iter().filter_map(|(reason, count)| Some(format!("{} for {count}", key(*reason)?)));
    let keys: Vec<String> = keys.collect();
    if !keys.is_empty() {
        parts.push(format!("To make room: {}", keys.join("; ")));
    }
    if let Some((_, held)) = by_count.iter().find(|(reason, _)| *reason == Reason::Attached) {
        parts.push(format!("{held} belong to tagged indexes; only removing unneeded tags makes room there"));
    }
    match parts.is_empty() {
        true => "`ecr-janitor explain` says why each stays".to_owned(),
        false => parts.join(". "),
    }
}

fn goes(outcome: OutcomeName) -> bool {
    matches!(outcome, OutcomeName::Planned | OutcomeName::Deleted | OutcomeName::LimitReached)
}

/// The setting by which attestations that stay for a reason would go.
fn key(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::SubjectPresent => Some("orphaned_with_subject = \"delete\""),
        Reason::Orphaned => Some("orphaned = \"delete\""),
        Reason::HasReferrers => Some("referrers = \"follow\""),
        Reason::Superseded => Some("superseded = \"delete\""),
        Reason::UntaggedRepository => Some("superseded_without_tags = \"delete\""),
        Reason::Replicated => Some("replicated = \"delete\""),
        Reason::SupersededWithinGrace => Some("a shorter superseded_after"),
        Reason::RecentlyPulled => Some("a shorter keep_pulled_within"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::ReferrerPressure;
    use crate::report::decision::Decision;
    use crate::report::testing::decisions::*;

    fn warned(referrers: u64, decisions: Vec<Decision>) -> Option<String> {
        let attestations = referrers.min(60);
        let mut report = repository("team/api", 200, decisions);
        report.referrer_pressure = Some(ReferrerPressure { subject: digest("s"), referrers, attestations });
        warning(&report)
    }

    fn staying(count: usize, reason: Reason) -> Vec<Decision> {
        attestations(count)
            .into_iter()
            .map(|it| it.of("s").kept().with(|it| it.image.reason = reason))
            .collect()
    }

    #[test]
    fn an_image_is_named_when_four_fifths_of_its_referrers_are_used_up() {
        assert_eq!(warned(79, vec![]), None);
        let warning = warned(80, vec![]).unwrap();
        let named = format!("team/api@{} has 80 of the 100", digest("s").short());
        assert!(warning.starts_with(&named) && warning.contains("60 attestations, 20 others"), "{warning}");
        assert!(warning.contains("maximum number of artifacts (100) referring to it"), "{warning}");
    }

    #[test]
    fn the_key_that_makes_room_here_is_named() {
        for (reason, key) in [
            (Reason::SubjectPresent, "orphaned_with_subject = \"delete\" for 5"),
            (Reason::HasReferrers, "referrers = \"follow\" for 5"),
            (Reason::Superseded, "superseded = \"delete\" for 5"),
            (Reason::Attached, "5 belong to tagged indexes"),
        ] {
            let warning = warned(98, staying(5, reason)).unwrap();
            assert!(warning.contains(key), "{warning}");
        }
        let others = staying(5, Reason::SubjectPresent).into_iter().map(|it| it.of("other")).collect();
        let warning = warned(98, others).unwrap();
        assert!(!warning.contains("orphaned_with_subject"), "of another image: {warning}");
    }

    #[test]
    fn what_goes_anyway_is_counted() {
        let going = attestations(3).into_iter().map(|it| it.of("s")).collect();
        assert!(warned(98, going).unwrap().contains("This policy deletes 3 of them"));
    }
}
