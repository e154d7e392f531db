//! Blobs that are stored without the upload protocol.

use axum::body::Bytes;

use super::Emulator;
use crate::digest;
use crate::error::ApiError;
use crate::state::Blob;

impl Emulator {
    /// Stores a blob, as a finished layer upload would; a blob that is there already is fine. Returns its digest.
    pub fn push_blob(&self, repository: &str, bytes: &[u8]) -> Result<String, ApiError> {
        let digest = digest::sha256(bytes);
        let mut state = self.state();
        let blobs = &mut state.repository_mut(repository)?.blobs;
        let blob =
            blobs.entry(digest.clone()).or_insert_with(|| Blob { size: bytes.len() as u64, bytes: None });
        blob.bytes.get_or_insert_with(|| Bytes::copy_from_slice(bytes));
        Ok(digest)
    }

    /// Declares a blob by digest and size without storing bytes (for big layers that nobody will read).
    pub fn declare_blob(&self, repository: &str, digest: &str, size: u64) -> Result<(), ApiError> {
        if !digest::is_well_formed(digest) {
            let constraint = "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'";
            return Err(ApiError::invalid("layerDigest", constraint));
        }
        let mut state = self.state();
        let blobs = &mut state.repository_mut(repository)?.blobs;
        blobs.entry(digest.to_owned()).or_insert(Blob { size, bytes: None });
        Ok(())
    }

    /// The bytes of a blob, unless it was only declared.
    pub fn blob(&self, repository: &str, digest: &str) -> Option<Vec<u8>> {
        self.state().blob_bytes(repository, digest).map(Vec::from)
    }
}
