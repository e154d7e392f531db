//! What the rules say of one image, in a few bytes; and its expansion to a full decision.

use std::collections::HashMap;

use crate::config::policy::{Action, Policy};
use crate::inventory::{Evidence, Inventory, Position};
use crate::oci::attestation::{Form, Kind};
use crate::report::decision::{Decision, Outcome, Reason, State};

/// What the rules say of one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// What it is.
    pub kind: Kind,
    /// For attestations: how it is stored or proven.
    pub form: Option<Form>,
    /// For attestations: where it stands.
    pub state: Option<State>,
    /// The rule that decided.
    pub reason: Reason,
    /// What follows.
    pub action: Action,
    /// An unlisted image that must be read, whatever the policy.
    pub candidate: bool,
}

impl Verdict {
    /// It stays.
    pub fn keep(kind: Kind, reason: Reason) -> Self {
        Self { kind, form: None, state: None, reason, action: Action::Keep, candidate: false }
    }

    /// An index or an image that goes with a superseded attestation.
    pub fn delete_superseded(kind: Kind) -> Self {
        Self { action: Action::Delete, ..Self::keep(kind, Reason::Superseded) }
    }

    /// Whether the bytes of the image must be read before this verdict can stand.
    pub fn wants_read(&self, evidence: Evidence) -> bool {
        evidence == Evidence::Unread && (self.candidate || self.action != Action::Keep)
    }

    /// Whether the image's own bytes, read and hashed, are what the verdict takes it for.
    /// Nothing may be deleted or tagged without this.
    pub fn is_proven(&self, evidence: Evidence) -> bool {
        match self.kind {
            Kind::Attestation => matches!(
                (self.form, evidence),
                (Some(Form::Oci), Evidence::Attestation(Form::Oci))
                    | (Some(Form::Legacy), Evidence::Attestation(Form::Legacy))
                    | (Some(Form::ByParent), Evidence::Suspect { by_parent: true })
            ),
            Kind::Index => evidence == Evidence::Index,
            Kind::Image => evidence == Evidence::Other(Kind::Image),
            _ => false,
        }
    }

    /// Whether it stands in reports one by one; everything else is only counted.
    pub fn is_listed(&self) -> bool {
        self.action != Action::Keep
            || self.reason == Reason::Unreadable
            || matches!(self.kind, Kind::Attestation | Kind::Suspect)
    }
}

/// Writes out the verdicts that reports list. An action without proof is dropped here, whatever came before.
pub fn expand(inventory: &Inventory, policy: &Policy, verdicts: &[Verdict]) -> Vec<Decision> {
    let mut tags = TagsInUse::new(inventory, policy);
    let mut decisions = Vec::with_capacity(verdicts.iter().filter(|verdict| verdict.is_listed()).count());
    for (position, verdict) in inventory.positions().zip(verdicts).filter(|(_, verdict)| verdict.is_listed())
    {
        let is_proven =
            verdict.action == Action::Keep || verdict.is_proven(inventory.image(position).evidence);
        let verdict = if is_proven { *verdict } else { Verdict::keep(verdict.kind, Reason::Unreadable) };
        decisions.push(decision(inventory, policy, position, verdict, &mut tags));
    }
    decisions
}

fn decision(
    inventory: &Inventory,
    policy: &Policy,
    position: Position,
    verdict: Verdict,
    tags: &mut TagsInUse,
) -> Decision {
    let image = inventory.image(position);
    let mut parents: Vec<_> =
        inventory.parents(position).iter().map(|edge| inventory.image(edge.parent).digest).collect();
    parents.dedup();
    let attested = (verdict.kind == Kind::Attestation).then(|| inventory.attested(position)).flatten();
    let platform =
        attested.and_then(|digest| inventory.platform(inventory.position(digest)?)).map(str::to_owned);
    let subject = image.subject.or(attested);
    let problem = inventory.problem(position);
    let mut decision = Decision {
        digest: image.digest,
        kind: verdict.kind,
        form: verdict.form,
        state: verdict.state,
        action: verdict.action,
        outcome: if verdict.action == Action::Keep { Outcome::Kept } else { Outcome::Planned },
        reason: verdict.reason,
        code: problem.map(|problem| problem.code.clone()),
        detail: problem.map(|problem| problem.detail.clone()),
        parents,
        subject,
        platform,
        tags: image.tags.iter().map(ToString::to_string).collect(),
        new_tag: None,
        size_bytes: image.size_bytes,
        pushed_at: image.pushed_at,
    };
    if image.evidence == Evidence::CallFailed {
        decision.outcome = Outcome::Failed;
    }
    if verdict.action == Action::Tag {
        tags.want(
            policy.tag_template.render(image.digest, decision.platform.as_deref(), subject),
            &mut decision,
        );
    }
    decision
}

/// The tags of the repository and of the plan so far: a tag names one image, and none is ever moved.
struct TagsInUse(HashMap<String, Position>);

/// The janitor's own code for a wanted tag that another image holds.
pub const TAG_IN_USE: &str = "tag-in-use";

impl TagsInUse {
    fn new(inventory: &Inventory, policy: &Policy) -> Self {
        let mut tags = HashMap::new();
        if policy.tags() {
            for position in inventory.positions() {
                let held = inventory.image(position).tags.iter().map(|tag| (tag.to_string(), position));
                tags.extend(held);
            }
        }
        Self(tags)
    }

    fn want(&mut self, tag: String, decision: &mut Decision) {
        if self.0.contains_key(&tag) {
            decision.conclude(
                Outcome::Failed,
                Some(TAG_IN_USE),
                Some(format!("the tag {tag:?} names another image; change tag_template, or remove that tag")),
            );
        } else {
            self.0.insert(tag.clone(), Position::MAX);
        }
        decision.new_tag = Some(tag);
    }
}
