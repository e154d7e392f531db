use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::*;
use crate::config::policy::Action;

fn parse(file: &str) -> Result<Config, String> {
    with_environment(file, &[])
}

fn with_environment(file: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let environment: BTreeMap<String, String> =
        variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Config::parse(file, &environment).map_err(|error| error.to_string())
}

fn error(file: &str) -> String {
    parse(file).expect_err(file)
}

#[test]
fn the_commented_example_equals_the_defaults() {
    let text = include_str!("../../janitor.toml");
    let example = parse(text).unwrap();
    assert_eq!(format!("{example:?}"), format!("{:?}", Config::default()));
    for key in SELECT.iter().chain(&LIMITS).chain(&Setting::KEYS).chain(&SECTIONS) {
        assert!(text.contains(key), "janitor.toml does not show `{key}`");
    }
}

#[test]
fn no_file_at_all_is_plan_mode_for_every_repository() {
    let config = parse("").unwrap();
    assert_eq!(config.mode, Mode::Plan);
    assert!(config.select.repositories.matches("any/thing"));
    assert_eq!(config.policy_of("any"), Policy::default());
}

#[test]
fn unknown_keys_are_named_with_the_nearest_valid_one() {
    assert_eq!(error("mod = 'plan'"), "unknown key `mod`: did you mean `mode`?");
    assert_eq!(
        error("[policy]\ngrace_perod = '48h'"),
        "unknown key `policy.grace_perod`: did you mean `policy.grace_period`?"
    );
    assert_eq!(
        error("[select]\nexcludes = []"),
        "unknown key `select.excludes`: did you mean `select.exclude`?"
    );
    assert_eq!(error("[overide]"), "unknown key `overide`: did you mean `override`?");
    assert_eq!(
        error("[[override]]\nrepositories = ['a']\norphan = 'keep'"),
        "unknown key `override[1].orphan`: did you mean `override[1].orphaned`?"
    );
}

#[test]
fn bad_values_are_named_with_what_would_be_right() {
    for (file, parts) in [
        ("mode = 'delete'", vec!["`mode`", "\"delete\"", "\"plan\"", "\"apply\""]),
        ("[policy]\ngrace_period = '59m'", vec!["`policy.grace_period`", "1h or more"]),
        ("[policy]\ngrace_period = 48", vec!["`policy.grace_period`", "48", "quotes"]),
        ("[policy]\ngrace_period = '48'", vec!["\"48\"", "duration", "\"48h\""]),
        ("[policy]\nsuperseded_after = '-1d'", vec!["duration"]),
        ("[policy]\nsuperseded_after = '1 month'", vec!["duration"]),
        ("[policy]\nattached = 'delete'", vec!["`policy.attached`", "\"keep\", \"tag\""]),
        ("[policy]\nsuperseded_images = 'tag'", vec!["\"keep\", \"delete\""]),
        ("[policy]\ntag_template = 'x-{platform}'", vec!["`policy.tag_template`", "{digest}"]),
        ("[policy]\ntag_template = 'sha256-{digest}'", vec!["sha256-"]),
        ("[limits]\nmax_deletions = -1", vec!["`limits.max_deletions`", "whole number"]),
        ("[limits]\nmax_deletions_share = 1.5", vec!["share from 0 to 1"]),
        ("[limits]\nmax_deletions_share = nan", vec!["share from 0 to 1"]),
        ("[limits]\nconcurrency = 0", vec!["1 or more"]),
        ("[select]\nrepositories = []", vec!["`select.repositories`", "empty"]),
        ("[select]\nrepositories = ['Team/*']", vec!["`select.repositories`", "\"Team/*\""]),
        ("[select]\nrequire_tag = ['a']", vec!["`select.require_tag`"]),
        ("[[override]]\norphaned = 'keep'", vec!["`override[1]`", "repositories"]),
        ("[override]\norphaned = 'keep'", vec!["[[override]]"]),
        ("[[override]]\nrepositories = ['a']\ngrace_period = '5m'", vec!["`override[1].grace_period`", "1h"]),
        ("mode = ", vec!["not TOML", "line 1"]),
    ] {
        let message = error(file);
        for part in parts {
            assert!(message.contains(part), "{file:?} -> {message:?} lacks {part:?}");
        }
        assert!(!message.contains('\n'), "{message:?} is more than a line");
    }
}

#[test]
fn the_first_matching_override_wins_key_by_key() {
    let config = parse(
        "[policy]\ngrace_period = '72h'\n\
         [[override]]\nrepositories = ['prod/*']\norphaned = 'tag'\n\
         [[override]]\nrepositories = ['prod/api', 'dev/*']\norphaned = 'keep'\ngrace_period = '1h'",
    )
    .unwrap();
    assert_eq!(config.policy_of("prod/api").orphaned, Action::Tag);
    assert_eq!(config.policy_of("prod/api").grace_period, SignedDuration::from_hours(72));
    assert_eq!(config.policy_of("dev/x").orphaned, Action::Keep);
    assert_eq!(config.policy_of("dev/x").grace_period, SignedDuration::from_hours(1));
    assert_eq!(config.policy_of("other").orphaned, Action::Delete);
}

#[test]
fn the_environment_wins_over_the_file_but_not_over_an_override() {
    let config = with_environment(
        "mode = 'plan'\n[policy]\norphaned = 'keep'\n[[override]]\nrepositories = ['prod/*']\norphaned = 'keep'",
        &[
            ("JANITOR_MODE", "apply"),
            ("JANITOR_ORPHANED", "tag"),
            ("JANITOR_REPOSITORIES", "team/*, prod/*,"),
            ("JANITOR_EXCLUDE", "team/old"),
            ("JANITOR_REQUIRE_TAG", "ecr-janitor=enabled,team=a=b"),
            ("JANITOR_MAX_DELETIONS", "7"),
            ("JANITOR_MAX_DELETIONS_SHARE", "0.25"),
            ("JANITOR_CONCURRENCY", "2"),
            ("JANITOR_GRACE_PERIOD", ""),
            ("JANITOR_CONFIG", "elsewhere.toml"),
        ],
    )
    .unwrap();
    assert_eq!(config.mode, Mode::Apply);
    assert_eq!(config.policy_of("team/a").orphaned, Action::Tag);
    assert_eq!(config.policy_of("prod/a").orphaned, Action::Keep);
    assert!(config.select.repositories.matches("team/x") && !config.select.repositories.matches("x"));
    assert!(config.select.exclude.matches("team/old"));
    assert_eq!(config.select.require_tag["team"], "a=b");
    assert_eq!((config.limits.max_deletions, config.limits.max_deletions_share), (7, 0.25));
    assert_eq!(config.concurrency, 2);
    assert_eq!(config.policy_of("x").grace_period, SignedDuration::from_hours(48));
}

#[test]
fn a_misspelt_variable_is_refused_and_a_foreign_one_is_not() {
    let message = with_environment("", &[("JANITOR_GRACE_PERIDO", "90d")]).unwrap_err();
    assert_eq!(
        message,
        "unknown environment variable `JANITOR_GRACE_PERIDO`: did you mean `JANITOR_GRACE_PERIOD`?"
    );
    let message = with_environment("", &[("JANITOR_GRACE_PERIOD", "5m")]).unwrap_err();
    assert!(message.starts_with("`JANITOR_GRACE_PERIOD`"), "{message}");
    assert!(with_environment("", &[("JANITOR_TEST_ARTEFACTS", "x")]).is_ok());
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let missing = Path::new("/nonexistent/janitor.toml");
    let error = Config::load(Some(missing), &BTreeMap::new()).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/janitor.toml") && error.contains("--config"), "{error}");
    let environment = BTreeMap::from([("JANITOR_CONFIG".to_owned(), "/nonexistent/j.toml".to_owned())]);
    assert!(Config::load(None, &environment).unwrap_err().to_string().contains("/nonexistent/j.toml"));
}
