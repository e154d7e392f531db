//! What is remembered of one image.

use serde::{Deserialize, Serialize};

use super::moment::Moment;
use super::own_reads::OwnReads;
use crate::oci::attestation::{Classified, Form, Kind};
use crate::oci::digest::Digest;

/// What the bytes of a manifest that is no index proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ManifestFact {
    /// The class of the manifest.
    pub classified: Classified,
    /// The manifest that it refers to.
    pub subject: Option<Digest>,
}

/// The indexes above an image that the janitor deleted, while no other index listed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftBehind {
    /// One of these indexes.
    pub by: Digest,
    /// Whether each of them listed it as an image for a real platform, and as nothing else.
    pub as_platform_image: bool,
}

/// What is remembered of one image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) digest: Digest,
    /// Nothing while it has a user's tag.
    pub(super) untagged_since: Option<Moment>,
    /// The first run that did not find it.
    pub(super) gone_since: Option<Moment>,
    pub(super) restored_at: Option<Moment>,
    /// It had a user's tag in the last run that could act: the baseline of `max_tag_loss`.
    pub(super) in_baseline: bool,
    /// An index that listed it went, and the janitor did not delete that index.
    pub(super) lost_parent: bool,
    /// It is an index whose bytes are kept.
    pub(super) has_bytes: bool,
    /// It is an index that the janitor was about to delete when this was written.
    pub(super) is_going: bool,
    pub(super) left: Option<Box<Left>>,
    pub(super) own_reads: Option<Box<OwnReads>>,
    class: Option<Class>,
    subject: Option<Box<Digest>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Left {
    pub(super) by: Digest,
    pub(super) as_platform_image: bool,
}

impl Entry {
    pub(super) fn new(digest: Digest) -> Self {
        Self {
            digest,
            untagged_since: None,
            gone_since: None,
            restored_at: None,
            in_baseline: false,
            lost_parent: false,
            has_bytes: false,
            is_going: false,
            left: None,
            own_reads: None,
            class: None,
            subject: None,
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone_since.is_some()
    }

    pub(super) fn fact(&self) -> Option<ManifestFact> {
        let classified = self.class?.classified()?;
        Some(ManifestFact { classified, subject: self.subject.as_deref().copied() })
    }

    pub(super) fn set_fact(&mut self, fact: Option<ManifestFact>) {
        self.class = fact.map(|fact| Class::of(fact.classified));
        self.subject = fact.and_then(|fact| fact.subject).map(Box::new);
    }

    pub(super) fn left_behind(&self) -> Option<LeftBehind> {
        let left = self.left.as_deref().filter(|_| !self.lost_parent)?;
        Some(LeftBehind { by: left.by, as_platform_image: left.as_platform_image })
    }

    /// Takes note that an index which listed it was deleted by the janitor.
    pub(super) fn leave_behind(&mut self, by: Digest, as_platform_image: bool) {
        let so_far = self.left.as_deref().is_none_or(|left| left.as_platform_image);
        self.left = Some(Box::new(Left { by, as_platform_image: as_platform_image && so_far }));
    }

    /// Forgets what was seen of it before it was gone: what comes back is new, and somebody wants it.
    pub(super) fn forget_sights(&mut self) {
        self.left = None;
        self.lost_parent = false;
        self.untagged_since = None;
        self.gone_since = None;
        self.in_baseline = false;
        self.own_reads = None;
        self.is_going = false;
    }
}

/// A class in two bytes whose meaning does not change with the order of an enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Class {
    kind: u8,
    form: u8,
}

/// The kinds in the order of their numbers. Only ever appended to.
const KINDS: [Kind; 12] = [
    Kind::Attestation,
    Kind::Suspect,
    Kind::Index,
    Kind::Image,
    Kind::Referrer,
    Kind::Signature,
    Kind::SociIndex,
    Kind::Cache,
    Kind::Chart,
    Kind::Artifact,
    Kind::Unknown,
    Kind::Unread,
];
/// In the place of a form: a suspect that a parent could prove.
const BY_PARENT: u8 = 3;
/// In the place of a form: an artifact by its types.
const ARTIFACT: u8 = 4;
/// Added to a form: the bytes name a subject.
const HAS_SUBJECT: u8 = 8;
const NO_KIND: u8 = u8::MAX;

impl Class {
    fn of(classified: Classified) -> Self {
        let kind = KINDS.iter().position(|kind| *kind == classified.kind);
        let form = match classified.form {
            _ if classified.by_parent => BY_PARENT,
            _ if classified.is_artifact => ARTIFACT,
            Some(Form::Oci) => 1,
            Some(Form::Legacy) => 2,
            Some(Form::ByParent | Form::Unread) | None => 0,
        };
        let form = if classified.has_subject { form | HAS_SUBJECT } else { form };
        Self { kind: kind.and_then(|at| u8::try_from(at).ok()).unwrap_or(NO_KIND), form }
    }

    /// Nothing for what no manifest's bytes can prove.
    fn classified(self) -> Option<Classified> {
        let has_subject = self.form & HAS_SUBJECT != 0;
        let class = match (*KINDS.get(usize::from(self.kind))?, self.form & !HAS_SUBJECT) {
            (Kind::Attestation, 1) => Some(Classified::attestation(Form::Oci)),
            (Kind::Attestation, 2) => Some(Classified::attestation(Form::Legacy)),
            (Kind::Suspect, form @ (0 | BY_PARENT)) => Some(Classified::suspect(form == BY_PARENT)),
            (Kind::Attestation | Kind::Suspect | Kind::Index | Kind::Unread, _) => None,
            (other, 0) => Some(Classified::other(other)),
            (other, ARTIFACT) => Some(Classified { is_artifact: true, ..Classified::other(other) }),
            _ => None,
        }?;
        Some(Classified { has_subject, ..class })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_is_remembered_as_it_was() {
        let mut facts: Vec<Classified> = KINDS[3..11].iter().map(|kind| Classified::other(*kind)).collect();
        facts.extend([Form::Oci, Form::Legacy].map(Classified::attestation));
        facts.extend([true, false].map(Classified::suspect));
        facts.push(Classified { is_artifact: true, ..Classified::other(Kind::SociIndex) });
        for classified in facts {
            for subject in [None, Some(Digest::of(b"subject"))] {
                let classified = Classified { has_subject: subject.is_some(), ..classified };
                let mut entry = Entry::new(Digest::of(b"it"));
                entry.set_fact(Some(ManifestFact { classified, subject }));
                assert_eq!(entry.fact(), Some(ManifestFact { classified, subject }));
            }
        }
    }

    #[test]
    fn what_no_bytes_can_prove_is_no_fact() {
        for kind in 0..=u8::MAX {
            for form in 0..=u8::MAX {
                let Some(classified) = (Class { kind, form }).classified() else { continue };
                assert_eq!(Class::of(classified), Class { kind, form });
                assert!(!matches!(classified.kind, Kind::Index | Kind::Unread));
                assert_eq!(classified.kind == Kind::Attestation, classified.form.is_some());
            }
        }
    }

    #[test]
    fn every_kind_has_its_number() {
        let class = |kind| Class::of(Classified::other(kind)).kind;
        for (number, kind) in KINDS.into_iter().enumerate() {
            assert_eq!(usize::from(class(kind)), number);
        }
    }
}
