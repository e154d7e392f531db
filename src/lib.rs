//! Removes the small untagged attestation images that `docker buildx` leaves in Amazon ECR, and nothing else.
//!
//! Data flows one way; only the two ends touch the network, and only the last step writes:
//!
//! ```text
//!  registry ──► select ──► survey ──────────► rules ──► verdict ──► limits ──► apply ──► report
//!  (port)       which      inventory:         pure:     expand to   the        level     for many
//!   └ ecr       reposi-    images, edges,     one       decisions   breaker    by level  printers
//!               tories     proofs             verdict                          │
//!                          ▲                  an image                         ├ recheck right before
//!                          └── read what they want to see ◄┘                   └ batch: believe the answer
//! ```
//!
//! - Values: [`digest`], [`manifest`], [`media_type`], [`attestation`] (the table that says what an image is),
//!   [`template`], [`pattern`]; and [`plain`], for whatever people get to see of other people's text.
//! - What is read: [`registry`], [`select`], [`survey`], [`inventory`], [`graph`].
//! - What is decided, without a clock or a network: [`policy`], [`rules`], [`verdict`], [`decision`], [`limits`].
//! - What is done: [`plan`], [`recheck`], [`apply`], [`run`], within a [`deadline`].
//! - Who may: `iam_policy`.
//! - Who asks: `cli`, `lambda`; with [`config`], [`event`], [`report`], [`telemetry`], [`exit_code`].
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod executor;
pub mod inventory;
#[cfg(feature = "lambda")]
pub mod lambda;
pub mod memory;
pub mod oci;
pub mod planner;
pub mod registry;
pub mod report;
pub mod rules;
#[cfg(test)]
mod testing;
pub mod util;
