//! A progress bar on stderr, if that is a terminal, and messages beside it.

use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::RepositoryReport;
use crate::report::observer::Observer;
use crate::report::plan::RepositoryPlan;
use crate::util::sanitize;

/// The bar on the terminal, if there is one: messages go above it.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Tells people something on stderr, in one line.
pub(super) fn say(message: &str) {
    note(&format!("ecr-janitor: {message}"));
}

/// Writes lines on stderr as they are. There is nobody to tell if that fails.
pub(super) fn note(lines: &str) {
    let write = || {
        let _ = writeln!(io::stderr().lock(), "{lines}");
    };
    match &*BAR.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

pub(super) struct Progress {
    bar: ProgressBar,
    planning: bool,
}

impl Progress {
    /// `indicatif` draws nothing where stderr is no terminal.
    pub(super) fn new(what: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {bar:24} {pos}/{len} {wide_msg}")
        {
            bar.set_style(style);
        }
        bar.set_prefix(what);
        bar.enable_steady_tick(Duration::from_millis(100));
        *BAR.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
        Self { bar, planning: what == "planning" }
    }

    fn step(&self, repository: &str) {
        self.bar.set_message(sanitize::line(repository));
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    /// No bar is left behind, however the run ends.
    fn drop(&mut self) {
        *BAR.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.bar.finish_and_clear();
    }
}

impl Observer for Progress {
    fn selected(&self, repositories: usize) {
        self.bar.set_length(repositories as u64);
    }

    fn planned(&self, repository: &str, _: Option<&RepositoryPlan>) {
        self.step(repository);
    }

    fn finished(&self, report: &RepositoryReport) {
        if !self.planning {
            self.step(&report.name);
        }
    }
}
