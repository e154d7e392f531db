//! The objects of a backup: JSON, compressed by gzip, so that people can read them without the janitor.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Restorable;
use crate::memory::repository::RepositoryId;
use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;

/// The largest object that is read, uncompressed: one image of 48 MiB with every byte escaped in JSON.
const LARGEST: u64 = 320 * 1024 * 1024;
const SCHEMA_VERSION: u32 = 1;
/// What is compressed at once, in bytes.
const PIECE: usize = 64 * 1024;

/// Images with their bytes, stored before they were deleted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Pack {
    /// The run that stored them.
    pub(super) run_id: String,
    /// The repository.
    #[serde(flatten)]
    pub(super) repository: RepositoryId,
    /// When they were stored.
    pub(super) at: Timestamp,
    /// The images.
    pub(super) images: Vec<PackedImage>,
    /// The keys of other objects of the same run that hold blobs of these images.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) elsewhere: BTreeMap<Digest, String>,
    /// The bytes, by digest: of the manifests, and of the blobs that are not elsewhere.
    pub(super) contents: Vec<Content>,
}

/// An image of a backup, as it was when it was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedImage {
    /// Its digest.
    pub digest: Digest,
    /// Its manifest's media type.
    pub media_type: Option<String>,
    /// What it was.
    pub kind: Kind,
    /// Its tags.
    pub tags: Vec<String>,
    /// When its manifest was first stored in the registry.
    pub pushed_at: Option<Timestamp>,
    /// The sizes of its blobs, by its manifest.
    pub size_bytes: u64,
    /// How much of it the backup holds.
    pub restorable: Restorable,
}

/// Bytes with their digest: as text, or in base64 if they are none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Content {
    pub(super) digest: Digest,
    #[serde(flatten)]
    bytes: ContentBytes,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ContentBytes {
    Text(String),
    Base64(String),
}

impl Content {
    pub(super) fn new(digest: Digest, bytes: Vec<u8>) -> Self {
        let bytes = match String::from_utf8(bytes) {
            Ok(text) => ContentBytes::Text(text),
            Err(error) => ContentBytes::Base64(STANDARD.encode(error.as_bytes())),
        };
        Self { digest, bytes }
    }

    pub(super) fn text(digest: Digest, text: &str) -> Self {
        Self { digest, bytes: ContentBytes::Text(text.to_owned()) }
    }

    /// The bytes, if they have their digest.
    pub(super) fn into_verified(self) -> Option<Vec<u8>> {
        let bytes = match self.bytes {
            ContentBytes::Text(text) => text.into_bytes(),
            ContentBytes::Base64(text) => STANDARD.decode(text).ok()?,
        };
        (Digest::of(&bytes) == self.digest).then_some(bytes)
    }
}

/// What a run did, written at its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RunRecord {
    /// When it ended.
    pub(super) finished_at: Timestamp,
    /// The repositories, by name.
    pub(super) repositories: BTreeMap<String, RepositoryRecord>,
}

/// What a run did in one repository.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RepositoryRecord {
    pub(super) backed_up: Tally,
    /// The images that ECR answered it had deleted.
    pub(super) deleted: u64,
    pub(super) deleted_bytes: u64,
}

/// Images of a backup, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// The images.
    pub images: u64,
    /// Those of them that are stored with all they need.
    pub fully_restorable: u64,
    /// The sizes of their blobs, by their manifests.
    pub bytes: u64,
}

impl Tally {
    /// Counts one more image.
    pub(super) fn add(&mut self, restorable: Restorable, size_bytes: u64) {
        self.images += 1;
        self.fully_restorable += u64::from(restorable == Restorable::Fully);
        self.bytes = self.bytes.saturating_add(size_bytes);
    }
}

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    schema_version: u32,
    #[serde(flatten)]
    content: T,
}

impl Pack {
    pub(super) fn to_bytes(&self) -> io::Result<Vec<u8>> {
        to_bytes(self)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        from_bytes(bytes)
    }
}

impl RunRecord {
    pub(super) fn to_bytes(&self) -> io::Result<Vec<u8>> {
        to_bytes(self)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        from_bytes(bytes)
    }
}

fn to_bytes<T: Serialize>(content: &T) -> io::Result<Vec<u8>> {
    // JSON is written in very small pieces, and the encoder clears a large buffer for each.
    let mut pieces = BufWriter::with_capacity(PIECE, GzEncoder::new(Vec::new(), Compression::default()));
    serde_json::to_writer(&mut pieces, &Versioned { schema_version: SCHEMA_VERSION, content })?;
    pieces.write_all(b"\n")?;
    pieces.into_inner()?.finish()
}

fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let mut raw = Vec::new();
    let read = GzDecoder::new(bytes).take(LARGEST).read_to_end(&mut raw);
    read.map_err(|error| format!("it cannot be decompressed: {error}"))?;
    let read = serde_json::from_slice::<Versioned<T>>(&raw);
    let Versioned { schema_version, content } =
        read.map_err(|error| format!("it cannot be read: {error}"))?;
    if schema_version != SCHEMA_VERSION {
        return Err(format!(
            "its schema version is {schema_version}, and this janitor reads {SCHEMA_VERSION}"
        ));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        for bytes in [b"{\"a\":\"\\u0000\xc3\xa4\"}\r\n".as_slice(), &[0, 255, 128], b""] {
            let content = Content::new(Digest::of(bytes), bytes.to_vec());
            let text = serde_json::to_string(&content).unwrap();
            let back: Content = serde_json::from_str(&text).unwrap();
            assert_eq!(back.into_verified().unwrap(), bytes);
        }
        assert_eq!(Content::text(Digest::of(b"a"), "b").into_verified(), None);
    }

    #[test]
    fn an_object_is_read_back_unless_it_is_damaged_or_of_another_version() {
        let backed_up = Tally { images: 3, fully_restorable: 2, bytes: 1 };
        let done = RepositoryRecord { backed_up, deleted: 2, deleted_bytes: 1 };
        let repositories = BTreeMap::from([("team/api".into(), done)]);
        let record = RunRecord { finished_at: Timestamp::UNIX_EPOCH, repositories };
        let bytes = record.to_bytes().unwrap();
        assert_eq!(RunRecord::from_bytes(&bytes), Ok(record));
        for cut in 0..bytes.len() {
            assert!(RunRecord::from_bytes(&bytes[..cut]).is_err(), "{cut}");
        }
        let mut newer = GzEncoder::new(Vec::new(), Compression::default());
        newer
            .write_all(br#"{"schema_version":2,"finished_at":"1970-01-01T00:00:00Z","repositories":{}}"#)
            .unwrap();
        let told = RunRecord::from_bytes(&newer.finish().unwrap()).unwrap_err();
        assert_eq!(told, "its schema version is 2, and this janitor reads 1");
    }
}
