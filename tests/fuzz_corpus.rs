//! The fuzz targets without a fuzzer: every file of their corpora, and mutations of each. With libFuzzer the same targets
//! run by `make fuzz`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::fs;
use std::path::{Path, PathBuf};

#[allow(unreachable_pub, dead_code, reason = "elsewhere this is a crate of its own")]
#[path = "../fuzz/src/lib.rs"]
mod targets;

use targets::Target;

/// Mutations of all files of a corpus together. A fuzzer does more; this must end soon.
const MUTATIONS: usize = 1500;
/// The same, where each goes through the SDK.
const MUTATIONS_BY_SDK: usize = 150;

#[test]
fn manifests() {
    attack("manifest", MUTATIONS);
}

#[test]
fn configurations() {
    attack("configuration", MUTATIONS);
}

#[test]
fn events() {
    attack("event", MUTATIONS_BY_SDK);
}

#[test]
fn plan_files() {
    attack("plan", MUTATIONS);
}

#[test]
fn answers_of_ecr() {
    attack("answers", MUTATIONS_BY_SDK);
}

#[test]
fn whole_repositories() {
    attack("repository", MUTATIONS_BY_SDK);
}

#[test]
fn statements() {
    attack("statement", MUTATIONS);
}

#[test]
fn tables_explanations_and_logs() {
    attack("rendering", MUTATIONS / 3);
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let folders =
        fs::read_dir(corpus()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut folders: Vec<String> = folders.collect();
    folders.sort();
    assert_eq!(folders, targets::TARGETS.map(|(name, _)| name));
}

/// Real manifests, where there are any (see `tests/corpus.rs`).
#[test]
fn real_manifests() {
    let Some(folder) = std::env::var_os("ECR_JANITOR_CORPUS") else { return };
    for bytes in files(&Path::new(&folder).join("manifests")) {
        targets::manifest::run(&bytes);
        let on_one_line = bytes.iter().map(|byte| if byte.is_ascii_whitespace() { b' ' } else { *byte });
        targets::repository::run(&[b' '].into_iter().chain(on_one_line).collect::<Vec<u8>>());
    }
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

/// All files, in an order that does not depend on the machine.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{}", folder.display());
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn attack(name: &str, mutations: usize) {
    let target: Target = targets::TARGETS.iter().find(|(known, _)| *known == name).unwrap().1;
    let seeds = files(&corpus().join(name));
    seeds.iter().for_each(|seed| target(seed));
    let mut mutator = Mutator { state: 1, seeds: &seeds };
    for turn in 0..mutations {
        target(&mutator.mutate(&seeds[turn % seeds.len()]));
    }
}

/// Changes bytes as fuzzers do, the same in every run.
struct Mutator<'a> {
    state: u64,
    seeds: &'a [Vec<u8>],
}

impl Mutator<'_> {
    const TOKENS: [&'static [u8]; 16] = [
        b"null",
        b"[]",
        b"{}",
        b"\"\"",
        b"-1",
        b"1e999",
        b"18446744073709551615",
        b"*",
        b"\\u0000",
        b"\n",
        b"\x1b[2J",
        "\u{202e}".as_bytes(),
        b"\xff",
        b"\x1e",
        b"manifests",
        b"{\"",
    ];

    fn below(&mut self, end: usize) -> usize {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) as usize % end.max(1)
    }

    fn mutate(&mut self, seed: &[u8]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let end = (at + self.below(64)).min(bytes.len());
            match self.below(6) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                1 => drop(bytes.drain(at..end)),
                2 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
                3 => {
                    let token = Self::TOKENS[self.below(Self::TOKENS.len())];
                    drop(bytes.splice(at..at, token.iter().copied()));
                }
                4 => bytes.truncate(at),
                _ => {
                    let other = &self.seeds[self.below(self.seeds.len())];
                    let from = self.below(other.len() + 1);
                    drop(bytes.splice(at.., other[from..].iter().copied()));
                }
            }
        }
        bytes
    }
}
