//! Principals whose pulls are not recorded. They are kept and listed, and have no effect: `set_pull_time_updates` has.

use std::ops::Bound;

use serde_json::{Value, json};

use super::timestamp;
use crate::error::ApiError;
use crate::journal::Change;
use crate::paging::Page;
use crate::request::Request;
use crate::state::State;

const PRINCIPAL: &str = "principalArn";

pub(super) fn register(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let principal = request.required_text(PRINCIPAL)?;
    let account = &state.settings.account;
    if state.pull_time_exclusions.contains_key(principal) {
        let message = format!(
            "The pull time update exclusion for '{principal}' already exists in the registry with id '{account}'"
        );
        return Err(ApiError::client("ExclusionAlreadyExistsException", message));
    }
    if state.pull_time_exclusions.len() >= state.limits.pull_time_exclusions {
        let message = format!(
            "The registry with id '{account}' already has the maximum allowed number of pull time update exclusions"
        );
        return Err(ApiError::client("LimitExceededException", message));
    }
    let created_at = state.now();
    state.pull_time_exclusions.insert(principal.to_owned(), created_at);
    record(state);
    Ok(json!({ PRINCIPAL: principal, "createdAt": timestamp(created_at) }))
}

pub(super) fn deregister(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let principal = request.required_text(PRINCIPAL)?;
    if state.pull_time_exclusions.remove(principal).is_none() {
        let message = format!(
            "There is no pull time update exclusion for '{principal}' in the registry with id '{}'",
            state.settings.account
        );
        return Err(ApiError::client("ExclusionNotFoundException", message));
    }
    record(state);
    Ok(json!({ PRINCIPAL: principal }))
}

pub(super) fn list(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let page = Page::read(request, "ListPullTimeUpdateExclusions".to_owned(), 100, 1_000)?
        .no_larger_than(state.limits.largest_page);
    let after = page.after.clone().unwrap_or_default();
    let mut all = state.pull_time_exclusions.range((Bound::Excluded(after), Bound::Unbounded));
    let taken: Vec<&String> = all.by_ref().take(page.size).map(|(principal, _)| principal).collect();
    let mut response = json!({ "pullTimeUpdateExclusions": taken });
    if let (Some(last), Some(_)) = (taken.last(), all.next()) {
        response["nextToken"] = page.token(last).into();
    }
    Ok(response)
}

fn record(state: &mut State) {
    let setting = "pullTimeUpdateExclusions".to_owned();
    state.record("", Change::Configured { setting });
}
