//! Verdicts of the rules, in a few bytes an image, and their expansion to a plan.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;

use crate::config::policy::{Action, Policy};
use crate::inventory::{Evidence, ImageIndex, Inventory, PerImage};
use crate::oci::attestation::Kind;
use crate::report::outcome::Cause;
use crate::report::plan::{Artifact, Deletion, DeletionTarget, ImageFacts, Kept, Step, Tagging};
use crate::report::reason::Reason;
use crate::rules::Judge;
use crate::rules::because::Reasons;

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

    /// The verdict to delete something that is no attestation.
    pub fn delete(kind: Kind, reason: Reason) -> Self {
        Self { action: Action::Delete, ..Self::keep(kind, reason) }
    }

    /// Whether the image goes.
    pub fn is_deletion(&self) -> bool {
        self.action == Action::Delete
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

    /// The target of the step that this verdict asks for, if the image's own bytes, read and hashed, prove what the
    /// verdict takes it for. Nothing may be deleted or tagged without this.
    pub(super) fn proven_target(&self, evidence: Evidence) -> Option<DeletionTarget> {
        let Evidence::Read(read) = evidence else { return None };
        let target = match self.artifact {
            Artifact::Attestation { form, state } => DeletionTarget::Attestation { form, state },
            Artifact::Other(Kind::Index) => DeletionTarget::Index,
            Artifact::Other(Kind::Image) => DeletionTarget::Image,
            Artifact::Other(kind) => DeletionTarget::of_follower(kind)?,
        };
        let follows = self.reason == Reason::FollowsItsSubject;
        (target.is_proven_by(&read) && (!follows || read.has_subject)).then_some(target)
    }
}

/// The lists in a row of something that stays are no longer than this: anybody may push a thousand indexes.
pub(super) const MAX_LISTED: usize = 10;

/// Verdicts as a plan has them.
#[derive(Debug, Default)]
pub struct Expanded {
    /// What would be changed.
    pub steps: Vec<Step>,
    /// The attestations and suspects that stay: all of them if rows were asked for, else those that failed.
    pub kept: Vec<Kept>,
    /// How many stay, by reason. What failed is not among them.
    pub kept_by_reason: BTreeMap<Reason, u64>,
    /// The memory that its rows may still take.
    room: usize,
}

impl Expanded {
    /// Nothing yet, with room for what these verdicts want to change.
    fn with_room(verdicts: &PerImage<Verdict>, rows: Rows) -> Result<Self, TooLarge> {
        let room = match rows {
            Rows::All => usize::MAX,
            Rows::Changed { most_bytes } => most_bytes,
        };
        let steps = verdicts.iter().filter(|(_, verdict)| verdict.action != Action::Keep).count();
        if steps * size_of::<Step>() > room {
            return Err(TooLarge);
        }
        Ok(Self { steps: Vec::with_capacity(steps), room, ..Self::default() })
    }

    fn add(&mut self, step: Step) -> Result<(), TooLarge> {
        self.room = self.room.checked_sub(step.bytes()).ok_or(TooLarge)?;
        self.steps.push(step);
        Ok(())
    }

    fn keep(&mut self, kept: Kept) -> Result<(), TooLarge> {
        self.room = self.room.checked_sub(size_of::<Kept>()).ok_or(TooLarge)?;
        self.kept.push(kept);
        Ok(())
    }
}

/// The rows of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Of everything that reports list, whatever memory they take.
    All,
    /// Of what is changed or failed, in at most so many bytes.
    Changed {
        /// The memory that they may take, about.
        most_bytes: usize,
    },
}

/// A plan whose steps take more memory than there is for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

/// The steps and the kept images that reports list. An action without proof is dropped here, whatever came before.
pub fn expand(
    inventory: &Inventory,
    policy: &Policy,
    now: Timestamp,
    verdicts: &PerImage<Verdict>,
    rows: Rows,
) -> Result<Expanded, TooLarge> {
    let reasons = Reasons::new(Judge::new(inventory, policy, now), verdicts);
    let facts = |index, verdict: &Verdict, most_parents| ImageFacts {
        because: reasons.of(index),
        ..facts(inventory, index, verdict, most_parents)
    };
    let mut tags = TagsInUse::new(inventory, policy);
    let mut expanded = Expanded::with_room(verdicts, rows)?;
    for (index, verdict) in verdicts.iter().filter(|(_, verdict)| verdict.is_listed()) {
        let evidence = inventory.image(index).evidence;
        match (verdict.action, verdict.proven_target(evidence)) {
            (Action::Delete, Some(target)) => {
                let image = facts(index, verdict, usize::MAX);
                expanded.add(Step::Delete(Deletion { target, image }))?;
            }
            (Action::Tag, Some(DeletionTarget::Attestation { form, state })) => {
                let image = facts(index, verdict, MAX_LISTED);
                let new_tag =
                    policy.tag_template.render(image.digest, image.platform.as_deref(), image.subject);
                match tags.claim(Tagging { form, state, new_tag, image }) {
                    Ok(tagging) => expanded.add(Step::Tag(tagging))?,
                    Err(in_use) => expanded.keep(*in_use)?,
                }
            }
            _ => {
                let reason = kept_reason(verdict);
                let failed = evidence == Evidence::CallFailed;
                if !failed {
                    *expanded.kept_by_reason.entry(reason).or_default() += 1;
                }
                if rows == Rows::All || failed {
                    expanded.keep(keep(inventory, index, verdict, facts(index, verdict, MAX_LISTED)))?;
                }
            }
        }
    }
    Ok(expanded)
}

/// The reason why something stays. What should be acted on and is not proven is unreadable.
fn kept_reason(verdict: &Verdict) -> Reason {
    if verdict.action == Action::Keep { verdict.reason } else { Reason::Unreadable }
}

fn keep(inventory: &Inventory, index: ImageIndex, verdict: &Verdict, image: ImageFacts) -> Kept {
    let is_proven = verdict.action == Action::Keep;
    let artifact = if is_proven { verdict.artifact } else { Artifact::Other(verdict.kind()) };
    Kept {
        artifact,
        image: if is_proven {
            image
        } else {
            ImageFacts { reason: kept_reason(verdict), because: Vec::new(), ..image }
        },
        problem: inventory
            .problem(index)
            .map(|problem| Cause::new(problem.code.clone(), problem.detail.clone())),
        failed: inventory.image(index).evidence == Evidence::CallFailed,
        wanted_tag: None,
    }
}

fn facts(inventory: &Inventory, index: ImageIndex, verdict: &Verdict, most_parents: usize) -> ImageFacts {
    let image = inventory.image(index);
    let mut parents: Vec<_> = inventory.parents(index).iter().map(|edge| edge.parent).collect();
    parents.dedup();
    parents.truncate(most_parents);
    let attested = (verdict.kind() == Kind::Attestation).then(|| inventory.attested(index)).flatten();
    let platform = attested.and_then(|digest| inventory.platform(inventory.position(digest)?));
    ImageFacts {
        digest: image.digest,
        reason: verdict.reason,
        because: Vec::new(),
        parents: parents.into_iter().map(|parent| inventory.image(parent).digest).collect(),
        subject: image.subject.or(attested),
        platform: platform.map(str::to_owned),
        tags: image.tags.iter().map(ToString::to_string).collect(),
        size_bytes: image.size_bytes,
        pushed_at: image.pushed_at,
        activated_at: image.activated_at,
        pulled_at: image.pulled_at,
        untagged_at: image.untagged_at,
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
