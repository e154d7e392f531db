//! What a user of the emulator can rely on, by topic.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod archive;
mod artifacts;
mod buildx;
mod delete;
mod describe;
mod faults;
mod guard;
mod http;
mod oci_auth;
mod oci_blobs;
mod oci_calls;
mod oci_client;
mod oci_limits;
mod oci_listings;
mod oci_manifests;
mod oci_uploads;
mod paging;
mod pull;
mod push;
mod registry;
mod sdk;
mod skopeo;
mod support;
mod volume;
