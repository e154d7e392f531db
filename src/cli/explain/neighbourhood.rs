//! What is around an image: its indexes, what they list, what it speaks of, and what refers to it.

use super::explanation::{Explainer, Explanation};
use crate::config::policy::Action;
use crate::inventory::{ImageIndex, PerImage};
use crate::report::decision::Decision;
use crate::report::outcome::OutcomeName;
use crate::report::plan::ImageFacts;
use crate::report::{RepositoryReason, RepositoryReport, RepositoryStatus};
use crate::rules::explanation::explain;

/// As far as a picture goes: the images beside it, and those beside them.
const STEPS: usize = 2;
/// Images in a picture, at most.
const MOST: usize = 300;

/// The images around one, each with the verdict on it, as the report of its repository.
pub(super) fn around(
    explainer: &Explainer<'_>,
    position: ImageIndex,
    explanation: &Explanation,
) -> RepositoryReport {
    let is_skipped = explanation.repository_skipped.is_some();
    let mut decisions: Vec<Decision> =
        near(explainer, position).into_iter().map(|it| decision(explainer, it, is_skipped)).collect();
    if let (Some(first), Some(reason)) = (decisions.first_mut(), explanation.why.reason) {
        (first.kind, first.action) = (explanation.kind, explanation.why.action);
        first.image.reason = reason;
    }
    let name = explainer.repository.to_owned();
    // Everything else about a repository is told by runs.
    let nothing = RepositoryReport::skipped(name, RepositoryReason::NotSelected, None);
    RepositoryReport { decisions, status: RepositoryStatus::Done, reason: None, ..nothing }
}

/// The image itself, then the nearest first.
fn near(explainer: &Explainer<'_>, position: ImageIndex) -> Vec<ImageIndex> {
    let inventory = explainer.inventory;
    let mut seen = PerImage::filled(inventory, false);
    seen[position] = true;
    let (mut found, mut beside) = (vec![position], vec![position]);
    for _ in 0..STEPS {
        let mut next = Vec::new();
        for at in beside {
            let parents = inventory.parents(at).iter().map(|edge| edge.parent);
            let children = inventory.children(at).iter().map(|edge| edge.child);
            let attested = inventory.attested(at).and_then(|digest| inventory.position(digest));
            let subject = inventory.subject(at).into_iter().chain(attested);
            let all = parents.chain(subject).chain(children).chain(inventory.referrers(at));
            for it in all.take(MOST) {
                if !std::mem::replace(&mut seen[it], true) {
                    next.push(it);
                }
            }
        }
        found.extend(&next);
        beside = next;
    }
    found.truncate(MOST);
    found
}

fn decision(explainer: &Explainer<'_>, position: ImageIndex, is_skipped: bool) -> Decision {
    let Explainer { inventory, policy, verdicts, now, .. } = *explainer;
    let (image, verdict) = (inventory.image(position), &verdicts[position]);
    let why = explain(inventory, policy, now, verdicts, position);
    let action = if is_skipped { Action::Keep } else { why.action };
    let attested = inventory.attested(position);
    let about = attested.and_then(|digest| inventory.position(digest)).unwrap_or(position);
    let mut parents: Vec<ImageIndex> = inventory.parents(position).iter().map(|edge| edge.parent).collect();
    parents.dedup();
    Decision {
        kind: explainer.kind(position, None),
        form: verdict.artifact.form(),
        state: verdict.artifact.state(),
        action,
        outcome: if action == Action::Keep { OutcomeName::Kept } else { OutcomeName::Planned },
        code: None,
        detail: None,
        new_tag: None,
        image: ImageFacts {
            digest: image.digest,
            reason: why.reason.unwrap_or(verdict.reason),
            because: why.because,
            parents: parents.into_iter().map(|parent| inventory.image(parent).digest).collect(),
            subject: image.subject.or(attested),
            platform: inventory.platform(about).map(str::to_owned),
            tags: image.tags.iter().map(ToString::to_string).collect(),
            size_bytes: image.size_bytes,
            pushed_at: image.pushed_at,
            activated_at: image.activated_at,
            pulled_at: image.pulled_at,
            untagged_at: image.untagged_at,
        },
    }
}
