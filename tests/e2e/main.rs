//! What a user of the janitor can rely on, shown by the real binaries against an embedded ECR.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod harness;

mod apply;
mod bucket;
mod captures;
mod crash;
mod crash_undo;
mod credentials;
mod demo;
mod doctor;
mod documents;
mod emulator;
mod explain;
mod floor;
mod forms;
mod hostile;
mod iam;
mod in_use;
mod init;
mod inside;
mod interrupt;
mod lambda;
mod limits;
mod lost_output;
mod messages;
mod plan;
mod properties;
mod races;
mod references;
mod saved;
mod secrets;
mod sources;
mod state;
mod tagging;
mod targets;
mod terminal;
mod trouble;
mod undo;
mod usage;
