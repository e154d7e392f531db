//! The rows of docs/TROUBLE.md, each a test of its own: `cargo test --test trouble throttle`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod harness;
mod rows;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Failed, Trial};

use harness::crash::scene::Scene;
use rows::{Came, ROWS};

/// More than there are processors: a row mostly waits for processes, and two of them for a timeout.
const THREADS: usize = 12;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    let rows = document();
    // One for all rows: the states that one of them leaves need no second look after another.
    let scene = Arc::<OnceLock<Scene>>::default();
    let mut trials: Vec<Trial> = rows.iter().map(|row| row.trial(Arc::clone(&scene))).collect();
    trials.push(Trial::test("every_row_has_a_scene_and_every_scene_a_row", move || {
        let documented: BTreeSet<&str> = rows.iter().map(|row| row.trouble.as_str()).collect();
        assert_eq!(documented.len(), rows.len(), "a row is there twice");
        assert_eq!(ROWS.iter().map(|(trouble, _)| *trouble).collect::<BTreeSet<_>>(), documented);
        Ok(())
    }));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A row of the document's table.
#[derive(Clone)]
struct Row {
    trouble: String,
    report: String,
    code: String,
}

/// The rows of the document's table.
fn document() -> Vec<Row> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/TROUBLE.md")).unwrap();
    let (_, table) = text.split_once("## What happens when ...").unwrap();
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [trouble, _, report, code, _] = cells.as_slice() else { panic!("not five cells: {line}") };
        Row { trouble: (*trouble).to_owned(), report: (*report).to_owned(), code: (*code).to_owned() }
    };
    rows.map(row).collect()
}

impl Row {
    fn trial(&self, scene: Arc<OnceLock<Scene>>) -> Trial {
        let row = self.clone();
        Trial::test(self.name(), move || {
            let known = ROWS.iter().find(|(trouble, _)| *trouble == row.trouble);
            let (_, make) = known.ok_or("nothing makes this row happen")?;
            row.check(&make(scene.get_or_init(Scene::new)))
        })
    }

    /// The words of the first cell.
    fn name(&self) -> String {
        let words = self.trouble.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        words.map(str::to_lowercase).collect::<Vec<_>>().join("_")
    }

    /// Compares the exit code, and finds every word in backticks in the output.
    fn check(&self, came: &Came) -> Result<(), Failed> {
        let code = came.code.map_or("none".to_owned(), |code| code.to_string());
        if self.code != code {
            return Err(format!("exit code {code} instead of {}: {}", self.code, came.said).into());
        }
        match self.report.split('`').skip(1).step_by(2).find(|word| !came.said.contains(*word)) {
            Some(word) => Err(format!("{word:?} is not in {}", came.said).into()),
            None => Ok(()),
        }
    }
}
