//! Plan and apply on a terminal: the question, the bar while it lasts, and what is left on the screen.

use std::process::Command;
use std::sync::mpsc::{Sender, channel};

use crate::harness::{World, legacy, single, without_dates};

/// Superseded builds with their images, and orphans.
fn registry() -> World {
    let world = World::new().with_state().config(
        "[policy]\npreset = \"recommended\"\nsuperseded_since = \"push\"\nsuperseded_after = \"30d\"",
    );
    let api = world.repository("team/api");
    api.push(90, single(1), "v1");
    api.push_untagged(80, single(2));
    api.orphans(70, legacy(3));
    world.repository("team/web").orphans(70, legacy(4));
    world
}

#[test]
fn the_question_says_where_how_much_and_what_can_be_brought_back() {
    for columns in [60, 80, 120] {
        let world = registry();
        let mut terminal = world.on_terminal(columns, &["apply"]);
        terminal.wait_for("[y/N] ");
        terminal.answer("n");
        let (status, screen) = terminal.end();
        assert_eq!((status.code(), world.writes()), (Some(2), vec![]), "{screen}");
        let shown = without_dates(&screen);
        insta::assert_snapshot!(format!("question-{columns}"), shown);
    }
}

#[test]
fn where_a_run_is_at_work_is_said_once() {
    let (_, screen) = registry().on_terminal(120, &["plan"]).end();
    assert_eq!(screen.matches("account 123456789012, Region us-east-1").count(), 1, "{screen}");
    let outcome = registry().cli(&["plan", "--output", "json"]);
    assert!(outcome.stderr.contains("account 123456789012, Region us-east-1, configuration:"), "{outcome:?}");
}

#[test]
fn yes_is_taken_and_the_screen_has_no_bar_at_the_end() {
    let world = registry();
    let mut terminal = world.on_terminal(80, &["apply"]);
    terminal.wait_for("[y/N] ");
    terminal.answer("y");
    let (status, screen) = terminal.end();
    assert_eq!(status.code(), Some(0), "{screen}");
    assert_eq!(world.deletions().concat().len(), 7);
    assert!(screen.contains("ecr-janitor restore --run"), "{screen}");
    assert_no_bar(&screen);
}

/// Holds the first call of an operation until the sender is used.
fn hold(world: &World, operation: &str) -> Sender<()> {
    let (release, released) = channel();
    world.ecr.before(operation, 1, move |_| {
        let _ = released.recv();
    });
    release
}

fn assert_no_bar(screen: &str) {
    for part in ["planning ", "applying ", "listing the repositories", "░", "█", "⠁", "⠙"] {
        assert!(!screen.contains(part), "{part:?} is left on {screen}");
    }
}

#[test]
fn a_bar_shows_while_it_is_planned_and_is_gone_then() {
    let world = registry();
    let release = hold(&world, "DescribeImages");
    let terminal = world.on_terminal(80, &["plan"]);
    terminal.wait_for("planning");
    release.send(()).unwrap();
    let (status, screen) = terminal.end();
    assert_eq!(status.code(), Some(0), "{screen}");
    assert_no_bar(&screen);
}

#[test]
fn a_long_wait_for_the_list_of_repositories_shows() {
    let world = registry();
    let release = hold(&world, "DescribeRepositories");
    let terminal = world.on_terminal(80, &["plan"]);
    terminal.wait_for("listing the repositories");
    release.send(()).unwrap();
    let (status, screen) = terminal.end();
    assert_eq!(status.code(), Some(0), "{screen}");
    assert_no_bar(&screen);
}

#[test]
fn a_command_with_nothing_in_hand_ends_at_the_first_ctrl_c() {
    let world = registry();
    let release = hold(&world, "DescribeRepositories");
    let terminal = world.on_terminal(80, &["explain", "team/api:v1"]);
    terminal.wait_for("listing the repositories");
    let kill = Command::new("kill").args(["-INT", &terminal.child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    let (status, screen) = terminal.end();
    release.send(()).unwrap();
    assert_eq!((status.code(), screen.as_str()), (Some(130), "ecr-janitor: interrupted; nothing was done\n"));
}

#[test]
fn no_bar_is_left_behind_by_the_second_ctrl_c() {
    let world = registry();
    let release = hold(&world, "BatchDeleteImage");
    let terminal = world.on_terminal(80, &["apply", "--yes"]);
    terminal.wait_for("applying");
    let interrupt = || {
        let kill = Command::new("kill").args(["-INT", &terminal.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
    };
    interrupt();
    terminal.wait_for("press Ctrl-C again");
    interrupt();
    terminal.wait_for("stopped at once");
    let (status, screen) = terminal.end();
    release.send(()).unwrap();
    assert_eq!(status.code(), Some(130), "{screen}");
    assert_no_bar(&screen);
}

#[test]
fn colours_are_for_terminals_that_are_not_told_otherwise() {
    let mut world = registry();
    let coloured = |world: &World| {
        let terminal = world.on_terminal(80, &["plan", "--details"]);
        terminal.wait_for("Next: ");
        terminal.has_colours()
    };
    assert!(coloured(&world));
    world.set("NO_COLOR", "1");
    assert!(!coloured(&world));
}
