//! The settings that `doctor` looks at.

use futures::TryStreamExt as _;

use super::{Ecr, PAGE, without};
use crate::registry::ecr::error::call_error;
use crate::registry::inspection::InspectRegistry;
use crate::registry::{CallError, Page, pages};

const EXCLUSIONS: &str = "ListPullTimeUpdateExclusions";
const LIFECYCLE: &str = "GetLifecyclePolicy";

impl InspectRegistry for Ecr {
    async fn pull_time_exclusions(&self) -> Result<Vec<String>, CallError> {
        let page = |next| async {
            let call = self.client.list_pull_time_update_exclusions().max_results(PAGE).set_next_token(next);
            let page = call.send().await.map_err(|error| call_error(EXCLUSIONS, error))?;
            let content =
                page.pull_time_update_exclusions.ok_or_else(|| without(EXCLUSIONS, "exclusions"))?;
            Ok(Page { content, next: page.next_token })
        };
        pages(EXCLUSIONS, page).try_concat().await
    }

    async fn lifecycle_policy(&self, repository: &str) -> Result<Option<String>, CallError> {
        let response = self.client.get_lifecycle_policy().repository_name(repository).send().await;
        match response.map_err(|error| call_error(LIFECYCLE, error)) {
            Err(error) if error.code == "LifecyclePolicyNotFoundException" => Ok(None),
            Err(error) => Err(error),
            Ok(response) => {
                response.lifecycle_policy_text.ok_or_else(|| without(LIFECYCLE, "a policy")).map(Some)
            }
        }
    }
}
