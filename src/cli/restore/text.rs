//! A restore in plain text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;

use super::{Restored, RestoredRepository};
use crate::memory::restore::{RestorePlan, RestoredImage};
use crate::render::words::counted;
use crate::util::sanitize;

/// What a plan would put back, by kind.
pub(super) fn pending(plan: &RestorePlan) -> String {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    plan.pending().for_each(|(_, kind)| *kinds.entry(kind.into()).or_default() += 1);
    let kinds: Vec<String> = kinds.into_iter().map(|(kind, count)| counted(count, kind)).collect();
    let name = sanitize::line(&plan.repository.name);
    if kinds.is_empty() {
        format!("{name}: nothing to restore")
    } else {
        format!("{name}: {} to restore", kinds.join(", "))
    }
}

/// What became of a restore: counts, and a line for whatever is not as it was.
pub(super) fn restored(restored: &Restored) -> String {
    let mut text = String::new();
    for repository in &restored.repositories {
        let _ =
            writeln!(text, "{}: {}", sanitize::line(&repository.name), outcome(repository, &restored.place));
        for damaged in &repository.damaged {
            let _ = writeln!(text, "  {}", sanitize::line(damaged));
        }
        for line in repository.images.iter().filter_map(remark) {
            let _ = writeln!(text, "  {line}");
        }
    }
    text + &protection(&restored.repositories)
}

/// Until when the policy leaves alone what was restored. Said once, however many repositories there are.
fn protection(repositories: &[RestoredRepository]) -> String {
    let ends: Vec<Timestamp> = repositories.iter().filter_map(|it| it.protected_until).collect();
    let minute = |at: &Timestamp| at.strftime("%Y-%m-%d %H:%M UTC").to_string();
    let (Some(first), Some(last)) = (ends.iter().min().map(minute), ends.iter().max().map(minute)) else {
        return String::new();
    };
    let range = if first == last { first } else { format!("{first} to {last}, depending on the repository") };
    format!(
        "\nWhat was restored counts as new. Until {range} (grace_period) nothing deletes it, and plans count it as unread. After that the policy decides as before; to keep it, change the policy.\n"
    )
}

fn outcome(repository: &RestoredRepository, place: &str) -> String {
    if let Some(error) = &repository.error {
        return sanitize::line(error);
    }
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    repository.images.iter().for_each(|it| *outcomes.entry(it.outcome.into()).or_default() += 1);
    let outcomes: Vec<String> = outcomes
        .into_iter()
        .map(|(outcome, count)| format!("{count} {}", outcome.replace('-', " ")))
        .collect();
    if outcomes.is_empty() {
        return format!("no backup in {} has any image of it", sanitize::line(place));
    }
    outcomes.join(", ")
}

fn remark(image: &RestoredImage) -> Option<String> {
    let tags = (!image.tags.is_empty()).then(|| format!("has its tags again: {}", image.tags.join(", ")));
    let in_use = (!image.tags_in_use.is_empty())
        .then(|| format!("other images have its tags now: {}", image.tags_in_use.join(", ")));
    let problem = image.detail.as_ref().map(|detail| format!("{}: {detail}", <&str>::from(image.outcome)));
    let remarks: Vec<String> = [problem, tags, in_use].into_iter().flatten().collect();
    (!remarks.is_empty()).then(|| format!("{} {}", image.digest, sanitize::line(&remarks.join("; "))))
}
