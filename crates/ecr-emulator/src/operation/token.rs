//! Tokens of `GetAuthorizationToken`, which are passwords of the OCI API.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A password with this expiry.
pub(crate) fn issue(expires: i64) -> String {
    STANDARD.encode(format!("emulator {expires}"))
}

/// Expiry of a password; `None` for one that was not issued here.
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

/// The same password with its holder. One that was not issued here stays as it is.
pub(crate) fn hand_to(password: &str, principal: &str) -> String {
    match read(password) {
        Some((expires, _)) => STANDARD.encode(format!("emulator {expires} {principal}")),
        None => password.to_owned(),
    }
}

/// The holder of a password.
pub(crate) fn holder(password: &str) -> Option<String> {
    read(password)?.1
}
