//! Callers by access key id. Nothing is verified: any signature does.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::operation::token;

/// The access key id of a signed request, or of whoever got the token that this request has.
pub(super) fn access_key_id(headers: &HeaderMap) -> Option<String> {
    let (scheme, rest) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("basic") {
        return token::holder(&password(rest)?);
    }
    let (_, scope) = rest.split_once("Credential=")?;
    let key = scope.split(['/', ',', ' ']).next()?;
    (!key.is_empty()).then(|| key.to_owned())
}

fn password(credentials: &str) -> Option<String> {
    let bytes = STANDARD.decode(credentials.trim()).ok()?;
    String::from_utf8(bytes).ok()?.strip_prefix("AWS:").map(str::to_owned)
}

/// Writes the holder into the tokens of an answer.
pub(super) fn sign_tokens(mut answer: Value, principal: Option<&str>) -> Value {
    let data = answer.get_mut("authorizationData").and_then(Value::as_array_mut);
    for entry in data.into_iter().flatten() {
        let found = entry["authorizationToken"].as_str().and_then(password);
        if let (Some(found), Some(principal)) = (found, principal) {
            let password = token::hand_to(&found, principal);
            entry["authorizationToken"] = STANDARD.encode(format!("AWS:{password}")).into();
        }
    }
    answer
}
