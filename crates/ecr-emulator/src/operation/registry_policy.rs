//! `PutRegistryPolicy`, `GetRegistryPolicy`, `DeleteRegistryPolicy`: the text is kept, and has no effect.

use serde_json::{Value, json};

use super::repository_policy::is_policy;
use crate::error::ApiError;
use crate::journal::Change;
use crate::request::Request;
use crate::state::State;

pub(super) fn put_registry_policy(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    let text = request.required_text("policyText")?;
    if !is_policy(text) {
        return Err(ApiError::invalid("PolicyText", "Invalid registry policy provided"));
    }
    state.policy = Some(text.to_owned());
    record(state);
    Ok(write(state, text))
}

pub(super) fn get_registry_policy(state: &mut State, _: &Request<'_>) -> Result<Value, ApiError> {
    let text = state.policy.as_ref().ok_or_else(|| not_found(state))?;
    Ok(write(state, text))
}

pub(super) fn delete_registry_policy(state: &mut State, _: &Request<'_>) -> Result<Value, ApiError> {
    let text = state.policy.take().ok_or_else(|| not_found(state))?;
    record(state);
    Ok(write(state, &text))
}

fn write(state: &State, text: &str) -> Value {
    json!({ "registryId": state.settings.account, "policyText": text })
}

fn not_found(state: &State) -> ApiError {
    let message =
        format!("Registry policy does not exist in the registry with id '{}'", state.settings.account);
    ApiError::client("RegistryPolicyNotFoundException", message)
}

fn record(state: &mut State) {
    let setting = "registryPolicy".to_owned();
    state.record("", Change::Configured { setting });
}
