//! The real program, as a process of its own: how long it takes, and how much memory it needs at most.

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::floor::{Calls, Task};

/// A run of the program.
pub(crate) struct Ran {
    pub(crate) wall: Duration,
    /// Known on Linux only.
    pub(crate) needs: Option<Needs>,
    pub(crate) totals: Totals,
}

/// What a process took of the machine so far.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Needs {
    /// The most memory it ever had resident.
    pub(crate) peak_bytes: u64,
    /// Its time on all processors together, to 10 ms.
    pub(crate) cpu_ms: u64,
}

/// What the benchmark wants of the report.
#[derive(Deserialize)]
pub(crate) struct Totals {
    pub(crate) api_calls: Calls,
    pub(crate) planned: u64,
    pub(crate) deleted: u64,
    pub(crate) throttles: u64,
}

#[derive(Deserialize)]
struct Report {
    complete: bool,
    totals: Totals,
}

/// Runs the program against the registry at `url`.
pub(crate) fn run(url: &str, task: Task, concurrency: Option<u64>, state: &Path) -> Result<Ran> {
    time(&mut command(url, task, concurrency, state)?)
}

/// Makes a plan with these variables on top.
pub(crate) fn plan_with(url: &str, task: Task, state: &Path, variables: &[(&str, &str)]) -> Result<Ran> {
    time(command(url, task, None, state)?.envs(variables.iter().copied()))
}

fn time(command: &mut Command) -> Result<Ran> {
    let started = Instant::now();
    let mut child = command.spawn()?;
    let (output, needs) = drain(&mut child)?;
    let mut complaints = String::new();
    child.stderr.take().ok_or("no stderr")?.read_to_string(&mut complaints)?;
    let status = child.wait()?;
    let wall = started.elapsed();
    if !status.success() {
        return Err(format!("ecr-janitor: {status}: {complaints}").into());
    }
    let report: Report = serde_json::from_slice(&output)?;
    if !report.complete {
        return Err(format!("the run left something undone: {complaints}").into());
    }
    Ok(Ran { wall, needs, totals: report.totals })
}

/// Nothing of the environment is passed on: neither a profile nor a JANITOR_ variable may change the run.
fn command(url: &str, task: Task, concurrency: Option<u64>, state: &Path) -> Result<Command> {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let nothing = scratch.join("floor-empty.toml");
    std::fs::write(&nothing, "")?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_ecr-janitor"));
    command
        .arg(if task.applies { "apply" } else { "plan" })
        .args(task.applies.then_some("--yes"))
        .args(["--output", "json", "--concurrency"])
        .arg(concurrency.map_or("auto".to_owned(), |number| number.to_string()))
        .arg("--config")
        .arg(&nothing)
        .current_dir(scratch)
        .env_clear()
        .env("AWS_ENDPOINT_URL_ECR", url)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "x")
        .env("AWS_SECRET_ACCESS_KEY", "x")
        .env("AWS_CONFIG_FILE", &nothing)
        .env("AWS_SHARED_CREDENTIALS_FILE", &nothing)
        .env("JANITOR_MAX_DELETIONS", "1000000")
        .env("JANITOR_MAX_IMAGES_SHARE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if task.remembers {
        command.env("JANITOR_MEMORY_LOCATION", state);
    } else {
        command.env("JANITOR_MEMORY_LOCATION", "none");
    }
    if task.backs_up {
        command.env("JANITOR_BACKUP_LOCATION", state);
    } else {
        command.env("JANITOR_BACKUP_KEEP", "0d");
    }
    if task.superseded {
        command
            .env("JANITOR_SUPERSEDED_SINCE", "push")
            .env("JANITOR_SUPERSEDED", "delete")
            .env("JANITOR_SUPERSEDED_AFTER", "30d")
            .env("JANITOR_KEEP_PULLED_WITHIN", "0h");
    }
    Ok(command)
}

/// Reads what the program prints. Its needs are looked at before each piece: the kernel keeps the peak, and while the
/// report is on its way the program cannot end, because a pipe holds no more than a piece of it.
fn drain(child: &mut Child) -> Result<(Vec<u8>, Option<Needs>)> {
    let id = child.id();
    let mut stdout = child.stdout.take().ok_or("no stdout")?;
    let (mut output, mut last) = (Vec::new(), None);
    let mut piece = [0; 16 * 1024];
    loop {
        let length = stdout.read(&mut piece)?;
        if length == 0 {
            return Ok((output, last));
        }
        last = needs(id).or(last);
        output.extend_from_slice(&piece[..length]);
    }
}

/// Nothing for a process that has ended, and where there is no `/proc`.
fn needs(process: u32) -> Option<Needs> {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{process}/{file}")).ok();
    let status = read("status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let peak: u64 = peak.trim().strip_suffix("kB")?.trim().parse().ok()?;
    // After the name, in parentheses: user and system time are the 12th and 13th field, in hundredths of a second.
    let stat = read("stat")?;
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks: u64 = ticks.sum::<std::result::Result<u64, _>>().ok()?;
    Some(Needs { peak_bytes: peak * 1024, cpu_ms: ticks * 10 })
}
