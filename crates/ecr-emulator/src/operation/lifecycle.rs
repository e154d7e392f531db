//! The lifecycle policy of a repository: its text is kept and given back. Nothing evaluates it.

use serde_json::{Value, json};

use super::timestamp;
use crate::error::ApiError;
use crate::journal::Change;
use crate::request::Request;
use crate::state::{Lifecycle, State};

pub(super) fn put_lifecycle_policy(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    const MEMBER: &str = "lifecyclePolicyText";
    let name = request.required_text("repositoryName")?;
    let text = request.required_text(MEMBER)?;
    if !(100..=30_720).contains(&text.len()) {
        let constraint = "Member must have length between 100 and 30720";
        return Err(ApiError::invalid(MEMBER, constraint));
    }
    let policy: Option<Value> = serde_json::from_str(text).ok();
    if !policy.is_some_and(|policy| policy["rules"].is_array()) {
        let constraint = "must be a JSON lifecycle policy";
        return Err(ApiError::invalid("LifecyclePolicyText", constraint));
    }
    let text = text.to_owned();
    let response = write(state, name, &text);
    state.repository_mut(name)?.lifecycle = Some(Lifecycle { text });
    record(state, name);
    Ok(response)
}

pub(super) fn get_lifecycle_policy(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    match &state.repository(name)?.lifecycle {
        Some(policy) => Ok(with_evaluation(write(state, name, &policy.text))),
        None => Err(not_found(state, name)),
    }
}

pub(super) fn delete_lifecycle_policy(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    match state.repository_mut(name)?.lifecycle.take() {
        Some(policy) => {
            record(state, name);
            Ok(with_evaluation(write(state, name, &policy.text)))
        }
        None => Err(not_found(state, name)),
    }
}

/// Fails: no preview is ever made.
pub(super) fn get_lifecycle_policy_preview(
    state: &mut State,
    request: &Request<'_>,
) -> Result<Value, ApiError> {
    let name = request.required_text("repositoryName")?;
    state.repository(name)?;
    let message = format!(
        "Lifecycle policy preview does not exist for the repository with name '{name}' in the registry with id '{}'",
        state.settings.account
    );
    Err(ApiError::client("LifecyclePolicyPreviewNotFoundException", message))
}

fn write(state: &State, name: &str, text: &str) -> Value {
    json!({
        "registryId": state.settings.account,
        "repositoryName": name,
        "lifecyclePolicyText": text,
    })
}

/// The evaluation time of a policy that never ran, as AWS has it: 1970.
fn with_evaluation(mut response: Value) -> Value {
    response["lastEvaluatedAt"] = timestamp(0);
    response
}

fn not_found(state: &State, name: &str) -> ApiError {
    ApiError::client(
        "LifecyclePolicyNotFoundException",
        format!(
            "Lifecycle policy does not exist for the repository with name '{name}' in the registry with id '{}'",
            state.settings.account
        ),
    )
}

fn record(state: &mut State, name: &str) {
    let setting = "lifecyclePolicy".to_owned();
    state.record(name, Change::Configured { setting });
}
