//! Somebody who watches a run: progress on a terminal, lines in a log.

use crate::report::RepositoryReport;

/// Told of a run's progress. Every method has a default that does nothing.
pub trait Observer: Sync {
    /// So many repositories will be read.
    fn selected(&self, _repositories: usize) {}
    /// A repository was read and judged, or left alone.
    fn planned(&self, _report: &RepositoryReport) {}
    /// Nothing more will be done in a repository.
    fn finished(&self, _report: &RepositoryReport) {}
}
