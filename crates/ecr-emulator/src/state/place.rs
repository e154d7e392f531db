//! Which registry a call is for: each account has one in each Region.

use std::collections::BTreeMap;

use super::{PullThroughRule, Repository, Scanning, State};
use crate::settings::Settings;

/// What a registry has to itself, while calls are for another one.
#[derive(Clone, Default)]
pub(super) struct Registry {
    repositories: BTreeMap<String, Repository>,
    rules: BTreeMap<String, PullThroughRule>,
    policy: Option<String>,
    scanning: Scanning,
    replication: Vec<serde_json::Value>,
}

impl State {
    /// Does something in the registry of this account in this Region.
    pub(crate) fn within<T>(&mut self, place: &Settings, act: impl FnOnce(&mut Self) -> T) -> T {
        let from = self.settings.clone();
        self.go(place);
        let result = act(self);
        self.go(&from);
        result
    }

    /// Is the running call for the registry that the emulator was made for?
    pub(crate) fn is_home(&self) -> bool {
        self.settings == self.home
    }

    fn go(&mut self, place: &Settings) {
        if *place == self.settings {
            return;
        }
        let left = std::mem::replace(&mut self.settings, place.clone());
        let entered = self.elsewhere.remove(place).unwrap_or_default();
        let registry = Registry {
            repositories: std::mem::replace(&mut self.repositories, entered.repositories),
            rules: std::mem::replace(&mut self.rules, entered.rules),
            policy: std::mem::replace(&mut self.policy, entered.policy),
            scanning: std::mem::replace(&mut self.scanning, entered.scanning),
            replication: std::mem::replace(&mut self.replication, entered.replication),
        };
        // A registry with nothing in it need not be remembered: it is what one finds anyway.
        if !registry.is_empty() {
            self.elsewhere.insert(left, registry);
        }
    }
}

impl Registry {
    fn is_empty(&self) -> bool {
        self.repositories.is_empty()
            && self.rules.is_empty()
            && self.policy.is_none()
            && self.scanning == Scanning::default()
            && self.replication.is_empty()
    }
}
