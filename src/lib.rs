//! lib
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod attestation;
pub mod config;
pub mod decision;
pub mod digest;
pub mod graph;
pub mod inventory;
pub mod manifest;
pub mod media_type;
pub mod pattern;
pub mod policy;
pub mod registry;
pub mod rules;
pub mod template;
pub mod verdict;
