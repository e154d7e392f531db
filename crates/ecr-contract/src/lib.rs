//! What is believed of Amazon ECR, as cases that run against the emulator or against a real account.
//!
//! A [`Case`] is one belief with the check of it. [`cases::topics`] is the whole list; [`run()`] makes a throw-away
//! repository, tries each case in it, and removes the repository whatever happens. The list is also where
//! `docs/ASSUMPTIONS.md` comes from ([`assumptions::document`]).

pub mod assumptions;
pub mod case;
pub mod cases;
pub mod manifest;
pub mod place;
pub mod run;
pub mod table;
pub mod target;
pub mod trouble;

pub use case::{Case, Finding, Mark, Topic, Verdict};
pub use run::{Row, run};
pub use target::Target;
pub use trouble::{Answer, Trouble};
