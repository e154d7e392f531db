//! The program.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::support::{admin, call};

/// Starts it, and waits until it can be reached. Returns where.
fn start(arguments: &[&str]) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ecr-emulator"));
    let mut child = command.args(["--port", "0"]).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("ecr-emulator listening on ").expect(&line).to_owned();
    (child, url)
}

#[tokio::test]
async fn it_begins_with_its_seeds_and_stops_when_told() {
    let folder = std::env::temp_dir().join(format!("ecr-emulator-{}-program", std::process::id()));
    let manifests = json!({ "schemaVersion": 2, "manifests": [] }).to_string();
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("index.json"), manifests).unwrap();
    let seed = folder.join("seed.toml");
    std::fs::write(&seed, "[[repository]]\nname = \"a/b\"\n[[repository.build]]\ntag = \"v1\"\n").unwrap();
    let layout = format!("c/d={}", folder.display());
    let (mut child, url) = start(&["--seed", seed.to_str().unwrap(), "--layout", &layout]);

    let images = call(&url, "ListImages", r#"{"repositoryName":"a/b"}"#).await.unwrap().json();
    assert_eq!(images["imageIds"].as_array().unwrap().len(), 3);
    assert_eq!(call(&url, "ListImages", r#"{"repositoryName":"c/d"}"#).await.unwrap().status, 200);
    assert_eq!(admin(&url, "GET", "health", "").await.status, 200);

    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert!(child.wait().unwrap().success());
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn it_does_not_start_with_what_it_cannot_read() {
    for (arguments, code) in [
        (["--seed", "no/such/file.toml"].as_slice(), 1),
        (&["--layout", "a/b=no/such/folder"], 1),
        (&["--layout", "nonsense"], 2),
        (&["--seed"], 2),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ecr-emulator"));
        let output = command.args(["--port", "0"]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
}
