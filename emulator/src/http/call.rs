//! One call over HTTP, in whichever protocol: counted, delayed, hooked into, and perhaps hit by a fault.

use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use tokio::sync::watch;

use super::line::Cut;
use super::server::Served;
use crate::emulator::Emulator;
use crate::error::ApiError;
use crate::fault::Fault;

/// What is asked for.
pub(super) struct Call {
    /// What it is counted under, and what rules and hooks call it.
    pub(super) name: String,
    /// What IAM calls it.
    pub(super) action: String,
    /// The repositories that it is about, as far as the request says.
    pub(super) repositories: Vec<String>,
}

/// How a protocol answers when the call is not done.
pub(super) struct Manner {
    pub(super) refuse: fn(u64, ApiError) -> Response<Body>,
    pub(super) garbage: fn(u64) -> Response<Body>,
}

/// Takes a call. `perform` does it, with the number that it got.
pub(super) async fn take(
    served: Served,
    cut: Cut,
    call: Call,
    manner: Manner,
    perform: impl FnOnce(&Emulator, u64) -> Response<Body> + Send + 'static,
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
    perform: impl FnOnce(&Emulator, u64) -> Response<Body>,
) -> Response<Body> {
    let emulator = served.emulator;
    let arrival = emulator.traffic().arrive(&call.name, &call.repositories);
    let _flight = Flight(&emulator);
    wait(arrival.latency, &mut served.stopped).await;
    for hook in arrival.hooks {
        hook(&emulator);
    }
    let n = arrival.n;
    match arrival.fault {
        None => perform(&emulator, n),
        Some(Fault::Drop) => hang_up(&cut),
        Some(Fault::Hang(time)) => {
            wait(time, &mut served.stopped).await;
            hang_up(&cut)
        }
        Some(Fault::DropAfter) => {
            let _ = perform(&emulator, n);
            hang_up(&cut)
        }
        Some(Fault::Garbage) => (manner.garbage)(n),
        Some(fault) => (manner.refuse)(n, refusal(&emulator, &fault, &call)),
    }
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
fn refusal(emulator: &Emulator, fault: &Fault, call: &Call) -> ApiError {
    match fault {
        Fault::Throttle => ApiError::client("ThrottlingException", "Rate exceeded"),
        Fault::Unavailable => ApiError {
            code: "ServiceUnavailable".to_owned(),
            message: "Service is unavailable. Try again later.".to_owned(),
            status: 503,
        },
        Fault::ExpiredToken => {
            let message = "The security token included in the request is expired";
            ApiError::client("ExpiredTokenException", message)
        }
        Fault::AccessDenied => {
            let state = emulator.state();
            let Call { action, repositories, .. } = call;
            let resource = state.settings.repository_arn(repositories.first().map_or("*", String::as_str));
            let caller = state.settings.caller_arn();
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
