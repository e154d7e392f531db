//! Registries: each account has one in each Region.

use std::collections::BTreeMap;

use super::{PullThroughRule, Repository, Scanning, State};
use crate::settings::Settings;

/// A registry that the running call is not for.
#[derive(Clone, Default)]
pub(super) struct Registry {
    repositories: BTreeMap<String, Repository>,
    rules: BTreeMap<String, PullThroughRule>,
    policy: Option<String>,
    pull_time_exclusions: BTreeMap<String, i64>,
    scanning: Scanning,
    replication: Vec<serde_json::Value>,
}

impl State {
    /// Runs an action in the registry of this account in this Region.
    pub(crate) fn in_registry<T>(&mut self, registry: &Settings, act: impl FnOnce(&mut Self) -> T) -> T {
        let from = self.settings.clone();
        self.switch_to(registry);
        let result = act(self);
        self.switch_to(&from);
        result
    }

    /// Whether the running call is for the registry that the emulator was made for.
    pub(crate) fn is_home(&self) -> bool {
        self.settings == self.home
    }

    fn switch_to(&mut self, registry: &Settings) {
        if *registry == self.settings {
            return;
        }
        let left = std::mem::replace(&mut self.settings, registry.clone());
        let entered = self.others.remove(registry).unwrap_or_default();
        let registry = Registry {
            repositories: std::mem::replace(&mut self.repositories, entered.repositories),
            rules: std::mem::replace(&mut self.rules, entered.rules),
            policy: std::mem::replace(&mut self.policy, entered.policy),
            pull_time_exclusions: std::mem::replace(
                &mut self.pull_time_exclusions,
                entered.pull_time_exclusions,
            ),
            scanning: std::mem::replace(&mut self.scanning, entered.scanning),
            replication: std::mem::replace(&mut self.replication, entered.replication),
        };
        // A registry with nothing in it need not be remembered: it is what one finds anyway.
        if !registry.is_empty() {
            self.others.insert(left, registry);
        }
    }
}

impl Registry {
    fn is_empty(&self) -> bool {
        self.repositories.is_empty()
            && self.rules.is_empty()
            && self.policy.is_none()
            && self.pull_time_exclusions.is_empty()
            && self.scanning == Scanning::default()
            && self.replication.is_empty()
    }
}
