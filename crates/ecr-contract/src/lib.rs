//! Contract tests for Amazon ECR, run against the emulator or a real account.
//!
//! A [`Case`] is one claim about ECR with the check of it. [`cases::topics`] lists them all; [`sandbox::in_repository`]
//! provides a repository that is deleted afterwards, and [`run()`] checks one case after the other in it. The list is
//! also the source of `docs/ASSUMPTIONS.md` ([`assumptions::document`]).

pub mod answer;
pub mod assumptions;
pub mod case;
pub mod cases;
mod cleanup;
pub mod error;
pub mod evidence;
pub mod manifest;
mod request;
pub mod run;
pub mod sandbox;
pub mod table;
pub mod target;

pub use answer::Answer;
pub use case::{Case, Finding, Topic, Verdict};
pub use error::CaseError;
pub use evidence::{Evidence, Source, Strength};
pub use run::{Row, run};
pub use target::Target;
