//! `init`, `completions` and `man`.

use crate::harness::{World, legacy};

#[test]
fn what_init_writes_changes_nothing_and_is_never_overwritten() {
    let world = World::new();
    world.repository("team/api").orphans(60, legacy(1));
    world.repository("hub/nginx");
    world.pull_through("hub");
    let (_, before) =
        world.cli(&["plan"]).stdout.split_once("\n\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let outcome = world.cli(&["init"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""), "{outcome:?}");
    let text = std::fs::read_to_string(world.file("janitor.toml")).unwrap();
    assert!(text.contains("# Here: 1 repository, 1 in team/*. 1 more, filled by pull-through"), "{text}");
    let plan = world.cli(&["plan"]).stdout;
    assert!(plan.contains("configuration: janitor.toml") && plan.ends_with(&before), "{plan}");
    std::fs::write(world.file("janitor.toml"), "mine").unwrap();
    world.ecr.reset_calls();
    world.cli(&["init"]).refused(2, &["janitor.toml already exists", "--out"]);
    assert!(world.ecr.calls().is_empty());
    assert_eq!(std::fs::read_to_string(world.file("janitor.toml")).unwrap(), "mine");
    let other = world.cli(&["init", "--out", "my other.toml"]);
    assert!(other.code == 0 && other.stderr.contains("next: ecr-janitor doctor --config 'my other.toml'\n"));
    assert!(outcome.stderr.contains("next: ecr-janitor doctor\n"), "{outcome:?}");
    let printed = world.cli(&["init", "--out", "-"]);
    assert_eq!((printed.code, printed.stdout), (0, text));
    assert!(!world.file("-").exists());
    world.cli(&["init", "--out", "no/such/folder.toml"]).refused(2, &["cannot write no/such/folder.toml"]);
}

#[test]
fn every_shell_has_completions_with_every_command() {
    let world = World::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let outcome = world.cli(&["completions", shell]);
        assert_eq!(outcome.code, 0, "{outcome:?}");
        for word in ["doctor", "iam-policy", "accept-tag-loss"] {
            assert!(outcome.stdout.contains(word), "{word} is not completed in {shell}");
        }
    }
    assert_eq!(world.cli(&["completions", "tcsh"]).code, 2);
}

#[test]
fn every_command_has_a_manual_page() {
    let world = World::new();
    assert_eq!(world.cli(&["man", "--dir", "pages"]).code, 0);
    let page = |name: &str| std::fs::read_to_string(world.file("pages").join(name)).unwrap();
    assert!(page("ecr-janitor.1").contains("\\-\\-profile") && page("ecr-janitor.1").contains("doctor"));
    for (name, option) in [("plan", "exit\\-code"), ("apply", "max\\-age"), ("restore", "run")] {
        let text = page(&format!("ecr-janitor-{name}.1"));
        assert!(text.contains(&format!("\\-\\-{option}")), "{text}");
        assert_eq!(text, world.cli(&["man", name]).stdout);
    }
    assert!(!page("ecr-janitor-demo.1").contains("\\-\\-region"));
    world.cli(&["man", "aply"]).refused(2, &["no command \"aply\"", "did you mean \"apply\"?"]);
}

#[test]
fn an_option_without_an_effect_is_refused() {
    let world = World::new();
    for (arguments, option) in [
        (&["demo", "--region", "eu-west-1"][..], "--region"),
        (&["emulator", "--output", "json"], "--output"),
        (&["--repository", "a", "explain", "a"], "--repository"),
        (&["init", "--config", "x"], "--config"),
    ] {
        world.cli(arguments).refused(2, &[option, "has no effect"]);
    }
    assert!(world.ecr.calls().is_empty());
}

#[test]
fn the_policy_says_what_it_allows_unless_that_was_asked_for() {
    let world = World::new();
    let said = |world: &World, arguments: &[&str]| world.cli(&[&["iam-policy"], arguments].concat()).stderr;
    assert!(said(&world, &[]).ends_with("allows plan and not apply; for apply: --mode apply\n"));
    for chosen in [&["--mode", "plan"], &["--for", "restore"]] {
        assert!(!said(&world, chosen).contains("this policy"), "{chosen:?}");
    }
    let world = world.config("mode = 'apply'");
    assert!(said(&world, &[]).ends_with("allows plan and apply; for plan alone: --mode plan\n"));
}

#[test]
fn a_number_that_is_none_says_what_would_be_one() {
    let outcome = World::new().cli(&["plan", "--max-deletions", "x"]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("write a whole number of 0 or more"), "{outcome:?}");
}

#[test]
fn the_policy_is_for_the_region_that_is_configured() {
    let mut world = World::new();
    let resources = |world: &World, more: &[&str]| world.cli(&[&["iam-policy"], more].concat()).stdout;
    assert!(resources(&world, &[]).contains("arn:aws:ecr:us-east-1:*:repository/*"));
    assert!(resources(&world, &["--region", "*"]).contains("arn:aws:ecr:*:*:repository/*"));
    world.set("AWS_REGION", "");
    assert!(resources(&world, &[]).contains("arn:aws:ecr:*:*:repository/*"));
}
