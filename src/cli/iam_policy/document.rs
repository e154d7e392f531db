//! The IAM policy that a configuration needs: as little as makes its runs complete.
//!
//! `template.yaml` grants the function's role the same statements. Sources: the service authorization reference of
//! Amazon ECR; DescribeRepositories without names is authorised on `repository/*`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::pattern::Patterns;
use crate::config::{Config, Mode};

/// The largest managed policy, in characters without white space. An inline policy of a role may have 10,240.
/// Source: IAM and AWS STS quotas.
pub const MAX_MANAGED_POLICY: usize = 6_144;

/// Where the repositories are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// `aws`, `aws-cn`, `aws-us-gov` ...
    pub partition: String,
    /// A region, or `*`.
    pub region: String,
    /// An account, or `*`.
    pub account: String,
}

impl Registry {
    fn repository(&self, pattern: &str) -> String {
        let Self { partition, region, account } = self;
        format!("arn:{partition}:ecr:{region}:{account}:repository/{pattern}")
    }

    fn repositories(&self, patterns: &Patterns) -> Vec<String> {
        patterns.texts().map(|pattern| self.repository(&pattern)).collect()
    }
}

/// An identity-based policy.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Document {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    sid: &'static str,
    effect: &'static str,
    action: Vec<&'static str>,
    resource: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    condition: BTreeMap<&'static str, BTreeMap<String, String>>,
}

impl Statement {
    fn allow(sid: &'static str, action: &[&'static str], resource: Vec<String>) -> Self {
        let condition = BTreeMap::new();
        Self { sid, effect: "Allow", action: action.to_vec(), resource, condition }
    }

    /// Only on repositories that bear these resource tags, all of them.
    fn if_tagged(mut self, tags: &BTreeMap<String, String>) -> Self {
        if !tags.is_empty() {
            let key = |key: &String| format!("aws:ResourceTag/{key}");
            let tags = tags.iter().map(|(name, value)| (key(name), value.clone())).collect();
            self.condition.insert("StringEquals", tags);
        }
        self
    }

    fn denied(self) -> Self {
        Self { effect: "Deny", ..self }
    }
}

const DELETE: &str = "ecr:BatchDeleteImage";
const TAG: &str = "ecr:PutImage";

/// What a run in this mode may need: reading what is selected, and in apply mode each kind of write that some policy
/// can ask for.
pub fn policy(config: &Config, mode: Mode, registry: &Registry) -> Document {
    let select = &config.select;
    let selected = || registry.repositories(&select.repositories);
    let mut read = vec!["ecr:DescribeImages", "ecr:BatchGetImage"];
    if !select.require_tag.is_empty() {
        read.push("ecr:ListTagsForResource");
    }
    let mut statement = vec![
        Statement::allow("Discover", &["ecr:DescribeRepositories"], vec![registry.repository("*")]),
        Statement::allow("PullThroughRules", &["ecr:DescribePullThroughCacheRules"], vec!["*".into()]),
        Statement::allow("Read", &read, selected()),
    ];
    if config.policies().any(|policy| policy.deletes_superseded()) {
        statement.push(Statement::allow("ReplicationRules", &["ecr:DescribeRegistry"], vec!["*".into()]));
    }
    let is_apply = mode == Mode::Apply;
    let deletes = is_apply && config.policies().any(|policy| policy.deletes());
    let tags = is_apply && config.policies().any(|policy| policy.tags());
    for (sid, action) in [("Delete", DELETE), ("Tag", TAG)] {
        if (action == DELETE && deletes) || (action == TAG && tags) {
            statement.push(Statement::allow(sid, &[action], selected()).if_tagged(&select.require_tag));
        }
    }
    if (deletes || tags) && !select.exclude.is_empty() {
        let excluded = registry.repositories(&select.exclude);
        statement.push(Statement::allow("KeepExcluded", &[DELETE, TAG], excluded).denied());
    }
    Document { version: "2012-10-17", statement }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn printed(file: &str, mode: Mode) -> Value {
        let config = Config::parse(file, &BTreeMap::new()).unwrap();
        let registry =
            Registry { partition: "aws".into(), region: "eu-west-1".into(), account: "123456789012".into() };
        serde_json::to_value(policy(&config, mode, &registry)).unwrap()
    }

    fn actions(document: &Value) -> Vec<&str> {
        let statements = document["Statement"].as_array().unwrap().iter();
        let allowed = statements.filter(|statement| statement["Effect"] == "Allow");
        allowed.flat_map(|it| it["Action"].as_array().unwrap()).map(|it| it.as_str().unwrap()).collect()
    }

    const READS: [&str; 4] = [
        "ecr:DescribeRepositories",
        "ecr:DescribePullThroughCacheRules",
        "ecr:DescribeImages",
        "ecr:BatchGetImage",
    ];

    #[test]
    fn replication_rules_are_read_where_something_superseded_may_be_deleted() {
        for (file, is_read) in [
            ("", false),
            ("[policy]\nsuperseded = 'tag'", false),
            ("[policy]\nsuperseded = 'delete'", true),
            ("[policy]\npreset = 'recommended'", true),
            ("[policy]\npreset = 'recommended'\nsuperseded = 'keep'", false),
            ("[[override]]\nrepositories = ['a']\npreset = 'recommended'", true),
        ] {
            for mode in [Mode::Plan, Mode::Apply] {
                let document = printed(file, mode);
                assert_eq!(actions(&document).contains(&"ecr:DescribeRegistry"), is_read, "{file}");
            }
        }
    }

    #[test]
    fn planning_needs_no_write_whatever_the_policy() {
        let file = "[policy]\norphaned = 'tag'\nsuperseded = 'tag'\n[[override]]\nrepositories = ['*']\nattached = 'tag'";
        assert_eq!(actions(&printed(file, Mode::Plan)), READS);
    }

    #[test]
    fn each_write_is_allowed_only_if_some_policy_can_ask_for_it() {
        for (file, writes) in [
            ("", vec!["ecr:BatchDeleteImage"]),
            ("[policy]\norphaned = 'keep'", vec![]),
            ("[policy]\norphaned = 'tag'", vec!["ecr:PutImage"]),
            (
                "[policy]\norphaned = 'keep'\nsuperseded = 'delete'",
                vec!["ecr:DescribeRegistry", "ecr:BatchDeleteImage"],
            ),
            (
                "[policy]\npreset = 'recommended'\nsuperseded = 'tag'",
                vec!["ecr:BatchDeleteImage", "ecr:PutImage"],
            ),
            ("[policy]\norphaned = 'keep'\nsuperseded_images = 'delete'", vec![]),
            ("[policy]\nattached = 'tag'", vec!["ecr:BatchDeleteImage", "ecr:PutImage"]),
            (
                "[policy]\norphaned = 'keep'\n[[override]]\nrepositories = ['a']\norphaned = 'delete'",
                vec!["ecr:BatchDeleteImage"],
            ),
            (
                "[policy]\norphaned = 'keep'\n[[override]]\nrepositories = ['a']\nsuperseded = 'tag'",
                vec!["ecr:PutImage"],
            ),
        ] {
            assert_eq!(actions(&printed(file, Mode::Apply))[READS.len()..], writes, "{file}");
        }
    }

    #[test]
    fn the_whole_policy_of_a_team_that_opts_in() {
        let file = "[select]\nrepositories = ['team/*', 'web-?']\nexclude = ['team/old']\n\
            require_tag = { 'ecr-janitor' = 'enabled' }";
        let selected = json!([
            "arn:aws:ecr:eu-west-1:123456789012:repository/team/*",
            "arn:aws:ecr:eu-west-1:123456789012:repository/web-?",
        ]);
        assert_eq!(
            printed(file, Mode::Apply),
            json!({"Version": "2012-10-17", "Statement": [
                {
                    "Sid": "Discover", "Effect": "Allow", "Action": ["ecr:DescribeRepositories"],
                    "Resource": ["arn:aws:ecr:eu-west-1:123456789012:repository/*"],
                },
                {
                    "Sid": "PullThroughRules", "Effect": "Allow",
                    "Action": ["ecr:DescribePullThroughCacheRules"], "Resource": ["*"],
                },
                {
                    "Sid": "Read", "Effect": "Allow",
                    "Action": ["ecr:DescribeImages", "ecr:BatchGetImage", "ecr:ListTagsForResource"],
                    "Resource": selected,
                },
                {
                    "Sid": "Delete", "Effect": "Allow", "Action": ["ecr:BatchDeleteImage"], "Resource": selected,
                    "Condition": {"StringEquals": {"aws:ResourceTag/ecr-janitor": "enabled"}},
                },
                {
                    "Sid": "KeepExcluded", "Effect": "Deny", "Action": ["ecr:BatchDeleteImage", "ecr:PutImage"],
                    "Resource": ["arn:aws:ecr:eu-west-1:123456789012:repository/team/old"],
                },
            ]})
        );
    }
}
