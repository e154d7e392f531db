//! Digests, manifests, media types and attestations of the OCI and BuildKit formats. Pure.

pub mod attestation;
pub mod digest;
pub mod manifest;
pub mod media_type;
