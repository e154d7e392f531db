//! The documents against the program: sample output, and the commands in blocks that are tagged `run`.
//!
//! After a change of output on purpose: `UPDATE_SAMPLES=1 cargo test --test e2e documents`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::emulator::Served;
use crate::harness::{World, without_dates};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The registry of the demo, and a folder with the shipped configuration.
fn demo() -> (Served, World) {
    let served = Served::start(&["--demo"]);
    let world = World::new().with_state().with("AWS_ENDPOINT_URL", served.url());
    (served, world)
}

#[test]
fn the_sample_in_the_readme_is_what_a_plan_prints() {
    let (_served, world) = demo();
    let outcome = world.cli(&["plan"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let sample = format!("```text\n$ ecr-janitor plan\n{}```\n", outcome.stdout);
    let path = Path::new(ROOT).join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let begin = readme.find("```text\n").unwrap();
    let length = readme[begin + 3..].find("```\n").unwrap() + "```".len() + "```\n".len();
    let stands = &readme[begin..begin + length];
    if std::env::var_os("UPDATE_SAMPLES").is_some() && without_dates(stands) != without_dates(&sample) {
        let anew = format!("{}{sample}{}", &readme[..begin], &readme[begin + length..]);
        std::fs::write(path, anew).unwrap();
        return;
    }
    assert_eq!(without_dates(stands), without_dates(&sample), "UPDATE_SAMPLES=1 writes it anew");
}

/// The Markdown files that people read.
fn documents() -> Vec<PathBuf> {
    let docs = std::fs::read_dir(Path::new(ROOT).join("docs")).unwrap();
    let mut paths: Vec<PathBuf> = docs.map(|entry| entry.unwrap().path()).collect();
    paths.push(Path::new(ROOT).join("README.md"));
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    paths
}

/// The blocks of a document that are tagged to be run.
fn blocks(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let after = text.split("```console run\n").skip(1);
    after.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn every_command_that_is_tagged_to_be_run_does_what_it_says() {
    let mut ran = 0;
    for path in documents() {
        for block in blocks(&path) {
            run(&path, &block);
            ran += 1;
        }
    }
    assert!(ran >= 5, "{ran}");
}

/// What names in the documents stand for.
struct Names {
    run_id: String,
    gone: String,
    there: String,
}

/// Names in the registry of the demo, if it is asked for after a run that deleted something.
fn names(world: &World, has_run: bool) -> Names {
    let command: &[&str] = if has_run { &["apply", "--yes"] } else { &["plan"] };
    let report = world.cli(&[command, &["--output", "json"]].concat()).report(0);
    let decisions = report.find("team/api").unwrap()["decisions"].as_array().unwrap().iter();
    let with = |outcome: &str| {
        let found = decisions.clone().find(|it| it["outcome"] == outcome).unwrap();
        found["digest"].as_str().unwrap().to_owned()
    };
    let gone = with(if has_run { "deleted" } else { "planned" });
    Names { run_id: report.0["run_id"].as_str().unwrap().to_owned(), gone, there: with("kept") }
}

/// Runs a block as one script.
fn run(document: &Path, block: &str) {
    let (served, world) = demo();
    let names = names(&world, block.contains("RUN_ID"));
    std::fs::copy(Path::new(ROOT).join("janitor.toml"), world.file("janitor.toml")).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ecr-janitor"));
    let folder = program.parent().unwrap();
    std::fs::create_dir_all(world.file("target")).unwrap();
    std::os::unix::fs::symlink(folder, world.file("target/debug")).unwrap();
    // Nobody is there to answer, and names stand for themselves.
    let script = [
        ("ecr-janitor apply", "ecr-janitor apply --yes"),
        ("ecr-janitor restore", "ecr-janitor restore --yes"),
        ("RUN_ID", names.run_id.as_str()),
        ("sha256:...", names.gone.as_str()),
        ("sha256:DIGEST", names.there.as_str()),
        ("REPOSITORY", "team/api"),
        ("http://127.0.0.1:4580", served.url()),
    ]
    .iter()
    .fold(format!("set -e\n{block}"), |script, (from, to)| script.replace(from, to));
    let path = format!("{}:/usr/bin:/bin", folder.display());
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).env_clear().envs(world.variables()).env("PATH", path);
    let output = shell.current_dir(world.file(".")).output().unwrap();
    assert!(output.status.success(), "{}:\n{script}\n{output:?}", document.display());
}

#[test]
fn every_link_between_the_documents_leads_somewhere() {
    for path in documents() {
        let text = std::fs::read_to_string(&path).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !target.contains("://") {
                let to = path.parent().unwrap().join(file);
                assert!(to.exists(), "{} links to {target}", path.display());
            }
        }
    }
}
