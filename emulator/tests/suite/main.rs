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
mod paging;
mod pull;
mod push;
mod registry;
mod sdk;
mod support;
mod volume;
