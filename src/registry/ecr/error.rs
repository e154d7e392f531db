//! The SDK's errors, in one line with a code.

use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};

use crate::registry::CallError;

/// Names what failed. A service error keeps ECR's code; everything else gets one of ours.
pub(super) fn call_error<E, R>(operation: &'static str, error: SdkError<E, R>) -> CallError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let (code, message) = match &error {
        SdkError::ServiceError(service) => {
            let meta = service.err().meta();
            let code = meta.code().unwrap_or("ServerException").to_owned();
            (code, meta.message().unwrap_or("ECR gave no message").to_owned())
        }
        _ => {
            let chain = chain(&error);
            (code_of(&error, &chain).to_owned(), chain)
        }
    };
    CallError { operation, code, message: one_line(&message) }
}

fn code_of<E, R>(error: &SdkError<E, R>, chain: &str) -> &'static str {
    match error {
        SdkError::ResponseError(_) => "BadAnswer",
        _ if chain.to_ascii_lowercase().contains("credential") => "NoCredentials",
        _ => "NoAnswer",
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

/// Whatever ECR or a proxy said must not break a log line, nor fill it.
fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(600).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}
