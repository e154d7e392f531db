//! IAM: identity-based policies in AWS's own JSON.

mod document;
mod pattern;
mod permission;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

pub(crate) use self::document::Policy;
use self::document::Verdict;
pub(crate) use self::pattern::arn_matches;
pub(crate) use self::permission::RequiredPermission;
use crate::error::ApiError;
use crate::state::State;

/// The policies, by access key id.
#[derive(Default)]
pub(crate) struct Policies {
    own: HashMap<String, Arc<Policy>>,
    /// For every caller without one of their own.
    default: Option<Arc<Policy>>,
}

impl Policies {
    /// Sets or removes the policy of a caller; `None` is every caller without one of their own.
    pub(crate) fn set(&mut self, principal: Option<&str>, policy: Option<Value>) -> Result<(), ApiError> {
        let policy = policy.map(|document| Policy::read(document).map(Arc::new)).transpose()?;
        match (principal, policy) {
            (None, policy) => self.default = policy,
            (Some(principal), Some(policy)) => {
                self.own.insert(principal.to_owned(), policy);
            }
            (Some(principal), None) => {
                self.own.remove(principal);
            }
        }
        Ok(())
    }

    /// The policy that holds for a caller.
    pub(crate) fn get(&self, principal: Option<&str>) -> Option<Arc<Policy>> {
        let own = principal.and_then(|principal| self.own.get(principal));
        own.or(self.default.as_ref()).cloned()
    }
}

/// Fails unless the policy allows the action in the registry that the state is switched to.
pub(crate) fn check(
    state: &State,
    policy: &Policy,
    caller: &str,
    permission: &RequiredPermission,
) -> Result<(), ApiError> {
    let action = permission.action.as_str();
    let resource = permission.resource(&state.settings);
    let repository = permission.repository.as_deref().and_then(|name| state.repositories.get(name));
    let why = match policy.judge(action, &resource, repository.map(|found| &found.resource_tags)) {
        Verdict::Allowed => return Ok(()),
        Verdict::Denied => "with an explicit deny in an identity-based policy".to_owned(),
        Verdict::NotAllowed => format!("because no identity-based policy allows the ecr:{action} action"),
    };
    let message =
        format!("User: {caller} is not authorized to perform: ecr:{action} on resource: {resource} {why}");
    Err(ApiError::client("AccessDeniedException", message))
}
