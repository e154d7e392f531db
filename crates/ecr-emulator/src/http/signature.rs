//! Registries that requests are for, by SigV4's `Authorization` header or by host. No signature is verified.

use axum::http::{HeaderMap, header};

use crate::error::ApiError;
use crate::settings::Settings;
use crate::state::State;

const SCHEME: &str = "AWS4-HMAC-SHA256";

/// The registry that a call is for: the Region comes from the credential's scope, and the account from an access key
/// of twelve digits or from the role that was assumed. What the header does not say is as the emulator was set up.
pub(super) fn registry(state: &State, headers: &HeaderMap) -> Result<Settings, ApiError> {
    if state.require_signature {
        check(authorization(headers))?;
    }
    Ok(registry_of_key(state, headers))
}

fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or_default())
}

/// The same, whether the request has to be signed or not.
pub(super) fn registry_of_key(state: &State, headers: &HeaderMap) -> Settings {
    let header = authorization(headers);
    let mut registry = state.home.clone();
    if let Some((key, _, region, _)) = header.and_then(|header| scope(parameter(header, "Credential")?)) {
        registry.region = region.to_owned();
        if let Some(session) = state.sessions.get(key) {
            registry.account.clone_from(&session.account);
        } else if key.len() == 12 && key.bytes().all(|b| b.is_ascii_digit()) {
            registry.account = key.to_owned();
        }
    }
    registry
}

/// Fails unless this has the form of a signature for ECR.
fn check(header: Option<&str>) -> Result<(), ApiError> {
    let Some(header) = header else {
        return Err(ApiError::client("MissingAuthenticationTokenException", "Missing Authentication Token"));
    };
    let incomplete = |message: String| Err(ApiError::client("IncompleteSignatureException", message));
    if !header.starts_with(SCHEME) {
        return incomplete(format!("Authorization header requires the algorithm '{SCHEME}'."));
    }
    for name in ["Credential", "Signature", "SignedHeaders"] {
        if parameter(header, name).is_none_or(str::is_empty) {
            return incomplete(format!("Authorization header requires '{name}' parameter."));
        }
    }
    match parameter(header, "Credential").and_then(scope) {
        Some((_, _, _, "ecr")) => Ok(()),
        Some(_) => {
            let message = "Credential should be scoped to correct service: 'ecr'.";
            Err(ApiError::client("InvalidSignatureException", message))
        }
        None => incomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g. \
             keyid/date/region/service/term"
                .to_owned(),
        ),
    }
}

fn parameter<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let parameters = header.strip_prefix(SCHEME)?.split(',');
    parameters
        .filter_map(|parameter| parameter.trim().split_once('='))
        .find(|(n, _)| *n == name)
        .map(|(_, v)| v)
}

/// Key, date, Region and service.
fn scope(credential: &str) -> Option<(&str, &str, &str, &str)> {
    let mut parts = credential.split('/');
    let scope = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let whole = parts.next() == Some("aws4_request") && parts.next().is_none();
    (whole && is_region(scope.2)).then_some(scope)
}

/// The registry that a host of the OCI API stands for: `<account>.dkr.ecr.<Region>.amazonaws.com`.
pub(super) fn registry_of_host(state: &State, headers: &HeaderMap) -> Settings {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    let named = host.split_once(".dkr.ecr.").and_then(|(account, rest)| {
        let region = rest.strip_suffix(".amazonaws.com")?;
        let known = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()) && is_region(region);
        known.then(|| Settings { account: account.to_owned(), region: region.to_owned() })
    });
    named.unwrap_or_else(|| state.home.clone())
}

fn is_region(text: &str) -> bool {
    (2..=25).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
