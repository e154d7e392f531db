//! `demo`: what the janitor does, without an AWS account.

use crate::harness::World;

/// No AWS setting at all.
fn outside_of_aws() -> World {
    [
        "AWS_ENDPOINT_URL",
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_EC2_METADATA_DISABLED",
    ]
    .into_iter()
    .fold(World::new(), World::without)
}

#[test]
fn the_demo_needs_no_aws_account_and_leaves_nothing_to_do() {
    let outcome = outside_of_aws().cli(&["demo"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    for part in [
        "would be deleted",
        "16 deleted",
        "nothing is left to do",
        "images are complete",
        "everything is as it was",
    ] {
        assert!(outcome.stdout.contains(part), "{part:?} is not in {}", outcome.stdout);
    }
    let long: Vec<&str> = outcome.stdout.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(long.is_empty(), "wider than a terminal: {long:#?}");
}

#[test]
fn the_demo_can_stop_after_the_plan() {
    let outcome = outside_of_aws().cli(&["demo", "--mode", "plan"]);
    assert_eq!((outcome.code, outcome.stdout.contains("deleted (")), (0, false), "{outcome:?}");
}

#[test]
fn a_demo_without_the_functions_binary_ends_before_it_shows_anything() {
    let world = outside_of_aws();
    let alone = world.file("ecr-janitor");
    // A copy where no link can be: another file system.
    let program = env!("CARGO_BIN_EXE_ecr-janitor");
    std::fs::hard_link(program, &alone).or_else(|_| std::fs::copy(program, &alone).map(drop)).unwrap();
    let output = std::process::Command::new(alone).arg("demo").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]));
    assert!(stderr.contains("`bootstrap` is not beside this one: run `make demo`"), "{stderr}");
}
