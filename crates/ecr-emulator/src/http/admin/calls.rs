//! IAM policies, calls by another client, and uncounted calls.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::Value;

use super::{AppState, DONE};
use crate::settings::Settings;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/policy", post(policy))
        .route("/before", post(before))
        .route("/call", post(call))
        .route("/copy-home", post(copy_home))
}

#[derive(Deserialize)]
struct Rule {
    principal: Option<String>,
    policy: Option<Value>,
}

async fn policy(
    State(app): State<AppState>,
    Json(rule): Json<Rule>,
) -> Result<StatusCode, (StatusCode, String)> {
    match app.emulator.set_policy(rule.principal.as_deref(), rule.policy) {
        Ok(()) => Ok(DONE),
        Err(error) => Err((StatusCode::BAD_REQUEST, format!("{error}\n"))),
    }
}

/// A call by another client, right before the `k`-th of an operation.
#[derive(Deserialize)]
struct Before {
    operation: String,
    k: u64,
    call: String,
    request: Value,
}

/// The result of the call is dropped, as if another program had made it.
async fn before(State(app): State<AppState>, Json(before): Json<Before>) -> StatusCode {
    let Before { operation, k, call, request } = before;
    app.emulator.before(&operation, k, move |emulator| {
        let _ = emulator.call(&call, request);
    });
    DONE
}

/// An uncounted call of the API, which no fault hits.
#[derive(Deserialize)]
struct Call {
    operation: String,
    request: Value,
    /// The account and Region of the registry; if not said, the emulator's own.
    account: Option<String>,
    region: Option<String>,
}

/// An account and Region, at home as far as they are left out.
fn place(home: Settings, account: Option<String>, region: Option<String>) -> Settings {
    Settings { account: account.unwrap_or(home.account), region: region.unwrap_or(home.region) }
}

async fn call(
    State(app): State<AppState>,
    Json(call): Json<Call>,
) -> Result<Json<Value>, (StatusCode, String)> {
    let registry = place(app.emulator.home(), call.account, call.region);
    let answer = app.emulator.call_in(&registry, &call.operation, call.request);
    answer.map(Json).map_err(|error| (StatusCode::BAD_REQUEST, format!("{error}\n")))
}

/// The place of a copy of all repositories at home.
#[derive(Deserialize)]
struct Copy {
    account: Option<String>,
    region: Option<String>,
}

async fn copy_home(State(app): State<AppState>, Json(copy): Json<Copy>) -> StatusCode {
    app.emulator.copy_home_to(&place(app.emulator.home(), copy.account, copy.region));
    DONE
}
