//! Verdicts of the rules, in a few bytes an image, and their expansion to a plan.

use std::collections::HashSet;

use crate::config::policy::{Action, Policy};
use crate::inventory::{Evidence, ImageIndex, Inventory, PerImage};
use crate::oci::attestation::{Form, Kind};
use crate::report::outcome::Cause;
use crate::report::plan::{Artifact, Deletion, DeletionTarget, ImageFacts, Kept, Step, Tagging};
use crate::report::reason::Reason;

/// The verdict of the rules on one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// What it is.
    pub artifact: Artifact,
    /// The rule that decided.
    pub reason: Reason,
    /// What follows.
    pub action: Action,
    /// Whether it is an unlisted image that must be read, whatever the policy.
    pub candidate: bool,
}

impl Verdict {
    /// The verdict to keep something that is no attestation.
    pub fn keep(kind: Kind, reason: Reason) -> Self {
        Self { artifact: Artifact::Other(kind), reason, action: Action::Keep, candidate: false }
    }

    /// The verdict on an index or an image that goes with a superseded attestation.
    pub fn delete_superseded(kind: Kind) -> Self {
        Self { action: Action::Delete, ..Self::keep(kind, Reason::Superseded) }
    }

    /// The kind of the image.
    pub fn kind(&self) -> Kind {
        self.artifact.kind()
    }

    /// Whether the bytes of the image must be read before this verdict can stand.
    pub fn wants_read(&self, evidence: Evidence) -> bool {
        evidence == Evidence::Unread && (self.candidate || self.action != Action::Keep)
    }

    /// Whether reports have a row for it; everything else is only counted.
    pub fn is_listed(&self) -> bool {
        self.action != Action::Keep
            || self.reason == Reason::Unreadable
            || matches!(self.kind(), Kind::Attestation | Kind::Suspect)
    }

    /// The step that this verdict asks for, if the image's own bytes, read and hashed, prove what the verdict takes it
    /// for. Nothing may be deleted or tagged without this.
    pub(super) fn proven_target(&self, evidence: Evidence) -> Option<DeletionTarget> {
        let Evidence::Read(read) = evidence else { return None };
        match self.artifact {
            Artifact::Attestation { form: Form::ByParent, state } if read.by_parent => {
                Some(DeletionTarget::Attestation { form: Form::ByParent, state })
            }
            Artifact::Attestation { form, state } if read.form == Some(form) => {
                Some(DeletionTarget::Attestation { form, state })
            }
            Artifact::Other(Kind::Index) if read.kind == Kind::Index => Some(DeletionTarget::Index),
            Artifact::Other(Kind::Image) if read.kind == Kind::Image => Some(DeletionTarget::Image),
            _ => None,
        }
    }
}

/// The steps and the kept images that reports list. An action without proof is dropped here, whatever came before.
pub fn expand(
    inventory: &Inventory,
    policy: &Policy,
    verdicts: &PerImage<Verdict>,
) -> (Vec<Step>, Vec<Kept>) {
    let mut tags = TagsInUse::new(inventory, policy);
    let (mut steps, mut kept) = (Vec::new(), Vec::new());
    for (index, verdict) in verdicts.iter().filter(|(_, verdict)| verdict.is_listed()) {
        let evidence = inventory.image(index).evidence;
        let facts = facts(inventory, index, verdict);
        match (verdict.action, verdict.proven_target(evidence)) {
            (Action::Delete, Some(target)) => steps.push(Step::Delete(Deletion { target, image: facts })),
            (Action::Tag, Some(DeletionTarget::Attestation { form, state })) => {
                let subject = facts.subject;
                let new_tag = policy.tag_template.render(facts.digest, facts.platform.as_deref(), subject);
                let tagging = Tagging { form, state, new_tag, image: facts };
                match tags.claim(tagging) {
                    Ok(tagging) => steps.push(Step::Tag(tagging)),
                    Err(in_use) => kept.push(*in_use),
                }
            }
            (action, _) => kept.push(keep(inventory, index, verdict, action, facts)),
        }
    }
    (steps, kept)
}

fn keep(
    inventory: &Inventory,
    index: ImageIndex,
    verdict: &Verdict,
    action: Action,
    mut image: ImageFacts,
) -> Kept {
    let mut artifact = verdict.artifact;
    if action != Action::Keep {
        (artifact, image.reason) = (Artifact::Other(verdict.kind()), Reason::Unreadable);
    }
    Kept {
        artifact,
        image,
        problem: inventory
            .problem(index)
            .map(|problem| Cause::new(problem.code.clone(), problem.detail.clone())),
        failed: inventory.image(index).evidence == Evidence::CallFailed,
        wanted_tag: None,
    }
}

fn facts(inventory: &Inventory, index: ImageIndex, verdict: &Verdict) -> ImageFacts {
    let image = inventory.image(index);
    let mut parents: Vec<_> =
        inventory.parents(index).iter().map(|edge| inventory.image(edge.parent).digest).collect();
    parents.dedup();
    let attested = (verdict.kind() == Kind::Attestation).then(|| inventory.attested(index)).flatten();
    let platform = attested.and_then(|digest| inventory.platform(inventory.position(digest)?));
    ImageFacts {
        digest: image.digest,
        reason: verdict.reason,
        parents,
        subject: image.subject.or(attested),
        platform: platform.map(str::to_owned),
        tags: image.tags.iter().map(ToString::to_string).collect(),
        size_bytes: image.size_bytes,
        pushed_at: image.pushed_at,
        activated_at: image.activated_at,
        pulled_at: image.pulled_at,
    }
}

/// The tags of the repository and of the plan so far: a tag names one image, and none is ever moved.
struct TagsInUse(HashSet<String>);

/// The janitor's own code for a wanted tag that another image holds.
pub const TAG_IN_USE: &str = "tag-in-use";

impl TagsInUse {
    fn new(inventory: &Inventory, policy: &Policy) -> Self {
        let images = inventory.images().iter().filter(|_| policy.tags());
        Self(images.flat_map(|image| image.tags.iter()).map(ToString::to_string).collect())
    }

    /// The tagging if its tag is free; otherwise the image stays, which is a failure.
    fn claim(&mut self, tagging: Tagging) -> Result<Tagging, Box<Kept>> {
        if self.0.insert(tagging.new_tag.clone()) {
            return Ok(tagging);
        }
        let Tagging { form, state, new_tag, image } = tagging;
        let problem = Cause::new(TAG_IN_USE, tag_in_use(&new_tag));
        Err(Box::new(Kept {
            artifact: Artifact::Attestation { form, state },
            image,
            problem: Some(problem),
            failed: true,
            wanted_tag: Some(new_tag),
        }))
    }
}

/// The sentence for a wanted tag that another image holds.
pub fn tag_in_use(tag: &str) -> String {
    format!("the tag {tag:?} names another image; change tag_template, or remove that tag")
}
