//! Selection of the repositories of a run, with the reasons for the others.

use std::collections::BTreeSet;

use futures::future::try_join;

use crate::config::pattern::Patterns;
use crate::config::{Config, Select};
use crate::registry::{CallError, ListRegistry, Repository};
use crate::report::RepositoryReason;
use crate::util::similar::similar;

/// A repository in the scope of a run, with the reason if it is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// The repository's name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Why nothing is done in it.
    pub skip: Option<RepositoryReason>,
}

/// The registry, seen through the configuration.
#[derive(Debug, Default)]
pub struct Selection {
    /// The registry's id, if it has any repository.
    pub registry: Option<String>,
    /// The repositories in scope, by name.
    pub repositories: Vec<Selected>,
    /// Names that the run was narrowed to and that the registry does not have.
    pub unknown: Vec<UnknownName>,
    /// Whether anything was left out of sight.
    pub is_narrowed: bool,
}

/// A repository name that the registry does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    /// The name.
    pub name: String,
    /// Names of the registry that may have been meant.
    pub similar: Vec<String>,
}

impl Selection {
    /// The warning of a run that has nothing to work on, which may be a slip: a wrong Region, or patterns that match
    /// nothing. An event that brings no name that is configured is no slip.
    fn emptiness(&self) -> Option<&'static str> {
        let is_unselected = |chosen: &Selected| chosen.skip == Some(RepositoryReason::NotSelected);
        if self.registry.is_none() {
            Some(
                "this registry has no repositories; if you expected some, check the Region and the credentials",
            )
        } else if !self.is_narrowed && self.repositories.iter().all(is_unselected) {
            Some(
                "no repository is selected; check select.repositories and select.exclude (JANITOR_REPOSITORIES, JANITOR_EXCLUDE)",
            )
        } else {
            None
        }
    }

    /// What people should know of a selection: it is empty, or patterns of the configuration match nothing. A run that was
    /// narrowed does not see all repositories, and says nothing of patterns.
    pub fn warnings(&self, config: &Config) -> Vec<String> {
        let is_there = |it: &&Selected| it.skip != Some(RepositoryReason::RepositoryGone);
        let names = || self.repositories.iter().filter(is_there).map(|chosen| chosen.name.as_str()).collect();
        let unmatched = (!self.is_narrowed).then(|| config.unmatched(&names())).flatten();
        self.emptiness().map(str::to_owned).into_iter().chain(unmatched).collect()
    }

    /// The first of these names that is no repository in scope.
    pub fn find_missing(&self, names: &[String]) -> Option<UnknownName> {
        let known = || self.repositories.iter().map(|chosen| chosen.name.as_str());
        let missing = names.iter().find(|name| known().all(|known| known != name.as_str()))?;
        Some(UnknownName { name: missing.clone(), similar: similar(missing, known()) })
    }
}

/// Lists the registry and chooses. `narrow` leaves everything else out of sight; what the configuration does not
/// select is mentioned only where nothing was narrowed.
pub async fn select(
    registry: &impl ListRegistry,
    select: &Select,
    narrow: Option<&Patterns>,
) -> Result<Selection, CallError> {
    // On the heap: the types of the callers would be nested too deep for the compiler.
    let listings = Box::pin(try_join(registry.repositories(), registry.pull_through_prefixes()));
    let (repositories, prefixes) = listings.await?;
    Ok(choose(repositories, &prefixes, select, narrow))
}

fn choose(
    repositories: Vec<Repository>,
    pull_through: &[String],
    select: &Select,
    narrow: Option<&Patterns>,
) -> Selection {
    let registry = repositories.first().map(|repository| repository.registry.clone());
    let named: BTreeSet<String> =
        if narrow.is_none() { select.repositories.literals().collect() } else { BTreeSet::new() };
    let present: BTreeSet<&str> = repositories.iter().map(|repository| repository.name.as_str()).collect();
    let missing: Vec<Selected> = named
        .into_iter()
        .filter(|name| !present.contains(name.as_str()) && !select.exclude.matches(name))
        .map(|name| Selected { name, arn: String::new(), skip: Some(RepositoryReason::RepositoryGone) })
        .collect();
    let unknown = narrow
        .into_iter()
        .flat_map(Patterns::literals)
        .filter(|name| !present.contains(name.as_str()))
        .map(|name| UnknownName { similar: similar(&name, present.iter().copied()), name })
        .collect();
    let mut chosen: Vec<Selected> = repositories
        .into_iter()
        .filter(|repository| narrow.is_none_or(|narrow| narrow.matches(&repository.name)))
        .map(|Repository { name, arn, .. }| Selected { skip: reason(&name, pull_through, select), name, arn })
        .filter(|chosen| narrow.is_none() || chosen.skip != Some(RepositoryReason::NotSelected))
        .chain(missing)
        .collect();
    chosen.sort_by(|a, b| a.name.cmp(&b.name));
    // Pages may shift: what was listed twice is worked on once.
    chosen.dedup_by(|again, first| again.name == first.name);
    Selection { registry, repositories: chosen, unknown, is_narrowed: narrow.is_some() }
}

fn reason(name: &str, pull_through: &[String], select: &Select) -> Option<RepositoryReason> {
    if !select.repositories.matches(name) || select.exclude.matches(name) {
        Some(RepositoryReason::NotSelected)
    } else if pull_through.iter().any(|prefix| is_covered(name, prefix)) {
        Some(RepositoryReason::PullThroughCache)
    } else {
        None
    }
}

/// Whether a pull-through cache rule fills this repository: reading there may pull from upstream, and what is
/// deleted comes back. The prefix of a rule may end in a slash.
fn is_covered(name: &str, prefix: &str) -> bool {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    prefix == "ROOT" || name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repositories(names: &[&str]) -> Vec<Repository> {
        let repository = |name: &&str| Repository {
            name: (*name).into(),
            arn: format!("arn:{name}"),
            registry: "123456789012".into(),
        };
        names.iter().map(repository).collect()
    }

    fn selecting(patterns: &[&str], exclude: &[&str]) -> Select {
        Select {
            repositories: Patterns::new(patterns).unwrap(),
            exclude: Patterns::new(exclude).unwrap(),
            require_tag: Default::default(),
        }
    }

    fn reasons(selection: Selection) -> Vec<(String, Option<RepositoryReason>)> {
        selection.repositories.into_iter().map(|chosen| (chosen.name, chosen.skip)).collect()
    }

    use RepositoryReason::*;

    #[test]
    fn everything_is_mentioned_with_its_reason() {
        let selection = choose(
            repositories(&["team/b", "team/a", "hub/nginx", "hub", "hubs/x", "other"]),
            &["hub".into()],
            &selecting(&["team/*", "hub*", "gone", "gone-too"], &["team/b", "gone-too"]),
            None,
        );
        assert_eq!(selection.registry.as_deref(), Some("123456789012"));
        assert_eq!(
            reasons(selection),
            [
                ("gone".into(), Some(RepositoryGone)),
                ("hub".into(), None),
                ("hub/nginx".into(), Some(PullThroughCache)),
                ("hubs/x".into(), None),
                ("other".into(), Some(NotSelected)),
                ("team/a".into(), None),
                ("team/b".into(), Some(NotSelected)),
            ]
        );
    }

    #[test]
    fn narrowing_can_only_take_away() {
        let narrow = Patterns::new(["team/a", "other"]).unwrap();
        let selection = choose(
            repositories(&["team/a", "team/b", "other"]),
            &[],
            &selecting(&["team/*"], &[]),
            Some(&narrow),
        );
        assert_eq!(selection.unknown, []);
        assert_eq!(reasons(selection), [("team/a".into(), None)]);
    }

    #[test]
    fn a_name_that_does_not_exist_is_told() {
        let narrow = Patterns::new(["team/a", "team/x", "nothing/*"]).unwrap();
        let selection = choose(repositories(&["team/a"]), &[], &selecting(&["*"], &[]), Some(&narrow));
        let unknown = UnknownName { name: "team/x".into(), similar: vec!["team/a".into()] };
        assert_eq!(selection.unknown, [unknown]);
    }

    #[test]
    fn a_prefix_covers_what_is_below_it_with_or_without_its_slash() {
        for prefix in ["docker-hub", "docker-hub/"] {
            for (name, is_below) in [
                ("docker-hub/library/nginx", true),
                ("docker-hub/", true),
                ("docker-hub", false),
                ("docker-hubs/nginx", false),
                ("team/docker-hub/nginx", false),
            ] {
                assert_eq!(is_covered(name, prefix), is_below, "{name} below {prefix}");
            }
        }
        assert!(is_covered("team/x/y", "team/x/") && !is_covered("team/xy", "team/x/"));
    }

    #[test]
    fn a_root_rule_covers_the_registry() {
        let selection = choose(repositories(&["a", "b/c"]), &["ROOT".into()], &selecting(&["*"], &[]), None);
        assert!(reasons(selection).iter().all(|(_, reason)| *reason == Some(PullThroughCache)));
    }
}
