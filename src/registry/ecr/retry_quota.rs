//! The SDK's quota of retries, full at the beginning of each run.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ecr::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_ecr::config::retry::{RetryPartition, TokenBucket};
use aws_sdk_ecr::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecr::error::BoxError;

/// The SDK's quota of retries. It belongs to a client, which outlives a run in a warm Lambda instance.
#[derive(Debug, Clone)]
pub(super) struct RetryQuota(Arc<Mutex<RetryPartition>>);

impl Default for RetryQuota {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(full())))
    }
}

impl RetryQuota {
    /// Begins with a full quota.
    pub(super) fn refill(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = full();
    }
}

/// The SDK's quota of retries for a whole client stops those of a service that is down. It would also stop those of
/// one that throttles every other call, after some hundred calls: here, each call that succeeds pays for four retries.
fn full() -> RetryPartition {
    const COST_OF_A_RETRY: f32 = 5.0;
    let quota = TokenBucket::builder().success_reward(4.0 * COST_OF_A_RETRY).build();
    RetryPartition::custom("ecr").token_bucket(quota).build()
}

impl Intercept for RetryQuota {
    fn name(&self) -> &'static str {
        "RetryQuota"
    }

    fn read_before_serialization(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let partition = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        config.interceptor_state().store_put(partition);
        Ok(())
    }
}
