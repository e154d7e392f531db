//! The memory of a repository as bytes: a magic line, a version, a checksum, then a compressed body.
//!
//! No outside format: another version is as no memory at all.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::index_bytes::IndexBytes;
use super::moment::Moment;
use super::sources::Sources;
use super::{RepositoryId, RepositoryMemory};
use crate::oci::digest::Digest;

const MAGIC: &[u8] = b"ecr-janitor memory\n";
/// Changes with every change of what is written, however small: the format does not describe itself.
const VERSION: u8 = 3;
const CHECKSUM: usize = 32;
/// Entries, uncompressed.
const LARGEST_ENTRIES: u64 = 128 * 1024 * 1024;

/// Why bytes cannot be used as the memory of a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Not a memory at all, cut, or changed.
    #[error("it is damaged")]
    Damaged,
    /// Written by another version.
    #[error(
        "it was written by another version of the janitor (its format is {0}, and this one reads {VERSION})"
    )]
    OtherVersion(u8),
    /// The memory of another repository.
    #[error("it is the memory of {0}")]
    Foreign(RepositoryId),
}

#[derive(Serialize, Deserialize)]
struct Body {
    id: RepositoryId,
    seen_at: Option<Moment>,
    entries: Vec<u8>,
    indexes: IndexBytes,
    sources: Sources,
}

impl RepositoryMemory {
    /// The memory as bytes.
    pub fn to_bytes(&self) -> std::io::Result<Vec<u8>> {
        let entries = postcard::to_stdvec(&self.entries).map_err(std::io::Error::other)?;
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&entries)?;
        let entries = encoder.finish()?;
        let (id, indexes, sources) = (self.id.clone(), self.indexes.clone(), self.sources.clone());
        let body = postcard::to_stdvec(&Body { id, seen_at: self.seen_at, entries, indexes, sources });
        let body = body.map_err(std::io::Error::other)?;
        Ok([MAGIC, &[VERSION], Digest::of(&body).as_bytes(), &body].concat())
    }

    /// The digest of what the memory says: all of it, but for when a run looked last.
    pub fn content_digest(&self) -> std::io::Result<Digest> {
        let content = postcard::to_stdvec(&(&self.entries, &self.indexes, &self.sources));
        let content = content.map_err(std::io::Error::other)?;
        Ok(Digest::of(&content))
    }

    /// Reads the memory of this repository.
    pub fn from_bytes(bytes: &[u8], id: &RepositoryId) -> Result<Self, Unusable> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(Unusable::Damaged)?;
        let (version, rest) = rest.split_first().ok_or(Unusable::Damaged)?;
        if *version != VERSION {
            return Err(Unusable::OtherVersion(*version));
        }
        let (checksum, body) = rest.split_at_checked(CHECKSUM).ok_or(Unusable::Damaged)?;
        if Digest::of(body).as_bytes() != checksum {
            return Err(Unusable::Damaged);
        }
        let body: Body = postcard::from_bytes(body).map_err(|_| Unusable::Damaged)?;
        if body.id != *id {
            return Err(Unusable::Foreign(body.id));
        }
        let entries = read_entries(&body.entries).ok_or(Unusable::Damaged)?;
        let Body { id, seen_at, indexes, sources, .. } = body;
        Ok(Self { id, seen_at, entries, indexes, sources })
    }
}

/// Entries in the order of their digests, each once.
fn read_entries(zlib: &[u8]) -> Option<Vec<Entry>> {
    let mut raw = Vec::new();
    ZlibDecoder::new(zlib).take(LARGEST_ENTRIES).read_to_end(&mut raw).ok()?;
    let entries: Vec<Entry> = postcard::from_bytes(&raw).ok()?;
    entries.is_sorted_by(|one, two| one.digest < two.digest).then_some(entries)
}
