//! One image of a listing, and what is known of its bytes.

use jiff::Timestamp;

use crate::oci::attestation::{Classified, Kind, ListedType};
use crate::oci::digest::Digest;
use crate::oci::media_type::Shape;

/// ECR's `imageStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageStatus {
    /// It can be pulled.
    Active,
    /// Archived, being activated, or unrecognized: not to be touched.
    Inactive,
}

/// A point in time for one that is there and cannot be used: later than any other, so that it counts as now.
pub const UNUSABLE_TIME: Timestamp = Timestamp::MAX;

/// One image of the listing, and what is known of its bytes.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its digest.
    pub digest: Digest,
    /// When the manifest was first stored; absent means unknown.
    pub pushed_at: Option<Timestamp>,
    /// When it was last restored from the archive, if ever.
    pub activated_at: Option<Timestamp>,
    /// When it was last pulled, if ever; ECR may be a day behind.
    pub pulled_at: Option<Timestamp>,
    /// The first run that saw it untagged, as far as the memory of earlier runs goes.
    pub untagged_at: Option<Timestamp>,
    /// ECR's `imageSizeInBytes`.
    pub size_bytes: u64,
    /// Its tags.
    pub tags: Box<[Box<str>]>,
    /// Whether it is active.
    pub status: ImageStatus,
    /// The structure that its media type promises.
    pub shape: Shape,
    /// The type that the listing shows, so that it may not have to be read.
    pub listed_type: ListedType,
    /// The manifest it refers to, by the listing or by its own bytes.
    pub subject: Option<Digest>,
    /// The proof of its bytes.
    pub evidence: Evidence,
}

impl Image {
    /// The time from which its age counts: what was restored from the archive is as young as its restoring.
    pub fn aged_from(&self) -> Option<Timestamp> {
        self.pushed_at.map(|pushed| self.activated_at.map_or(pushed, |activated| pushed.max(activated)))
    }
}

#[cfg(test)]
impl Image {
    /// An image with these bytes as a listing shows it, for tests: untagged, active, old, unread.
    pub(crate) fn sample(bytes: &str, shape: Shape) -> Self {
        Self {
            digest: Digest::of(bytes.as_bytes()),
            pushed_at: Some(Timestamp::UNIX_EPOCH),
            activated_at: None,
            pulled_at: None,
            untagged_at: None,
            size_bytes: 1000,
            tags: Box::default(),
            status: ImageStatus::Active,
            shape,
            listed_type: ListedType::Unknown,
            subject: None,
            evidence: Evidence::Unread,
        }
    }
}

/// What is known from an image's own bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Not read.
    Unread,
    /// Asked only for its subject, and its bytes cannot be had: archived, say.
    Withheld,
    /// Its bytes cannot be had, or do not hash to its digest.
    Unreadable,
    /// The call that should have read it failed as a whole.
    CallFailed,
    /// It was listed, but is gone since.
    Gone,
    /// Read only for its subject: it is kept whatever it is.
    Seen(Classified),
    /// Read, hashed and classified.
    Read(Classified),
}

impl Evidence {
    /// The kind that the bytes proved, if they were read.
    pub fn kind(self) -> Option<Kind> {
        match self {
            Self::Read(classified) => Some(classified.kind),
            _ => None,
        }
    }

    /// Whether nothing is to be concluded from its bytes: they were not read, or only for its subject.
    pub fn is_unread(self) -> bool {
        matches!(self, Self::Unread | Self::Withheld | Self::Seen(_))
    }
}

/// Merges two entries of a listing for one image: the more careful value of each field.
pub(super) fn merge(first: &mut Image, again: &Image) {
    let mut tags: Vec<Box<str>> = first.tags.iter().chain(again.tags.iter()).cloned().collect();
    tags.sort_unstable();
    tags.dedup();
    first.tags = tags.into();
    // Younger is more careful, and unknown is more careful still.
    first.pushed_at = first.pushed_at.zip(again.pushed_at).map(|(a, b)| a.max(b));
    first.activated_at = first.activated_at.max(again.activated_at);
    first.pulled_at = first.pulled_at.max(again.pulled_at);
    if again.status != first.status {
        first.status = ImageStatus::Inactive;
    }
}
