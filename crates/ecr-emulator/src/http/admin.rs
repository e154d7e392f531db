//! `/_emulator/...`: the library's settings and hooks for programs outside.

mod behavior;
mod calls;
mod limits;

mod seeds;

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::Value;

use super::app_state::AppState;
use crate::fault::{Fault, FaultRule};
use crate::journal::Entry;
use crate::state::Status;

const DONE: StatusCode = StatusCode::NO_CONTENT;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/health", get(async || "ok\n"))
        .route("/calls", get(calls))
        .route("/faults", get(faults))
        .route("/journal", get(journal))
        .route("/events", get(events).post(set_events))
        .route("/replicate", post(replicate))
        .route("/reset", post(reset))
        .route("/clock", post(clock))
        .route("/latency", post(latency))
        .route("/fault", post(fault))
        .route("/fault-script", post(fault_script))
        .route("/clear-faults", post(clear_faults))
        .route("/require-auth", post(require_auth))
        .route("/require-signature", post(require_signature))
        .route("/cross-account", post(cross_account))
        .route("/set-pushed-at", post(set_pushed_at))
        .route("/set-pulled-at", post(set_pulled_at))
        .route("/set-activated-at", post(set_activated_at))
        .route("/set-status", post(set_status))
        .route("/corrupt", post(corrupt))
        .route("/hide-media-types", post(hide_media_types))
        .merge(behavior::router())
        .merge(limits::router())
        .merge(calls::router())
        .merge(seeds::router())
}

async fn calls(State(app): State<AppState>) -> Json<BTreeMap<String, u64>> {
    Json(app.emulator.calls())
}

async fn faults(State(app): State<AppState>) -> Json<Vec<u64>> {
    Json(app.emulator.matched_faults())
}

async fn journal(State(app): State<AppState>) -> Json<Vec<Entry>> {
    Json(app.emulator.journal())
}

async fn events(State(app): State<AppState>) -> Json<Vec<Value>> {
    Json(app.emulator.events())
}

async fn set_events(State(app): State<AppState>, Json(toggle): Json<Toggle>) -> StatusCode {
    app.emulator.set_events(toggle.on);
    DONE
}

#[derive(Deserialize)]
struct Replicated {
    repository: String,
}

/// How many images were new to a destination; 404 without the repository.
async fn replicate(
    State(app): State<AppState>,
    Json(asked): Json<Replicated>,
) -> Result<Json<usize>, StatusCode> {
    app.emulator.replicate(&asked.repository).map(Json).map_err(|_| StatusCode::NOT_FOUND)
}

async fn reset(State(app): State<AppState>) -> StatusCode {
    app.emulator.reset_calls();
    DONE
}

#[derive(Deserialize)]
struct Clock {
    at: Option<i64>,
}

async fn clock(State(app): State<AppState>, Json(clock): Json<Clock>) -> StatusCode {
    app.emulator.set_clock(clock.at);
    DONE
}

#[derive(Deserialize)]
struct Latency {
    operation: Option<String>,
    /// In place of an operation.
    repository: Option<String>,
    ms: u64,
}

async fn latency(State(app): State<AppState>, Json(latency): Json<Latency>) -> StatusCode {
    let time = Duration::from_millis(latency.ms);
    match latency.repository {
        Some(repository) => app.emulator.set_repository_latency(&repository, time),
        None => app.emulator.set_latency(latency.operation.as_deref(), time),
    }
    DONE
}

async fn fault(State(app): State<AppState>, Json(rule): Json<FaultRule>) -> StatusCode {
    app.emulator.fault(rule);
    DONE
}

/// The faults of the next attempts of an operation; `null` lets one pass.
#[derive(Deserialize)]
struct Script {
    operation: String,
    repository: Option<String>,
    attempts: Vec<Option<Fault>>,
}

async fn fault_script(State(app): State<AppState>, Json(script): Json<Script>) -> StatusCode {
    let Script { operation, repository, attempts } = script;
    app.emulator.fault_script(&operation, repository.as_deref(), attempts);
    DONE
}

async fn clear_faults(State(app): State<AppState>) -> StatusCode {
    app.emulator.clear_faults();
    DONE
}

#[derive(Deserialize)]
struct Toggle {
    on: bool,
}

async fn require_auth(State(app): State<AppState>, Json(toggle): Json<Toggle>) -> StatusCode {
    app.emulator.set_require_auth(toggle.on);
    DONE
}

async fn require_signature(State(app): State<AppState>, Json(toggle): Json<Toggle>) -> StatusCode {
    app.emulator.set_require_signature(toggle.on);
    DONE
}

async fn cross_account(State(app): State<AppState>, Json(toggle): Json<Toggle>) -> StatusCode {
    app.emulator.set_cross_account(toggle.on);
    DONE
}

/// A change of one image.
#[derive(Deserialize)]
struct ImageChange<T> {
    repository: String,
    digest: String,
    #[serde(flatten)]
    value: T,
}

impl<T> ImageChange<T> {
    /// 404 when there is no such image, so that a typing error does not look like success.
    fn apply(self, app: &AppState, change: impl FnOnce(&str, &str, T)) -> StatusCode {
        if app.emulator.image(&self.repository, &self.digest).is_none() {
            return StatusCode::NOT_FOUND;
        }
        change(&self.repository, &self.digest, self.value);
        DONE
    }
}

#[derive(Deserialize)]
struct OptionalTime {
    at: Option<i64>,
}

async fn set_pushed_at(
    State(app): State<AppState>,
    Json(change): Json<ImageChange<OptionalTime>>,
) -> StatusCode {
    change.apply(&app, |repository, digest, value| {
        app.emulator.set_pushed_at(repository, digest, value.at);
    })
}

async fn set_pulled_at(
    State(app): State<AppState>,
    Json(change): Json<ImageChange<OptionalTime>>,
) -> StatusCode {
    change.apply(&app, |repository, digest, value| {
        app.emulator.set_pulled_at(repository, digest, value.at);
    })
}

async fn set_activated_at(
    State(app): State<AppState>,
    Json(change): Json<ImageChange<OptionalTime>>,
) -> StatusCode {
    change.apply(&app, |repository, digest, value| {
        app.emulator.set_activated_at(repository, digest, value.at);
    })
}

#[derive(Deserialize)]
struct NewStatus {
    status: Status,
}

async fn set_status(State(app): State<AppState>, Json(change): Json<ImageChange<NewStatus>>) -> StatusCode {
    change.apply(&app, |repository, digest, value| {
        app.emulator.set_status(repository, digest, value.status);
    })
}

#[derive(Deserialize)]
struct OtherBytes {
    bytes: String,
}

async fn corrupt(State(app): State<AppState>, Json(change): Json<ImageChange<OtherBytes>>) -> StatusCode {
    change.apply(&app, |repository, digest, value| {
        app.emulator.corrupt_manifest(repository, digest, &value.bytes);
    })
}

#[derive(Deserialize)]
struct NoValue {}

async fn hide_media_types(
    State(app): State<AppState>,
    Json(change): Json<ImageChange<NoValue>>,
) -> StatusCode {
    change.apply(&app, |repository, digest, _| {
        app.emulator.hide_media_types(repository, digest);
    })
}
