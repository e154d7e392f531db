use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::config::layer::{SECTIONS, Section};
use crate::config::location::{Location, S3Prefix};
use crate::config::policy::{Action, Referrers, SupersededSince};

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect()
}

fn with_environment(file: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    Config::parse(file, &environment(variables)).map_err(|error| error.to_string())
}

fn parse(file: &str) -> Config {
    with_environment(file, &[]).unwrap_or_else(|error| panic!("{file:?}: {error}"))
}

fn error(file: &str) -> String {
    with_environment(file, &[]).expect_err(file)
}

fn variable_error(name: &str, value: &str) -> String {
    with_environment("", &[(name, value)]).expect_err(name)
}

#[test]
fn the_commented_example_equals_the_defaults_and_shows_every_key() {
    let text = include_str!("../../janitor.toml");
    let example = parse(text);
    let shown = |config: &Config| {
        format!(
            "{:?}",
            (
                config.mode,
                &config.select,
                config.limits,
                &config.memory,
                &config.backup,
                &config.in_use,
                config.policy_of("x")
            )
        )
    };
    assert_eq!(shown(&example), shown(&Config::default()));
    let mut section = "";
    let mut keys = BTreeSet::new();
    for line in text.lines() {
        section = line.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(section, |it| it.0);
        if let Some((key, _)) = line.trim_start_matches("# ").split_once('=') {
            keys.insert((section, key.trim()));
        }
    }
    for known in Section::all() {
        for key in known.keys {
            assert!(keys.contains(&(known.name, *key)), "janitor.toml does not show {}.{key}", known.name);
        }
    }
}

/// A key that the example does not set can be put in by taking its comment sign away.
#[test]
fn the_commented_keys_of_the_example_are_the_defaults_too() {
    let text = include_str!("../../janitor.toml");
    let keys = SECTIONS.iter().flat_map(|section| section.keys);
    let with_comments_taken =
        keys.fold(text.to_owned(), |text, key| text.replace(&format!("# {key} "), &format!("{key} ")));
    let before_overrides = with_comments_taken.split("# The first override").next().unwrap();
    assert_eq!(parse(before_overrides).policy_of("x"), Policy::default());
    let keys =
        before_overrides.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase())).count();
    assert_eq!(keys, Section::all().map(|section| section.keys.len()).sum::<usize>());
}

#[test]
fn no_file_at_all_is_plan_mode_for_every_repository() {
    let config = parse("");
    assert_eq!(config.mode, Mode::Plan);
    assert!(config.select.repositories.matches("any/thing"));
    assert_eq!(config.policy_of("any"), Policy::default());
    assert_eq!(config.memory.location, Location::Auto);
    assert_eq!(config.memory.statements, Statements::None);
    assert_eq!(
        (config.backup.keep, &config.backup.location),
        (SignedDuration::from_hours(720), &Location::Auto)
    );
    assert!(config.backup.is_on() && !parse("[backup]\nkeep = '0d'").backup.is_on());
    assert_eq!(config.limits.concurrency, Concurrency::Auto);
}

#[test]
fn every_key_is_read_into_its_own_place() {
    let config = parse(
        "mode = 'apply'\n[select]\nrepositories = ['a']\nexclude = ['b']\nrequire_tag = { c = 'd' }\n\
         [policy]\npreset = 'recommended'\ngrace_period = '1h'\norphaned = 'tag'\norphaned_with_subject = 'delete'\n\
         superseded = 'tag'\nsuperseded_after = '2h'\nsuperseded_since = 'push'\nsuperseded_images = 'keep'\n\
         superseded_without_tags = 'delete'\nreferrers = 'hold'\nkeep_pulled_within = '3d'\nattached = 'tag'\n\
         replicated = 'delete'\ntag_template = '{digest}'\n\
         [limits]\nmax_deletions = 1\nmax_images_share = 0.25\nmax_tag_loss = 1\nconcurrency = 256\n\
         [memory]\nlocation = 's3://bucket/x'\nstatements = 'newest'\n[backup]\nkeep = '2w'\nlocation = '/x'",
    );
    let hours = SignedDuration::from_hours;
    let policy = Policy {
        preset: Preset::Recommended,
        grace_period: hours(1),
        orphaned: Action::Tag,
        orphaned_with_subject: Action::Delete,
        superseded: Action::Tag,
        superseded_after: hours(2),
        superseded_since: SupersededSince::Push,
        superseded_images: Action::Keep,
        superseded_without_tags: Action::Delete,
        referrers: Referrers::Hold,
        keep_pulled_within: hours(72),
        attached: Action::Tag,
        replicated: Action::Delete,
        tag_template: "{digest}".parse().unwrap(),
    };
    assert_eq!(config.policy_of("x"), policy);
    assert_eq!(config.mode, Mode::Apply);
    assert_eq!(config.select.repositories.texts().collect::<Vec<_>>(), ["a"]);
    assert_eq!(config.select.exclude.texts().collect::<Vec<_>>(), ["b"]);
    assert_eq!(config.select.require_tag["c"], "d");
    assert_eq!(
        config.limits,
        Limits {
            max_deletions: 1,
            max_images_share: 0.25,
            max_tag_loss: 1.0,
            concurrency: Concurrency::Fixed(256)
        }
    );
    let bucket = S3Prefix { bucket: "bucket".into(), prefix: "x".into() };
    assert_eq!(
        config.memory,
        MemoryConfig { location: Location::S3(bucket), statements: Statements::Newest }
    );
    assert_eq!(config.backup, BackupConfig { keep: hours(336), location: Location::Folder("/x".into()) });
}

#[test]
fn unknown_keys_are_named_with_file_line_and_the_nearest_valid_one() {
    for (file, message) in [
        ("mod = 'plan'", "line 1: unknown key `mod`: did you mean `mode`?"),
        (
            "[policy]\ngrace_perod = '48h'",
            "line 2: unknown key `policy.grace_perod`: did you mean `policy.grace_period`?",
        ),
        (
            "\n\n[select]\n\nexcludes = []",
            "line 5: unknown key `select.excludes`: did you mean `select.exclude`?",
        ),
        ("[overide]", "line 1: unknown section `overide`: did you mean `override`?"),
        ("[[polcy]]", "line 1: unknown section `polcy`: did you mean `policy`?"),
        (
            "[[override]]\nrepositories = ['a']\n[[override]]\nrepositories = ['a']\norphan = 'keep'",
            "line 5: unknown key `override[2].orphan`: did you mean `override[2].orphaned`?",
        ),
        (
            "[limits]\nmax_image_share = 0",
            "line 2: unknown key `limits.max_image_share`: did you mean `limits.max_images_share`?",
        ),
        (
            "[limits]\ncolour = 1",
            "line 2: unknown key `limits.colour`: there are max_deletions, max_images_share, max_tag_loss, concurrency",
        ),
        (
            "colour = 1",
            "line 1: unknown key `colour`: there are mode, select, policy, limits, memory, backup, in_use, override, target",
        ),
    ] {
        assert_eq!(error(file), format!("the configuration, {message}"));
    }
}

#[test]
fn a_key_in_the_wrong_place_is_named_with_the_right_one() {
    for (file, name, advice) in [
        ("orphaned = 'keep'", "orphaned", "it belongs to [policy]"),
        (
            "[limits]\nmode = 'apply'",
            "limits.mode",
            "it belongs at the top of the file, before the first section",
        ),
        ("[policy]\nexclude = ['a']", "policy.exclude", "it belongs to [select]"),
        ("[policy]\nlocation = 'auto'", "policy.location", "it belongs to [memory] or [backup]"),
        ("[memory]\nkeep = '1d'", "memory.keep", "it belongs to [backup]"),
        ("[select.policy]", "select.policy", "it is a section of its own, [policy]"),
        ("[policy]\noverride = 'a'", "policy.override", "it is a section of its own, [[override]]"),
        (
            "[[override]]\nrepositories = ['a']\nmax_deletions = 3",
            "override[1].max_deletions",
            "it belongs to [limits]",
        ),
        ("[memory]\ngrace_periods = '1d'", "memory.grace_periods", "did you mean `policy.grace_period`?"),
        (
            "[limits]\nmax_deletions_share = 0.5",
            "limits.max_deletions_share",
            "it is `limits.max_images_share` now, and a pace: what is over it waits for the next runs",
        ),
    ] {
        let message = error(file);
        assert!(message.ends_with(&format!("unknown key `{name}`: {advice}")), "{file:?} -> {message:?}");
    }
}

#[test]
fn targets_are_roles_and_regions() {
    let file = r#"
        [[target]]
        regions = ["eu-west-1"]
        [[target]]
        role_arn = "arn:aws:iam::222222222222:role/path/ecr-janitor"
        regions = ["us-east-1", "us-west-2"]
        external_id = "a/b:c"
        session_tags = { team = "platform" }
        [[target]]
        role_arn = "arn:aws-cn:iam::{account}:role/ecr-janitor"
        accounts = ["333333333333", "444444444444"]
        regions = ["cn-north-1"]
    "#;
    let config = parse(file);
    let all = config.targets.iter().flat_map(|it| it.registries(it.known_accounts().unwrap()));
    let all: Vec<_> = all.collect();
    let shown: Vec<String> = all.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "the caller's account, Region eu-west-1",
            "account 222222222222, Region us-east-1",
            "account 222222222222, Region us-west-2",
            "account 333333333333, Region cn-north-1",
            "account 444444444444, Region cn-north-1",
        ]
    );
    assert_eq!(all[1].external_id.as_deref(), Some("a/b:c"));
    assert_eq!(all[2].session_tags["team"], "platform");
    let role = all[4].role.as_ref().unwrap();
    assert_eq!(role.as_str(), "arn:aws-cn:iam::444444444444:role/ecr-janitor");
}

#[test]
fn a_target_that_cannot_be_worked_on_is_an_error() {
    let role = "role_arn = 'arn:aws:iam::222222222222:role/x'";
    let each = "role_arn = 'arn:aws:iam::{account}:role/x'";
    for (lines, parts) in [
        ("regions = []", ["`target[1].regions`", "at least one"]),
        ("", ["`target[1]`", "regions"]),
        ("regions = ['x']", ["`target[1].regions[1]`", "write it like eu-west-1"]),
        ("regions = ['eu-west-1', 'eu-west-1']", ["`target[1].regions`", "twice"]),
        ("regions = ['eu-west-1']\nrole = 'x'", ["`target[1].role`", "there are role_arn"]),
        ("regions = ['eu-west-1']\nrole_arn = 'x'", ["`target[1].role_arn`", "not the ARN of a role"]),
        ("regions = ['eu-west-1']\nexternal_id = 'abc'", ["`target[1].role_arn`", "belong to a role"]),
        (&format!("regions = ['cn-north-1']\n{role}"), ["`target[1].regions`", "another partition"]),
        (&format!("regions = ['eu-west-1']\n{role}\nexternal_id = 'a b'"), ["external_id", "letters"]),
        (&format!("regions = ['eu-west-1']\n{role}\naccounts = ['111111111111']"), ["accounts", "{account}"]),
        (&format!("regions = ['eu-west-1']\n{each}"), ["accounts", "organization"]),
        (
            &format!("regions = ['eu-west-1']\n{each}\naccounts = [222222222222]"),
            ["accounts[1]", "an account such as"],
        ),
        (&format!("regions = ['eu-west-1']\n{each}\naccounts = ['2222']"), ["accounts[1]", "twelve digits"]),
        (
            &format!("regions = ['eu-west-1']\n{each}\naccounts = ['organization', '111111111111']"),
            ["accounts", "alone"],
        ),
    ] {
        let message = error(&format!("[[target]]\n{lines}"));
        assert!(parts.iter().all(|part| message.contains(part)), "{lines:?} -> {message}");
    }
    assert!(error("[target]\nregions = ['eu-west-1']").contains("write it as [[target]]"));
    let message = variable_error("JANITOR_TARGET", "x");
    assert!(message.contains("unknown environment variable"), "{message}");
}

#[test]
fn bad_values_are_named_with_their_line_and_what_would_be_right() {
    for (file, parts) in [
        ("mode = 'delete'", vec!["line 1", "`mode`", "\"delete\"", "\"plan\"", "\"apply\""]),
        ("mode = true", vec!["`mode`", "boolean `true`", "expected one of \"plan\", \"apply\""]),
        ("mode = { apply = {} }", vec!["`mode`", "map", "expected one of \"plan\", \"apply\""]),
        (
            "[policy]\norphaned = 'keep'\ngrace_period = '59min'",
            vec!["line 3", "`policy.grace_period`", "1h or more"],
        ),
        (
            "[policy]\ngrace_period = 48",
            vec!["line 2", "`policy.grace_period`", "`48`", "a string such as \"48h\""],
        ),
        ("[policy]\ngrace_period = '48'", vec!["\"48\"", "duration", "\"48h\""]),
        ("[policy]\ngrace_period = ''", vec!["\"\"", "duration", "\"48h\""]),
        ("[policy]\nsuperseded_after = '-1d'", vec!["duration"]),
        ("[policy]\nsuperseded_after = '1 month'", vec!["duration"]),
        (
            "[policy]\nsuperseded_after = '3m'",
            vec!["`policy.superseded_after`", "\"3m\"", "minutes or months?"],
        ),
        ("[policy]\nkeep_pulled_within = '1d 90m'", vec!["minutes or months?"]),
        ("[backup]\nkeep = 'P3M'", vec!["`backup.keep`", "minutes or months?"]),
        (
            "[policy]\nattached = 'delete'",
            vec!["`policy.attached`: must be \"keep\" or \"tag\", not \"delete\""],
        ),
        (
            "[policy]\norphaned = 'nuke'",
            vec!["`policy.orphaned`: must be \"keep\", \"tag\" or \"delete\", not \"nuke\""],
        ),
        ("[policy]\norphaned = 'delte'", vec!["not \"delte\"; did you mean \"delete\"?"]),
        ("[policy]\nsuperseded_images = 'tag'", vec!["\"keep\" or \"delete\""]),
        ("[policy]\npreset = 'all'", vec!["`policy.preset`", "\"orphans\" or \"recommended\""]),
        ("[policy]\nreferrers = 'delete'", vec!["\"hold\" or \"follow\""]),
        ("[policy]\nsuperseded_since = 'tag'", vec!["\"untagged\" or \"push\""]),
        ("[policy]\ntag_template = 'x-{platform}'", vec!["`policy.tag_template`", "{digest}"]),
        ("[policy]\ntag_template = 'sha256-{digest}'", vec!["sha256-"]),
        ("[limits]\nmax_deletions = -1", vec!["`limits.max_deletions`", "`-1`", "whole number of 0 or more"]),
        ("[limits]\nmax_deletions = 1.5", vec!["`limits.max_deletions`", "whole number of 0 or more"]),
        ("[limits]\nmax_deletions = '7'", vec!["string \"7\"", "whole number of 0 or more"]),
        ("[limits]\nmax_images_share = 1.5", vec!["share from 0 to 1"]),
        ("[limits]\nmax_images_share = 2", vec!["share from 0 to 1"]),
        ("[limits]\nmax_tag_loss = nan", vec!["`limits.max_tag_loss`", "share from 0 to 1"]),
        ("[limits]\nconcurrency = 0", vec!["\"auto\" or a whole number from 1 to 256"]),
        ("[limits]\nconcurrency = 257", vec!["\"auto\" or a whole number from 1 to 256"]),
        ("[limits]\nconcurrency = 'many'", vec!["\"auto\" or a whole number from 1 to 256"]),
        ("[select]\nrepositories = []", vec!["`select.repositories`", "empty"]),
        ("[select]\nrepositories = 'team/*'", vec!["`select.repositories`", "a list of repository patterns"]),
        ("[select]\nrepositories = ['a',\n 3]", vec!["line 3", "`select.repositories[2]`", "`3`"]),
        ("[select]\nrepositories = ['Team/*']", vec!["`select.repositories`", "\"Team/*\""]),
        ("[select]\nrequire_tag = ['a']", vec!["`select.require_tag`", "texts by name"]),
        ("[select]\nrequire_tag = { a = 1 }", vec!["`select.require_tag.a`", "`1`"]),
        ("[memory]\nlocation = 'nonne'", vec!["`memory.location`", "\"nonne\" is no place"]),
        ("[backup]\nlocation = 3", vec!["`backup.location`", "a string such as \"auto\""]),
        ("policy = 3", vec!["`policy`", "[policy]", "a section"]),
        ("[[policy]]\norphaned = 'keep'", vec!["`policy`", "[policy]", "a section"]),
        ("\n[[override]]\norphaned = 'keep'", vec!["line 2", "`override[1]`", "repositories"]),
        ("[[override]]\nrepositories = []", vec!["`override[1].repositories`", "empty"]),
        ("[override]\norphaned = 'keep'", vec!["[[override]]"]),
        ("override = ['a']", vec!["[[override]]"]),
        (
            "[[override]]\nrepositories = ['a']\n[[override]]\nrepositories = ['a']\ngrace_period = '5min'",
            vec!["line 5", "`override[2].grace_period`", "1h"],
        ),
    ] {
        let message = error(file);
        for part in parts {
            assert!(message.contains(part), "{file:?} -> {message:?} lacks {part:?}");
        }
        assert!(message.starts_with("the configuration, line "), "{file:?} -> {message:?}");
        assert!(!message.contains('\n'), "{message:?} is more than a line");
    }
}

#[test]
fn what_is_not_toml_is_shown_with_a_caret() {
    let message = error("mode = 'plan'\n[policy]\norphaned = keep\n");
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(lines[..2], ["the configuration is not TOML:", "TOML parse error at line 3, column 12"]);
    assert_eq!(lines[3..5], ["3 | orphaned = keep", "  |            ^^^^"]);
    let hostile = error("a = \u{202e}\u{1b}[31m");
    assert!(
        hostile.contains("\\u{202e}\\u{1b}[31m") && !hostile.contains(['\u{202e}', '\u{1b}']),
        "{hostile}"
    );
}

#[test]
fn durations_are_what_they_say() {
    for (text, hours) in
        [("48h", 48), ("30d", 720), ("2w", 336), ("1w 2d 3h", 219), ("90min", 1), ("1 hour", 1)]
    {
        let policy = parse(&format!("[policy]\ngrace_period = '{text}'")).policy_of("x");
        assert_eq!(policy.grace_period.as_hours(), hours, "{text}");
    }
    assert_eq!(
        parse("[policy]\nkeep_pulled_within = '0d'").policy_of("x").keep_pulled_within,
        SignedDuration::ZERO
    );
}

#[test]
fn the_first_matching_override_wins_key_by_key() {
    let config = parse(
        "[policy]\ngrace_period = '72h'\n\
         [[override]]\nrepositories = ['prod/*']\norphaned = 'tag'\n\
         [[override]]\nrepositories = ['prod/api', 'dev/*']\norphaned = 'keep'\ngrace_period = '1h'",
    );
    assert_eq!(config.policy_of("prod/api").orphaned, Action::Tag);
    assert_eq!(config.policy_of("prod/api").grace_period, SignedDuration::from_hours(72));
    assert_eq!(config.policy_of("dev/x").orphaned, Action::Keep);
    assert_eq!(config.policy_of("dev/x").grace_period, SignedDuration::from_hours(1));
    assert_eq!(config.policy_of("other").orphaned, Action::Delete);
    assert_eq!(config.policies().count(), 3);
}

#[test]
fn the_environment_wins_over_the_file_but_not_over_an_override() {
    let config = with_environment(
        "mode = 'plan'\n[policy]\norphaned = 'keep'\n[limits]\nmax_tag_loss = 0.1\n\
         [[override]]\nrepositories = ['prod/*']\norphaned = 'keep'",
        &[
            ("JANITOR_MODE", "apply"),
            ("JANITOR_ORPHANED", "tag"),
            ("JANITOR_REPOSITORIES", "team/*, prod/*,"),
            ("JANITOR_EXCLUDE", "team/old"),
            ("JANITOR_REQUIRE_TAG", "ecr-janitor=enabled,team=a=b"),
            ("JANITOR_MAX_DELETIONS", "7"),
            ("JANITOR_MAX_IMAGES_SHARE", "0.25"),
            ("JANITOR_CONCURRENCY", "2"),
            ("JANITOR_MEMORY_LOCATION", "s3://bucket/memory"),
            ("JANITOR_MEMORY_STATEMENTS", "newest"),
            ("JANITOR_BACKUP_KEEP", "0d"),
            ("JANITOR_BACKUP_LOCATION", "none"),
            ("JANITOR_GRACE_PERIOD", ""),
            ("JANITOR_CONFIG", "elsewhere.toml"),
            ("AWS_REGION", "x"),
        ],
    )
    .unwrap();
    assert_eq!(config.mode, Mode::Apply);
    assert_eq!(config.policy_of("team/a").orphaned, Action::Tag);
    assert_eq!(config.policy_of("prod/a").orphaned, Action::Keep);
    assert!(config.select.repositories.matches("team/x") && !config.select.repositories.matches("x"));
    assert!(config.select.exclude.matches("team/old"));
    assert_eq!(config.select.require_tag["team"], "a=b");
    assert_eq!((config.limits.max_deletions, config.limits.max_images_share), (7, 0.25));
    assert_eq!(config.limits.max_tag_loss, 0.1);
    assert_eq!(config.limits.concurrency, Concurrency::Fixed(2));
    assert_eq!(config.memory.location.to_string(), "s3://bucket/memory");
    assert_eq!(config.memory.statements, Statements::Newest);
    assert_eq!((config.backup.is_on(), config.backup.location), (false, Location::None));
    assert_eq!(parse("").policy_of("x").grace_period, SignedDuration::from_hours(48));
}

#[test]
fn every_key_has_a_variable_of_its_own_name() {
    let mut names = BTreeSet::new();
    for section in Section::all() {
        for key in section.keys {
            let name = section.variable(key);
            assert!(names.insert(name.clone()), "{name} is the twin of two keys");
            // Wrong for each of them: texts refuse it, numbers, lists of patterns and pairs too.
            let message = variable_error(&name, "~/No Such");
            assert!(message.starts_with(&format!("`{name}`: ")), "{message}");
        }
    }
}

#[test]
fn a_variable_that_is_not_understood_is_refused() {
    for (name, value, message) in [
        (
            "JANITOR_GRACE_PERIDO",
            "90d",
            "unknown environment variable `JANITOR_GRACE_PERIDO`: did you mean `JANITOR_GRACE_PERIOD`?",
        ),
        (
            "JANITOR_POLICY_ORPHANED",
            "keep",
            "unknown environment variable `JANITOR_POLICY_ORPHANED`: did you mean `JANITOR_ORPHANED`?",
        ),
        (
            "JANITOR_MAX_DELETIONS_SHARE",
            "1",
            "unknown environment variable `JANITOR_MAX_DELETIONS_SHARE`: it is `JANITOR_MAX_IMAGES_SHARE` now, and a pace: what is over it waits for the next runs",
        ),
        (
            "JANITOR_TEST_ARTEFACTS",
            "x",
            "unknown environment variable `JANITOR_TEST_ARTEFACTS`: the variables are JANITOR_CONFIG and JANITOR_ with each key of janitor.toml in capitals; unset it",
        ),
        (
            "JANITOR_GRACE_PERIOD",
            "5m",
            "`JANITOR_GRACE_PERIOD`: \"5m\": minutes or months? Write hours or days, for example \"1h\" or \"90d\"",
        ),
        (
            "JANITOR_CONCURRENCY",
            "0",
            "`JANITOR_CONCURRENCY`: invalid value: integer `0`, expected \"auto\" or a whole number from 1 to 256",
        ),
        (
            "JANITOR_EXCLUDE",
            " , ",
            "`JANITOR_EXCLUDE`: it has nothing but spaces and commas; give it a value, or unset it",
        ),
        (
            "JANITOR_MODE",
            " ",
            "`JANITOR_MODE`: it has nothing but spaces and commas; give it a value, or unset it",
        ),
        ("JANITOR_REQUIRE_TAG", "a=b,c", "`JANITOR_REQUIRE_TAG`: \"c\" is not of the form name=value"),
        ("JANITOR_REQUIRE_TAG", "=b", "`JANITOR_REQUIRE_TAG`: \"=b\" is not of the form name=value"),
        ("JANITOR_REQUIRE_TAG", "a=b,a=c", "`JANITOR_REQUIRE_TAG`: \"a\" is given twice"),
    ] {
        assert_eq!(variable_error(name, value), message);
    }
    for (name, value) in
        [("JANITOR_EXCLUDE", ""), ("JANITOR_NOT_OURS", ""), ("JANITORS", "x"), ("janitor_mode", "x")]
    {
        assert!(with_environment("", &[(name, value)]).is_ok(), "{name}={value}");
    }
}

#[test]
fn what_is_not_utf8_is_refused_and_not_dropped() {
    let bad = || OsString::from_vec(b"team/\xff".to_vec());
    let message = |name: OsString, value: OsString| {
        Config::load(None, &Environment::from([(name, value)])).unwrap_err().to_string()
    };
    assert!(
        message("JANITOR_EXCLUDE".into(), bad()).starts_with("`JANITOR_EXCLUDE`: its value is not UTF-8")
    );
    assert!(message("JANITOR_CONFIG".into(), bad()).starts_with("`JANITOR_CONFIG`: its value is not UTF-8"));
    let name = OsString::from_vec(b"JANITOR_EXCLUDE\xff".to_vec());
    assert!(message(name, "team/old".into()).starts_with("unknown environment variable `JANITOR_EXCLUDE"));
    assert!(Config::parse("", &Environment::from([("OTHER".into(), bad())])).is_ok());
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let missing = Path::new("/nonexistent/janitor.toml");
    let error = Config::load(Some(missing), &Environment::new()).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/janitor.toml") && error.contains("--config"), "{error}");
    let named = environment(&[("JANITOR_CONFIG", "/nonexistent/j.toml")]);
    assert!(Config::load(None, &named).unwrap_err().to_string().contains("/nonexistent/j.toml"));
    let blank = environment(&[("JANITOR_CONFIG", " ")]);
    assert!(Config::load(None, &blank).unwrap_err().to_string().starts_with("`JANITOR_CONFIG`: "));
}

#[test]
fn every_configuration_can_name_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j.toml");
    fs::write(&path, "mode = 'apply'").unwrap();
    let config = Config::load(Some(&path), &Environment::new()).unwrap();
    assert_eq!(config.source, ConfigSource::File(path.clone()));
    assert_eq!(config.describe(), path.to_str().unwrap());
    let two = environment(&[("JANITOR_MODE", "plan"), ("JANITOR_ORPHANED", "keep"), ("JANITOR_EXCLUDE", "")]);
    let config = Config::load(Some(&path), &two).unwrap();
    assert_eq!(config.describe(), format!("{} and JANITOR_MODE, JANITOR_ORPHANED", path.display()));
    assert_eq!(parse("").describe(), "built-in defaults");
    let more = ["JANITOR_MODE", "JANITOR_ORPHANED", "JANITOR_SUPERSEDED", "JANITOR_ATTACHED"];
    let more = more.map(|name| (name, if name == "JANITOR_MODE" { "plan" } else { "keep" }));
    assert_eq!(with_environment("", &more).unwrap().describe(), "built-in defaults and 4 JANITOR_ variables");
    fs::write(&path, "mode = 'both'").unwrap();
    let error = Config::load(Some(&path), &Environment::new()).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}, line 1: `mode`: ", path.display())), "{error}");
}

#[test]
fn an_override_resets_the_keys_of_its_preset_alone() {
    let config = parse(
        "[policy]\npreset = 'recommended'\ngrace_period = '1h'\n[[override]]\nrepositories = ['prod/*']\npreset = 'orphans'",
    );
    let recommended = Policy { grace_period: SignedDuration::from_hours(1), ..Preset::Recommended.policy() };
    assert_eq!(config.policy_of("dev"), recommended);
    let orphans = Policy { grace_period: SignedDuration::from_hours(1), ..Policy::default() };
    assert_eq!(config.policy_of("prod/a"), orphans);
    assert_eq!(config.policy_under(Preset::Orphans, "dev"), orphans);
    assert_eq!(config.policy_under(Preset::Recommended, "prod/a"), recommended);
    assert_eq!(
        (Preset::Orphans.other(), Preset::Recommended.other()),
        (Preset::Recommended, Preset::Orphans)
    );
}

/// Where a key or a preset may stand.
const PLACES: [&str; 3] = ["file", "environment", "override"];

proptest! {
    /// A key that stands anywhere wins over a preset that stands anywhere; of two keys, and of two presets, the later.
    #[test]
    fn keys_win_over_presets_wherever_either_stands(
        presets in prop::array::uniform3(prop::option::of(any::<bool>())),
        superseded in prop::array::uniform3(prop::option::of(prop::sample::select(vec!["keep", "tag", "delete"]))),
        images in prop::array::uniform3(prop::option::of(prop::sample::select(vec!["keep", "delete"]))),
        referrers in prop::array::uniform3(prop::option::of(prop::sample::select(vec!["hold", "follow"]))),
    ) {
        let presets = presets.map(|preset| preset.map(|it| if it { "recommended" } else { "orphans" }));
        let keys = [("preset", presets), ("superseded", superseded), ("superseded_images", images), ("referrers", referrers)];
        let given = |place: usize| keys.iter().filter_map(move |(key, values)| Some((*key, values[place]?)));
        let toml = |place| given(place).map(|(key, value)| format!("{key} = '{value}'\n")).collect::<String>();
        let file = format!("[policy]\n{}[[override]]\nrepositories = ['a']\n{}", toml(0), toml(2));
        let variables: Environment = given(1)
            .map(|(key, value)| (format!("JANITOR_{}", key.to_uppercase()).into(), value.into()))
            .collect();
        let config = Config::parse(&file, &variables).unwrap();

        let last = |values: [Option<&'static str>; 3]| values.into_iter().flatten().last();
        for preset in [None, Some(Preset::Orphans), Some(Preset::Recommended)] {
            let policy = match preset {
                None => config.policy_of("a"),
                Some(preset) => config.policy_under(preset, "a"),
            };
            let preset = preset.map(Preset::word).or(last(presets)).unwrap_or("orphans");
            let is_recommended = preset == "recommended";
            let or = |values, recommended, orphans| {
                last(values).unwrap_or(if is_recommended { recommended } else { orphans })
            };
            prop_assert_eq!(policy.preset.word(), preset);
            prop_assert_eq!(policy.superseded.word(), or(superseded, "delete", "keep"), "{:?}", PLACES);
            prop_assert_eq!(policy.superseded_images.word(), or(images, "delete", "keep"));
            prop_assert_eq!(policy.referrers.word(), or(referrers, "follow", "hold"));
            let rest = Policy { preset: Preset::Orphans, superseded: Action::Keep, superseded_images: Action::Keep,
                referrers: Referrers::Hold, ..policy };
            prop_assert_eq!(rest, Policy::default(), "no other key");
        }
    }
}

#[test]
fn the_bucket_of_a_stack_comes_from_its_variable() {
    let config = with_environment("", &[("JANITOR_STATE_BUCKET", "janitor-state")]).unwrap();
    assert_eq!(config.state_bucket, Some(S3Prefix { bucket: "janitor-state".into(), prefix: String::new() }));
    assert_eq!(config.variables, ["JANITOR_STATE_BUCKET"]);
    assert_eq!(with_environment("", &[("JANITOR_STATE_BUCKET", "")]).unwrap().state_bucket, None);
    for wrong in ["Bucket", "s3://bucket", "bucket/x", ","] {
        let error = variable_error("JANITOR_STATE_BUCKET", wrong);
        assert!(error.starts_with("`JANITOR_STATE_BUCKET`: "), "{error}");
    }
    let error = variable_error("JANITOR_STATE_BUKET", "bucket");
    assert!(error.contains("did you mean `JANITOR_STATE_BUCKET`?"), "{error}");
}

#[test]
fn images_without_their_indexes_are_warned_of() {
    let warnings = |file: &str| with_environment(file, &[]).unwrap().warnings();
    for (file, key) in [
        ("[policy]\nsuperseded_images = 'delete'", Some("superseded_images")),
        ("[policy]\nsuperseded_images = 'delete'\nsuperseded = 'tag'", Some("superseded_images")),
        ("[policy]\nsuperseded_images = 'delete'\nsuperseded = 'delete'", None),
        ("[policy]\npreset = 'recommended'\nsuperseded = 'keep'", None),
        ("[policy]\npreset = 'recommended'\nsuperseded_images = 'delete'", None),
        (
            "[[override]]\nrepositories = ['a']\n[[override]]\nrepositories = ['b']\nsuperseded_images = 'delete'",
            Some("override[2].superseded_images"),
        ),
        ("", None),
    ] {
        let warnings = warnings(file);
        let keys: Vec<&str> = warnings.iter().map(|it| it.split(' ').next().unwrap()).collect();
        assert_eq!(keys, Vec::from_iter(key), "{file}");
    }
}
