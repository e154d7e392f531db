//! Progress callbacks, implemented by the terminal progress bar and the Lambda log.

use crate::report::RepositoryReport;
use crate::report::outcome::Outcome;
use crate::report::plan::{RepositoryPlan, Step};

/// The callbacks of a run. Every method has a default that does nothing.
pub trait Observer: Sync {
    /// The number of repositories that will be read is known.
    fn selected(&self, _repositories: usize) {}
    /// A repository was planned, or skipped: then it has no plan.
    fn planned(&self, _repository: &str, _plan: Option<&RepositoryPlan>) {}
    /// A step has its outcome: ECR has answered for it, or will not be asked.
    fn decided(&self, _repository: &str, _step: &Step, _outcome: &Outcome) {}
    /// Nothing more will be done in a repository.
    fn finished(&self, _report: &RepositoryReport) {}
}

/// Nobody watches.
impl Observer for () {}
