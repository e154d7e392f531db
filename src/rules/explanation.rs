//! One image, explained: the rule, what it rests on, and what would change it.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::because::Reasons;
use super::sentence::{on, period};
use super::{Judge, judge};
use crate::config::policy::{Action, Policy, Referrers, SupersededSince};
use crate::inventory::{ImageIndex, Inventory, PerImage, UNUSABLE_TIME};
use crate::oci::attestation::Kind;
use crate::report::reason::{Reason, State};
use crate::rules::ancestors::{self, Since};
use crate::rules::verdict::Verdict;

/// What the policy does with an image, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Why {
    /// The action.
    pub action: Action,
    /// The rule that decides; nothing where that is not certain.
    pub reason: Option<Reason>,
    /// The digests and tags on which that rests, the first few.
    pub because: Vec<String>,
    /// The same in a clause that follows "because".
    pub sentence: String,
    /// What would change it.
    pub what_would_change: Vec<Change>,
    /// Where an attestation stands; nothing where that is not certain.
    #[serde(skip)]
    pub state: Option<State>,
    /// Whether an index that cannot be read could list it too.
    #[serde(skip)]
    pub may_be_listed: bool,
}

/// Something that would change what becomes of an image: time, a key of the policy, or an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The moment from which on, if nothing else happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The key of the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<&'static str>,
    /// A value of it that makes a difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What the policy would do then, by what is known now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub then: Option<Then>,
    /// The same in words.
    pub sentence: String,
}

impl Change {
    /// Something that may happen in the registry.
    pub fn event(sentence: &str) -> Self {
        Self { at: None, key: None, value: None, then: None, sentence: sentence.to_owned() }
    }
}

/// What the policy would do in other circumstances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Then {
    /// The action.
    pub action: Action,
    /// The rule that would decide.
    pub reason: Reason,
}

/// Explains the verdict on one image.
pub fn explain(
    inventory: &Inventory,
    policy: &Policy,
    now: Timestamp,
    verdicts: &PerImage<Verdict>,
    position: ImageIndex,
) -> Why {
    let reasons = Reasons::new(Judge::new(inventory, policy, now), verdicts);
    let asked = Asked { reasons: &reasons, inventory, policy, now, position };
    Why { what_would_change: asked.changes(), ..reasons.why(position) }
}

impl Reasons<'_> {
    /// The explanation of one image without what would change it.
    pub(super) fn why(&self, position: ImageIndex) -> Why {
        Why {
            action: self.action(position),
            reason: Some(self.reason(position)),
            because: self.of(position),
            sentence: self.sentence(position),
            what_would_change: Vec::new(),
            state: self.certain_state(position),
            may_be_listed: self.judge.may_be_listed(position),
        }
    }
}

struct Asked<'a> {
    reasons: &'a Reasons<'a>,
    inventory: &'a Inventory,
    policy: &'a Policy,
    now: Timestamp,
    position: ImageIndex,
}

impl Asked<'_> {
    fn changes(&self) -> Vec<Change> {
        let event = self.event().map(Change::event);
        if self.is_unread() && self.reasons.verdicts[self.position].kind() != Kind::Attestation {
            // It may be anything.
            return event.into_iter().collect();
        }
        self.in_time().into_iter().chain(event).chain(self.by_keys()).collect()
    }

    /// What it would be under a policy at some time, by what is known now.
    fn then(&self, policy: &Policy, now: Timestamp) -> Then {
        let verdicts = judge(self.inventory, policy, now);
        let reasons = Reasons::new(Judge::new(self.inventory, policy, now), &verdicts);
        if self.is_unread() {
            let Verdict { action, reason, .. } = verdicts[self.position];
            return Then { action, reason };
        }
        Then { action: reasons.action(self.position), reason: reasons.reason(self.position) }
    }

    fn is_unread(&self) -> bool {
        self.inventory.image(self.position).evidence.is_unread()
    }

    fn is_now(&self, then: Then) -> bool {
        then == Then {
            action: self.reasons.action(self.position),
            reason: self.reasons.reason(self.position),
        }
    }

    /// The moment when the time has passed that the rule waits for.
    fn in_time(&self) -> Option<Change> {
        let (at, what) = self.waits_until()?;
        let then = self.then(self.policy, at);
        (at > self.now && !self.is_now(then)).then(|| Change {
            at: Some(at),
            key: None,
            value: None,
            then: Some(then),
            sentence: format!("{}, {what}: {}", on(at), in_words(then)),
        })
    }

    fn waits_until(&self) -> Option<(Timestamp, String)> {
        let policy = self.policy;
        let after = |at: Timestamp, span: SignedDuration| at.checked_add(span).ok();
        match self.reasons.reason(self.position) {
            Reason::WithinGrace => {
                let from = self.inventory.image(self.position).aged_from()?;
                let grace = period(policy.grace_period);
                Some((
                    after(from, policy.grace_period)?,
                    format!("when it will be {grace} old (grace_period)"),
                ))
            }
            Reason::SupersededWithinGrace => {
                let wait = policy.superseded_after.max(policy.grace_period);
                let last = self.last_superseded()?;
                let what = match last {
                    Since::Untagged(_) => "have been seen without a tag for",
                    Since::Pushed(_) | Since::Activated(_) => "be older than",
                };
                let key = if policy.superseded_after >= policy.grace_period {
                    "superseded_after"
                } else {
                    "grace_period"
                };
                Some((
                    after(last.at(), wait)?,
                    format!("when the last index above it will {what} {} ({key})", period(wait)),
                ))
            }
            Reason::RecentlyPulled => {
                let pulled = self.reasons.pulled_ones(self.position).into_iter();
                let last = pulled.filter_map(|it| self.inventory.pulled_by_others(it)).max()?;
                let past = after(last, policy.keep_pulled_within)?;
                let keep = period(policy.keep_pulled_within);
                let what = format!("unless it is pulled again within {keep} (keep_pulled_within)");
                Some((after(past, SignedDuration::from_millis(1))?, what)).filter(|_| last != UNUSABLE_TIME)
            }
            _ => None,
        }
    }

    /// The latest beginning among the untagged indexes above; nothing if one is not known.
    fn last_superseded(&self) -> Option<Since> {
        let above = self.reasons.above(self.position).into_iter();
        let untagged = above.filter(|it| self.reasons.is_untagged(*it));
        let since = untagged.map(|it| ancestors::superseded_from(self.inventory.image(it), self.policy));
        let all: Option<Vec<Since>> = since.collect();
        all?.into_iter().max_by_key(|since| since.at())
    }

    /// What somebody could do or what may happen in the registry.
    fn event(&self) -> Option<&'static str> {
        Some(match self.reasons.reason(self.position) {
            Reason::Tagged => "when those tags are gone, the other rules decide",
            Reason::InUse => "when nothing of that is in use any more, the other rules decide",
            Reason::InUseUnknown => "when every source of images in use can be read, the other rules decide",
            Reason::NotActive => "when nothing of that is archived any more, the other rules decide",
            Reason::MayBeListed => "when that index can be read or is gone, the other rules decide",
            Reason::HasReferrers => "when what refers to it is gone, the other rules decide",
            Reason::Attached => "when no index above it has a tag any more, it is superseded",
            Reason::RecentlyPulled => "another pull keeps it longer",
            Reason::UntaggedRepository => "when some image here has a user's tag, the other rules decide",
            Reason::Unreadable => "when its bytes can be read, the other rules decide",
            _ => return None,
        })
    }

    /// Every key of the policy of which another value would make a difference, each by itself: now, or else when the time
    /// has passed that the rule waits for.
    fn by_keys(&self) -> Vec<Change> {
        let later = self.waits_until().map(|(at, _)| at).filter(|at| *at > self.now);
        let keeps = self.reasons.action(self.position) == Action::Keep;
        let other_values = if keeps { looser(self.policy) } else { stricter(self.policy) };
        let acts_later = |policy: &Policy| {
            let then = self.then(policy, later?);
            let as_it_is = self.then(self.policy, later?);
            (then.action != as_it_is.action && then.action != Action::Keep).then_some((later?, then))
        };
        let change = |(key, value, policy): (&'static str, &'static str, Policy)| {
            let then = self.then(&policy, self.now);
            let is_other = policy != *self.policy && !self.is_now(then);
            let told = match acts_later(&policy).filter(|_| !is_other) {
                Some((at, then)) => Some((Some(at), then)),
                None => is_other.then_some((None, then)),
            };
            let (at, then) = told?;
            let when = at.map(|at| format!(", {}", on(at))).unwrap_or_default();
            let sentence = format!("with {key} = \"{value}\"{when}: {}", in_words(then));
            Some(Change { at, key: Some(key), value: Some(value.to_owned()), then: Some(then), sentence })
        };
        other_values.into_iter().filter_map(change).collect()
    }
}

fn in_words(then: Then) -> String {
    let does = match then.action {
        Action::Keep => "kept",
        Action::Tag => "tagged",
        Action::Delete => "deleted",
    };
    format!("{does} ({})", <&str>::from(then.reason))
}

/// The policies that differ in one key and act on more.
fn looser(policy: &Policy) -> Vec<(&'static str, &'static str, Policy)> {
    let with = |change: &dyn Fn(&mut Policy)| changed(policy, change);
    let hour = SignedDuration::from_hours(1);
    vec![
        ("grace_period", "1h", with(&|it| it.grace_period = it.grace_period.min(hour))),
        ("orphaned", "delete", with(&|it| it.orphaned = Action::Delete)),
        ("orphaned_with_subject", "delete", with(&|it| it.orphaned_with_subject = Action::Delete)),
        ("superseded", "delete", with(&|it| it.superseded = Action::Delete)),
        ("superseded_after", "0d", with(&|it| it.superseded_after = SignedDuration::ZERO)),
        ("superseded_since", "push", with(&|it| it.superseded_since = SupersededSince::Push)),
        ("superseded_images", "delete", with(&|it| it.superseded_images = Action::Delete)),
        ("superseded_without_tags", "delete", with(&|it| it.superseded_without_tags = Action::Delete)),
        ("referrers", "follow", with(&|it| it.referrers = Referrers::Follow)),
        ("keep_pulled_within", "0d", with(&|it| it.keep_pulled_within = SignedDuration::ZERO)),
        ("attached", "tag", with(&|it| it.attached = Action::Tag)),
        ("replicated", "delete", with(&|it| it.replicated = Action::Delete)),
    ]
}

/// The policies that differ in one key and act on less.
fn stricter(policy: &Policy) -> Vec<(&'static str, &'static str, Policy)> {
    let with = |change: &dyn Fn(&mut Policy)| changed(policy, change);
    vec![
        ("orphaned", "keep", with(&|it| it.orphaned = Action::Keep)),
        ("orphaned_with_subject", "keep", with(&|it| it.orphaned_with_subject = Action::Keep)),
        ("superseded", "keep", with(&|it| it.superseded = Action::Keep)),
        ("superseded_since", "untagged", with(&|it| it.superseded_since = SupersededSince::Untagged)),
        ("superseded_images", "keep", with(&|it| it.superseded_images = Action::Keep)),
        ("superseded_without_tags", "keep", with(&|it| it.superseded_without_tags = Action::Keep)),
        ("referrers", "hold", with(&|it| it.referrers = Referrers::Hold)),
        ("attached", "keep", with(&|it| it.attached = Action::Keep)),
        ("replicated", "keep", with(&|it| it.replicated = Action::Keep)),
    ]
}

fn changed(policy: &Policy, change: &dyn Fn(&mut Policy)) -> Policy {
    let mut policy = policy.clone();
    change(&mut policy);
    policy
}
