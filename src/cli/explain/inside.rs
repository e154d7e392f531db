//! What is in an image's attestation: who built the image, from what, and when.

use serde::Serialize;

use crate::inventory::{ImageIndex, ImageStatus, Inventory, PerImage, graph};
use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::oci::statement::{Pipeline, Statement, statement_layers};
use crate::planner::statements::ReadStatement;
use crate::rules::verdict::Verdict;

/// The statements about an image.
#[derive(Debug, Default, Serialize)]
pub struct Inside {
    /// The attestation that was read.
    pub attestation: Option<Digest>,
    /// The platform of the image that it is about, as in `linux-arm64-v8`.
    pub platform: Option<String>,
    /// How many more attestations there are about the image: one for each further platform, or older ones.
    pub more_attestations: usize,
    /// The pipeline that made it, as far as it is told.
    pub pipeline: Option<Pipeline>,
    /// What is stated.
    pub statements: Vec<Stated>,
    /// What was not read.
    pub unread: Vec<Missing>,
    /// Why nothing at all could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A statement that was read.
#[derive(Debug, Serialize)]
pub struct Stated {
    /// The layer that it is.
    pub digest: Digest,
    /// Its facts.
    #[serde(flatten)]
    pub statement: Statement,
}

/// A statement that was not read.
#[derive(Debug, Serialize)]
pub struct Missing {
    /// The layer that it is.
    pub digest: Digest,
    /// Its size in bytes, as the manifest has it.
    pub size_bytes: Option<u64>,
    /// The type of its predicate, as the manifest has it.
    pub predicate_type: Option<String>,
    /// Why not.
    pub detail: String,
}

/// The attestations that tell of an image, the one to read first.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    pub(super) first: Option<ImageIndex>,
    pub(super) more: usize,
}

/// The attestation of an image: itself, if it is one; of an index one of what it lists; of a platform image the newest
/// about it, and where there is none, the newest of what else refers to it and may hold a statement.
pub(super) fn candidates(
    inventory: &Inventory,
    verdicts: &PerImage<Verdict>,
    position: ImageIndex,
    manifest: Option<&[u8]>,
) -> Candidates {
    if manifest.is_some_and(|bytes| !statement_layers(bytes).is_empty()) {
        return Candidates { first: Some(position), more: 0 };
    }
    let is_attestation = |it: &ImageIndex| verdicts[*it].kind() == Kind::Attestation;
    let mut found: Vec<ImageIndex> = if inventory.is_index(position) {
        let below = graph::below(inventory, [position]);
        inventory.positions().filter(|it| below[*it] && is_attestation(it)).collect()
    } else {
        let digest = inventory.image(position).digest;
        let attests = |it: &ImageIndex| is_attestation(it) && inventory.attested(*it) == Some(digest);
        inventory.positions().filter(attests).collect()
    };
    if found.is_empty() {
        let may_state =
            |it: &ImageIndex| matches!(verdicts[*it].kind(), Kind::Signature | Kind::Referrer | Kind::Unread);
        found = inventory.referrers(position).filter(may_state).collect();
    }
    found.sort_by_key(|it| {
        let image = inventory.image(*it);
        let is_usual = platform(inventory, *it) == Some("linux-amd64");
        (image.status != ImageStatus::Active, !is_usual, std::cmp::Reverse(image.pushed_at), image.digest)
    });
    Candidates { first: found.first().copied(), more: found.len().saturating_sub(1) }
}

/// The platform of the image that an attestation is about.
pub(super) fn platform(inventory: &Inventory, position: ImageIndex) -> Option<&str> {
    let subject = inventory.attested(position).and_then(|digest| inventory.position(digest));
    subject.and_then(|subject| inventory.platform(subject))
}

impl Inside {
    /// Nothing could be read.
    pub(super) fn unreadable(detail: String) -> Self {
        Self { detail: Some(detail), ..Self::default() }
    }

    /// What was read.
    pub(super) fn of(read: Vec<ReadStatement>) -> Self {
        let mut inside = Self::default();
        for ReadStatement { layer, statement } in read {
            match statement {
                Ok(statement) => inside.statements.push(Stated { digest: layer.digest, statement }),
                Err(unread) => inside.unread.push(Missing {
                    digest: layer.digest,
                    size_bytes: layer.size,
                    predicate_type: layer.predicate_type,
                    detail: unread.detail,
                }),
            }
        }
        let statements: Vec<Statement> = inside.statements.iter().map(|it| it.statement.clone()).collect();
        inside.pipeline = (!statements.is_empty()).then(|| Pipeline::of(&statements));
        inside
    }
}
