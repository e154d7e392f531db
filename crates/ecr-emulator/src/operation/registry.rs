//! `DescribeRegistry`, `GetAuthorizationToken`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{timestamp, token};
use crate::error::ApiError;
use crate::request::Request;
use crate::state::State;

const TWELVE_HOURS_MS: i64 = 12 * 60 * 60 * 1_000;

pub(super) fn describe_registry(state: &mut State, _: &Request<'_>) -> Result<Value, ApiError> {
    Ok(json!({
        "registryId": state.settings.account,
        "replicationConfiguration": { "rules": state.replication },
    }))
}

/// A token for the OCI API, which asks for it when it is told to.
pub(super) fn get_authorization_token(state: &mut State, request: &Request<'_>) -> Result<Value, ApiError> {
    request.texts("registryIds", 1, 10)?;
    let expires = state.now().saturating_add(TWELVE_HOURS_MS);
    let password = token::issue(expires);
    Ok(json!({ "authorizationData": [{
        "authorizationToken": STANDARD.encode(format!("AWS:{password}")),
        "expiresAt": timestamp(expires),
        "proxyEndpoint": format!("https://{}", state.settings.registry_host()),
    }]}))
}
