//! Progress callbacks, implemented by the terminal progress bar and the Lambda log.

use crate::report::RepositoryReport;

/// The callbacks of a run. Every method has a default that does nothing.
pub trait Observer: Sync {
    /// The number of repositories that will be read is known.
    fn selected(&self, _repositories: usize) {}
    /// A repository was planned, or skipped.
    fn planned(&self, _repository: &str) {}
    /// Nothing more will be done in a repository.
    fn finished(&self, _report: &RepositoryReport) {}
}
