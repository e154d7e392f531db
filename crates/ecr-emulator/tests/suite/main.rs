//! What a user of the emulator can rely on, by topic.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod accounts;
mod archive;
mod artifacts;
mod bad_input;
mod buildx;
mod delete;
mod describe;
mod events;
mod faults;
mod full_pages;
mod guard;
mod http;
mod iam;
mod layers;
mod oci_auth;
mod oci_blobs;
mod oci_calls;
mod oci_client;
mod oci_limits;
mod oci_listings;
mod oci_manifests;
mod oci_uploads;
mod paging;
mod partial;

mod policies;
mod program;
mod pull;
mod push;
mod rates;
mod registry;
mod replication;
mod requests;
mod sdk;
mod seed;
mod skopeo;
mod sts;
mod support;
mod validation;
mod volume;
