//! The registry under test and the repository that the cases work in.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_ecr::Client;

mod blobs;
mod calls;
mod push;

/// A registry, a repository in it, and the scope of one case.
#[derive(Debug, Clone)]
pub struct Target {
    pub(crate) client: Client,
    pub(crate) repository: String,
    /// How long a case may wait for work that ECR does in the background.
    patience: Duration,
    /// The id of the case, part of all its content and tags, so that cases do not share images.
    scope: &'static str,
    /// Digests of the blobs that are already in the repository.
    uploaded: Arc<Mutex<HashSet<String>>>,
}

impl Target {
    /// A target in an existing repository.
    pub fn new(client: Client, repository: String, patience: Duration) -> Self {
        Self { client, repository, patience, scope: "", uploaded: Arc::default() }
    }

    /// The same target with the scope of one case.
    pub fn for_case(&self, id: &'static str) -> Self {
        Self { scope: id, ..self.clone() }
    }

    /// A label or tag that belongs to this case alone.
    pub(crate) fn own(&self, name: &str) -> String {
        format!("{}-{name}", self.scope)
    }

    /// Waits until ECR's clock shows a later time, which may have whole seconds only.
    pub(crate) async fn tick(&self) {
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }

    /// Waits a little for background work of ECR; false once the patience since `started` is over.
    pub(crate) async fn wait_further(&self, started: Instant) -> bool {
        if started.elapsed() >= self.patience {
            return false;
        }
        tokio::time::sleep(Duration::from_secs(10).min(self.patience)).await;
        true
    }

    fn has_uploaded(&self, digest: &str) -> bool {
        self.uploaded.lock().unwrap_or_else(PoisonError::into_inner).contains(digest)
    }

    fn remember_upload(&self, digest: String) {
        self.uploaded.lock().unwrap_or_else(PoisonError::into_inner).insert(digest);
    }
}
