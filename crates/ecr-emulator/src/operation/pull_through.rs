//! Pull-through cache rules. They are kept and listed; nothing is ever pulled through.

use std::ops::Bound;

use serde_json::{Map, Value, json};

use super::timestamp;
use crate::error::ApiError;
use crate::journal::Change;
use crate::paging::{self, Page};
use crate::request::Request;
use crate::state::{PullThroughRule, State};

const PREFIX: &str = "ecrRepositoryPrefix";
const KEPT: [&str; 5] =
    ["upstreamRegistryUrl", "upstreamRegistry", "credentialArn", "customRoleArn", "upstreamRepositoryPrefix"];

pub(super) fn create_rule(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let prefix = request.required_text(PREFIX)?;
    request.required_text("upstreamRegistryUrl")?;
    let mut members = Map::new();
    for member in KEPT {
        if let Some(text) = request.text(member)? {
            members.insert(member.to_owned(), text.into());
        }
    }
    let account = &state.settings.account;
    if state.rules.contains_key(prefix) {
        let message = format!(
            "The pull through cache rule with prefix '{prefix}' already exists in the registry with id '{account}'"
        );
        return Err(ApiError::client("PullThroughCacheRuleAlreadyExistsException", message));
    }
    if state.rules.len() >= state.limits.pull_through_rules {
        let message = format!(
            "The registry with id '{account}' already has the maximum allowed number of pull through cache rules"
        );
        return Err(ApiError::client("LimitExceededException", message));
    }
    let created_at = state.now();
    let rule = PullThroughRule { created_at, updated_at: created_at, members };
    let response = write(state, prefix, &rule, false);
    state.rules.insert(prefix.to_owned(), rule);
    record(state);
    Ok(response)
}

pub(super) fn delete_rule(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let prefix = request.required_text(PREFIX)?;
    match state.rules.remove(prefix) {
        Some(rule) => {
            record(state);
            Ok(write(state, prefix, &rule, false))
        }
        None => Err(not_found(state, prefix)),
    }
}

pub(super) fn describe_rules(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    if let Some(prefixes) = request.texts("ecrRepositoryPrefixes", 1, 100)? {
        paging::refuse_with(request, "ecrRepositoryPrefixes")?;
        let one = |prefix: &str| {
            let rule = state.rules.get(prefix).ok_or_else(|| not_found(state, prefix))?;
            Ok(write(state, prefix, rule, true))
        };
        let rules: Vec<Value> = prefixes.into_iter().map(one).collect::<Result<_, ApiError>>()?;
        return Ok(json!({ "pullThroughCacheRules": rules }));
    }
    let page = Page::read(request, "DescribePullThroughCacheRules".to_owned(), 100, 1_000)?
        .no_larger_than(state.limits.largest_page);
    let after = page.after.clone().unwrap_or_default();
    let mut all = state.rules.range((Bound::Excluded(after), Bound::Unbounded));
    let taken: Vec<_> = all.by_ref().take(page.size).collect();
    let rules: Vec<Value> = taken.iter().map(|(prefix, rule)| write(state, prefix, rule, true)).collect();
    let mut response = json!({ "pullThroughCacheRules": rules });
    if let (Some((last, _)), Some(_)) = (taken.last(), all.next()) {
        response["nextToken"] = page.token(last).into();
    }
    Ok(response)
}

/// The two members that say how the upstream registry is entered; what is left out stays.
pub(super) fn update_rule(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let prefix = request.required_text(PREFIX)?;
    let now = state.now();
    let missing = not_found(state, prefix);
    let rule = state.rules.get_mut(prefix).ok_or(missing)?;
    for member in ["credentialArn", "customRoleArn"] {
        if let Some(text) = request.text(member)? {
            rule.members.insert(member.to_owned(), text.into());
        }
    }
    rule.updated_at = now;
    let mut members = rule.members.clone();
    members.remove("upstreamRegistryUrl");
    members.remove("upstreamRegistry");
    members.insert(PREFIX.to_owned(), prefix.into());
    members.insert("registryId".to_owned(), state.settings.account.as_str().into());
    members.insert("updatedAt".to_owned(), timestamp(now));
    record(state);
    Ok(Value::Object(members))
}

/// The upstream registry is never asked, so no rule is found to work.
pub(super) fn validate_rule(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let prefix = request.required_text(PREFIX)?;
    let rule = state.rules.get(prefix).ok_or_else(|| not_found(state, prefix))?;
    let mut members = rule.members.clone();
    members.remove("upstreamRegistry");
    members.insert(PREFIX.to_owned(), prefix.into());
    members.insert("registryId".to_owned(), state.settings.account.as_str().into());
    members.insert("isValid".to_owned(), false.into());
    members.insert("failure".to_owned(), "This emulator reaches no upstream registry.".into());
    Ok(Value::Object(members))
}

fn write(state: &State, prefix: &str, rule: &PullThroughRule, listed: bool) -> Value {
    let mut members = rule.members.clone();
    members.insert(PREFIX.to_owned(), prefix.into());
    members.insert("registryId".to_owned(), state.settings.account.as_str().into());
    members.insert("createdAt".to_owned(), timestamp(rule.created_at));
    if listed {
        members.insert("updatedAt".to_owned(), timestamp(rule.updated_at));
    }
    Value::Object(members)
}

fn not_found(state: &State, prefix: &str) -> ApiError {
    ApiError::client(
        "PullThroughCacheRuleNotFoundException",
        format!(
            "The pull through cache rule with prefix '{prefix}' does not exist in the registry with id '{}'",
            state.settings.account
        ),
    )
}

fn record(state: &mut State) {
    let setting = "pullThroughCacheRule".to_owned();
    state.record("", Change::Configured { setting });
}
