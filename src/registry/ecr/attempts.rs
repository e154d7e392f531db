//! Counts of HTTP attempts, by an interceptor of the SDK.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_ecr::config::interceptors::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_ecr::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecr::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use serde_json::Value;

use crate::registry::error::is_throttling;
use crate::report::ApiUsage;

/// Counter of HTTP requests by operation, retries included, and of those that were throttled.
#[derive(Debug, Default, Clone)]
pub(super) struct Attempts(Arc<Mutex<ApiUsage>>);

impl Attempts {
    pub(super) fn usage(&self) -> ApiUsage {
        self.counts().clone()
    }

    pub(super) fn reset(&self) {
        *self.counts() = ApiUsage::default();
    }

    fn counts(&self) -> MutexGuard<'_, ApiUsage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.counts().throttles += u64::from(context.response().is_some_and(is_throttled));
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
