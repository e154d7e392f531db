//! The bytes of indexes, compressed in blocks.
//!
//! A large repository has tens of megabytes of them, and they are wanted one after another: never all at once.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};

use crate::oci::digest::Digest;
use crate::oci::manifest::MAX_BYTES;

/// The uncompressed size at which a block is closed.
const BLOCK: usize = 1024 * 1024;
/// The most that a block can hold: one that is nearly full, one more index, and the lengths.
const LARGEST_BLOCK: usize = BLOCK + MAX_BYTES + BLOCK;
/// The most indexes of a block: none has fewer bytes than this.
const MOST_INDEXES: usize = BLOCK / SMALLEST_INDEX;
/// The bytes of the smallest index that is kept, which is no index of anything.
const SMALLEST_INDEX: usize = 32;
/// The uncompressed size of all blocks; what is beyond it is read again each time.
const LIMIT: usize = 96 * 1024 * 1024;

/// The most blocks that are looked at: all but the last are at least half full.
const MOST_BLOCKS: usize = 2 * LIMIT / BLOCK + 1;

/// The bytes of indexes. Not verified, until they are read back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct IndexBytes {
    blocks: Vec<Block>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Block {
    raw_bytes: u32,
    zlib: Vec<u8>,
}

impl Block {
    /// The indexes of a block, each with the digest of its bytes. A block that cannot be read holds nothing.
    fn indexes(&self) -> Vec<(Digest, Vec<u8>)> {
        let mut raw = Vec::new();
        let limit = LARGEST_BLOCK as u64;
        if ZlibDecoder::new(self.zlib.as_slice()).take(limit).read_to_end(&mut raw).is_err() {
            return Vec::new();
        }
        // The number of indexes comes first. More than a block can hold were not written here.
        let is_honest =
            postcard::take_from_bytes::<u32>(&raw).is_ok_and(|(count, _)| count as usize <= MOST_INDEXES);
        let indexes: Vec<Vec<u8>> =
            if is_honest { postcard::from_bytes(&raw).unwrap_or_default() } else { Vec::new() };
        indexes.into_iter().map(|bytes| (Digest::of(&bytes), bytes)).collect()
    }

    fn is_small(&self) -> bool {
        (self.raw_bytes as usize) < BLOCK / 2
    }
}

impl IndexBytes {
    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The indexes, each with the digest that its bytes really have.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Digest, Vec<u8>)> + '_ {
        self.blocks.iter().take(MOST_BLOCKS).flat_map(Block::indexes)
    }

    /// Keeps those of these digests.
    pub(super) fn retain(self, keep: impl Fn(Digest) -> bool) -> Self {
        let mut builder = IndexBytesBuilder::default();
        for block in self.blocks.into_iter().take(MOST_BLOCKS) {
            let indexes = block.indexes();
            if !block.is_small() && indexes.iter().all(|(digest, _)| keep(*digest)) {
                builder.keep(block);
            } else {
                indexes.iter().filter(|(digest, _)| keep(*digest)).for_each(|it| builder.add(it.0, &it.1));
            }
        }
        builder.finish()
    }

    /// These and others, except for those that are known to be among these.
    pub(super) fn merge(self, other: &Self, is_known: impl Fn(Digest) -> bool) -> Self {
        let mut builder = IndexBytesBuilder::default();
        for block in self.blocks.into_iter().take(MOST_BLOCKS) {
            if block.is_small() {
                block.indexes().iter().for_each(|(digest, bytes)| builder.add(*digest, bytes));
            } else {
                builder.keep(block);
            }
        }
        let new = other.iter().filter(|(digest, _)| !is_known(*digest));
        new.for_each(|(digest, bytes)| builder.add(digest, &bytes));
        builder.finish()
    }
}

/// Collects the bytes of indexes, each once but for those in blocks that are kept whole.
#[derive(Debug)]
pub(super) struct IndexBytesBuilder {
    limit: usize,
    blocks: Vec<Block>,
    open: Vec<Vec<u8>>,
    open_bytes: usize,
    closed_bytes: usize,
    known: BTreeSet<Digest>,
}

impl Default for IndexBytesBuilder {
    fn default() -> Self {
        Self::within(LIMIT)
    }
}

impl IndexBytesBuilder {
    fn within(limit: usize) -> Self {
        Self {
            limit,
            blocks: Vec::new(),
            open: Vec::new(),
            open_bytes: 0,
            closed_bytes: 0,
            known: BTreeSet::new(),
        }
    }

    /// Adds an index, unless it is there already or there is no room for it.
    pub(super) fn add(&mut self, digest: Digest, bytes: &[u8]) {
        let has_room = self.closed_bytes + self.open_bytes + bytes.len() <= self.limit;
        let is_sound = (SMALLEST_INDEX..=MAX_BYTES).contains(&bytes.len());
        if !has_room || !is_sound || !self.known.insert(digest) {
            return;
        }
        self.open_bytes += bytes.len();
        self.open.push(bytes.to_vec());
        if self.open_bytes >= BLOCK {
            self.close();
        }
    }

    fn keep(&mut self, block: Block) {
        self.closed_bytes += block.raw_bytes as usize;
        self.blocks.push(block);
    }

    fn close(&mut self) {
        let open = std::mem::take(&mut self.open);
        let raw_bytes = std::mem::take(&mut self.open_bytes);
        // Neither can fail in memory; a block that is not made is one that is read again.
        let zlib = postcard::to_stdvec(&open).ok().and_then(|raw| compress(&raw).ok());
        if let Some(zlib) = zlib.filter(|_| raw_bytes > 0) {
            self.closed_bytes += raw_bytes;
            self.blocks.push(Block { raw_bytes: u32::try_from(raw_bytes).unwrap_or(u32::MAX), zlib });
        }
    }

    pub(super) fn finish(mut self) -> IndexBytes {
        self.close();
        IndexBytes { blocks: self.blocks }
    }
}

fn compress(raw: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(raw)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(nth: usize, size: usize) -> (Digest, Vec<u8>) {
        let mut bytes = format!("{nth} ").into_bytes();
        bytes.resize(size, b'.');
        (Digest::of(&bytes), bytes)
    }

    fn built(indexes: &[(Digest, Vec<u8>)]) -> IndexBytes {
        let mut builder = IndexBytesBuilder::default();
        indexes.iter().for_each(|(digest, bytes)| builder.add(*digest, bytes));
        builder.finish()
    }

    #[test]
    fn gives_back_what_it_was_given_each_once() {
        let indexes: Vec<_> = (0..40).map(|nth| index(nth, 100_000)).collect();
        let twice = [indexes.clone(), indexes.clone()].concat();
        assert_eq!(built(&twice).iter().collect::<Vec<_>>(), indexes);
        assert_eq!(built(&[]).iter().count(), 0);
    }

    #[test]
    fn full_blocks_stay_as_they_are_and_small_ones_are_joined() {
        let indexes: Vec<_> = (0..100).map(|nth| index(nth, 50_000)).collect();
        let all = built(&indexes);
        assert_eq!(all.clone().retain(|_| true).blocks[0], all.blocks[0]);
        let gone = indexes[0].0;
        let rest: BTreeSet<_> = all.clone().retain(|digest| digest != gone).iter().map(|it| it.0).collect();
        assert_eq!(rest, indexes[1..].iter().map(|it| it.0).collect());
        let mut grown = IndexBytes::default();
        for night in 0..100 {
            grown = grown.merge(&built(&[index(night, 1_000)]), |_| false).retain(|_| true);
        }
        assert_eq!((grown.blocks.len(), grown.iter().count()), (1, 100));
    }

    #[test]
    fn a_block_of_more_indexes_than_fit_holds_nothing() {
        let many: Vec<Vec<u8>> = vec![Vec::new(); MOST_INDEXES + 1];
        let zlib = compress(&postcard::to_stdvec(&many).unwrap()).unwrap();
        let block = Block { raw_bytes: 1, zlib };
        assert_eq!(IndexBytes { blocks: vec![block; 3] }.iter().count(), 0);
        assert!(
            built(&[(Digest::of(b"{}"), b"{}".to_vec())]).is_empty(),
            "too small to be an index of anything"
        );
    }

    #[test]
    fn a_damaged_block_holds_nothing() {
        let mut bytes = built(&[index(1, 1_000)]);
        let middle = bytes.blocks[0].zlib.len() / 2;
        bytes.blocks[0].zlib.truncate(middle);
        assert_eq!(bytes.iter().count(), 0);
        bytes.blocks[0].zlib = compress(&[0xff; 64]).unwrap();
        assert_eq!(bytes.iter().count(), 0);
    }

    #[test]
    fn what_is_beyond_the_limit_is_left_out() {
        let mut builder = IndexBytesBuilder::within(2 * BLOCK);
        for (digest, bytes) in (0..100).map(|nth| index(nth, BLOCK / 4)) {
            builder.add(digest, &bytes);
        }
        assert_eq!(builder.finish().iter().count(), 8);
        assert_eq!(built(&[index(1, MAX_BYTES + 1)]).iter().count(), 0);
    }
}
