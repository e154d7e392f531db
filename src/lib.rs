//! Removes the small untagged attestation images that `docker buildx` leaves in Amazon ECR, and nothing else.
//!
//! The rooms, from the front ends down; imports only ever point downwards, and a test keeps it so:
//!
//! ```text
//!  cli/            lambda/                   front ends
//!        fleet/                              several registries: roles, units of work, one allowance
//!        executor/                           carries out a plan: look again, back up, delete, tag, in order
//!        planner/                            makes a plan: selection, collection, plan file
//!  in_use/                                   what runs somewhere, by its sources
//!  registry/  memory/  │  rules/             ports and adapters │ the decisions: pure, without clock or network
//!  report/      inventory/                   vocabulary of plans and results │ a repository as it was read
//!        config/                             policy, presets, patterns, tag templates
//!        oci/                                digests, manifests, media types, attestations: pure
//!        util/                               deadlines, sanitizing, logging
//! ```
//!
//! Data flows one way: a listing becomes an [`inventory`], the [`rules`] give each image a verdict, the [`planner`] makes
//! them an immutable plan of typed steps, the [`executor`] gives each step an outcome, and the [`report`] is a view of
//! both. A plan run holds nothing that can write: the ports of [`registry`] are one trait for each capability.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod executor;
pub mod fleet;
pub mod in_use;
pub mod inventory;
#[cfg(feature = "lambda")]
pub mod lambda;
pub mod memory;
pub mod oci;
pub mod planner;
pub mod registry;
pub mod render;
pub mod report;
pub mod rules;
pub mod util;
