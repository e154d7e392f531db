//! The form of attestation manifests.

/// The form of a build's attestation manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As an image with a made-up config and without a subject: BuildKit before v0.32.
    Legacy,
    /// As an OCI artifact with the platform's manifest as its subject: BuildKit from v0.32.
    Oci,
    /// Not at all, as with `--provenance=false`.
    None,
}
