//! lib
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod apply;
pub mod attestation;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod deadline;
pub mod decision;
pub mod digest;
pub mod event;
pub mod exit_code;
#[cfg(feature = "cli")]
pub mod explain;
pub mod graph;
pub mod inventory;
#[cfg(feature = "lambda")]
pub mod lambda;
pub mod limits;
#[cfg(feature = "cli")]
pub mod local_lambda;
pub mod manifest;
pub mod media_type;
pub mod observer;
pub mod pattern;
pub mod plan;
pub mod policy;
pub mod recheck;
pub mod registry;
pub mod report;
pub mod rules;
pub mod run;
pub mod select;
pub mod survey;
pub mod telemetry;
pub mod template;
pub mod verdict;
