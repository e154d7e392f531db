//! Events, and replication on demand.

use serde_json::Value;

use super::Emulator;
use crate::error::ApiError;
use crate::operation::replication;

impl Emulator {
    /// Sets whether the events that ECR sends to EventBridge are kept (at first not), and forgets those so far.
    pub fn set_events(&self, kept: bool) {
        self.state().events = kept.then(Vec::new);
    }

    /// The events so far, of all registries: of calls over HTTP, of those of the library, and of replication.
    pub fn events(&self) -> Vec<Value> {
        self.state().events.clone().unwrap_or_default()
    }

    /// Not in ECR, which does so by itself: carries out the replication rules of the registry for a repository, as if all
    /// its active images had just been pushed. Returns how many images were new to a destination.
    pub fn replicate(&self, repository: &str) -> Result<usize, ApiError> {
        replication::replicate(&mut self.state(), repository)
    }
}
