//! Accounts and Regions, and access between them.

use serde_json::Value;

use super::Emulator;
use crate::error::ApiError;
use crate::operation;
use crate::settings::Settings;

impl Emulator {
    /// The account and Region that the emulator was made for.
    pub fn home(&self) -> Settings {
        self.state().home.clone()
    }

    /// [`Emulator::call`] in another account or Region. All that an account has in a Region is a registry of its
    /// own, which is there without being made.
    pub fn call_in(&self, registry: &Settings, operation: &str, request: Value) -> Result<Value, ApiError> {
        let mut state = self.state();
        let result = state.in_registry(registry, |state| operation::run(state, operation, &request));
        state.take_changes();
        result
    }

    /// Puts a copy of all repositories of the account and Region at home into another account or Region, in place of what
    /// is there.
    pub fn copy_home_to(&self, registry: &Settings) {
        let mut state = self.state();
        let repositories = state.repositories.clone();
        state.in_registry(registry, |state| state.repositories = repositories);
    }

    /// Sets whether a caller can name another account's registry (`registryId`), as if each repository and registry had a
    /// policy that lets everyone in. At first none has: that is an `AccessDeniedException`.
    pub fn set_cross_account(&self, on: bool) {
        self.state().cross_account = on;
    }

    /// Sets whether calls of the JSON API must be signed (at first not). Only that there is a signature of the
    /// right form is looked at, never whether it is true.
    pub fn set_require_signature(&self, on: bool) {
        self.state().require_signature = on;
    }

    /// The names of the emulated operations.
    pub fn operations() -> Vec<&'static str> {
        crate::model::operations().collect()
    }
}
