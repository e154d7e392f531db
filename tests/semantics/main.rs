//! The promises of docs/SEMANTICS.md, each a test of its own: `cargo test --test semantics promise_17`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod checks;
mod document;
#[path = "../support/mod.rs"]
mod harness;
mod notation;
mod ran;
mod stage;

use std::collections::BTreeSet;
use std::process::ExitCode;

use ecr_attestation_janitor::oci::attestation::Form;
use ecr_attestation_janitor::report::RepositoryReason;
use ecr_attestation_janitor::report::outcome::OutcomeName;
use ecr_attestation_janitor::report::reason::{Reason, State};
use libtest_mimic::{Arguments, Failed, Trial};
use serde::de::DeserializeOwned;

use document::{Document, Problem};
use notation::{End, Expectation, Script, Step};
use stage::Stage;

/// More than there are processors: an example mostly waits for processes.
const THREADS: usize = 6;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    let text = semantics();
    let document = document::read(&text);
    let last = document.last_promise();
    let mut trials: Vec<Trial> = (0..=last).map(|number| promise(&document, number)).collect();
    let problems = document.problems;
    trials.push(Trial::test("every_promise_is_numbered_and_has_an_example", || report(problems)));
    for (name, check) in checks::ALL.iter().chain(COVERAGE) {
        trials.push(Trial::test(*name, || {
            check();
            Ok(())
        }));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Checks of the whole document.
const COVERAGE: &[(&str, fn())] = &[
    (
        "every_word_of_a_report_and_every_exit_code_has_an_example",
        every_word_of_a_report_and_every_exit_code_has_an_example,
    ),
    (
        "every_assumption_that_is_named_is_in_the_list_of_assumptions",
        every_assumption_that_is_named_is_in_the_list_of_assumptions,
    ),
];

fn semantics() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/SEMANTICS.md")).unwrap()
}

/// The test that runs the examples of a promise.
fn promise(document: &Document<'_>, number: usize) -> Trial {
    let examples = document.examples.iter().filter(|example| example.promise == number);
    let scripts: Vec<Result<Script, Problem>> = examples.map(notation::parse).collect();
    Trial::test(format!("promise_{number}"), move || {
        let problems = scripts.into_iter().flat_map(|script| match script {
            Ok(script) => Stage::new().play(&script),
            Err(problem) => vec![problem],
        });
        report(problems.collect())
    })
}

fn report(problems: Vec<Problem>) -> Result<(), Failed> {
    let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
    if list.is_empty() { Ok(()) } else { Err(list.join("\n").into()) }
}

/// The examples of a document, understood.
fn scripts(text: &str) -> Result<Vec<Script>, Vec<Problem>> {
    let Document { examples, mut problems, .. } = document::read(text);
    let parsed = examples.iter().map(notation::parse);
    let scripts = parsed.filter_map(|script| script.map_err(|problem| problems.push(problem)).ok()).collect();
    if problems.is_empty() { Ok(scripts) } else { Err(problems) }
}

/// Everything that is wrong with a document, in the order of its lines.
fn check(text: &str) -> Vec<Problem> {
    let scripts = match scripts(text) {
        Ok(scripts) => scripts,
        Err(problems) => return problems,
    };
    let mut problems: Vec<Problem> = scripts.iter().flat_map(|script| Stage::new().play(script)).collect();
    problems.sort();
    problems.dedup();
    problems
}

/// All words of an enumeration, as serde knows them.
fn words<T: DeserializeOwned + std::fmt::Debug>() -> BTreeSet<String> {
    let error = serde_json::from_str::<T>("\"no such word\"").unwrap_err().to_string();
    let known = error.split_once("expected").unwrap().1;
    known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn every_word_of_a_report_and_every_exit_code_has_an_example() {
    let scripts = scripts(&semantics()).unwrap();
    let runs = scripts.iter().flat_map(|script| &script.steps).filter_map(|(_, step)| match step {
        Step::Run { expectations, .. } => Some(expectations.iter().map(|(_, expectation)| expectation)),
        _ => None,
    });
    let (mut fields, mut left_alone, mut codes) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::from([0]));
    for expectation in runs.flatten() {
        match expectation {
            Expectation::Decision { fields: stated, .. } => fields.extend(stated.iter().cloned()),
            Expectation::LeftAlone { reason, .. } => drop(left_alone.insert(reason.clone())),
            Expectation::End(End::Exit(code)) => drop(codes.insert(*code)),
            _ => {}
        }
    }
    let of = |field: &str| {
        let stated = fields.iter().filter(|(key, _)| key == field);
        stated.map(|(_, value)| value.clone()).collect::<BTreeSet<String>>()
    };
    assert_eq!(of("reason"), words::<Reason>());
    assert_eq!(of("outcome"), words::<OutcomeName>());
    assert_eq!(of("form"), words::<Form>());
    assert_eq!(of("state"), words::<State>());
    assert_eq!(left_alone, words::<RepositoryReason>());
    assert_eq!(codes, BTreeSet::from([0, 1, 2, 3, 4, 10, 130]));
}

fn every_assumption_that_is_named_is_in_the_list_of_assumptions() {
    let list = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ASSUMPTIONS.md");
    let list = std::fs::read_to_string(list).unwrap();
    let named = semantics();
    let named =
        named.split("](ASSUMPTIONS.md)").filter_map(|before| before.rsplit_once("[`")?.1.strip_suffix('`'));
    let named: BTreeSet<&str> = named.collect();
    assert!(!named.is_empty());
    for case in named {
        assert!(list.contains(&format!("| `{case}` |")), "{case} is no case");
    }
}
