//! A real client: skopeo pushes whole OCI layouts and pulls them back.
//!
//! Runs if `skopeo` is installed and ECR_JANITOR_CORPUS names a folder with `layouts/` in it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::oci_client::{Registry, registry};
use crate::support::REPO;

/// Past the capture of a passing test's output.
fn skip(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: skopeo pushes and pulls: {why}");
}

fn layouts() -> Result<Vec<PathBuf>, String> {
    let corpus = std::env::var("ECR_JANITOR_CORPUS").map_err(|_| "ECR_JANITOR_CORPUS is not set")?;
    let folder = Path::new(&corpus).join("layouts");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut layouts: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    layouts.retain(|path| path.join("oci-layout").is_file());
    layouts.sort();
    if layouts.is_empty() { Err(format!("{} has no OCI layout", folder.display())) } else { Ok(layouts) }
}

/// What a layout's blobs are called and have in them.
fn blobs(layout: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(layout.join("blobs/sha256")).unwrap().map(Result::unwrap);
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect()
}

/// The digest of what a layout is about: the only one that its `index.json` lists.
fn root(layout: &Path) -> String {
    let index: Value = serde_json::from_slice(&std::fs::read(layout.join("index.json")).unwrap()).unwrap();
    let manifests = index["manifests"].as_array().unwrap();
    assert_eq!(manifests.len(), 1, "{} lists more than one", layout.display());
    manifests[0]["digest"].as_str().unwrap().to_owned()
}

fn skopeo(arguments: &[&str]) {
    let output = Command::new("skopeo").arg("--insecure-policy").args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "skopeo {}\n{}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn credentials(registry: &Registry) -> String {
    let answer = registry.emulator.call("GetAuthorizationToken", json!({})).unwrap();
    let token = answer["authorizationData"][0]["authorizationToken"].as_str().unwrap();
    String::from_utf8(STANDARD.decode(token).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_pushes_and_pulls_what_is_tagged() {
    if Command::new("skopeo").arg("--version").output().is_err() {
        return skip("skopeo is not installed");
    }
    let layouts = match layouts() {
        Ok(layouts) => layouts,
        Err(why) => return skip(&why),
    };
    let registry = registry().await;
    registry.emulator.set_require_auth(true);
    let credentials = credentials(&registry);
    let host = registry.server.url().replace("http://", "docker://");
    let scratch = std::env::temp_dir().join(format!("ecr-emulator-skopeo-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&scratch);

    let tagged = |layout: &Path| {
        let tag = layout.file_name().unwrap().to_str().unwrap().to_owned();
        (format!("{host}/{REPO}:{tag}"), tag)
    };
    for layout in &layouts {
        let (image, tag) = tagged(layout);
        let source = format!("oci:{}", layout.display());
        skopeo(&["copy", "--all", "--dest-tls-verify=false", "--dest-creds", &credentials, &source, &image]);
        assert_eq!(registry.emulator.digest_of_tag(REPO, &tag), Some(root(layout)), "{tag}");
    }
    // Only now, so that what they share is there from several pushes.
    for layout in &layouts {
        let (image, tag) = tagged(layout);
        let copy = scratch.join(&tag);
        let target = format!("oci:{}", copy.display());
        std::fs::create_dir_all(&copy).unwrap();
        skopeo(&["copy", "--all", "--src-tls-verify=false", "--src-creds", &credentials, &image, &target]);
        let (sent, received) = (blobs(layout), blobs(&copy));
        assert!(sent.keys().eq(received.keys()), "{tag}: {:?} {:?}", sent.keys(), received.keys());
        for (name, bytes) in sent {
            assert!(received[&name] == bytes, "{tag}: {name} came back with other bytes");
        }
        assert_eq!(root(&copy), root(layout), "{tag}");
    }
    std::fs::remove_dir_all(&scratch).unwrap();
}
