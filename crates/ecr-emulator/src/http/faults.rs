//! Faults of HTTP calls, before and after the operation.

use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use tokio::sync::watch;

use super::call::{Call, Protocol};
use super::connection::Disconnect;
use super::delivery;
use crate::error::ApiError;
use crate::fault::Fault;

/// The response of a fault that takes the place of the operation.
pub(super) async fn instead(
    fault: &Fault,
    n: u64,
    call: &Call,
    protocol: &Protocol,
    connection: &Disconnect,
    stopped: &mut watch::Receiver<bool>,
) -> Option<Response<Body>> {
    match fault {
        Fault::Drop => {}
        Fault::Hang(time) => wait(*time, stopped).await,
        Fault::HangForever => {
            let _ = stopped.wait_for(|stopped| *stopped).await;
        }
        Fault::Garbage => return Some((protocol.garbage)(n)),
        other => return refusal(other, call).map(|error| (protocol.refuse)(n, error)),
    }
    Some(hang_up(connection))
}

/// The response as a fault delivers it, after the operation.
pub(super) async fn deliver(
    response: Response<Body>,
    fault: Option<Fault>,
    connection: &Disconnect,
    stopped: &mut watch::Receiver<bool>,
) -> Response<Body> {
    match fault {
        Some(Fault::DropAfter) => hang_up(connection),
        Some(Fault::HangAfter(time)) => {
            wait(time, stopped).await;
            hang_up(connection)
        }
        Some(Fault::Cut) => delivery::half(response).await,
        Some(Fault::Trickle(pause)) => delivery::trickle(response, pause).await,
        _ => response,
    }
}

/// Waits, but not longer than the server runs.
pub(super) async fn wait(time: Duration, stopped: &mut watch::Receiver<bool>) {
    if !time.is_zero() {
        let _ = tokio::time::timeout(time, stopped.wait_for(|stopped| *stopped)).await;
    }
}

/// Closes the connection; the response is never written.
pub(super) fn hang_up(connection: &Disconnect) -> Response<Body> {
    connection.cut();
    Response::new(Body::empty())
}

/// The error of a fault that is one.
fn refusal(fault: &Fault, call: &Call) -> Option<ApiError> {
    Some(match fault {
        Fault::Throttle => ApiError::throttling(),
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
        Fault::AccessDenied => access_denied(call),
        Fault::ServerError => ApiError::server("These errors are usually caused by a server-side issue."),
        _ => return None,
    })
}

fn access_denied(call: &Call) -> ApiError {
    let Call { action, resource, registry, .. } = call;
    let caller = registry.caller_arn();
    let message = format!(
        "User: {caller} is not authorized to perform: {action} on resource: {resource} because no identity-based policy \
         allows the {action} action"
    );
    ApiError::client("AccessDeniedException", message)
}
