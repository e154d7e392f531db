//! Credentials, Region and endpoint that cannot be used: what is wrong, and what to do.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ecr_emulator::{Fault, When};

use crate::harness::{World, legacy, trouble};

const CONFIG: &str = "[profile dev]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Admin
[sso-session corp]
sso_start_url = https://corp.example/start
sso_region = eu-west-1
[profile process]
credential_process = /bin/false
";

/// A registry, and a configuration of profiles without keys.
fn world() -> World {
    let world = World::new().without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY");
    std::fs::write(world.file("aws"), CONFIG).unwrap();
    let (config, home) = (world.file("aws").display().to_string(), world.file(".").display().to_string());
    world.with("AWS_CONFIG_FILE", &config).with("HOME", &home)
}

/// Demands that nothing was done, and that one short line says why.
fn told(world: &World, arguments: &[&str], texts: &[&str]) {
    let outcome = world.cli(arguments);
    outcome.refused(1, texts);
    assert!(outcome.stderr.len() < 420, "{outcome:?}");
    for dump in ["Request {", "SdkBody", "dispatch failure", "interceptor"] {
        assert!(!outcome.stderr.contains(dump), "{outcome:?}");
    }
    assert!(world.ecr.calls().is_empty());
}

#[test]
fn a_profile_that_nobody_is_signed_in_with_comes_with_the_command() {
    let world = world();
    let texts = ["you are not signed in with the profile \"dev\"", "`aws sso login --profile dev`"];
    for command in [&["plan"][..], &["apply", "--yes"], &["explain", "team/api"]] {
        told(&world, &[command, &["--profile", "dev"]].concat(), &texts);
    }
    told(&world.with("AWS_PROFILE", "dev"), &["plan"], &texts);
}

#[test]
fn a_profile_that_does_not_exist_is_named() {
    told(&world(), &["plan", "--profile", "dve"], &["no AWS profile \"dve\"", "aws configure list-profiles"]);
}

#[test]
fn a_profile_is_named_where_there_are_no_files_of_profiles() {
    let world = World::new().without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY");
    let home = world.file(".").display().to_string();
    let texts = ["the AWS profile \"dve\" does not exist", "aws configure list-profiles"];
    told(&world.with("HOME", &home), &["plan", "--profile", "dve"], &texts);
}

#[test]
fn a_named_profile_wins_over_keys_in_the_environment() {
    let world = world().with("AWS_ACCESS_KEY_ID", "nobody").with("AWS_SECRET_ACCESS_KEY", "nothing");
    told(&world, &["plan", "--profile", "dve"], &["no AWS profile \"dve\"", "aws configure list-profiles"]);
    told(&world, &["plan", "--profile", "process"], &["the profile \"process\""]);
    assert_eq!(world.cli(&["plan"]).code, 0);
}

#[test]
fn a_profile_whose_process_fails_is_named() {
    told(&world(), &["plan", "--profile", "process"], &["the profile \"process\"", "get-caller-identity"]);
}

#[test]
fn no_credentials_at_all_come_with_the_ways_to_have_some() {
    told(&world(), &["plan"], &["no AWS credentials", "--profile", "aws sso login", "AWS_ACCESS_KEY_ID"]);
}

#[test]
fn a_missing_region_comes_with_the_ways_to_set_one() {
    let world = world().without("AWS_REGION");
    told(&world, &["plan", "--profile", "dev"], &["--region", "AWS_REGION", "the profile \"dev\""]);
}

#[test]
fn settings_that_cannot_be_used_are_shown_without_the_request() {
    for (name, value, texts) in [
        ("AWS_ENDPOINT_URL", "localhost:4580", &["`localhost:4580`", "https://HOST"][..]),
        ("AWS_ENDPOINT_URL", "http//localhost", &["`http//localhost`", "https://HOST"]),
        ("AWS_REGION", "eu west 1", &["`region`", "eu-central-1"]),
    ] {
        told(&World::new().with(name, value), &["plan"], texts);
    }
    let outcome = World::new().cli(&["plan", "--region", "eu west 1"]);
    assert!(outcome.code == 2 && outcome.stderr.contains("eu-central-1"), "{outcome:?}");
}

#[test]
fn what_cannot_be_reached_is_told_with_where_it_is() {
    let refused = World::new().with("AWS_ENDPOINT_URL", "http://user:word@127.0.0.1:1/path");
    let unknown = World::new().with("AWS_ENDPOINT_URL_ECR", "http://nowhere.invalid");
    for (world, at, why, setting) in [
        (&refused, "ECR at http://127.0.0.1:1, Region us-east-1", "Connection refused", "AWS_ENDPOINT_URL"),
        (&unknown, "ECR at http://nowhere.invalid, Region", "dns error", "AWS_ENDPOINT_URL_ECR"),
    ] {
        for command in [&["plan"][..], &["apply", "--yes"], &["explain", "team/api"], &["sources"]] {
            told(world, command, &[&format!("no answer from {at}"), why, &format!("check {setting} and")]);
        }
        let outcome = world.cli(&["plan"]);
        assert!(!outcome.stderr.contains("word"), "{outcome:?}");
    }
    let doctor = refused.cli(&["doctor"]);
    assert!(doctor.code == 1 && doctor.stdout.contains("http://127.0.0.1:1"), "{doctor:?}");
}

/// Ten attempts at each call, with longer and longer waits between them, would take half a minute.
#[test]
fn what_was_never_reached_is_given_up_after_a_few_attempts() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    // Ends with the test's process.
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            count.fetch_add(1, Ordering::Relaxed);
            drop(connection);
        }
    });
    told(&World::new().with("AWS_ENDPOINT_URL", &url), &["plan"], &[&format!("no answer from ECR at {url}")]);
    let connections = connections.load(Ordering::Relaxed);
    assert!((1..=8).contains(&connections), "{connections} connections");
}

/// The function has time, and what it cannot reach now it may reach in a minute.
#[test]
fn a_registry_that_was_reached_once_is_tried_again() {
    let world = World::new();
    world.repository("team/api").orphans(60, legacy(1));
    for nth in 1..=7 {
        world.ecr.fault(trouble("DescribeImages", When::Nth(nth), Fault::Drop));
    }
    assert_eq!(world.plan().total("planned"), 2);
}
