//! A call over HTTP in any protocol: counted, delayed, with hooks before it, and perhaps hit by a fault.

use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use tokio::sync::watch;

use super::app_state::AppState;
use super::connection::Disconnect;
use super::delivery;
use crate::emulator::Emulator;
use crate::error::ApiError;
use crate::fault::Fault;
use crate::iam::RequiredPermission;
use crate::settings::Settings;

/// A call, as far as its protocol does not matter.
pub(super) struct Call {
    /// The name for counts, rules and hooks.
    pub(super) name: String,
    /// IAM's name, without the `ecr:`.
    pub(super) action: String,
    /// The repositories that the request names.
    pub(super) repositories: Vec<String>,
    /// The registry that it is for.
    pub(super) registry: Settings,
    /// The access key id of the caller.
    pub(super) principal: Option<String>,
    /// The permissions that it requires; a call that requires none has no rate either.
    pub(super) permissions: Vec<RequiredPermission>,
}

/// The error responses of a protocol.
pub(super) struct Protocol {
    pub(super) refuse: fn(u64, ApiError) -> Response<Body>,
    pub(super) garbage: fn(u64) -> Response<Body>,
}

/// Handles a call. `perform` does it, with the number that it got and a fault that is about the answer.
pub(super) async fn handle(
    app: AppState,
    connection: Disconnect,
    call: Call,
    protocol: Protocol,
    perform: impl FnOnce(&Emulator, u64, Option<Fault>) -> Response<Body> + Send + 'static,
) -> Response<Body> {
    // On its own, so that a call is done also when its caller does not wait for the answer.
    let task = tokio::spawn(run(app, connection.clone(), call, protocol, perform));
    task.await.unwrap_or_else(|_| hang_up(&connection))
}

async fn run(
    mut app: AppState,
    connection: Disconnect,
    call: Call,
    protocol: Protocol,
    perform: impl FnOnce(&Emulator, u64, Option<Fault>) -> Response<Body>,
) -> Response<Body> {
    let emulator = app.emulator;
    let rated = (!call.permissions.is_empty()).then_some(call.action.as_str());
    let attempt = emulator.traffic().begin_attempt(&call.name, &call.repositories, rated);
    let _flight = InFlight(&emulator);
    wait(attempt.latency, &mut app.stopped).await;
    for hook in attempt.hooks {
        hook(&emulator);
    }
    let n = attempt.n;
    match attempt.fault {
        Some(Fault::Drop) => hang_up(&connection),
        Some(Fault::Hang(time)) => {
            wait(time, &mut app.stopped).await;
            hang_up(&connection)
        }
        Some(Fault::HangForever) => {
            let _ = app.stopped.wait_for(|stopped| *stopped).await;
            hang_up(&connection)
        }
        Some(Fault::Garbage) => (protocol.garbage)(n),
        Some(
            fault @ (Fault::Throttle
            | Fault::ServerError
            | Fault::Unavailable
            | Fault::AccessDenied
            | Fault::ExpiredToken
            | Fault::SignatureExpired),
        ) => (protocol.refuse)(n, refusal(&fault, &call)),
        fault => {
            let response = match admit(&emulator, attempt.throttled, &call) {
                Ok(()) => perform(&emulator, n, fault.clone()),
                Err(error) => (protocol.refuse)(n, error),
            };
            match fault {
                Some(Fault::DropAfter) => hang_up(&connection),
                Some(Fault::HangAfter(time)) => {
                    wait(time, &mut app.stopped).await;
                    hang_up(&connection)
                }
                Some(Fault::Cut) => delivery::half(response).await,
                Some(Fault::Trickle(pause)) => delivery::trickle(response, pause).await,
                _ => response,
            }
        }
    }
}

/// Fails for a call that is over the rate, or whose caller lacks a permission.
fn admit(emulator: &Emulator, throttled: bool, call: &Call) -> Result<(), ApiError> {
    if throttled {
        return Err(throttling());
    }
    emulator.authorize(call.principal.as_deref(), &call.registry, &call.permissions)
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
fn hang_up(connection: &Disconnect) -> Response<Body> {
    connection.cut();
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
            let Call { action, repositories, registry, .. } = call;
            let resource = registry.repository_arn(repositories.first().map_or("*", String::as_str));
            let caller = registry.caller_arn();
            let message = format!(
                "User: {caller} is not authorized to perform: ecr:{action} on resource: {resource} because no \
                 identity-based policy allows the ecr:{action} action"
            );
            ApiError::client("AccessDeniedException", message)
        }
        _ => ApiError::server("These errors are usually caused by a server-side issue."),
    }
}

/// Counts a call as in flight until it ends in any way.
struct InFlight<'a>(&'a Emulator);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.traffic().end_attempt();
    }
}
