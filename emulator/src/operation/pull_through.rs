//! Pull-through cache rules. They are kept and listed; nothing is ever pulled through.

use std::ops::Bound;

use serde_json::{Map, Value, json};

use super::timestamp;
use crate::error::ApiError;
use crate::journal::Change;
use crate::paging::{self, Page};
use crate::request::Request;
use crate::state::{PullThroughRule, State, is_rule_prefix};

const PREFIX: &str = "ecrRepositoryPrefix";
const KEPT: [&str; 5] =
    ["upstreamRegistryUrl", "upstreamRegistry", "credentialArn", "customRoleArn", "upstreamRepositoryPrefix"];

pub(super) fn create_rule(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let prefix = read_prefix(request)?;
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
    let rule = PullThroughRule { created_at, members };
    let response = write(state, prefix, &rule, false);
    state.rules.insert(prefix.to_owned(), rule);
    record(state);
    Ok(response)
}

pub(super) fn delete_rule(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let prefix = read_prefix(request)?;
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
    let page = Page::of(request, "DescribePullThroughCacheRules".to_owned(), 100, 1_000)?;
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

fn read_prefix<'a>(request: &Request<'a>) -> Result<&'a str, ApiError> {
    let prefix = request.required_text(PREFIX)?;
    if is_rule_prefix(prefix) {
        Ok(prefix)
    } else {
        Err(ApiError::invalid(PREFIX, "must satisfy the regular expression of a prefix"))
    }
}

fn write(state: &State, prefix: &str, rule: &PullThroughRule, listed: bool) -> Value {
    let mut members = rule.members.clone();
    members.insert(PREFIX.to_owned(), prefix.into());
    members.insert("registryId".to_owned(), state.settings.account.as_str().into());
    members.insert("createdAt".to_owned(), timestamp(rule.created_at));
    if listed {
        members.insert("updatedAt".to_owned(), timestamp(rule.created_at));
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
