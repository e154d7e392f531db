//! Manifests that real tools wrote, each with the class it must get. They are no part of this repository: the
//! environment variable `ECR_JANITOR_CORPUS` names the folder with `labels.json`, `manifests/` and `layouts/`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Once;

use ecr_attestation_janitor::oci::attestation::{Form, Kind, classify};
use ecr_attestation_janitor::oci::digest::Digest;
use ecr_attestation_janitor::oci::manifest::{Descriptor, Manifest};
use ecr_attestation_janitor::oci::statement::{Statement, statement_layers};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Label {
    class: String,
    sha256: String,
}

static TOLD: Once = Once::new();

/// The folder; without it nothing is tested, which must not pass unseen.
fn corpus() -> Option<PathBuf> {
    if let Some(folder) = env::var_os("ECR_JANITOR_CORPUS") {
        return Some(folder.into());
    }
    let skipped =
        "SKIPPED: the corpus tests: set ECR_JANITOR_CORPUS to the folder with labels.json and manifests/";
    // Not `eprintln!`: the test harness would swallow it.
    #[expect(clippy::explicit_write, reason = "the test harness captures what eprintln! writes")]
    TOLD.call_once(|| writeln!(std::io::stderr(), "\n{skipped}\n").unwrap());
    None
}

/// The labelled files: name, label, bytes.
fn labelled(corpus: &Path) -> Vec<(String, Label, Vec<u8>)> {
    let labels = fs::read(corpus.join("labels.json")).unwrap();
    let labels: BTreeMap<String, Label> = serde_json::from_slice(&labels).unwrap();
    assert!(!labels.is_empty());
    let with_bytes = |(name, label): (String, Label)| {
        let bytes = fs::read(corpus.join("manifests").join(&name)).unwrap();
        (name, label, bytes)
    };
    labels.into_iter().map(with_bytes).collect()
}

/// The class of these bytes, in the words of the labels.
fn class(bytes: &[u8]) -> &'static str {
    let Ok(manifest) = Manifest::parse(bytes) else { return "other" };
    let classified = classify(&manifest);
    match (classified.kind, classified.form) {
        (Kind::Attestation, Some(Form::Oci)) => "attestation-oci",
        (Kind::Attestation, Some(Form::Legacy)) => "attestation-legacy",
        (Kind::Attestation, form) => panic!("bytes alone never prove the form {form:?}"),
        (Kind::Suspect, _) => "suspect",
        (Kind::Index, _) => "index",
        _ if manifest.subject.is_some() => "referrer",
        _ => "other",
    }
}

fn is_attestation(bytes: &[u8]) -> bool {
    class(bytes).starts_with("attestation")
}

#[test]
fn every_file_has_the_bytes_that_were_labelled() {
    let Some(corpus) = corpus() else { return };
    for (name, label, bytes) in labelled(&corpus) {
        assert_eq!(Digest::of(&bytes).hex(), label.sha256, "{name}");
    }
}

#[test]
fn every_file_has_a_label() {
    let Some(corpus) = corpus() else { return };
    let labels = labelled(&corpus);
    for file in fs::read_dir(corpus.join("manifests")).unwrap() {
        let file = file.unwrap().file_name();
        assert!(labels.iter().any(|(name, ..)| **name == *file), "{file:?}");
    }
}

#[test]
fn every_manifest_gets_the_class_of_its_label() {
    let Some(corpus) = corpus() else { return };
    let wrong: Vec<String> = labelled(&corpus)
        .into_iter()
        .filter(|(_, label, bytes)| class(bytes) != label.class)
        .map(|(name, label, bytes)| format!("{name}: {} instead of {}", class(&bytes), label.class))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_truncated_manifest_proves_nothing_and_crashes_nothing() {
    let Some(corpus) = corpus() else { return };
    for (name, _, bytes) in labelled(&corpus) {
        let text = bytes.trim_ascii_end();
        let step = (text.len() / 300).max(1);
        for end in (0..text.len()).step_by(step) {
            assert_eq!(class(&text[..end]), "other", "the first {end} bytes of {name}");
        }
    }
}

#[test]
fn one_changed_byte_never_makes_an_attestation_of_something_else() {
    let Some(corpus) = corpus() else { return };
    for (name, label, bytes) in labelled(&corpus) {
        let step = (bytes.len() / 100).max(1);
        for at in (0..bytes.len()).step_by(step) {
            for flip in [0x01, 0x20, 0x80] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                assert!(
                    !is_attestation(&changed) || label.class.starts_with("attestation"),
                    "{name}: byte {at}"
                );
            }
        }
    }
}

/// An OCI image layout: its manifests by digest, found from its `index.json`.
struct Layout {
    folder: PathBuf,
    roots: Vec<Digest>,
}

impl Layout {
    fn all(corpus: &Path) -> Vec<Self> {
        let folders = fs::read_dir(corpus.join("layouts")).unwrap().map(|entry| entry.unwrap().path());
        let layouts: Vec<Self> = folders.map(Self::open).collect();
        assert!(!layouts.is_empty());
        layouts
    }

    fn open(folder: PathBuf) -> Self {
        let entry = Manifest::parse(&fs::read(folder.join("index.json")).unwrap()).unwrap();
        let roots = entry.children().unwrap().into_iter().map(|(digest, _)| digest).collect();
        Self { folder, roots }
    }

    /// The bytes of a manifest, which must be those of its digest.
    fn blob(&self, digest: Digest) -> Vec<u8> {
        let path = self.folder.join("blobs/sha256").join(digest.hex());
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(Digest::of(&bytes), digest, "{}", path.display());
        bytes
    }

    /// Shows every manifest to `see`, with the descriptor that led to it, unless it is a root.
    fn walk(&self, mut see: impl FnMut(&[u8], Option<&Descriptor>)) {
        for root in &self.roots {
            let bytes = self.blob(*root);
            see(&bytes, None);
            let index = Manifest::parse(&bytes).unwrap();
            if index.is_index() {
                for (child, descriptor) in index.children().unwrap() {
                    see(&self.blob(child), Some(descriptor));
                }
            }
        }
    }
}

fn is_claimed(descriptor: Option<&Descriptor>) -> bool {
    let kind = descriptor.and_then(|it| it.annotations.as_ref()).and_then(|a| a.reference_type.as_deref());
    kind == Some("attestation-manifest")
}

#[test]
fn every_manifest_of_a_layout_is_found_and_parses() {
    let Some(corpus) = corpus() else { return };
    for layout in Layout::all(&corpus) {
        let mut seen = 0;
        layout.walk(|bytes, _| {
            Manifest::parse(bytes).unwrap();
            seen += 1;
        });
        assert!(seen > 0, "{}", layout.folder.display());
    }
}

#[test]
fn what_an_index_of_a_layout_lists_as_an_attestation_is_one_and_nothing_else_is() {
    let Some(corpus) = corpus() else { return };
    let mut proven = 0;
    for layout in Layout::all(&corpus) {
        layout.walk(|bytes, descriptor| {
            assert_eq!(is_attestation(bytes), is_claimed(descriptor), "{}", layout.folder.display());
            proven += usize::from(is_attestation(bytes));
        });
    }
    assert!(proven > 0);
}

/// The statement with this digest in a layout.
fn stated(corpus: &Path, layout: &str, digest: &str) -> serde_json::Value {
    let bytes = fs::read(corpus.join("layouts").join(layout).join("blobs/sha256").join(digest)).unwrap();
    assert_eq!(Digest::of(&bytes).hex(), digest);
    serde_json::to_value(Statement::parse(&bytes).unwrap()).unwrap()
}

/// Each statement that real tools wrote, with the facts that a reader finds in it.
#[test]
fn real_statements_have_the_facts_that_stand_in_them() {
    let Some(corpus) = corpus() else { return };
    let of_buildkit = |started: &str, finished: &str, build_type: &str| {
        json!({
            "build_type": build_type, "started_at": started, "finished_at": finished, "platform": "linux/amd64",
            "dockerfile_version": "1.26.0-dev", "mode": "max", "build_args": [], "base_images": [], "materials": 0,
            "complete": {"parameters": true, "materials": false},
        })
    };
    let (v02, v1) = (
        "https://mobyproject.org/buildkit@v1",
        "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md",
    );
    for (layout, digest, predicate_type, facts) in [
        (
            "buildkit-0.32-oci-artifact-false",
            "b4f6ae15f2711240892a929f51de23b6a185268d5dee3eb923bcb968e80df082",
            "https://slsa.dev/provenance/v1",
            of_buildkit("2026-11-23T06:35:16.269807635Z", "2026-11-23T06:35:16.297776143Z", v1),
        ),
        (
            "buildkit-0.32-provenance-max",
            "264d91de66a1bda478a227a158858adbdb6843709cf08cc0946650f729202810",
            "https://slsa.dev/provenance/v0.2",
            of_buildkit("2026-11-23T06:34:45.12776109Z", "2026-11-23T06:34:45.450717978Z", v02),
        ),
        (
            "buildkit-0.32-rebuilt-same-platforms",
            "8ef9ac01208993f868e9540e355c5395adf925f2d198325481034a87ae5ca4c5",
            "https://slsa.dev/provenance/v0.2",
            of_buildkit("2026-11-23T06:35:15.515375094Z", "2026-11-23T06:35:15.56834539Z", v02),
        ),
    ] {
        let expected = json!({"predicate_type": predicate_type, "is_signed": false, "provenance": facts});
        assert_eq!(stated(&corpus, layout, digest), expected, "{layout}");
    }
    let sbom = "e2c3b7df754e062b0c6b17c5262ea237fc86d68432e86e68724c57f04be3d064";
    assert_eq!(
        stated(&corpus, "containerd-subject-layout", sbom),
        json!({
            "predicate_type": "https://spdx.dev/Document", "is_signed": false,
            "sbom": {"format": "SPDX-2.3", "name": "sbom", "tools": ["syft-v0.105.0"], "packages": 1},
        })
    );
}

/// Every attestation of the corpus names its statements, and nothing else does but what is signed.
#[test]
fn every_attestation_has_statements_and_no_image_has() {
    let Some(corpus) = corpus() else { return };
    for (name, label, bytes) in labelled(&corpus) {
        let statements = statement_layers(&bytes).len();
        match label.class.as_str() {
            "attestation-oci" | "attestation-legacy" => assert!(statements > 0, "{name}"),
            "index" => assert_eq!(statements, 0, "{name}"),
            _ => {}
        }
    }
}
