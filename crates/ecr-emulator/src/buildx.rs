//! Pushes what `docker buildx build --push` pushes: real manifests with real digests, in BuildKit's order.

mod attestation;
mod build;
mod merge;
mod oci;
mod platform;
mod statement;

pub use build::{Build, Form, Pushed};
pub use merge::merge;

pub(crate) use oci::{Descriptor, Manifest, put, store, types};
