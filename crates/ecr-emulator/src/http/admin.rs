//! `/_emulator/...`: the library's doors for programs outside.

mod behavior;
mod limits;
mod plans;
mod seeds;

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use super::server::Served;
use crate::fault::{Fault, FaultRule};
use crate::journal::Entry;
use crate::state::Status;

const DONE: StatusCode = StatusCode::NO_CONTENT;

pub(super) fn router() -> Router<Served> {
    Router::new()
        .route("/health", get(async || "ok\n"))
        .route("/calls", get(calls))
        .route("/journal", get(journal))
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
        .merge(plans::router())
        .merge(seeds::router())
}

async fn calls(State(served): State<Served>) -> Json<BTreeMap<String, u64>> {
    Json(served.emulator.calls())
}

async fn journal(State(served): State<Served>) -> Json<Vec<Entry>> {
    Json(served.emulator.journal())
}

async fn reset(State(served): State<Served>) -> StatusCode {
    served.emulator.reset_calls();
    DONE
}

#[derive(Deserialize)]
struct Clock {
    at: Option<i64>,
}

async fn clock(State(served): State<Served>, Json(clock): Json<Clock>) -> StatusCode {
    served.emulator.set_clock(clock.at);
    DONE
}

#[derive(Deserialize)]
struct Latency {
    operation: Option<String>,
    /// In place of an operation.
    repository: Option<String>,
    ms: u64,
}

async fn latency(State(served): State<Served>, Json(latency): Json<Latency>) -> StatusCode {
    let time = Duration::from_millis(latency.ms);
    match latency.repository {
        Some(repository) => served.emulator.set_repository_latency(&repository, time),
        None => served.emulator.set_latency(latency.operation.as_deref(), time),
    }
    DONE
}

async fn fault(State(served): State<Served>, Json(rule): Json<FaultRule>) -> StatusCode {
    served.emulator.fault(rule);
    DONE
}

/// The faults of the next attempts of an operation; `null` lets one pass.
#[derive(Deserialize)]
struct Script {
    operation: String,
    repository: Option<String>,
    attempts: Vec<Option<Fault>>,
}

async fn fault_script(State(served): State<Served>, Json(script): Json<Script>) -> StatusCode {
    let Script { operation, repository, attempts } = script;
    served.emulator.fault_script(&operation, repository.as_deref(), attempts);
    DONE
}

async fn clear_faults(State(served): State<Served>) -> StatusCode {
    served.emulator.clear_faults();
    DONE
}

#[derive(Deserialize)]
struct Switch {
    on: bool,
}

async fn require_auth(State(served): State<Served>, Json(switch): Json<Switch>) -> StatusCode {
    served.emulator.set_require_auth(switch.on);
    DONE
}

async fn require_signature(State(served): State<Served>, Json(switch): Json<Switch>) -> StatusCode {
    served.emulator.set_require_signature(switch.on);
    DONE
}

async fn cross_account(State(served): State<Served>, Json(switch): Json<Switch>) -> StatusCode {
    served.emulator.set_cross_account(switch.on);
    DONE
}

/// An image, and what to do with it.
#[derive(Deserialize)]
struct Door<T> {
    repository: String,
    digest: String,
    #[serde(flatten)]
    what: T,
}

impl<T> Door<T> {
    /// 404 when there is no such image, so that a typing error does not look like success.
    fn open(self, served: &Served, change: impl FnOnce(&str, &str, T)) -> StatusCode {
        if served.emulator.image(&self.repository, &self.digest).is_none() {
            return StatusCode::NOT_FOUND;
        }
        change(&self.repository, &self.digest, self.what);
        DONE
    }
}

#[derive(Deserialize)]
struct At {
    at: Option<i64>,
}

async fn set_pushed_at(State(served): State<Served>, Json(door): Json<Door<At>>) -> StatusCode {
    door.open(&served, |repository, digest, what| {
        served.emulator.set_pushed_at(repository, digest, what.at);
    })
}

async fn set_pulled_at(State(served): State<Served>, Json(door): Json<Door<At>>) -> StatusCode {
    door.open(&served, |repository, digest, what| {
        served.emulator.set_pulled_at(repository, digest, what.at);
    })
}

async fn set_activated_at(State(served): State<Served>, Json(door): Json<Door<At>>) -> StatusCode {
    door.open(&served, |repository, digest, what| {
        served.emulator.set_activated_at(repository, digest, what.at);
    })
}

#[derive(Deserialize)]
struct To {
    status: Status,
}

async fn set_status(State(served): State<Served>, Json(door): Json<Door<To>>) -> StatusCode {
    door.open(&served, |repository, digest, what| {
        served.emulator.set_status(repository, digest, what.status);
    })
}

#[derive(Deserialize)]
struct Other {
    bytes: String,
}

async fn corrupt(State(served): State<Served>, Json(door): Json<Door<Other>>) -> StatusCode {
    door.open(&served, |repository, digest, what| {
        served.emulator.corrupt_manifest(repository, digest, &what.bytes);
    })
}

#[derive(Deserialize)]
struct Nothing {}

async fn hide_media_types(State(served): State<Served>, Json(door): Json<Door<Nothing>>) -> StatusCode {
    door.open(&served, |repository, digest, _| {
        served.emulator.hide_media_types(repository, digest);
    })
}
