//! `PutReplicationConfiguration`. The rules are kept and shown; nothing is replicated.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::journal::Change;
use crate::request::Request;
use crate::settings::Settings;
use crate::state::State;

/// The quota on destinations, over all rules of a registry.
const DESTINATIONS: usize = 25;

pub(super) fn put_replication_configuration(
    state: &mut State,
    request: &Request<'_>,
) -> Result<Value, ApiError> {
    let configuration = request.required_object("replicationConfiguration")?;
    let rules = configuration.required_list("rules", 0, 25)?;
    check_destinations(rules, &state.settings)?;
    let rules: Vec<Value> = rules.iter().map(known_members).collect();
    state.replication.clone_from(&rules);
    let setting = "replicationConfiguration".to_owned();
    state.record("", Change::Configured { setting });
    Ok(json!({ "replicationConfiguration": { "rules": rules } }))
}

fn check_destinations(rules: &[Value], home: &Settings) -> Result<(), ApiError> {
    let all: Vec<&Value> =
        rules.iter().filter_map(|rule| rule["destinations"].as_array()).flatten().collect();
    let is_home = |destination: &&Value| {
        destination["region"] == home.region.as_str() && destination["registryId"] == home.account.as_str()
    };
    if all.iter().any(is_home) {
        let constraint = "Replication destination cannot be the same as the source registry";
        return Err(ApiError::invalid("replicationConfiguration", constraint));
    }
    let mut distinct: Vec<String> = all.iter().map(|destination| destination.to_string()).collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() > DESTINATIONS {
        let message = format!("Replication destinations: {}, the maximum is {DESTINATIONS}", distinct.len());
        return Err(ApiError::client("ValidationException", message));
    }
    Ok(())
}

/// A rule as it is shown again: without members that the service model does not have.
fn known_members(rule: &Value) -> Value {
    let mut shown = json!({ "destinations": rule["destinations"] });
    for member in ["repositoryFilters", "deleteReplication"] {
        if !rule[member].is_null() {
            shown[member] = rule[member].clone();
        }
    }
    shown
}
