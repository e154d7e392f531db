//! `--log FILE`: the lines that the Lambda function would log.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use tracing::Level;

use super::{Failure, level_or};
use crate::config::Mode;
use crate::executor::run_log::RunLog;
use crate::report::{Report, RunIdentity};
use crate::util::logging::{Format, Log};

/// A file of log lines.
pub(super) struct LogFile {
    path: PathBuf,
    file: Arc<Mutex<File>>,
    log: Log,
    lost: Arc<Mutex<Option<io::Error>>>,
}

impl LogFile {
    /// Opens the file, before anything is called.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|error| {
            Failure::Usage(format!("cannot write the log to {}: {error}", path.display()))
        })?;
        Ok(Self::of(path.to_owned(), Arc::new(Mutex::new(file)), Arc::default()))
    }

    fn of(path: PathBuf, file: Arc<Mutex<File>>, lost: Arc<Mutex<Option<io::Error>>>) -> Self {
        let (to, problem) = (Arc::clone(&file), Arc::clone(&lost));
        let log = Log::new(level_or(Level::INFO), Format::Json, move |line| {
            if let Err(error) = append(&to, line) {
                problem.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        });
        Self { path, file, log, lost }
    }

    /// The same file for the lines of one of several runs.
    pub(super) fn fork(&self, run: &RunIdentity) -> Self {
        let fork = Self::of(self.path.clone(), Arc::clone(&self.file), Arc::clone(&self.lost));
        fork.begin(run);
        fork
    }

    /// Every further line is of this run.
    pub(super) fn begin(&self, run: &RunIdentity) {
        self.log.set_common(&json!({
            "service": "ecr-janitor",
            "run_id": run.run_id,
            "account": run.account,
            "region": run.region,
        }));
    }

    /// The lines of a run.
    pub(super) fn lines(&self, mode: Mode) -> RunLog<'_> {
        RunLog { log: &self.log, mode }
    }

    /// Writes the warnings and the last line. Fails if any line could not be written.
    pub(super) fn end(self, report: &Report) -> Result<(), Failure> {
        self.tell(report);
        self.check()
    }

    /// Writes the warnings and the last line of a run.
    pub(super) fn tell(&self, report: &Report) {
        for warning in &report.warnings {
            self.log.line(Level::WARN, "warning", &json!({"detail": warning}));
        }
        self.lines(report.mode).run(report);
    }

    /// Fails if any line could not be written.
    pub(super) fn check(self) -> Result<(), Failure> {
        match self.lost.lock().unwrap_or_else(PoisonError::into_inner).take() {
            None => Ok(()),
            Some(error) => Err(Failure::output_lost(&self.path.display().to_string(), &error)),
        }
    }
}

/// One write a line, so that lines of several programs do not mix.
fn append(file: &Mutex<File>, line: &str) -> io::Result<()> {
    file.lock().unwrap_or_else(PoisonError::into_inner).write_all(format!("{line}\n").as_bytes())
}
