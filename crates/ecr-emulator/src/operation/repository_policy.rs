//! `SetRepositoryPolicy`, `GetRepositoryPolicy`, `DeleteRepositoryPolicy`: the text is kept, and has no effect.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::journal::Change;
use crate::request::Request;
use crate::state::State;

pub(super) fn set_repository_policy(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    let text = request.required_text("policyText")?;
    state.repository(name)?;
    if !is_policy(text) {
        return Err(ApiError::invalid("PolicyText", "Invalid repository policy provided"));
    }
    state.repository_mut(name)?.policy = Some(text.to_owned());
    record(state, name);
    Ok(write(state, name, text))
}

pub(super) fn get_repository_policy(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    match &state.repository(name)?.policy {
        Some(text) => Ok(write(state, name, text)),
        None => Err(not_found(state, name)),
    }
}

pub(super) fn delete_repository_policy(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    match state.repository_mut(name)?.policy.take() {
        Some(text) => {
            record(state, name);
            Ok(write(state, name, &text))
        }
        None => Err(not_found(state, name)),
    }
}

/// Whether this looks like a policy document: JSON with statements.
pub(super) fn is_policy(text: &str) -> bool {
    let policy: Option<Value> = serde_json::from_str(text).ok();
    policy.is_some_and(|policy| policy["Statement"].is_array() || policy["Statement"].is_object())
}

fn write(state: &State, name: &str, text: &str) -> Value {
    json!({ "registryId": state.settings.account, "repositoryName": name, "policyText": text })
}

fn not_found(state: &State, name: &str) -> ApiError {
    ApiError::client(
        "RepositoryPolicyNotFoundException",
        format!(
            "Repository policy does not exist for the repository with name '{name}' in the registry with id '{}'",
            state.settings.account
        ),
    )
}

fn record(state: &mut State, name: &str) {
    let setting = "repositoryPolicy".to_owned();
    state.record(name, Change::Configured { setting });
}
