//! How the command line is used, and what it refuses before it calls anything.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::harness::{World, legacy};

/// A registry with something to do, so that doing nothing shows.
fn world() -> World {
    let world = World::new();
    world.repository("team/api").orphans(60, legacy(1));
    world
}

#[test]
fn a_bad_configuration_is_refused_before_anything_is_called() {
    let cases: [(&str, &[&str]); 14] = [
        ("[policy]\norphand = \"keep\"", &["policy.orphand", "policy.orphaned"]),
        ("[polycy]\n", &["polycy", "policy"]),
        ("[limits]\nmax_deletion = 1", &["limits.max_deletion", "limits.max_deletions"]),
        ("[[override]]\nrepositories = [\"a\"]\nattach = \"tag\"", &["override[1].attach", "attached"]),
        ("[policy]\ngrace_period = \"2 moons\"", &["policy.grace_period", "2 moons", "48h"]),
        ("[policy]\ngrace_period = 48", &["policy.grace_period", "48"]),
        ("[policy]\ngrace_period = \"59min\"", &["policy.grace_period", "one hour"]),
        ("[policy]\norphaned = \"remove\"", &["policy.orphaned", "remove", "delete"]),
        ("[policy]\nattached = \"delete\"", &["policy.attached", "delete"]),
        ("[policy]\ntag_template = \"attestation\"", &["policy.tag_template", "{digest}"]),
        ("[policy]\ntag_template = \"sha256-{digest}\"", &["policy.tag_template", "sha256-"]),
        ("[policy]\ntag_template = \"{digest}.sig\"", &["policy.tag_template", ".sig"]),
        ("[limits]\nmax_images_share = 1.5", &["limits.max_images_share", "1.5"]),
        ("[in_use]\nsources = \"ecs\"", &["in_use.sources", "it takes a list, even of one: write [\"ecs\"]"]),
    ];
    for (config, texts) in cases {
        let world = world().config(config);
        for command in [&["plan"][..], &["apply", "--yes"], &["explain", "team/api"]] {
            world.cli(command).refused(2, texts);
        }
        assert!(world.ecr.calls().is_empty(), "{config}");
    }
}

#[test]
fn what_is_not_toml_is_shown_where_it_stands() {
    let world = world().config("[policy]\norphaned = keep");
    let outcome = world.cli(&["plan"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""));
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(lines[0], "ecr-janitor: janitor.toml is not TOML:");
    assert_eq!(lines[3..5], ["2 | orphaned = keep", "  |            ^^^^"]);
    assert!(world.ecr.calls().is_empty());
}

#[test]
fn apply_without_yes_and_without_a_terminal_does_nothing() {
    let world = world();
    world.cli(&["apply"]).refused(2, &["--yes"]);
    assert!(world.ecr.calls().is_empty());
}

#[test]
fn every_scalar_has_an_environment_twin() {
    let cases = [
        ("JANITOR_GRACE_PERIOD", "90d", 0),
        ("JANITOR_ORPHANED", "keep", 0),
        ("JANITOR_REPOSITORIES", "team/web, team/other", 0),
        ("JANITOR_EXCLUDE", "team/*", 0),
        ("JANITOR_REQUIRE_TAG", "ecr-janitor=enabled", 0),
        ("JANITOR_MODE", "apply", 2),
        ("JANITOR_ORPHANED", "", 2),
    ];
    for (name, value, planned) in cases {
        let world = world().with(name, value);
        assert_eq!(world.plan().total("planned"), planned, "{name}={value}");
    }
}

#[test]
fn a_bad_environment_twin_is_refused_by_its_own_name() {
    for (name, value) in
        [("JANITOR_ORPHANED", "purge"), ("JANITOR_GRACE_PERIOD", "5m"), ("JANITOR_MAX_DELETIONS", "-1")]
    {
        let world = world().with(name, value);
        world.cli(&["plan"]).refused(2, &[name]);
        assert!(world.ecr.calls().is_empty());
    }
}

#[test]
fn a_variable_that_is_not_understood_is_refused_and_never_dropped() {
    let cases = [
        ("JANITOR_GRACE_PERIODS", "90d", "did you mean `JANITOR_GRACE_PERIOD`?"),
        ("JANITOR_LEAVE_ALONE", "*", "unset it"),
        ("JANITOR_FOO", "x", "each key of janitor.toml in capitals"),
        ("JANITOR_MEMORY", "none", "did you mean `JANITOR_MEMORY_LOCATION`"),
        ("JANITOR_LOCATION", "none", "`JANITOR_MEMORY_LOCATION` or `JANITOR_BACKUP_LOCATION`?"),
        ("JANITOR_POLICY_ORPHANED", "keep", "did you mean `JANITOR_ORPHANED`?"),
        ("JANITOR_EXCLUDE", " , ", "nothing but spaces and commas"),
        ("JANITOR_KEEP_PULLED_WITHIN", "3m", "minutes or months?"),
    ];
    for (name, value, text) in cases {
        let world = world().with(name, value);
        world.cli(&["plan"]).refused(2, &[name, text]);
        assert!(world.ecr.calls().is_empty());
    }
    for name in ["JANITOR_EXCLUDE", "JANITOR_CONFIG"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ecr-janitor"));
        let output = command.arg("plan").env(name, OsStr::from_bytes(b"team/\xff")).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr.contains(name) && stderr.contains("not UTF-8"), "{stderr}");
    }
}

#[test]
fn an_empty_endpoint_variable_is_as_if_it_were_not_set() {
    let mut world = world().with("AWS_ENDPOINT_URL_ECR", "").with("AWS_ENDPOINT_URL_STS", "");
    assert_eq!(world.plan().total("planned"), 2);
    assert_eq!(world.lambda().report(&json!({})).total("planned"), 2);
    let url = world.variables().find(|(name, _)| *name == "AWS_ENDPOINT_URL").unwrap().1.clone();
    world.set("AWS_ENDPOINT_URL", "");
    world.set("AWS_ENDPOINT_URL_ECR", &url);
    assert_eq!(world.plan().total("planned"), 2);
    // Last, so that nothing here calls AWS itself: an endpoint of the profile, which no variable hides.
    let profile = format!("[default]\nendpoint_url = {url}\n");
    std::fs::write(world.file("aws-config"), profile).unwrap();
    world.set("AWS_CONFIG_FILE", "aws-config");
    world.set("AWS_ENDPOINT_URL_ECR", "");
    assert_eq!(world.plan().total("planned"), 2);
}

#[test]
fn the_environment_wins_over_the_file_and_an_override_over_both() {
    let mut world = world().config("[policy]\norphaned = \"keep\"");
    assert_eq!(world.plan().total("planned"), 0);
    world.set("JANITOR_ORPHANED", "delete");
    assert_eq!(world.plan().total("planned"), 2);
    let world = world.config("[[override]]\nrepositories = [\"team/*\"]\norphaned = \"keep\"");
    assert_eq!(world.plan().total("planned"), 0);
}

#[test]
fn the_configuration_is_found_by_option_then_by_variable_then_in_the_folder() {
    let keep = "[policy]\norphaned = \"keep\"";
    let mut world = world().config(keep);
    std::fs::write(world.file("delete.toml"), "[policy]\norphaned = \"delete\"").unwrap();
    std::fs::write(world.file("keep.toml"), keep).unwrap();
    assert_eq!(world.plan().total("planned"), 0);
    world.set("JANITOR_CONFIG", "delete.toml");
    assert_eq!(world.plan().total("planned"), 2);
    let report = world.cli(&["plan", "--output", "json", "--config", "keep.toml"]).report(0);
    assert_eq!(report.total("planned"), 0);
}

#[test]
fn the_configuration_beside_the_program_wins_over_the_one_in_the_folder() {
    // On the file system of the program, so that it can be linked: a copy may still be open when it is started.
    let [home, folder] = [(); 2].map(|()| tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap());
    let binary = home.path().join("ecr-janitor");
    std::fs::hard_link(env!("CARGO_BIN_EXE_ecr-janitor"), &binary).unwrap();
    // Each names itself in the error that it makes.
    let put = |folder: &Path, name: &str| {
        std::fs::write(folder.join("janitor.toml"), format!("mode = \"{name}\"")).unwrap();
    };
    let refusal = || {
        let output = Command::new(&binary).arg("plan").current_dir(&folder).env_clear().output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    put(folder.path(), "in the folder");
    assert!(refusal().contains("in the folder"));
    put(home.path(), "beside the program");
    assert!(refusal().contains("beside the program"));
}

#[test]
fn a_configuration_that_is_not_there_is_refused() {
    let world = world();
    world.cli(&["plan", "--config", "nowhere.toml"]).refused(2, &["nowhere.toml", "--config"]);
    assert!(world.ecr.calls().is_empty());
}

#[test]
fn a_configuration_that_is_there_and_cannot_be_read_is_no_reason_for_defaults() {
    let world = world();
    std::os::unix::fs::symlink("nowhere.toml", world.file("janitor.toml")).unwrap();
    world.cli(&["plan"]).refused(2, &["cannot read the configuration janitor.toml"]);
    std::fs::remove_file(world.file("janitor.toml")).unwrap();
    std::fs::create_dir(world.file("janitor.toml")).unwrap();
    world.cli(&["plan"]).refused(2, &["cannot read the configuration janitor.toml"]);
    std::fs::remove_dir(world.file("janitor.toml")).unwrap();
    std::fs::write(world.file("janitor.toml"), b"# \xff").unwrap();
    world.cli(&["plan"]).refused(2, &["cannot read the configuration janitor.toml", "UTF-8"]);
    assert!(world.ecr.calls().is_empty());
}

#[test]
fn patterns_that_match_nothing_are_told_in_every_output() {
    let config = "[select]\nrepositories = ['team/*', 'shop/*']\nexclude = ['tema/*']\n[[override]]\nrepositories = ['team/apj']\norphaned = 'keep'";
    let world = world().config(config).with_state();
    let texts = [
        "select.repositories \"shop/*\"",
        "did you mean \"team/*\"?",
        "\"team/apj\" (did you mean \"team/api\"?)",
    ];
    let is_told = |text: &str| {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(texts.iter().all(|it| text.contains(it)), "{text}");
    };
    for command in
        [&["plan"][..], &["doctor"], &["plan", "--output", "markdown"], &["plan", "--output", "summary"]]
    {
        let outcome = world.cli(command);
        is_told(&outcome.stdout.replace("\\*", "*"));
    }
    let report = world.cli(&["plan", "--output", "json", "--log", "log"]).report(0);
    let warnings: Vec<&str> =
        report.0["warnings"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    is_told(warnings[0]);
    let log = std::fs::read_to_string(world.file("log")).unwrap();
    let line = log.lines().find(|line| line.contains("\"message\":\"warning\"")).unwrap();
    is_told(&line.replace("\\\"", "\""));
    world.save_plan();
    let saved = world.apply_saved().report(0);
    is_told(saved.0["warnings"][0].as_str().unwrap());
    let narrowed = world.cli(&["plan", "--repository", "team/api", "--output", "json"]).report(0);
    assert!(narrowed.0.get("warnings").is_none(), "a part of the registry says nothing of patterns");
}

#[test]
fn a_saved_plan_that_is_not_there_comes_with_the_command_that_makes_one() {
    let world = world();
    let texts =
        ["no plan file nowhere.json", "`ecr-janitor plan --out nowhere.json`", "--repository nowhere.json"];
    world.cli(&["apply", "nowhere.json", "--yes"]).refused(2, &texts);
    assert_eq!(world.cli(&["apply", "-y"]).code, 0);
}

#[test]
fn unknown_commands_and_options_are_usage_errors() {
    let world = world();
    for arguments in [&["purge"][..], &[], &["plan", "--force"], &["plan", "--output", "xml"], &["explain"]] {
        let outcome = world.cli(arguments);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{arguments:?}");
    }
    assert!(world.ecr.calls().is_empty());
}

#[test]
fn help_names_the_commands_and_the_exit_codes() {
    let world = world();
    let help = world.cli(&["--help"]);
    for word in ["plan", "apply", "explain", "demo", "--repository", "--config", "Exit codes"] {
        assert!(help.stdout.contains(word), "{word} is not in {}", help.stdout);
    }
    for command in ["plan", "apply", "explain", "demo"] {
        assert_eq!(world.cli(&[command, "--help"]).code, 0);
    }
    assert!(world.ecr.calls().is_empty());
}

#[test]
fn the_version_is_told() {
    let outcome = world().cli(&["--version"]);
    assert_eq!(
        (outcome.code, outcome.stdout.trim()),
        (0, concat!("ecr-janitor ", env!("CARGO_PKG_VERSION")))
    );
}

#[test]
fn there_are_no_colours_outside_a_terminal() {
    let world = world();
    for arguments in [&["plan"][..], &["apply", "--yes"], &["--help"], &["explain", "team/api"]] {
        let outcome = world.cli(arguments);
        assert!(!outcome.stdout.contains('\u{1b}') && !outcome.stderr.contains('\u{1b}'), "{arguments:?}");
    }
}

#[test]
fn the_shipped_example_of_a_configuration_says_the_defaults() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/janitor.toml");
    let world = world();
    // The first lines name the file, and what to run next has its option.
    let between = |arguments: &[&str]| {
        let outcome = world.cli(arguments);
        let (_, below) = outcome.stdout.split_once("\n\n").unwrap();
        let (result, next) = below.split_once("\nNext: ").unwrap();
        assert_eq!(next.contains("--config"), arguments.contains(&"--config"), "{next}");
        (outcome.code, result.to_owned())
    };
    assert_eq!(between(&["plan", "--config", example]), between(&["plan"]));
}

#[test]
fn the_function_s_binary_says_where_it_runs() {
    for (arguments, code) in [(&["--help"][..], 0), (&[], 2)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bootstrap"));
        let output = command.args(arguments).env_remove("AWS_LAMBDA_RUNTIME_API").output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains("AWS Lambda") && stderr.contains("ecr-janitor demo"), "{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
}
