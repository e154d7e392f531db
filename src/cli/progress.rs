//! Progress on stderr: a bar or a spinner on a terminal, a line now and then elsewhere, and messages beside it.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::registry::MeterCalls as _;
use crate::registry::ecr::Ecr;
use crate::report::RepositoryReport;
use crate::report::observer::Observer;
use crate::report::plan::RepositoryPlan;
use crate::util::sanitize;

/// A wait that takes no longer is not worth a word.
const PATIENCE: Duration = Duration::from_secs(2);
/// Where there is no terminal: the time between two lines.
const BEAT: Duration = Duration::from_secs(30);
/// How often a bar asks whether ECR throttles.
const LOOK: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(100);

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

/// Takes the bar off the terminal, before the process ends without further ado.
pub(super) fn clear() {
    if let Some(bar) = BAR.lock().unwrap_or_else(PoisonError::into_inner).take() {
        bar.finish_and_clear();
    }
}

/// Makes this the bar above which messages go, unless there is one already.
fn show(bar: &ProgressBar) -> bool {
    let mut shown = BAR.lock().unwrap_or_else(PoisonError::into_inner);
    let is_first = shown.is_none();
    shown.get_or_insert_with(|| bar.clone());
    is_first
}

/// Takes a bar off the terminal that was shown.
fn hide(bar: &ProgressBar, task: &JoinHandle<()>) {
    task.abort();
    *BAR.lock().unwrap_or_else(PoisonError::into_inner) = None;
    bar.finish_and_clear();
}

/// A wait of unknown length: on a terminal a spinner once it takes longer than [`PATIENCE`], elsewhere a line now and
/// then. Nothing of it is left when it is dropped. Of waits within each other only the outer one shows.
pub(super) struct Waiting(Option<(ProgressBar, JoinHandle<()>)>);

impl Waiting {
    pub(super) fn new(what: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if !show(&bar) {
            return Self(None);
        }
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} ({elapsed})") {
            bar.set_style(style);
        }
        bar.set_prefix(what);
        let message = move |elapsed: Duration| format!("{what}, after {} s", elapsed.as_secs());
        let task = match io::stderr().is_terminal() {
            true => tokio::spawn(appear(bar.clone())),
            false => tokio::spawn(heartbeat(say, message)),
        };
        Self(Some((bar, task)))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some((bar, task)) = &self.0 {
            hide(bar, task);
        }
    }
}

async fn appear(bar: ProgressBar) {
    sleep(PATIENCE).await;
    bar.set_draw_target(ProgressDrawTarget::stderr());
    bar.enable_steady_tick(TICK);
}

/// Tells now and then that it is still going on.
async fn heartbeat(tell: impl Fn(&str), message: impl Fn(Duration) -> String) {
    let begun = Instant::now();
    loop {
        sleep(BEAT).await;
        tell(&message(begun.elapsed()));
    }
}

/// Work on repositories, one after the other.
pub(super) struct Progress {
    bar: ProgressBar,
    planning: bool,
    task: JoinHandle<()>,
}

impl Progress {
    /// `indicatif` draws nothing where stderr is no terminal.
    pub(super) fn new(what: &'static str, ecr: &Ecr) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {bar:24} {pos}/{len} {wide_msg}")
        {
            bar.set_style(style);
        }
        bar.set_prefix(what);
        bar.enable_steady_tick(TICK);
        show(&bar);
        let (shown, ecr) = (bar.clone(), ecr.clone());
        let task = match io::stderr().is_terminal() {
            true => tokio::spawn(async move {
                loop {
                    sleep(LOOK).await;
                    shown.set_prefix(format!("{what}{}", throttled(ecr.usage().throttles)));
                }
            }),
            false => tokio::spawn(heartbeat(say, move |elapsed| {
                beat(what, &shown, elapsed) + &throttled(ecr.usage().throttles)
            })),
        };
        Self { bar, planning: what == "planning", task }
    }

    fn step(&self, repository: &str) {
        self.bar.set_message(sanitize::line(repository));
        self.bar.inc(1);
    }
}

/// `planning: 120 of 300 repositories after 40 s`.
fn beat(what: &str, bar: &ProgressBar, elapsed: Duration) -> String {
    let of = bar.length().map_or_else(String::new, |all| format!(" of {all}"));
    format!("{what}: {}{of} repositories after {} s", bar.position(), elapsed.as_secs())
}

/// Why it takes so long, if it is that.
fn throttled(times: u64) -> String {
    match times {
        0 => String::new(),
        1 => ", throttled once by ECR".to_owned(),
        times => format!(", throttled {times} times by ECR"),
    }
}

impl Drop for Progress {
    /// No bar is left behind, however the run ends.
    fn drop(&mut self) {
        hide(&self.bar, &self.task);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn where_there_is_no_terminal_a_line_comes_now_and_then() {
        let told = Mutex::new(Vec::new());
        let tell = |line: &str| told.lock().unwrap().push(line.to_owned());
        let bar = ProgressBar::hidden();
        bar.set_length(300);
        bar.inc(120);
        let beating = heartbeat(tell, |elapsed| beat("planning", &bar, elapsed) + &throttled(2));
        tokio::time::timeout(Duration::from_secs(75), beating).await.unwrap_err();
        let line = |seconds: u64| {
            format!("planning: 120 of 300 repositories after {seconds} s, throttled 2 times by ECR")
        };
        assert_eq!(*told.lock().unwrap(), [line(30), line(60)]);
    }

    #[test]
    fn throttling_is_told_if_there_is_any() {
        assert_eq!((throttled(0), throttled(1)), (String::new(), ", throttled once by ECR".to_owned()));
    }
}
