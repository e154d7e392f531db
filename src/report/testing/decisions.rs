//! Decisions by name, and the plans behind them, for tests of whatever comes after the rules.

use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::config::policy::Action;
use crate::oci::attestation::{Form, Kind};
use crate::oci::digest::Digest;
use crate::oci::media_type::{IMAGE_CONFIG, IN_TOTO};
use crate::report::RepositoryReport;
use crate::report::counts::InventoryCounts;
use crate::report::decision::Decision;
use crate::report::outcome::{Cause, Outcome, OutcomeName};
use crate::report::outcomes::Outcomes;
use crate::report::plan::{
    Artifact, Deletion, DeletionTarget, ImageFacts, Kept, RepositoryPlan, Step, Tagging,
};
use crate::report::reason::{Reason, State};

/// The manifests whose digests were asked for.
static MANIFESTS: Mutex<BTreeMap<Digest, String>> = Mutex::new(BTreeMap::new());

/// The digest of the manifest of this name.
pub(crate) fn digest(name: &str) -> Digest {
    let manifest = manifest(name);
    let digest = Digest::of(manifest.as_bytes());
    MANIFESTS.lock().unwrap().insert(digest, manifest);
    digest
}

/// The manifest whose digest was asked for.
pub(crate) fn manifest_of(digest: Digest) -> String {
    MANIFESTS.lock().unwrap().get(&digest).cloned().unwrap_or_default()
}

/// A manifest that proves what its name says: `i`, `j`, `inner`, `outer` ... are indexes, `p`, `q` and `other` images,
/// all others attestations in the legacy form. Numbers may follow.
fn manifest(name: &str) -> String {
    let layer = |media_type: &str| json!({"mediaType": media_type, "digest": Digest::of(name.as_bytes())});
    let manifest = |config: Digest, layer: Value| {
        let config = json!({"mediaType": IMAGE_CONFIG, "digest": config});
        json!({"schemaVersion": 2, "config": config, "layers": [layer]}).to_string()
    };
    match name.trim_end_matches(|c: char| c.is_ascii_digit()) {
        "i" | "j" | "inner" | "innermost" | "outer" | "new" => {
            json!({"schemaVersion": 2, "manifests": [], "annotations": {"name": name}}).to_string()
        }
        "p" | "q" | "other" => {
            manifest(Digest::of(b"{}"), layer("application/vnd.oci.image.layer.v1.tar+gzip"))
        }
        _ => {
            let diff_ids = json!([Digest::of(name.as_bytes())]);
            let config = format!(
                r#"{{"architecture":"unknown","os":"unknown","config":{{}},"rootfs":{{"type":"layers","diff_ids":{diff_ids}}}}}"#
            );
            manifest(Digest::of(config.as_bytes()), layer(IN_TOTO))
        }
    }
}

pub(crate) fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

/// An index that the plan deletes.
pub(crate) fn index(name: &str) -> Decision {
    Decision {
        kind: Kind::Index,
        form: None,
        state: None,
        action: Action::Delete,
        outcome: OutcomeName::Planned,
        code: None,
        detail: None,
        new_tag: None,
        image: ImageFacts {
            digest: digest(name),
            reason: Reason::Superseded,
            parents: Vec::new(),
            subject: None,
            platform: None,
            tags: Vec::new(),
            size_bytes: 1000,
            pushed_at: Some(time(0)),
            because: Vec::new(),
            activated_at: None,
            pulled_at: None,
            untagged_at: None,
        },
    }
}

/// An attestation that the plan deletes: an orphan, until something lists it.
pub(crate) fn attestation(name: &str) -> Decision {
    let (form, state) = (Some(Form::Legacy), Some(State::Orphaned));
    let orphan = Decision { kind: Kind::Attestation, form, state, ..index(name) };
    orphan.with(|it| it.image.reason = Reason::Orphaned)
}

/// An image that the plan deletes.
pub(crate) fn image(name: &str) -> Decision {
    Decision { kind: Kind::Image, ..index(name) }
}

/// Changes of a decision beyond its kind.
pub(crate) trait With: Sized {
    fn with(self, change: impl FnOnce(&mut Decision)) -> Self;

    fn under(self, parents: &[&str]) -> Self {
        self.with(|it| it.image.parents = parents.iter().map(|name| digest(name)).collect())
    }

    fn of(self, subject: &str) -> Self {
        self.with(|it| it.image.subject = Some(digest(subject)))
    }

    fn kept(self) -> Self {
        self.with(|it| (it.action, it.outcome) = (Action::Keep, OutcomeName::Kept))
    }

    fn to_be_tagged(self, tag: &str) -> Self {
        self.with(|it| (it.action, it.new_tag) = (Action::Tag, Some(tag.to_owned())))
    }

    fn came_out(self, outcome: OutcomeName) -> Self {
        self.with(|it| it.outcome = outcome)
    }
}

impl With for Decision {
    fn with(mut self, change: impl FnOnce(&mut Decision)) -> Self {
        change(&mut self);
        self
    }
}

/// The report of a repository of this many images with these decisions.
pub(crate) fn repository(name: &str, images: u64, decisions: Vec<Decision>) -> RepositoryReport {
    let acting: Vec<Decision> = decisions.iter().filter(|row| step(row).is_some()).cloned().collect();
    let plan = plan(name, images, decisions);
    let mut outcomes = Outcomes::none(acting.len());
    for ((step, _), row) in plan.numbered().zip(&acting) {
        if let Some(outcome) = outcome(row) {
            outcomes.set(step, outcome);
        }
    }
    RepositoryReport::new(plan, outcomes)
}

/// The plan of a repository of this many images behind these decisions.
pub(crate) fn plan(name: &str, images: u64, decisions: Vec<Decision>) -> RepositoryPlan {
    let counts = Some(InventoryCounts { images, ..InventoryCounts::default() });
    let (mut steps, mut kept) = (Vec::new(), Vec::new());
    for row in decisions {
        match step(&row) {
            Some(step) => steps.push(step),
            None => kept.push(Kept {
                artifact: artifact(&row),
                failed: row.outcome == OutcomeName::Failed,
                problem: None,
                wanted_tag: None,
                image: row.image,
            }),
        }
    }
    let mut kept_by_reason = BTreeMap::new();
    for row in kept.iter().filter(|row| !row.failed) {
        *kept_by_reason.entry(row.image.reason).or_default() += 1;
    }
    RepositoryPlan { name: name.to_owned(), counts, steps, kept, kept_by_reason, ..RepositoryPlan::default() }
}

/// The step of a decision that acts.
pub(crate) fn step(row: &Decision) -> Option<Step> {
    let image = row.image.clone();
    match (row.action, artifact(row)) {
        (Action::Keep, _) => None,
        (Action::Tag, artifact) => {
            let (form, state) = (artifact.form()?, artifact.state()?);
            Some(Step::Tag(Tagging { form, state, new_tag: row.new_tag.clone()?, image }))
        }
        (Action::Delete, artifact) => {
            let target = match artifact {
                Artifact::Attestation { form, state } => DeletionTarget::Attestation { form, state },
                Artifact::Other(Kind::Index) => DeletionTarget::Index,
                Artifact::Other(kind) => DeletionTarget::of_follower(kind).unwrap_or(DeletionTarget::Image),
            };
            Some(Step::Delete(Deletion { target, image }))
        }
    }
}

fn artifact(row: &Decision) -> Artifact {
    match (row.form, row.state) {
        (Some(form), Some(state)) => Artifact::Attestation { form, state },
        _ => Artifact::Other(row.kind),
    }
}

/// The outcome behind a row; none if it is still planned.
pub(crate) fn outcome(row: &Decision) -> Option<Outcome> {
    let cause = || Cause { code: row.code.clone(), detail: row.detail.clone().unwrap_or_default() };
    Some(match row.outcome {
        OutcomeName::Planned => return None,
        OutcomeName::Deleted => Outcome::Deleted,
        OutcomeName::Tagged => Outcome::Tagged,
        OutcomeName::Kept => Outcome::HadTag,
        OutcomeName::AlreadyGone => Outcome::AlreadyGone(cause()),
        OutcomeName::ProtectedByEcr => Outcome::Protected(cause()),
        OutcomeName::HeldBack => Outcome::HeldBack { by: row.image.digest },
        OutcomeName::ChangedSincePlan => Outcome::Changed(cause()),
        OutcomeName::LimitReached => Outcome::LimitReached,
        OutcomeName::Deadline => Outcome::OutOfTime,
        OutcomeName::Failed => Outcome::Failed(cause()),
    })
}

/// Some attestations, all alike.
pub(crate) fn attestations(count: usize) -> Vec<Decision> {
    (0..count).map(|number| attestation(&format!("a{number}"))).collect()
}
