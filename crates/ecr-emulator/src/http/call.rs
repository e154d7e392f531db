//! One call over HTTP, in whichever protocol: counted, delayed, hooked into, and perhaps hit by a fault.

use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use tokio::sync::watch;

use super::delivery;
use super::line::Cut;
use super::server::Served;
use crate::emulator::Emulator;
use crate::error::ApiError;
use crate::fault::Fault;
use crate::iam::Want;
use crate::settings::Settings;

/// What is asked for.
pub(super) struct Call {
    /// What it is counted under, and what rules and hooks call it.
    pub(super) name: String,
    /// What IAM calls it.
    pub(super) action: String,
    /// The repositories that it is about, as far as the request says.
    pub(super) repositories: Vec<String>,
    /// The registry that it is for.
    pub(super) place: Settings,
    /// The access key id of the caller.
    pub(super) principal: Option<String>,
    /// What the caller must be allowed; a call that wants nothing has no rate either.
    pub(super) wants: Vec<Want>,
}

/// How a protocol answers when the call is not done.
pub(super) struct Manner {
    pub(super) refuse: fn(u64, ApiError) -> Response<Body>,
    pub(super) garbage: fn(u64) -> Response<Body>,
}

/// Takes a call. `perform` does it, with the number that it got and a fault that is about the answer.
pub(super) async fn take(
    served: Served,
    cut: Cut,
    call: Call,
    manner: Manner,
    perform: impl FnOnce(&Emulator, u64, Option<Fault>) -> Response<Body> + Send + 'static,
) -> Response<Body> {
    // On its own, so that a call is done also when its caller does not wait for the answer.
    let task = tokio::spawn(handle(served, cut.clone(), call, manner, perform));
    task.await.unwrap_or_else(|_| hang_up(&cut))
}

async fn handle(
    mut served: Served,
    cut: Cut,
    call: Call,
    manner: Manner,
    perform: impl FnOnce(&Emulator, u64, Option<Fault>) -> Response<Body>,
) -> Response<Body> {
    let emulator = served.emulator;
    let rated = (!call.wants.is_empty()).then_some(call.action.as_str());
    let arrival = emulator.traffic().arrive(&call.name, &call.repositories, rated);
    let _flight = Flight(&emulator);
    wait(arrival.latency, &mut served.stopped).await;
    for hook in arrival.hooks {
        hook(&emulator);
    }
    let n = arrival.n;
    match arrival.fault {
        Some(Fault::Drop) => hang_up(&cut),
        Some(Fault::Hang(time)) => {
            wait(time, &mut served.stopped).await;
            hang_up(&cut)
        }
        Some(Fault::HangForever) => {
            let _ = served.stopped.wait_for(|stopped| *stopped).await;
            hang_up(&cut)
        }
        Some(Fault::Garbage) => (manner.garbage)(n),
        Some(
            fault @ (Fault::Throttle
            | Fault::ServerError
            | Fault::Unavailable
            | Fault::AccessDenied
            | Fault::ExpiredToken
            | Fault::SignatureExpired),
        ) => (manner.refuse)(n, refusal(&fault, &call)),
        fault => {
            let response = match admit(&emulator, arrival.throttled, &call) {
                Ok(()) => perform(&emulator, n, fault.clone()),
                Err(error) => (manner.refuse)(n, error),
            };
            match fault {
                Some(Fault::DropAfter) => hang_up(&cut),
                Some(Fault::HangAfter(time)) => {
                    wait(time, &mut served.stopped).await;
                    hang_up(&cut)
                }
                Some(Fault::Cut) => delivery::half(response).await,
                Some(Fault::Trickle(pause)) => delivery::trickle(response, pause).await,
                _ => response,
            }
        }
    }
}

/// Is the call one too many, or its caller not allowed?
fn admit(emulator: &Emulator, throttled: bool, call: &Call) -> Result<(), ApiError> {
    if throttled {
        return Err(throttling());
    }
    emulator.authorize(call.principal.as_deref(), &call.place, &call.wants)
}

fn throttling() -> ApiError {
    ApiError::client("ThrottlingException", "Rate exceeded")
}

/// Waits, but not longer than the server runs.
async fn wait(time: Duration, stopped: &mut watch::Receiver<bool>) {
    if !time.is_zero() {
        let _ = tokio::time::timeout(time, stopped.wait_for(|stopped| *stopped)).await;
    }
}

/// The response is never written.
fn hang_up(cut: &Cut) -> Response<Body> {
    cut.off();
    Response::new(Body::empty())
}

/// The error that a fault answers with.
fn refusal(fault: &Fault, call: &Call) -> ApiError {
    match fault {
        Fault::Throttle => throttling(),
        Fault::Unavailable => ApiError {
            code: "ServiceUnavailable".to_owned(),
            message: "Service is unavailable. Try again later.".to_owned(),
            status: 503,
        },
        Fault::ExpiredToken => {
            let message = "The security token included in the request is expired";
            ApiError::client("ExpiredTokenException", message)
        }
        Fault::SignatureExpired => {
            let message = "Signature expired: 20260101T000000Z is now earlier than 20260101T010000Z \
                           (20260101T010500Z - 5 min.)";
            ApiError::client("InvalidSignatureException", message)
        }
        Fault::AccessDenied => {
            let Call { action, repositories, place, .. } = call;
            let resource = place.repository_arn(repositories.first().map_or("*", String::as_str));
            let caller = place.caller_arn();
            let message = format!(
                "User: {caller} is not authorized to perform: ecr:{action} on resource: {resource} because no \
                 identity-based policy allows the ecr:{action} action"
            );
            ApiError::client("AccessDeniedException", message)
        }
        _ => ApiError::server("These errors are usually caused by a server-side issue."),
    }
}

/// A call that is being handled, until it ends in any way.
struct Flight<'a>(&'a Emulator);

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.traffic().leave();
    }
}
