//! The SDK's errors, in one line with a code.

use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::registry::{CallError, CallErrorKind};
use crate::util::sanitize;

/// The longest message of ECR or a proxy that goes into logs, in characters.
const LONGEST: usize = 600;
const LONGEST_CODE: usize = 100;

/// Translates an SDK error. A service error keeps ECR's code; everything else gets one of the janitor's.
pub(crate) fn call_error<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let meta = error.as_service_error().map(ProvideErrorMetadata::meta);
    let shown = |text: &str, longest| sanitize::cut(without_secrets(text).trim(), longest);
    let message = match meta.and_then(|meta| meta.message()) {
        Some(message) => shown(message, LONGEST),
        None => shown(&chain(&error), LONGEST),
    };
    match meta.and_then(|meta| meta.code()) {
        Some(code) => {
            let mut told = CallError::of_aws(operation, shown(code, LONGEST_CODE), message);
            if told.kind == CallErrorKind::Other && is_server_error(&error) {
                told.kind = CallErrorKind::ServerError;
            }
            told
        }
        None => without_code(operation, &error, message),
    }
}

fn is_server_error<E>(error: &SdkError<E, HttpResponse>) -> bool {
    error.raw_response().is_some_and(|response| response.status().is_server_error())
}

/// The error for a failure that ECR gave no code for.
fn without_code<E: std::error::Error + 'static>(
    operation: &'static str,
    error: &SdkError<E, HttpResponse>,
    message: String,
) -> CallError {
    let of_kind = |kind| CallError::of_kind(operation, kind, message.clone());
    match error.raw_response().map(|response| response.status()) {
        Some(status) if status.is_success() => of_kind(CallErrorKind::MalformedResponse),
        Some(status) => {
            let kind = match status.as_u16() {
                429 => CallErrorKind::Throttled,
                500.. => CallErrorKind::ServerError,
                _ => CallErrorKind::Other,
            };
            CallError { code: format!("http-{}", status.as_u16()), ..of_kind(kind) }
        }
        None => {
            let (kind, message) = unsent(&message);
            CallError::of_kind(operation, kind, message)
        }
    }
}

/// What kept a request from being sent or answered, in the words that are of use to people.
fn unsent(message: &str) -> (CallErrorKind, String) {
    const LAYERS: [&str; 4] = ["dispatch failure: ", "other: ", "io error: ", "client error (Connect): "];
    if let Some((_, rest)) = message.split_once("failed to apply endpoint ") {
        // The SDK quotes the whole request between the endpoint and the reason.
        let (endpoint, rest) = rest.split_once(" to request ").unwrap_or((rest, ""));
        let why = rest.rsplit_once("`: ").map_or("it is no address", |(_, why)| why);
        return (CallErrorKind::InvalidSettings, format!("the endpoint {endpoint} cannot be used: {why}"));
    }
    if message.contains("failed to construct request") {
        let why = message.rsplit_once(": ").map_or(message, |(_, why)| why);
        return (CallErrorKind::InvalidSettings, format!("the request cannot be made: {why}"));
    }
    let kind = match message.to_ascii_lowercase().contains("credential") {
        true => CallErrorKind::NoCredentials,
        false => CallErrorKind::NoResponse,
    };
    let bare = LAYERS.iter().fold(message, |text, layer| text.strip_prefix(layer).unwrap_or(text));
    // What was tried is a page, and its causes are told first.
    let tried = bare.split(" Attempted: ").next().unwrap_or(bare).trim_end_matches('.');
    let undefined =
        bare.split(": ").find(|part| part.contains("was not defined")).map(|it| format!(": {it}"));
    (kind, format!("{tried}{}", undefined.unwrap_or_default()))
}

/// An error and its causes in one line, for logs.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let text = chain(error);
    sanitize::cut(without_secrets(&text).trim(), LONGEST)
}

/// An error and its causes, each once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = next.source();
    }
    text
}

/// A service that refuses a signature answers with what it wanted to see signed: headers, and among them the session
/// token. A setting that cannot be used is quoted, and an endpoint may hold a password. None of that is for a log.
pub(super) fn without_secrets(text: &str) -> String {
    const TELLTALES: [&str; 8] = [
        "canonical string",
        "string-to-sign",
        "authorization=",
        "authorization:",
        "authorization\"",
        "aws4-hmac",
        "credential=",
        "x-amz-security-token",
    ];
    let lower = text.to_ascii_lowercase();
    let told = match TELLTALES.iter().filter_map(|telltale| lower.find(telltale)).min() {
        // Back to the end of the last sentence that is whole.
        Some(end) => &text[..text[..end].rfind(['.', '\n']).map_or(end, |at| at + 1)],
        None => text,
    };
    let mut parts = told.split("://");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |told, part| {
        let authority = part.split(['/', ' ', '\n']).next().unwrap_or_default();
        told + "://" + &part[authority.rfind('@').map_or(0, |at| at + 1)..]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_sent_is_told_without_the_sdk_s_layers() {
        use CallErrorKind::*;
        for (said, kind, told) in [
            (
                "dispatch failure: io error: client error (Connect): dns error: failed to lookup",
                NoResponse,
                "dns error: failed to lookup",
            ),
            (
                "dispatch failure: other: failed to apply endpoint `localhost:1` to request `Request { body: x }`: endpoint must contain scheme",
                InvalidSettings,
                "the endpoint `localhost:1` cannot be used: endpoint must contain scheme",
            ),
            (
                "failed to construct request: x interceptor encountered an error: invalid value for field: `region` - must be a valid host label",
                InvalidSettings,
                "the request cannot be made: `region` - must be a valid host label",
            ),
            (
                "dispatch failure: other: the credential provider was not enabled: no credentials found in chain. Attempted: Environment: x Profile: the provider was not enabled: profile `nope` was not defined: could not find it WebIdentityToken: y",
                NoCredentials,
                "the credential provider was not enabled: no credentials found in chain: profile `nope` was not defined",
            ),
        ] {
            assert_eq!(unsent(said), (kind, told.to_owned()), "{said}");
        }
    }

    #[test]
    fn what_a_refused_signature_quotes_is_left_out() {
        for (said, told) in [
            (
                "It does not match. Check it.\n\nThe Canonical String for this request",
                "It does not match. Check it.",
            ),
            (
                "Authorization header requires 'Signature'. Authorization=AWS4-HMAC-SHA256 Credential=AKID/x",
                "Authorization header requires 'Signature'.",
            ),
            ("Request { headers: {\"Authorization\": \"x\"} }", "Request { headers: {\""),
            (
                "cannot use `http://user:word@[` or http://a@b/c@d, x",
                "cannot use `http://[` or http://b/c@d, x",
            ),
            (
                "User: arn:aws:iam::1:user/a is not authorized to perform: ecr:DescribeImages",
                "User: arn:aws:iam::1:user/a is not authorized to perform: ecr:DescribeImages",
            ),
            ("://", "://"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(said).trim_end(), told);
        }
    }
}
