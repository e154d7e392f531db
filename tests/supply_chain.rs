//! What the programs are made of: licences, versions, origins, and what must not be in the function.
//!
//! Needs nothing but cargo. Looks at the packages for this platform; duplicates and origins at all of `Cargo.lock`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Nobody maintains them any more, by RustSec's informational advisories.
const UNMAINTAINED: [&str; 26] = [
    "adler",
    "ansi_term",
    "async-std",
    "atty",
    "backoff",
    "bincode",
    "derivative",
    "dotenv",
    "encoding",
    "failure",
    "fxhash",
    "instant",
    "mach",
    "net2",
    "number_prefix",
    "paste",
    "proc-macro-error",
    "rustls-pemfile",
    "serde_cbor",
    "serde_yaml",
    "stdweb",
    "tempdir",
    "term_size",
    "tokio-tls",
    "trust-dns-resolver",
    "yaml-rust",
];

/// The first version without a known vulnerability. The AWS SDK's default features would bring older ones.
const AT_LEAST: [(&str, [u64; 3]); 7] = [
    ("h2", [0, 4, 4]),
    ("hyper", [1, 0, 0]),
    ("idna", [1, 0, 0]),
    ("ring", [0, 17, 12]),
    ("rustls", [0, 23, 18]),
    ("rustls-webpki", [0, 103, 0]),
    ("tracing-subscriber", [0, 3, 20]),
];

/// The command line, its tables and its emulator, what only tests need, and a second TLS stack.
const NOT_IN_THE_FUNCTION: [&str; 14] = [
    "axum",
    "clap",
    "comfy-table",
    "console",
    "crossterm",
    "ecr-contract",
    "ecr-emulator",
    "ecr-in-process",
    "indicatif",
    "openssl",
    "s3-test-server",
    "s3s",
    "schemars",
    "usage-test-server",
];

struct Packages(Value);

impl Packages {
    /// The packages that are built here with these features.
    fn with(features: &[&str]) -> Self {
        let host = output(Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into())).arg("-vV"));
        let host = host.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["metadata", "--locked", "--format-version", "1"]);
        Self(serde_json::from_str(&output(cargo.args(["--filter-platform", &host]).args(features))).unwrap())
    }

    fn all(&self) -> &[Value] {
        self.0["packages"].as_array().unwrap()
    }

    fn name(&self, id: &str) -> &str {
        self.all().iter().find(|package| package["id"] == id).unwrap()["name"].as_str().unwrap()
    }

    /// What a package of the workspace is linked with, itself included: neither what builds it nor what tests it.
    fn linked(&self, name: &str) -> BTreeSet<&str> {
        let nodes: BTreeMap<&str, &Value> = self.0["resolve"]["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| (node["id"].as_str().unwrap(), node))
            .collect();
        let root = self.all().iter().find(|package| package["name"] == name).unwrap();
        let mut todo = vec![root["id"].as_str().unwrap()];
        let mut seen = BTreeSet::new();
        while let Some(id) = todo.pop() {
            if seen.insert(id) {
                let is_linked = |dep: &&Value| {
                    dep["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null())
                };
                let deps = nodes[id]["deps"].as_array().unwrap().iter().filter(is_linked);
                todo.extend(deps.map(|dep| dep["pkg"].as_str().unwrap()));
            }
        }
        seen.into_iter().map(|id| self.name(id)).collect()
    }
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn toml(path: &str) -> toml::Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap().parse().unwrap()
}

/// Name, version and origin of everything in `Cargo.lock`.
fn locked() -> Vec<(String, String, Option<String>)> {
    let text = |package: &toml::Value, key: &str| Some(package.get(key)?.as_str()?.to_owned());
    let lock = toml("Cargo.lock");
    let packages = lock["package"].as_array().unwrap().iter();
    packages.map(|it| (text(it, "name").unwrap(), text(it, "version").unwrap(), text(it, "source"))).collect()
}

fn version(text: &str) -> [u64; 3] {
    let mut numbers = text.split(['.', '-', '+']).map_while(|number| number.parse().ok());
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}

/// The words of `deny.toml` below a section and a key.
fn listed(section: &str, key: &str, name: impl Fn(&toml::Value) -> String) -> Vec<String> {
    toml("deny.toml")[section][key].as_array().unwrap().iter().map(name).collect()
}

#[test]
fn every_licence_is_permissive() {
    let allowed = listed("licenses", "allow", |licence| licence.as_str().unwrap().to_owned());
    let allowed: BTreeSet<&str> = allowed.iter().flat_map(|licence| licence.split(" WITH ")).collect();
    for package in Packages::with(&[]).all() {
        let licence = package["license"].as_str().unwrap_or_else(|| panic!("{} has none", package["name"]));
        let words = licence.split(|c: char| c.is_whitespace() || "()/".contains(c));
        for word in words.filter(|word| !["", "AND", "OR", "WITH"].contains(word)) {
            assert!(allowed.contains(word), "{} is under {licence:?}", package["name"]);
        }
    }
}

#[test]
fn no_package_comes_twice_but_those_that_are_known() {
    let mut versions: BTreeMap<String, usize> = BTreeMap::new();
    for (name, ..) in locked() {
        *versions.entry(name).or_default() += 1;
    }
    let several: Vec<&str> =
        versions.iter().filter(|(_, count)| **count > 1).map(|(name, _)| name.as_str()).collect();
    assert_eq!(several, listed("bans", "skip", |one| one["crate"].as_str().unwrap().to_owned()));
    assert!(versions.values().all(|count| *count <= 2));
}

#[test]
fn everything_comes_from_the_one_registry_or_from_here() {
    let members = [
        "ecr-attestation-janitor",
        "ecr-contract",
        "ecr-emulator",
        "ecr-in-process",
        "s3-test-server",
        "usage-test-server",
    ];
    let origins: BTreeSet<Option<String>> = locked().into_iter().map(|(.., origin)| origin).collect();
    assert_eq!(origins.len(), 2, "{origins:?}");
    assert!(origins.iter().flatten().all(|origin| origin.starts_with("registry+")), "{origins:?}");
    let here: Vec<String> =
        locked().into_iter().filter(|(.., origin)| origin.is_none()).map(|(name, ..)| name).collect();
    assert_eq!(here, members);
}

#[test]
fn nothing_is_known_to_be_unmaintained_or_vulnerable() {
    for (name, found, _) in locked() {
        assert!(!UNMAINTAINED.contains(&name.as_str()), "{name} {found}");
        for (known, least) in AT_LEAST {
            assert!(name != known || version(&found) >= least, "{name} {found}");
        }
    }
}

#[test]
fn the_function_has_nothing_of_the_command_line() {
    let function = Packages::with(&["--no-default-features", "--features", "lambda"]);
    let linked = function.linked("ecr-attestation-janitor");
    assert!(linked.contains("lambda_runtime") && linked.contains("aws-sdk-ecr"));
    for name in NOT_IN_THE_FUNCTION {
        assert!(!linked.contains(name), "{name}");
    }
    let everything = Packages::with(&[]);
    let everything = everything.linked("ecr-attestation-janitor");
    assert!(everything.contains("clap") && everything.contains("ecr-emulator"), "the check can tell");
}

#[test]
fn no_crate_of_ours_may_be_unsafe() {
    let root = toml("Cargo.toml");
    assert_eq!(root["workspace"]["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
    let members = root["workspace"]["members"].as_array().unwrap().iter().map(|it| it.as_str().unwrap());
    for member in members.chain(["."]) {
        let manifest = toml(&format!("{member}/Cargo.toml"));
        assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true), "{member}");
    }
}

#[test]
fn the_oldest_rust_is_named_once() {
    let root = toml("Cargo.toml");
    let oldest = root["workspace"]["package"]["rust-version"].as_str().unwrap();
    let minor = oldest.rsplit_once('.').unwrap().0;
    let members = root["workspace"]["members"].as_array().unwrap().iter().map(|it| it.as_str().unwrap());
    for member in members.chain(["."]) {
        let manifest = toml(&format!("{member}/Cargo.toml"));
        assert_eq!(manifest["package"]["rust-version"]["workspace"].as_bool(), Some(true), "{member}");
    }
    let names_a_version =
        |text: &str| text.contains("Rust 1.") || text.contains("Rust (1.") || text.contains(minor);
    for path in
        ["README.md", "CONTRIBUTING.md", "docs/INSTALL.md", "docs/DEPLOY.md", ".github/workflows/ci.yml"]
    {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
        assert!(!names_a_version(&text), "{path} names a version of Rust: Cargo.toml does");
    }
}
