//! Writing images back: blobs, then manifests.

use std::collections::BTreeSet;
use std::future::Future;

use super::{CallError, StoredManifest};
use crate::oci::digest::Digest;

/// The most blobs whose availability one call may ask for: BatchCheckLayerAvailability.
pub const MAX_LAYERS: usize = 100;

/// The result of putting a manifest back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManifestPut {
    /// It was not there, and is now.
    Stored,
    /// It was there already.
    Existed,
}

/// Writing images back. Nothing that plans holds this.
pub trait RestoreImages: Send + Sync {
    /// Those of these blobs, at most [`MAX_LAYERS`], that the repository does not have.
    fn missing_blobs(
        &self,
        repository: &str,
        digests: &[Digest],
    ) -> impl Future<Output = Result<BTreeSet<Digest>, CallError>> + Send;
    /// Uploads a blob. One that is there already is no error.
    fn upload_blob(
        &self,
        repository: &str,
        digest: Digest,
        bytes: &[u8],
    ) -> impl Future<Output = Result<(), CallError>> + Send;
    /// Puts a manifest back, verbatim, with its media type and its digest, so that no other image can come of it.
    fn put_manifest(
        &self,
        repository: &str,
        manifest: &StoredManifest,
    ) -> impl Future<Output = Result<ManifestPut, CallError>> + Send;
}
