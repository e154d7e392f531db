//! HTTP traffic: counts, the journal, and the faults and hooks that wait for it.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use crate::fault::{Fault, FaultRule, mix};
use crate::iam::Policies;
use crate::journal::Entry;
use crate::rate_limit::RateLimits;

/// Counters, faults and hooks of type `H`.
pub(crate) struct Traffic<H> {
    pub(crate) calls: BTreeMap<String, u64>,
    pub(crate) journal: Vec<Entry>,
    pub(crate) peak: u64,
    pub(crate) latency: Duration,
    pub(crate) latencies: HashMap<String, Duration>,
    pub(crate) repository_latencies: HashMap<String, Duration>,
    pub(crate) seed: u64,
    pub(crate) rates: RateLimits,
    pub(crate) policies: Policies,
    total: u64,
    in_flight: u64,
    rules: Vec<CountedRule>,
    hooks: Vec<ScheduledHook<H>>,
}

impl<H> Default for Traffic<H> {
    fn default() -> Self {
        Self {
            calls: BTreeMap::new(),
            journal: Vec::new(),
            peak: 0,
            latency: Duration::ZERO,
            latencies: HashMap::new(),
            repository_latencies: HashMap::new(),
            seed: 0,
            rates: RateLimits::default(),
            policies: Policies::default(),
            total: 0,
            in_flight: 0,
            rules: Vec::new(),
            hooks: Vec::new(),
        }
    }
}

struct CountedRule {
    rule: FaultRule,
    matched: u64,
}

struct ScheduledHook<H> {
    operation: String,
    k: u64,
    hook: H,
}

/// One HTTP request of an operation, with the fault and hooks that are due.
pub(crate) struct Attempt<H> {
    pub(crate) n: u64,
    pub(crate) latency: Duration,
    pub(crate) fault: Option<Fault>,
    pub(crate) hooks: Vec<H>,
    /// The request is over the rate.
    pub(crate) throttled: bool,
}

impl<H> Traffic<H> {
    /// Counts a request and takes the fault and hooks that are due. `rated` is the operation that has a rate.
    pub(crate) fn begin_attempt(
        &mut self,
        operation: &str,
        repositories: &[String],
        resource: &str,
        rated: Option<&str>,
    ) -> Attempt<H> {
        self.total += 1;
        self.in_flight += 1;
        self.peak = self.peak.max(self.in_flight);
        let count = self.calls.entry(operation.to_owned()).or_default();
        *count += 1;
        let of_operation = *count;
        Attempt {
            n: self.total,
            latency: self.latency_of(operation, repositories),
            fault: self.next_fault(operation, repositories, resource),
            hooks: self.due_hooks(operation, of_operation),
            throttled: rated.is_some_and(|rated| !self.rates.take(rated, Instant::now())),
        }
    }

    pub(crate) fn end_attempt(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    fn latency_of(&self, operation: &str, repositories: &[String]) -> Duration {
        let of_repositories =
            repositories.iter().filter_map(|name| self.repository_latencies.get(name)).max();
        of_repositories.or(self.latencies.get(operation)).copied().unwrap_or(self.latency)
    }

    /// The first rule that fires; the others count the call all the same.
    fn next_fault(&mut self, operation: &str, repositories: &[String], resource: &str) -> Option<Fault> {
        let mut fired = None;
        for (position, counted) in self.rules.iter_mut().enumerate() {
            if !counted.rule.matches(operation, repositories, resource) {
                continue;
            }
            counted.matched += 1;
            let seed = mix(self.seed.wrapping_add(position as u64));
            if fired.is_none() && counted.rule.when.hits(counted.matched, seed) {
                fired = Some(counted.rule.fault.clone());
            }
        }
        fired
    }

    fn due_hooks(&mut self, operation: &str, of_operation: u64) -> Vec<H> {
        let total = self.total;
        let is_due = |scheduled: &mut ScheduledHook<H>| match scheduled.operation.as_str() {
            "*" => scheduled.k == total,
            name => name == operation && scheduled.k == of_operation,
        };
        self.hooks.extract_if(.., is_due).map(|scheduled| scheduled.hook).collect()
    }

    pub(crate) fn note(&mut self, entry: Entry) {
        self.journal.push(entry);
    }

    pub(crate) fn add_rule(&mut self, rule: FaultRule) {
        self.rules.push(CountedRule { rule, matched: 0 });
    }

    /// The matching calls of each rule, in the order of the rules.
    pub(crate) fn matched(&self) -> Vec<u64> {
        self.rules.iter().map(|counted| counted.matched).collect()
    }

    pub(crate) fn clear_rules(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn add_hook(&mut self, operation: &str, k: u64, hook: H) {
        let operation = operation.to_owned();
        self.hooks.push(ScheduledHook { operation, k, hook });
    }

    /// Counts from the beginning. Requests that are being handled stay in flight.
    pub(crate) fn reset(&mut self) {
        self.calls.clear();
        self.journal.clear();
        self.total = 0;
        self.peak = self.in_flight;
        for counted in &mut self.rules {
            counted.matched = 0;
        }
    }
}
