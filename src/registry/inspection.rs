//! Settings of the registry that no run needs, for those who look whether a run would find all that it needs.

use std::future::Future;

use super::CallError;

/// Reading settings of the registry.
pub trait InspectRegistry: Send + Sync {
    /// The ARNs of the principals whose reads ECR does not record as pulls.
    fn pull_time_exclusions(&self) -> impl Future<Output = Result<Vec<String>, CallError>> + Send;
    /// The lifecycle policy of a repository, as its JSON text, if there is one.
    fn lifecycle_policy(
        &self,
        repository: &str,
    ) -> impl Future<Output = Result<Option<String>, CallError>> + Send;
}
