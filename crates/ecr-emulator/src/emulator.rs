//! The emulator: a handle of a registry that tests, servers and other threads share.

mod accounts;
mod behavior;
mod blobs;
mod events;
mod fault_injection;
mod policies;
mod rate_limits;
mod test_hooks;
mod views;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::journal::Entry;
use crate::operation;
use crate::settings::Settings;
use crate::state::State;
use crate::traffic::Traffic;

pub use views::ImageView;

/// An action that runs before a request.
pub(crate) type Hook = Box<dyn FnOnce(&Emulator) + Send>;

/// An emulated registry. Clones are handles of the same registry.
#[derive(Clone)]
pub struct Emulator {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    /// Whoever needs both locks takes `state` first.
    traffic: Mutex<Traffic<Hook>>,
}

impl Default for Emulator {
    fn default() -> Self {
        Self::new()
    }
}

impl Emulator {
    /// An empty registry of account 123456789012 in us-east-1.
    pub fn new() -> Self {
        Self::with(Settings::default())
    }

    /// An empty registry.
    pub fn with(settings: Settings) -> Self {
        Self {
            inner: Arc::new(Inner {
                state: Mutex::new(State::new(settings)),
                traffic: Mutex::new(Traffic::default()),
            }),
        }
    }

    /// A copy of the registry as it is now, which goes its own way from then on. Nothing that is about HTTP calls comes
    /// with it: no counts, faults, hooks, rates or policies.
    pub fn fork(&self) -> Self {
        let mut state = self.state().clone();
        state.served_at = None;
        Self { inner: Arc::new(Inner { state: Mutex::new(state), traffic: Mutex::new(Traffic::default()) }) }
    }

    /// Stops the registry's clock at a time in Unix milliseconds; `None` follows the machine's clock again.
    pub fn set_clock(&self, at: Option<i64>) {
        self.state().clock = at;
    }

    /// The registry's time in Unix milliseconds.
    pub fn now(&self) -> i64 {
        self.state().now()
    }

    /// Sets whether pulls set `lastRecordedPullTime` (at first they do). Off, callers are as if registered for the
    /// pull-time update exclusion.
    pub fn set_pull_time_updates(&self, on: bool) {
        self.state().pull_time_updates = on;
    }

    /// Sets the time from ACTIVATING to ACTIVE (at first 20 minutes).
    pub fn set_activation_delay(&self, delay: Duration) {
        self.state().limits.activation_ms = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
    }

    /// Sets the quota of images per repository (at first 100,000).
    pub fn set_image_limit(&self, images: usize) {
        self.state().limits.images_per_repository = images;
    }

    /// Sets the largest page of a listing, whatever the caller asks for (at first no limit).
    pub fn set_largest_page(&self, results: usize) {
        self.state().limits.largest_page = results.max(1);
    }

    /// Sets the quota of referrers per subject (at first 100).
    pub fn set_referrer_limit(&self, referrers: usize) {
        self.state().limits.referrers_per_subject = referrers;
    }

    /// Sets whether the OCI API (`/v2/`) requires a token from `GetAuthorizationToken`, as ECR does.
    ///
    /// At first it does not, and takes whatever a client sends.
    pub fn set_require_auth(&self, on: bool) {
        self.state().require_auth = on;
    }

    /// Performs an operation of the API, with the same rules and errors as over HTTP. It counts as no call, and no
    /// fault hits it.
    pub fn call(&self, operation: &str, request: Value) -> Result<Value, ApiError> {
        let mut state = self.state();
        let result = operation::run(&mut state, operation, &request);
        state.take_changes();
        result
    }

    /// `CreateRepository` with AWS's defaults.
    pub fn create_repository(&self, name: &str) -> Result<(), ApiError> {
        self.call("CreateRepository", json!({ "repositoryName": name })).map(|_| ())
    }

    /// `PutImage`; returns the digest.
    pub fn put_image(
        &self,
        repository: &str,
        manifest: &str,
        media_type: Option<&str>,
        tag: Option<&str>,
    ) -> Result<String, ApiError> {
        let response = self.call(
            "PutImage",
            json!({
                "repositoryName": repository,
                "imageManifest": manifest,
                "imageManifestMediaType": media_type,
                "imageTag": tag,
            }),
        )?;
        let digest = response["image"]["imageId"]["imageDigest"].as_str();
        Ok(digest.unwrap_or_default().to_owned())
    }

    /// Performs an operation for HTTP call number `n`, and journals its changes.
    pub(crate) fn call_recorded(
        &self,
        n: u64,
        registry: &Settings,
        operation: &str,
        request: &Value,
    ) -> Result<Value, ApiError> {
        self.recorded(n, operation, |state| {
            state.in_registry(registry, |state| operation::run(state, operation, request))
        })
    }

    /// Runs an action on the state for HTTP call number `n`, and journals its changes under this name.
    pub(crate) fn recorded<T>(&self, n: u64, name: &str, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let result = act(&mut state);
        let changes = state.take_changes();
        if !changes.is_empty() {
            // Still under the state's lock: the journal has the order in which things happened.
            let mut traffic = self.traffic();
            for (repository, kind) in changes {
                let operation = name.to_owned();
                traffic.note(Entry { n, operation, repository, kind });
            }
        }
        result
    }

    // No code panics while it holds a lock except by a defect; even then the registry stays readable.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn traffic(&self) -> MutexGuard<'_, Traffic<Hook>> {
        self.inner.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
