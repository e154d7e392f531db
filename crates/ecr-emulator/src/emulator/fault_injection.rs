//! Latency, faults, hooks, counts and the journal: all of HTTP calls only, and of those of [`Emulator::send`].

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::Emulator;
use crate::error::ApiError;
use crate::fault::{Fault, FaultRule, When};
use crate::journal::Entry;

impl Emulator {
    /// [`Emulator::call`] as a client's call, without the wire: it is counted, its hooks run before it, and the
    /// journal has what it changed. No latency, fault, rate or policy hits it.
    pub fn send(&self, operation: &str, request: Value) -> Result<Value, ApiError> {
        let attempt = self.traffic().begin_attempt(operation, &[], "", None);
        for hook in attempt.hooks {
            hook(self);
        }
        let home = self.state().home.clone();
        let answer = self.call_recorded(attempt.n, &home, operation, &request);
        self.traffic().end_attempt();
        answer
    }

    /// Sets the latency of an operation. `None` is every operation without a latency of its
    /// own. The latency of a repository goes before both.
    pub fn set_latency(&self, operation: Option<&str>, latency: Duration) {
        let mut traffic = self.traffic();
        match operation {
            Some(operation) => {
                traffic.latencies.insert(operation.to_owned(), latency);
            }
            None => traffic.latency = latency,
        }
    }

    /// Sets the latency of calls about a repository. Of several repositories the slowest counts.
    pub fn set_repository_latency(&self, repository: &str, latency: Duration) {
        self.traffic().repository_latencies.insert(repository.to_owned(), latency);
    }

    /// Adds a fault rule. Rules are tried in the order they came; the first that fires is the one.
    pub fn fault(&self, rule: FaultRule) {
        self.traffic().add_rule(rule);
    }

    /// Adds a rule for each of the next attempts of an operation (of one repository, if it is named): the first fault is
    /// for the first HTTP request after this call, and so on; `None` lets one pass.
    ///
    /// For example a lost answer whose repetition is throttled: `[Some(Fault::DropAfter), Some(Fault::Throttle)]`.
    pub fn fault_script(
        &self,
        operation: &str,
        repository: Option<&str>,
        attempts: impl IntoIterator<Item = Option<Fault>>,
    ) {
        let mut traffic = self.traffic();
        for (k, fault) in (1..).zip(attempts) {
            let Some(fault) = fault else { continue };
            let (operation, repository) = (operation.to_owned(), repository.map(str::to_owned));
            traffic.add_rule(FaultRule { operation, repository, when: When::Nth(k), fault });
        }
    }

    /// The HTTP calls that each fault rule has matched since the last reset, in the order of the rules.
    pub fn matched_faults(&self) -> Vec<u64> {
        self.traffic().matched()
    }

    /// Removes all fault rules.
    pub fn clear_faults(&self) {
        self.traffic().clear_rules();
    }

    /// Sets the seed of the choice that `When::Share` makes.
    pub fn set_seed(&self, seed: u64) {
        self.traffic().seed = seed;
    }

    /// Runs `hook` once, right before the `k`-th (from 1) HTTP request of an operation (`*` is any) is done, after its
    /// latency. What is counted, since the last reset, is attempts: a request that a client repeats is another one, and
    /// so is one that a fault hits.
    pub fn before(&self, operation: &str, k: u64, hook: impl FnOnce(&Emulator) + Send + 'static) {
        self.traffic().add_hook(operation, k, Box::new(hook));
    }

    /// The HTTP calls since the last reset, by operation, those that were hit by a fault too.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.traffic().calls.clone()
    }

    /// Counts from the beginning: calls, the `k` of hooks and faults, the peak; the journal is emptied.
    pub fn reset_calls(&self) {
        self.traffic().reset();
    }

    /// The changes that HTTP calls made since the last reset, in the order they happened.
    pub fn journal(&self) -> Vec<Entry> {
        self.traffic().journal.clone()
    }

    /// Number of HTTP calls in flight.
    pub fn in_flight(&self) -> u64 {
        self.traffic().in_flight()
    }

    /// Peak of HTTP calls in flight since the last reset.
    pub fn in_flight_peak(&self) -> u64 {
        self.traffic().peak
    }
}
