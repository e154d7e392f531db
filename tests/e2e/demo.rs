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
