//! A registry in a few lines, from the emulator's own state.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use ecr_emulator::{Emulator, ImageView};
use serde_json::Value;

use super::world::REPOSITORIES;
use crate::report::Report;
use crate::report::decision::Decision;

/// The manifests of each repository, by digest.
pub(super) type Contents = BTreeMap<(&'static str, String), String>;

/// What the registry holds.
pub(super) fn contents(emulator: &Emulator) -> Contents {
    let of_one = |repository: &'static str| {
        emulator.images(repository).into_iter().map(move |image| ((repository, image.digest), image.manifest))
    };
    REPOSITORIES.into_iter().flat_map(of_one).collect()
}

/// Each repository as ECR's console counts it, and whether what is tagged can still be pulled whole.
pub(super) fn registry(emulator: &Emulator) -> String {
    let mut text =
        format!("{:<11}  IMAGES  TAGGED  PART OF TAGGED  OTHER UNTAGGED  UNTAGGED <=0.01 MB\n", "REPOSITORY");
    let (mut indexes, mut complete) = (0, 0);
    for repository in REPOSITORIES {
        let images = emulator.images(repository);
        let digests: HashSet<&str> = images.iter().map(|image| image.digest.as_str()).collect();
        let (tagged, untagged): (Vec<&ImageView>, Vec<&ImageView>) =
            images.iter().partition(|i| !i.tags.is_empty());
        let lists: Vec<Vec<String>> = tagged.iter().map(|image| children(&image.manifest)).collect();
        let live: HashSet<&String> = lists.iter().flatten().collect();
        let in_use = untagged.iter().filter(|image| live.contains(&image.digest)).count();
        let small = untagged.iter().filter(|image| size(image) < SMALL).count();
        let _ = writeln!(
            text,
            "{repository:<11}  {:>6}  {:>6}  {in_use:>14}  {:>14}  {small:>18}",
            images.len(),
            tagged.len(),
            untagged.len() - in_use,
        );
        for list in lists.iter().filter(|list| !list.is_empty()) {
            indexes += 1;
            complete += usize::from(list.iter().all(|child| digests.contains(child.as_str())));
        }
    }
    let _ = writeln!(text, "\n{complete} of {indexes} tagged multi-platform images are complete");
    text
}

/// What ECR's console shows as 0.01 MB or less, in bytes.
const SMALL: u64 = 15_000;

/// An image's size as ECR counts it; indexes count as large.
fn size(image: &ImageView) -> u64 {
    let manifest: Value = serde_json::from_str(&image.manifest).unwrap_or_default();
    let size = |blob: &Value| blob.get("size").and_then(Value::as_u64).unwrap_or(0);
    match manifest.get("layers").and_then(Value::as_array) {
        Some(layers) => size(&manifest["config"]) + layers.iter().map(size).sum::<u64>(),
        None => u64::MAX,
    }
}

fn children(manifest: &str) -> Vec<String> {
    let manifest: Value = serde_json::from_str(manifest).unwrap_or_default();
    let digest = |child: &Value| Some(child.get("digest")?.as_str()?.to_owned());
    let list = manifest.get("manifests").and_then(Value::as_array).cloned().unwrap_or_default();
    list.iter().filter_map(digest).collect()
}

/// Puts the decisions of the log into a report that has only the changes.
pub(super) fn add_decisions(report: &mut Report, log: &[String]) {
    let mut decisions: BTreeMap<String, Vec<Decision>> = BTreeMap::new();
    for line in log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        if line.get("message").and_then(Value::as_str) != Some("decision") {
            continue;
        }
        let repository = line.get("repository").and_then(Value::as_str).unwrap_or_default().to_owned();
        if let Ok(decision) = serde_json::from_value(line) {
            decisions.entry(repository).or_default().push(decision);
        }
    }
    for repository in &mut report.repositories {
        if let Some(all) = decisions.remove(&repository.name) {
            repository.decisions = all;
        }
    }
}
