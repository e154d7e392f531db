//! Backups and restores of the library against an embedded ECR, by the real protocol.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod round_trip;
mod trouble;
mod world;
