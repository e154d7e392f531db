//! Counts of HTTP attempts, by an interceptor of the SDK, which also tells how long they took.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_ecr::config::interceptors::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_ecr::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecr::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use serde_json::Value;
use tokio::time::Instant;

use super::concurrency::CallsInFlight;
use crate::registry::error::is_throttling;
use crate::report::ApiUsage;

/// Counter of HTTP requests by operation, retries included, and of those that were throttled.
#[derive(Debug, Default, Clone)]
pub(super) struct Attempts {
    counts: Arc<Mutex<ApiUsage>>,
    in_flight: CallsInFlight,
}

/// When an attempt was sent.
#[derive(Debug)]
struct Sent(Instant);

impl Storable for Sent {
    type Storer = StoreReplace<Self>;
}

impl Attempts {
    /// A counter that tells of each attempt here.
    pub(super) fn telling(in_flight: CallsInFlight) -> Self {
        Self { counts: Arc::default(), in_flight }
    }

    pub(super) fn usage(&self) -> ApiUsage {
        self.counts().clone()
    }

    pub(super) fn reset(&self) {
        *self.counts() = ApiUsage::default();
    }

    fn counts(&self) -> MutexGuard<'_, ApiUsage> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "Attempts"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(operation) = config.load::<Metadata>() {
            *self.counts().calls.entry(operation.name().to_owned()).or_default() += 1;
        }
        config.interceptor_state().store_put(Sent(Instant::now()));
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(response) = context.response() else { return Ok(()) };
        let is_throttled = is_throttled(response);
        self.counts().throttles += u64::from(is_throttled);
        let took = config.load::<Sent>().map_or(Duration::ZERO, |sent| sent.0.elapsed());
        if let Some(operation) = config.load::<Metadata>() {
            self.in_flight.note(operation.name(), is_throttled, took);
        }
        Ok(())
    }
}

/// Whether ECR throttled the request: a client error (400) with one of several codes.
fn is_throttled(response: &HttpResponse) -> bool {
    let status = response.status();
    if status.is_success() {
        return false;
    }
    let body: Option<Value> = response.body().bytes().and_then(|body| serde_json::from_slice(body).ok());
    let code = body.as_ref().and_then(|body| body["__type"].as_str()).unwrap_or_default();
    status.as_u16() == 429 || is_throttling(code)
}
