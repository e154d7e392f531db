//! Dispatch of calls: counted, delayed, with hooks before them, and perhaps hit by a fault.

use axum::body::Body;
use axum::http::Response;

use super::app_state::AppState;
use super::call::{Call, Protocol};
use super::connection::Disconnect;
use super::faults;
use crate::emulator::Emulator;
use crate::error::ApiError;
use crate::fault::Fault;

/// Handles a call. `perform` does it, with the number that it got and a fault that is about the answer.
pub(super) async fn dispatch(
    app: AppState,
    connection: Disconnect,
    call: Call,
    protocol: Protocol,
    perform: impl FnOnce(&Emulator, u64, Option<Fault>) -> Response<Body> + Send + 'static,
) -> Response<Body> {
    // On its own, so that a call is done also when its caller does not wait for the answer.
    let task = tokio::spawn(run(app, connection.clone(), call, protocol, perform));
    task.await.unwrap_or_else(|_| faults::hang_up(&connection))
}

async fn run(
    mut app: AppState,
    connection: Disconnect,
    call: Call,
    protocol: Protocol,
    perform: impl FnOnce(&Emulator, u64, Option<Fault>) -> Response<Body>,
) -> Response<Body> {
    let emulator = app.emulator.clone();
    let operation = call.action.strip_prefix("ecr:").unwrap_or(&call.action);
    let rated = (!call.permissions.is_empty()).then_some(operation);
    let attempt = emulator.traffic().begin_attempt(&call.name, &call.repositories, &call.resource, rated);
    let _in_flight = InFlight(&emulator);
    faults::wait(attempt.latency, &mut app.stopped).await;
    for hook in attempt.hooks {
        hook(&emulator);
    }
    let (n, fault) = (attempt.n, attempt.fault);
    if let Some(fault) = &fault
        && let Some(response) =
            faults::instead(fault, n, &call, &protocol, &connection, &mut app.stopped).await
    {
        return response;
    }
    let response = match admit(&emulator, attempt.throttled, &call) {
        Ok(()) => perform(&emulator, n, fault.clone()),
        Err(error) => (protocol.refuse)(n, error),
    };
    faults::deliver(response, fault, &connection, &mut app.stopped).await
}

/// Fails for a call that is over the rate, or whose caller lacks a permission.
fn admit(emulator: &Emulator, throttled: bool, call: &Call) -> Result<(), ApiError> {
    if throttled {
        return Err(ApiError::throttling());
    }
    emulator.authorize(call.principal.as_deref(), &call.registry, &call.permissions)
}

/// Counts a call as in flight until it ends in any way.
struct InFlight<'a>(&'a Emulator);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.traffic().end_attempt();
    }
}
