//! The SDK's errors, in one line with a code.

use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::plain;
use crate::registry::CallError;

/// Whatever ECR or a proxy said must not fill the log, in characters.
const LONGEST: usize = 600;

/// Names what failed. A service error keeps ECR's code; everything else gets one of ours.
pub(super) fn call_error<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let meta = error.as_service_error().map(ProvideErrorMetadata::meta);
    let code = match meta.and_then(|meta| meta.code()) {
        Some(code) => code.to_owned(),
        None => own_code(&error),
    };
    let message = match meta.and_then(|meta| meta.message()) {
        Some(message) => message.to_owned(),
        None => chain(&error),
    };
    CallError { operation, code, message: plain::cut(without_secrets(&message), LONGEST) }
}

/// A code for what ECR gave none for.
fn own_code<E: std::error::Error + 'static>(error: &SdkError<E, HttpResponse>) -> String {
    let status = error.raw_response().map(|response| response.status());
    match status {
        Some(status) if status.is_success() => "BadAnswer".into(),
        Some(status) => format!("Http{}", status.as_u16()),
        None if chain(error).to_ascii_lowercase().contains("credential") => "NoCredentials".into(),
        None => "NoAnswer".into(),
    }
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

/// A service that refuses a signature answers with what it wanted to see signed: headers, and among them the
/// session token. None of that is for a log.
fn without_secrets(text: &str) -> &str {
    const TELLTALES: [&str; 5] =
        ["canonical string", "string-to-sign", "authorization", "credential=", "x-amz-security-token"];
    let lower = text.to_ascii_lowercase();
    let end = TELLTALES.iter().filter_map(|telltale| lower.find(telltale)).min();
    end.map_or(text, |end| &text[..end])
}
