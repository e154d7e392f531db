//! Setters for IAM policies, and their check.

use serde_json::Value;

use super::Emulator;
use crate::error::ApiError;
use crate::iam::{self, RequiredPermission};
use crate::settings::Settings;

impl Emulator {
    /// Sets the IAM policy of a caller over HTTP, or with `None` removes it.
    ///
    /// The caller is the access key id that signs the request, or the ARN of the role that was assumed; a `principal` of
    /// `None` is every caller without a policy of their own. A caller without any policy may do everything, as all may
    /// at first.
    ///
    /// Supported are `Effect`, `Action` and `Resource` or `NotResource` with the wildcards `*` and `?`, and the
    /// conditions `StringEquals` and `StringLike` on `aws:ResourceTag/KEY` and `ecr:ResourceTag/KEY`. A document with anything
    /// else (such as `NotAction`) is refused as a `MalformedPolicyDocument`: it could not be kept.
    pub fn set_policy(&self, principal: Option<&str>, policy: Option<Value>) -> Result<(), ApiError> {
        self.traffic().policies.set(principal, policy)
    }

    /// Fails for a caller who lacks one of the permissions.
    pub(crate) fn authorize(
        &self,
        principal: Option<&str>,
        registry: &Settings,
        permissions: &[RequiredPermission],
    ) -> Result<(), ApiError> {
        let mut state = self.state();
        let session = principal.and_then(|key| state.sessions.get(key));
        let holder = session.map_or(principal, |session| Some(session.role_arn.as_str()));
        let Some(policy) = self.traffic().policies.get(holder) else {
            return Ok(());
        };
        let caller = state.caller_arn(principal, registry);
        permissions.iter().try_for_each(|permission| {
            state.in_registry(&permission.registry(registry), |state| {
                iam::check(state, &policy, &caller, permission)
            })
        })
    }
}
