//! Decisions by name, for tests of whatever comes after the rules.

use jiff::Timestamp;

use crate::config::policy::Action;
use crate::oci::attestation::{Form, Kind};
use crate::oci::digest::Digest;
use crate::report::decision::{Decision, Outcome, Reason, State};
use crate::report::{RepositoryReport, Status};

pub(crate) fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

pub(crate) fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

/// An index that the plan deletes.
pub(crate) fn index(name: &str) -> Decision {
    Decision {
        digest: digest(name),
        kind: Kind::Index,
        form: None,
        state: None,
        action: Action::Delete,
        outcome: Outcome::Planned,
        reason: Reason::Superseded,
        code: None,
        detail: None,
        parents: Vec::new(),
        subject: None,
        platform: None,
        tags: Vec::new(),
        new_tag: None,
        size_bytes: 1000,
        pushed_at: Some(time(0)),
    }
}

/// An attestation that the plan deletes: an orphan, until something lists it.
pub(crate) fn attestation(name: &str) -> Decision {
    let (form, state) = (Some(Form::Legacy), Some(State::Orphaned));
    Decision { kind: Kind::Attestation, form, state, reason: Reason::Orphaned, ..index(name) }
}

/// An image that the plan deletes.
pub(crate) fn image(name: &str) -> Decision {
    Decision { kind: Kind::Image, ..index(name) }
}

/// What is said of a decision beyond its kind.
pub(crate) trait Said: Sized {
    fn said(self, change: impl FnOnce(&mut Decision)) -> Self;

    fn under(self, parents: &[&str]) -> Self {
        self.said(|it| it.parents = parents.iter().map(|name| digest(name)).collect())
    }

    fn of(self, subject: &str) -> Self {
        self.said(|it| it.subject = Some(digest(subject)))
    }

    fn kept(self) -> Self {
        self.said(|it| (it.action, it.outcome) = (Action::Keep, Outcome::Kept))
    }

    fn to_be_tagged(self, tag: &str) -> Self {
        self.said(|it| (it.action, it.new_tag) = (Action::Tag, Some(tag.to_owned())))
    }

    fn came_out(self, outcome: Outcome) -> Self {
        self.said(|it| it.outcome = outcome)
    }
}

impl Said for Decision {
    fn said(mut self, change: impl FnOnce(&mut Decision)) -> Self {
        change(&mut self);
        self
    }
}

/// A repository of this many images.
pub(crate) fn repository(name: &str, images: u64, decisions: Vec<Decision>) -> RepositoryReport {
    let mut report = RepositoryReport {
        name: name.to_owned(),
        status: Status::Done,
        reason: None,
        detail: None,
        counts: Default::default(),
        referrer_pressure: None,
        decisions,
    };
    report.counts.images = images;
    report.count_outcomes();
    report
}

/// Some attestations, all alike.
pub(crate) fn attestations(count: usize) -> Vec<Decision> {
    (0..count).map(|number| attestation(&format!("a{number}"))).collect()
}
