//! Reading blobs: the configuration and the layers of an image.

use std::future::Future;

use super::CallError;
use crate::oci::digest::Digest;

/// What the download of a blob is called in failures: no operation of ECR's.
pub const DOWNLOAD: &str = "the download of a layer";

/// Reading blobs.
pub trait ReadBlobs: Send + Sync {
    /// The bytes of a blob that a manifest of this repository refers to: verified against its digest, and no more
    /// than the size that the manifest gives.
    fn blob(
        &self,
        repository: &str,
        digest: Digest,
        size: u64,
    ) -> impl Future<Output = Result<Vec<u8>, CallError>> + Send;
}
