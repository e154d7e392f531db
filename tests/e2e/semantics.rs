//! `docs/SEMANTICS.md`, executed: each numbered promise has an example, and each example comes out as it says.

mod checks;
mod document;
mod notation;
mod ran;
mod stage;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use ecr_attestation_janitor::oci::attestation::Form;
use ecr_attestation_janitor::report::RepositoryReason;
use ecr_attestation_janitor::report::outcome::OutcomeName;
use ecr_attestation_janitor::report::reason::{Reason, State};
use serde::de::DeserializeOwned;

use document::{Document, Problem};
use notation::{End, Expectation, Script, Step};
use stage::Stage;

/// More than there are processors: an example mostly waits for processes.
const AT_ONCE: usize = 6;

fn semantics() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/SEMANTICS.md")).unwrap()
}

/// The examples of a document, understood.
fn scripts(text: &str) -> Result<Vec<Script>, Vec<Problem>> {
    let Document { examples, mut problems, .. } = document::read(text);
    let parsed = examples.iter().map(notation::parse);
    let scripts = parsed.filter_map(|script| script.map_err(|problem| problems.push(problem)).ok()).collect();
    if problems.is_empty() { Ok(scripts) } else { Err(problems) }
}

/// Carries out an example. Trouble of the test itself is told like any other, with its place.
fn play(script: &Script) -> Vec<Problem> {
    let played = catch_unwind(AssertUnwindSafe(|| Stage::new().play(script)));
    played.unwrap_or_else(|_| vec![script.problem(script.line, "it panicked, see above")])
}

/// Everything that is wrong with a document, in the order of its lines.
fn check(text: &str) -> Vec<Problem> {
    let scripts = match scripts(text) {
        Ok(scripts) => scripts,
        Err(problems) => return problems,
    };
    let (queue, found) = (Mutex::new(scripts.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(script) = { queue.lock().unwrap().next() } {
                    let problems = play(script);
                    found.lock().unwrap().extend(problems);
                }
            });
        }
    });
    let mut problems = found.into_inner().unwrap();
    problems.sort();
    problems.dedup();
    problems
}

#[test]
fn every_promise_has_an_example_and_every_example_is_true() {
    let problems = check(&semantics());
    let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "\n{}\n", list.join("\n"));
}

/// All words of an enumeration, as serde knows them.
fn words<T: DeserializeOwned + std::fmt::Debug>() -> BTreeSet<String> {
    let error = serde_json::from_str::<T>("\"no such word\"").unwrap_err().to_string();
    let known = error.split_once("expected").unwrap().1;
    known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
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
    // A breaker needs two runs and what the first one remembers.
    let breaker = BTreeSet::from(["tags-vanished".to_owned()]);
    assert_eq!(&left_alone | &breaker, words::<RepositoryReason>());
    assert_eq!(codes, BTreeSet::from([0, 1, 2, 3, 10, 130]));
}

#[test]
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
