//! Builds as `docker buildx build --push` pushes them: real manifests and digests, in BuildKit's order.

mod attestation;
mod build;
mod build_run;
mod form;
mod merge;
mod oci;
mod platform;
mod provenance;
mod slsa;
mod spdx;
mod statement;

pub use build::{Build, Pushed};
pub use form::Form;
pub use merge::merge;
pub use provenance::{Material, Mode, Provenance, Slsa, Source};

pub(crate) use oci::{Descriptor, Manifest, put, store, types};
