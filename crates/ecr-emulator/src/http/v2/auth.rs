//! Authorization by token, if it is required.

use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::expired;
use super::reply::Reply;
use crate::operation::token;
use crate::state::State;

/// The refusal of a caller, unless they may call.
pub(super) fn refusal(state: &State, headers: &HeaderMap) -> Option<Reply> {
    if !state.require_auth {
        return None;
    }
    match password(headers).as_deref().and_then(token::expiry) {
        Some(expires) if expires > state.now() => None,
        Some(_) => Some(expired().reply()),
        None => Some(challenge(state)),
    }
}

/// The password of the user `AWS`.
fn password(headers: &HeaderMap) -> Option<String> {
    let (scheme, credentials) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let bytes = STANDARD.decode(credentials.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let password = text.strip_prefix("AWS:")?;
    scheme.eq_ignore_ascii_case("basic").then(|| password.to_owned())
}

fn challenge(state: &State) -> Reply {
    let host = state.served_at.as_deref().unwrap_or_default();
    Reply::new(StatusCode::UNAUTHORIZED)
        .header(header::WWW_AUTHENTICATE, &format!("Basic realm=\"{host}/\",service=\"ecr.amazonaws.com\""))
        .text("Not Authorized\n")
}
