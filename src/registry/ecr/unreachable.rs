//! Early surrender to a host that was never reached: that is a typo or a missing network, and no passing trouble.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use aws_sdk_ecr::config::retry::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;

/// Failed connections of a client in all, its calls side by side included: two calls are the first of a command.
const CONNECTIONS: u32 = 6;

/// Retries of a client until a response came, any response. From then on the SDK's own rules hold.
#[derive(Debug, Default)]
pub(super) struct Unreachable {
    is_reached: AtomicBool,
    failed: AtomicU32,
}

impl Unreachable {
    fn is_hopeless(&self) -> bool {
        !self.is_reached.load(Ordering::Relaxed)
            && self.failed.fetch_add(1, Ordering::Relaxed) + 1 >= CONNECTIONS
    }
}

impl ClassifyRetry for Unreachable {
    fn classify_retry(&self, attempt: &InterceptorContext) -> RetryAction {
        if attempt.response().is_some() {
            self.is_reached.store(true, Ordering::Relaxed);
        }
        let error = attempt.output_or_error().and_then(Result::err);
        let is_connection = error.and_then(|error| error.as_connector_error()).is_some();
        if is_connection && self.is_hopeless() {
            return RetryAction::RetryForbidden;
        }
        RetryAction::NoActionIndicated
    }

    fn name(&self) -> &'static str {
        "Unreachable"
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::interceptors::context::{Error, Input};
    use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn refused() -> InterceptorContext {
        let mut attempt = InterceptorContext::new(Input::doesnt_matter());
        let error: OrchestratorError<Error> =
            OrchestratorError::connector(ConnectorError::io("connection refused".into()));
        attempt.set_output_or_error(Err(error));
        attempt
    }

    fn answered() -> InterceptorContext {
        let mut attempt = InterceptorContext::new(Input::doesnt_matter());
        attempt.enter_serialization_phase();
        let _input = attempt.take_input();
        attempt.set_request(aws_smithy_runtime_api::client::orchestrator::HttpRequest::empty());
        attempt.enter_before_transmit_phase();
        attempt.enter_transmit_phase();
        let status = StatusCode::try_from(400).unwrap();
        attempt.set_response(HttpResponse::new(status, SdkBody::empty()));
        attempt
    }

    #[test]
    fn a_host_that_was_never_reached_is_given_up_and_one_that_answered_is_not() {
        let unreachable = Unreachable::default();
        let verdicts: Vec<RetryAction> = (0..8).map(|_| unreachable.classify_retry(&refused())).collect();
        let forbidden = verdicts.iter().position(|it| *it == RetryAction::RetryForbidden);
        assert_eq!(forbidden, Some(5));
        let reached = Unreachable::default();
        reached.classify_retry(&refused());
        reached.classify_retry(&answered());
        for _ in 0..20 {
            assert_eq!(reached.classify_retry(&refused()), RetryAction::NoActionIndicated);
        }
    }
}
