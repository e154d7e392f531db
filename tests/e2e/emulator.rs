//! `emulator`: the embedded ECR as a server of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::harness::World;

/// A running emulator; it ends with the test.
pub(crate) struct Served(Child, pub(crate) String);

impl Served {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ecr-janitor"))
            .args(["emulator", "--port", "0"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("ecr-emulator listening on ").unwrap().to_owned();
        Self(child, url)
    }

    /// Where it can be reached.
    pub(crate) fn url(&self) -> &str {
        &self.1
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn it_begins_with_the_registry_of_the_demo_if_asked() {
    let served = Served::start(&["--demo"]);
    let mut world = World::new();
    world.set("AWS_ENDPOINT_URL", &served.1);
    let outcome = world.cli(&["explain", "team/api:main"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stdout.contains("an index"), "{outcome:?}");
}

#[test]
fn the_image_that_the_readme_asks_about_is_in_the_demo() {
    let readme = include_str!("../../README.md");
    let digest = readme.split("explain team/api@sha256:").nth(1).unwrap();
    let digest: String = digest.chars().take_while(char::is_ascii_hexdigit).collect();
    let served = Served::start(&["--demo"]);
    let mut world = World::new();
    world.set("AWS_ENDPOINT_URL", &served.1);
    let outcome = world.cli(&["explain", &format!("team/api@sha256:{digest}")]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stdout.contains("deletes it (orphaned)"), "{outcome:?}");
}

#[test]
fn it_begins_with_a_registry_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.toml");
    let orphans = "[[repository]]\nname = 'shop/web'\n[[repository.build]]\nform = 'legacy'\ndays_ago = 40\ndeleted_index = true";
    std::fs::write(&seed, orphans).unwrap();
    let served = Served::start(&["--seed", seed.to_str().unwrap()]);
    let mut world = World::new();
    world.set("AWS_ENDPOINT_URL", &served.1);
    assert_eq!(world.apply().total("deleted"), 1);
}

#[test]
fn a_seed_that_cannot_be_used_is_a_usage_error() {
    let outcome = World::new().cli(&["emulator", "--port", "0", "--seed", "nowhere.toml"]);
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert!(outcome.stderr.contains("nowhere.toml"), "{outcome:?}");
}
