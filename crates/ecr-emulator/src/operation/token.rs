//! What `GetAuthorizationToken` hands out, and the OCI API takes as a password.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A password that is good until then.
pub(crate) fn issue(expires: i64) -> String {
    STANDARD.encode(format!("emulator {expires}"))
}

/// Until when a password is good; `None` when it is none of ours.
pub(crate) fn expiry(password: &str) -> Option<i64> {
    read(password).map(|(expires, _)| expires)
}

fn read(password: &str) -> Option<(i64, Option<String>)> {
    let bytes = STANDARD.decode(password).ok()?;
    let text = std::str::from_utf8(&bytes).ok()?.strip_prefix("emulator ")?;
    match text.split_once(' ') {
        Some((expires, holder)) => Some((expires.parse().ok()?, Some(holder.to_owned()))),
        None => Some((text.parse().ok()?, None)),
    }
}

/// The same password, with a note of whose it is. What is no password of ours stays as it is.
pub(crate) fn hand_to(password: &str, principal: &str) -> String {
    match read(password) {
        Some((expires, _)) => STANDARD.encode(format!("emulator {expires} {principal}")),
        None => password.to_owned(),
    }
}

/// Whose password it is.
pub(crate) fn holder(password: &str) -> Option<String> {
    read(password)?.1
}
