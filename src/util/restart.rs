//! The environment of the AWS SDK without its empty endpoints.

use std::ffi::OsStr;
use std::process::Command;

/// Starts this program again without the endpoint variables that are empty, if there are any.
///
/// To everything else that reads them an empty `AWS_ENDPOINT_URL` is as if it were not set; the SDK takes it for an
/// address, and panics. A process cannot safely change its own environment, but it can replace itself. Where it
/// cannot, it goes on as it is.
pub fn without_empty_endpoints() {
    let empty = std::env::vars_os().filter(|(name, value)| is_endpoint(name) && value.is_empty());
    let mut empty = empty.map(|(name, _)| name).peekable();
    if empty.peek().is_none() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut again = Command::new(program);
    again.args(std::env::args_os().skip(1));
    for name in empty {
        again.env_remove(name);
    }
    replace(again);
}

/// `AWS_ENDPOINT_URL`, and those of single services.
fn is_endpoint(name: &OsStr) -> bool {
    let rest = name.as_encoded_bytes().strip_prefix(b"AWS_ENDPOINT_URL");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"_"))
}

#[cfg(unix)]
fn replace(mut again: Command) {
    use std::os::unix::process::CommandExt as _;
    let _ = again.exec();
}

#[cfg(not(unix))]
fn replace(_: Command) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_known_by_name() {
        for (name, is_one) in [
            ("AWS_ENDPOINT_URL", true),
            ("AWS_ENDPOINT_URL_ECR", true),
            ("AWS_ENDPOINT_URLS", false),
            ("AWS_REGION", false),
            ("XAWS_ENDPOINT_URL", false),
        ] {
            assert_eq!(is_endpoint(OsStr::new(name)), is_one, "{name}");
        }
    }
}
