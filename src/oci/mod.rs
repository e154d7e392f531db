//! Digests, manifests, media types, attestations and statements of the OCI and BuildKit formats. Pure.

pub mod attestation;
pub mod digest;
pub mod manifest;
pub mod media_type;
#[cfg(test)]
pub(crate) mod schema;
pub mod statement;
