//! Output that cannot be written: told, and an exit code of its own.

use std::fs::{File, OpenOptions};
use std::process::{Command, Output, Stdio};

use crate::harness::{World, legacy};

/// A registry with orphans.
fn world() -> World {
    let world = World::new();
    world.repository("team/api").orphans(60, legacy(1));
    world
}

fn run(world: &World, arguments: &[&str], stdout: Stdio, stderr: Stdio) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ecr-janitor"));
    command.args(arguments).env_clear().envs(world.variables()).current_dir(world.file("."));
    command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).spawn().unwrap().wait_with_output().unwrap()
}

fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

/// Demands that a command with nowhere to write to says so and ends with this code.
fn is_lost(output: &Output, code: i32) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.contains("cannot write to standard output"), "{stderr}");
}

#[test]
fn a_full_disk_is_told_by_every_command_that_prints() {
    let world = world();
    for arguments in [
        &["plan"][..],
        &["plan", "--output", "json"],
        &["explain", "team/api"],
        &["explain", "team/api", "--output", "json"],
        &["iam-policy"],
        &["--help"],
        &["--version"],
    ] {
        is_lost(&run(&world, arguments, full(), Stdio::piped()), 3);
    }
}

#[test]
fn an_apply_whose_report_is_lost_was_carried_out_all_the_same() {
    let world = world();
    is_lost(&run(&world, &["apply", "--yes"], full(), Stdio::piped()), 3);
    assert_eq!(world.find("team/api").contents().len(), 0);
}

#[test]
fn lost_output_is_a_failure_rather_than_pending_changes() {
    is_lost(&run(&world(), &["plan", "--exit-code"], full(), Stdio::piped()), 3);
}

#[test]
fn a_descriptor_that_cannot_be_written_to_is_told() {
    let world = world();
    let unwritable = || Stdio::from(File::open("/dev/null").unwrap());
    is_lost(&run(&world, &["plan"], unwritable(), Stdio::piped()), 3);
}

#[test]
fn a_reader_that_went_away_has_had_enough() {
    let world = world();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = run(&world, &["plan", "--output", "json"], writer.into(), Stdio::piped());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), stderr.contains("cannot write")), (Some(0), false), "{stderr}");
}

#[test]
fn messages_that_cannot_be_written_stop_nothing() {
    let world = world();
    let output = run(&world, &["apply", "--yes", "--output", "json"], Stdio::piped(), full());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &report["totals"]["deleted"]), (Some(0), &2.into()));
}

#[test]
fn a_plan_file_that_cannot_be_written_is_told_before_anything_is_called() {
    let world = world();
    world.cli(&["plan", "--out", "no/such/folder/plan.json"]).refused(2, &["no/such/folder/plan.json"]);
    assert!(world.ecr.calls().is_empty());
    world.cli(&["plan", "--out", "plan.json"]);
    let left: Vec<_> =
        std::fs::read_dir(world.file(".")).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left, ["plan.json"], "no half plan is left");
}
