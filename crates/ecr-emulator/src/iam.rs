//! A small IAM: who may do what, by identity-based policies in AWS's own JSON.

mod document;
mod pattern;
mod want;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use self::document::{Policy, Verdict};
pub(crate) use self::want::Want;
use crate::emulator::Emulator;
use crate::error::ApiError;
use crate::settings::Settings;
use crate::state::State;

/// The policies, by access key id.
#[derive(Default)]
pub(crate) struct Policies {
    own: HashMap<String, Arc<Policy>>,
    /// For everybody without one of their own.
    default: Option<Arc<Policy>>,
}

impl Policies {
    fn of(&self, principal: Option<&str>) -> Option<Arc<Policy>> {
        let own = principal.and_then(|principal| self.own.get(principal));
        own.or(self.default.as_ref()).cloned()
    }
}

impl Emulator {
    /// Sets what a caller may do over HTTP: an IAM policy document, or with `None` no policy of their own. The
    /// caller is named by the access key id that signs the request; a `principal` of `None` is everybody without a
    /// policy of their own. Who has no policy at all may do everything, as everybody may at first.
    ///
    /// Read are `Effect`, `Action` and `Resource` or `NotResource` with the wildcards `*` and `?`, and the conditions
    /// `StringEquals` and `StringLike` on `aws:ResourceTag/KEY` and `ecr:ResourceTag/KEY`. A document with anything
    /// else (such as `NotAction`) is refused as a `MalformedPolicyDocument`: it could not be kept.
    pub fn set_policy(&self, principal: Option<&str>, policy: Option<Value>) -> Result<(), ApiError> {
        let policy = policy.map(|document| Policy::read(document).map(Arc::new)).transpose()?;
        let policies = &mut self.traffic().policies;
        match (principal, policy) {
            (None, policy) => policies.default = policy,
            (Some(principal), Some(policy)) => {
                policies.own.insert(principal.to_owned(), policy);
            }
            (Some(principal), None) => {
                policies.own.remove(principal);
            }
        }
        Ok(())
    }

    /// Fails for a caller who may not have all that they want.
    pub(crate) fn authorize(
        &self,
        principal: Option<&str>,
        place: &Settings,
        wants: &[Want],
    ) -> Result<(), ApiError> {
        let Some(policy) = self.traffic().policies.of(principal) else {
            return Ok(());
        };
        let mut state = self.state();
        let caller = place.caller_arn();
        wants.iter().try_for_each(|want| {
            state.within(&want.place(place), |state| check(state, &policy, &caller, want))
        })
    }
}

fn check(state: &State, policy: &Policy, caller: &str, want: &Want) -> Result<(), ApiError> {
    let action = want.action.as_str();
    let resource = want.resource(&state.settings);
    let repository = want.repository.as_deref().and_then(|name| state.repositories.get(name));
    let why = match policy.judge(action, &resource, repository.map(|found| &found.resource_tags)) {
        Verdict::Allowed => return Ok(()),
        Verdict::Denied => "with an explicit deny in an identity-based policy".to_owned(),
        Verdict::NotAllowed => format!("because no identity-based policy allows the ecr:{action} action"),
    };
    let message =
        format!("User: {caller} is not authorized to perform: ecr:{action} on resource: {resource} {why}");
    Err(ApiError::client("AccessDeniedException", message))
}
