//! Where deletions go besides this registry: who pulls over there is not seen here.

use crate::config::Config;
use crate::config::policy::Action;
use crate::registry::{CallError, CallErrorKind, ListRegistry, ReplicationRule};
use crate::util::deadline::Deadline;

/// The repositories whose deletions are replicated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Replication {
    /// Nothing that goes is superseded, so that nobody asked.
    #[default]
    NotAsked,
    /// Those that these rules cover.
    Rules(Vec<ReplicationRule>),
    /// Perhaps any: the rules could not be read.
    Unknown(CallError),
}

impl Replication {
    /// Asks for the rules, if it matters for one of these repositories.
    pub async fn of<'a>(
        registry: &impl ListRegistry,
        config: &Config,
        repositories: impl IntoIterator<Item = &'a str>,
        deadline: &Deadline,
    ) -> Self {
        let matters = |name: &str| {
            let policy = config.policy_of(name);
            policy.deletes_superseded() && policy.replicated != Action::Delete
        };
        if !repositories.into_iter().any(matters) {
            return Self::NotAsked;
        }
        match deadline.call(registry.replication_rules()).await {
            Ok(rules) => Self::Rules(rules.into_iter().filter(|rule| rule.deletes).collect()),
            Err(error) => Self::Unknown(error),
        }
    }

    /// Whether deletions in a repository may be carried elsewhere.
    pub fn covers(&self, repository: &str) -> bool {
        match self {
            Self::NotAsked => false,
            Self::Rules(rules) => {
                rules.iter().flat_map(|rule| &rule.prefixes).any(|prefix| repository.starts_with(prefix))
            }
            Self::Unknown(_) => true,
        }
    }

    /// What to tell people, if the rules could not be read.
    pub fn warning(&self) -> Option<String> {
        let Self::Unknown(error) = self else { return None };
        let remedy = match error.kind {
            CallErrorKind::AccessDenied => "allow ecr:DescribeRegistry, or set replicated = \"delete\"",
            _ => "the next run asks again",
        };
        Some(format!(
            "whether deletions are replicated is not known, so that nothing superseded is deleted: {error}; {remedy}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(prefix: &str) -> ReplicationRule {
        ReplicationRule { prefixes: vec![prefix.to_owned()], deletes: true }
    }

    #[test]
    fn a_rule_covers_the_repositories_with_its_prefix() {
        let rules = Replication::Rules(vec![rule("prod"), rule("team/")]);
        for (name, is_covered) in
            [("prod", true), ("production/web", true), ("team/web", true), ("team", false), ("a/prod", false)]
        {
            assert_eq!(rules.covers(name), is_covered, "{name}");
        }
        assert!(Replication::Rules(vec![rule("")]).covers("anything"));
        assert!(!Replication::Rules(vec![]).covers("anything") && !Replication::NotAsked.covers("anything"));
    }

    #[test]
    fn rules_that_cannot_be_read_cover_everything_and_the_permission_is_named() {
        let denied = CallError::of_aws("DescribeRegistry", "AccessDeniedException", "no");
        let unknown = Replication::Unknown(denied);
        assert!(unknown.covers("anything"));
        let warning = unknown.warning().unwrap();
        assert!(warning.contains("allow ecr:DescribeRegistry"), "{warning}");
        assert_eq!(Replication::Rules(vec![]).warning(), None);
    }
}
