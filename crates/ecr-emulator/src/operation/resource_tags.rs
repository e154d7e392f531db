//! `TagResource`, `UntagResource`, `ListTagsForResource`: the tags of a repository itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::journal::Change;
use crate::request::Request;
use crate::state::{State, is_repository_name};

pub(super) fn tag_resource(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let name = read_name(state, request)?;
    let tags = read(request.required_list("tags", 0, usize::MAX)?)?;
    let limit = state.limits.resource_tags;
    let repository = state.repository_mut(&name)?;
    let mut all = repository.resource_tags.clone();
    all.extend(tags);
    check_count(all.len(), limit)?;
    repository.resource_tags = all;
    record(state, &name);
    Ok(json!({}))
}

pub(super) fn untag_resource(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let name = read_name(state, request)?;
    let keys = request.required_texts("tagKeys", 0, usize::MAX)?;
    let repository = state.repository_mut(&name)?;
    for key in keys {
        repository.resource_tags.remove(key);
    }
    record(state, &name);
    Ok(json!({}))
}

pub(super) fn list_tags_for_resource(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let name = read_name(state, request)?;
    let tags = &state.repository(&name)?.resource_tags;
    let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    Ok(json!({ "tags": tags }))
}

/// Only a repository of this registry can be named.
fn read_name(state: &State, request: &Request<'_>) -> Result<String, ApiError> {
    let arn = request.required_text("resourceArn")?;
    arn.strip_prefix(&state.settings.repository_arn(""))
        .filter(|name| is_repository_name(name))
        .map(str::to_owned)
        .ok_or_else(|| ApiError::invalid("resourceArn", "Invalid ARN"))
}

/// Reads a `TagList`.
pub(super) fn read(list: &[Value]) -> Result<BTreeMap<String, String>, ApiError> {
    let mut tags = BTreeMap::new();
    for value in list {
        let tag = Request::new(value)?;
        let key = tag.required_text("Key")?;
        let value = tag.required_text("Value")?;
        let sized = (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256;
        if !sized || key.to_ascii_lowercase().starts_with("aws:") {
            let message = format!("The tag with key '{key}' is not valid.");
            return Err(ApiError::client("InvalidTagParameterException", message));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    Ok(tags)
}

pub(super) fn check_count(count: usize, limit: usize) -> Result<(), ApiError> {
    if count <= limit {
        return Ok(());
    }
    let message = format!("A repository can have at most {limit} tags.");
    Err(ApiError::client("TooManyTagsException", message))
}

fn record(state: &mut State, name: &str) {
    let setting = "tags".to_owned();
    state.record(name, Change::Configured { setting });
}
