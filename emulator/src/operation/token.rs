//! What `GetAuthorizationToken` hands out, and the OCI API takes as a password.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A password that is good until then.
pub(crate) fn issue(expires: i64) -> String {
    STANDARD.encode(format!("emulator {expires}"))
}

/// Until when a password is good; `None` when it is none of ours.
pub(crate) fn expiry(password: &str) -> Option<i64> {
    let bytes = STANDARD.decode(password).ok()?;
    std::str::from_utf8(&bytes).ok()?.strip_prefix("emulator ")?.parse().ok()
}
