//! Permissions that a call requires.

use serde_json::Value;

use crate::settings::Settings;

/// One action on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequiredPermission {
    /// Without the `ecr:`.
    pub(crate) action: String,
    /// `*` stands for all of them; `None` when the action is on no repository.
    pub(crate) repository: Option<String>,
    /// The account of the repository, if the call names one.
    account: Option<String>,
}

impl RequiredPermission {
    pub(crate) fn new(action: &str, repository: Option<&str>) -> Self {
        let repository = repository.map(str::to_owned);
        Self { action: action.to_owned(), repository, account: None }
    }

    /// The permissions that an operation requires on these repositories.
    pub(crate) fn for_operation(operation: &str, request: &Value, repositories: &[String]) -> Vec<Self> {
        let mut actions = vec![match operation {
            // There is no action of that name.
            "ListImageReferrers" => "BatchGetImage",
            other => other,
        }];
        if operation == "CreateRepository" && request["tags"].as_array().is_some_and(|tags| !tags.is_empty())
        {
            actions.push("TagResource");
        }
        let mut names: Vec<Option<&str>> = repositories.iter().map(|name| Some(name.as_str())).collect();
        if names.is_empty() {
            names.push((operation == "DescribeRepositories").then_some("*"));
        }
        let account = request["registryId"].as_str();
        let permission =
            |action: &str, name| Self { account: account.map(str::to_owned), ..Self::new(action, name) };
        names.iter().flat_map(|&name| actions.iter().map(move |action| permission(action, name))).collect()
    }

    /// The registry that the repository is in, for a caller of this one.
    pub(crate) fn registry(&self, caller: &Settings) -> Settings {
        let account = self.account.as_ref().unwrap_or(&caller.account).clone();
        Settings { account, region: caller.region.clone() }
    }

    /// The resource as policies name it.
    pub(super) fn resource(&self, settings: &Settings) -> String {
        self.repository.as_deref().map_or_else(|| "*".to_owned(), |name| settings.repository_arn(name))
    }
}
