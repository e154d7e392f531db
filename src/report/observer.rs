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

/// Two observers of one run.
#[derive(Clone, Copy)]
pub struct Both<'a>(pub &'a dyn Observer, pub &'a dyn Observer);

impl Observer for Both<'_> {
    fn selected(&self, repositories: usize) {
        self.0.selected(repositories);
        self.1.selected(repositories);
    }

    fn planned(&self, repository: &str, plan: Option<&RepositoryPlan>) {
        self.0.planned(repository, plan);
        self.1.planned(repository, plan);
    }

    fn decided(&self, repository: &str, step: &Step, outcome: &Outcome) {
        self.0.decided(repository, step, outcome);
        self.1.decided(repository, step, outcome);
    }

    fn finished(&self, report: &RepositoryReport) {
        self.0.finished(report);
        self.1.finished(report);
    }
}
