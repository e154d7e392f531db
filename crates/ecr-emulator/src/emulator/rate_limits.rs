//! Setters for rate limits.

use super::Emulator;
use crate::rate_limit::RateLimits;

/// AWS's default quotas, in calls a second. For other operations none are published.
const DOCUMENTED: [(&str, f64); 8] = [
    ("BatchCheckLayerAvailability", 1_000.0),
    ("BatchGetImage", 2_000.0),
    ("CompleteLayerUpload", 100.0),
    ("GetAuthorizationToken", 500.0),
    ("GetDownloadUrlForLayer", 3_000.0),
    ("InitiateLayerUpload", 100.0),
    ("PutImage", 10.0),
    ("UploadLayerPart", 500.0),
];

impl Emulator {
    /// Sets the rate of an operation: HTTP calls a second, and at most `burst` at once. At first there are no rates.
    ///
    /// `*` is all operations that have no rate of their own, taken together. A call over the rate is answered with a
    /// `ThrottlingException`.
    ///
    /// The time is the machine's, also when the registry's clock stands. A burst of less than 1 lets nothing
    /// through. A call of the OCI API counts as the operation that does the same.
    pub fn set_rate(&self, operation: &str, per_second: f64, burst: f64) {
        self.traffic().rates.set(operation, per_second, burst);
    }

    /// Sets the rates that AWS documents as defaults (`PutImage`: 10 a second). AWS does not say how large the
    /// bursts are; here they are what one second brings.
    pub fn set_documented_rates(&self) {
        for (operation, per_second) in DOCUMENTED {
            self.set_rate(operation, per_second, per_second);
        }
    }

    /// Removes all rates.
    pub fn clear_rates(&self) {
        self.traffic().rates = RateLimits::default();
    }
}
