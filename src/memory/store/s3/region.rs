//! The Region of a bucket, as S3 names it in its responses.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// The longest name of a Region that is believed.
const LONGEST: usize = 40;

/// The Region that the last response named. A refusal has it too.
#[derive(Debug, Default, Clone)]
pub(super) struct BucketRegion(Arc<Mutex<Option<String>>>);

impl BucketRegion {
    pub(super) fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Intercept for BucketRegion {
    fn name(&self) -> &'static str {
        "BucketRegion"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let named = context.response().and_then(|response| response.headers().get("x-amz-bucket-region"));
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let is_region = |name: &&str| (1..=LONGEST).contains(&name.len()) && name.bytes().all(plain);
        if let Some(region) = named.filter(is_region) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(region.to_owned());
        }
        Ok(())
    }
}
