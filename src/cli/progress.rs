//! A progress bar on stderr, if that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::RepositoryReport;
use crate::report::observer::Observer;
use crate::report::plan::RepositoryPlan;
use crate::util::sanitize;

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
        Self { bar, planning: what == "planning" }
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn step(&self, repository: &str) {
        self.bar.set_message(sanitize::line(repository));
        self.bar.inc(1);
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
