//! A repository that is skipped as a whole, with the reason.

use crate::registry::{CallError, CallErrorKind};
use crate::report::{RepositoryReason, RepositoryReport};

/// The reason why a repository is skipped as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The reason.
    pub reason: RepositoryReason,
    /// The same in a sentence; empty if the reason says it all.
    pub detail: String,
}

impl Skipped {
    /// A skip that needs no further words.
    pub fn plainly(reason: RepositoryReason) -> Self {
        Self { reason, detail: String::new() }
    }

    /// A skip because there was no time left.
    pub fn out_of_time() -> Self {
        let detail = "there was no time left for it; the next run goes on".into();
        Self { reason: RepositoryReason::Deadline, detail }
    }

    /// A skip after a failed call without whose response nothing in the repository can be touched.
    pub fn after(error: &CallError, otherwise: RepositoryReason) -> Self {
        let (reason, remedy) = match error.kind {
            CallErrorKind::DeadlineExceeded => return Self::out_of_time(),
            CallErrorKind::AccessDenied => {
                let remedy = format!("; allow ecr:{} on this repository, or exclude it", error.operation);
                (RepositoryReason::AccessDenied, remedy)
            }
            CallErrorKind::RepositoryNotFound => (RepositoryReason::RepositoryGone, String::new()),
            _ => (otherwise, String::new()),
        };
        Self { reason, detail: format!("{error}{remedy}") }
    }

    /// The report of the repository.
    pub fn report(self, name: String) -> RepositoryReport {
        let detail = (!self.detail.is_empty()).then_some(self.detail);
        RepositoryReport::skipped(name, self.reason, detail)
    }
}
