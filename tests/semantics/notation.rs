//! The notation of the examples; the document describes it. Whatever is not in it is an error.

use ecr_emulator::{Fault, FaultRule, When};
use serde_json::Value;

use super::document::{Example, Problem};
use crate::harness::trouble;

/// An example, understood.
pub(super) struct Script {
    pub(super) promise: usize,
    pub(super) line: usize,
    pub(super) steps: Vec<(usize, Step)>,
}

pub(super) enum Step {
    /// A line of janitor.toml, with its key.
    Setting { key: String, line: String },
    /// A repository that is there from now on, and that the next steps are about.
    Repository(String),
    /// A resource tag of the repository.
    Label { key: String, value: String },
    /// Something is pushed.
    Push(Push),
    /// Something happens to images that are there.
    Happens { name: String, what: Event },
    /// Calls go wrong from now on.
    Trouble(FaultRule),
    /// Calls of this operation are not answered from now on.
    NeverAnswers(String),
    /// Ctrl-C in the first call of this operation by the next command.
    Interrupt(String),
    /// A pull-through cache rule with this prefix.
    PullThrough(String),
    /// A replication rule for this prefix, which carries deletions.
    Replication(String),
    /// Runs remember, and back up what they delete.
    Remember,
    /// The saved plan was made so many days ago.
    AgePlan(i64),
    /// Somebody edits the saved plan.
    EditPlan { from: String, to: String },
    /// A command, and what is said to come of it.
    Run { command: Command, expectations: Vec<(usize, Expectation)> },
}

pub(super) struct Push {
    pub(super) name: String,
    pub(super) count: u64,
    pub(super) what: What,
    pub(super) days_ago: i64,
    pub(super) tag: Option<String>,
}

pub(super) enum What {
    Build { legacy: bool },
    Rebuild(String),
    Orphan { legacy: bool },
    Image,
    Signature(String),
    SignatureTag(String),
    SociIndex(String),
    SociIndexV2(String),
    Cache,
    Chart,
    Statements,
    Index(Vec<Child>),
}

/// What an index lists, and as what.
pub(super) struct Child {
    pub(super) name: String,
    pub(super) role: Role,
}

pub(super) enum Role {
    Unsaid,
    Image,
    AttestationOf(String),
}

pub(super) enum Event {
    GetsTag(String),
    TakesTags { of: String },
    IsDeleted,
    IsArchived,
    IsBeingActivated,
    IsPushedAgain,
    WasPulled { days_ago: i64 },
    WasRestored { days_ago: i64 },
    HasDamagedBytes,
    HasNoKnownAge,
    IsInUse,
}

pub(super) enum Command {
    /// With variables for this command alone, and perhaps a file that takes what it prints.
    Cli {
        variables: Vec<(String, String)>,
        arguments: String,
        output: Option<String>,
    },
    Invoke {
        event: Value,
        seconds: Option<u64>,
    },
}

pub(super) enum Expectation {
    Decision { name: String, fields: Vec<(String, String)> },
    LeftAlone { repository: String, reason: String },
    Restored(String),
    Field { path: String, value: Value },
    Says(String),
    NoCall,
    End(End),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Exit(i32),
    InvocationFails,
}

impl Script {
    pub(super) fn problem(&self, line: usize, text: impl Into<String>) -> Problem {
        Problem { promise: self.promise, line, text: text.into() }
    }
}

/// Understands an example, or says what in it cannot be understood.
pub(super) fn parse(example: &Example<'_>) -> Result<Script, Problem> {
    let mut script = Script { promise: example.promise, line: example.line, steps: Vec::new() };
    for (number, line) in &example.lines {
        let text = line.split(" # ").next().unwrap_or_default().trim_end();
        if !text.is_empty() {
            add(&mut script.steps, *number, text)
                .map_err(|what| script.problem(*number, format!("{what}: {text:?}")))?;
        }
    }
    match script.steps.iter().any(|(_, step)| matches!(step, Step::Run { .. })) {
        true => Ok(script),
        false => Err(script.problem(script.line, "its example runs no command")),
    }
}

fn add(steps: &mut Vec<(usize, Step)>, number: usize, text: &str) -> Result<(), String> {
    let Some(inner) = text.strip_prefix("  ") else {
        steps.push((number, outer(text)?));
        return Ok(());
    };
    match steps.last_mut() {
        Some((_, Step::Run { expectations, .. })) => expectations.push((number, expectation(inner)?)),
        Some((_, Step::Repository(_) | Step::Label { .. } | Step::Push(_) | Step::Happens { .. })) => {
            steps.push((number, inside(inner)?));
        }
        _ => return Err("it is indented, but below no repository and no command".to_owned()),
    }
    Ok(())
}

fn unknown() -> String {
    "the notation has no such line".to_owned()
}

fn words(text: &str) -> Vec<&str> {
    text.split(' ').collect()
}

/// A line that is not indented.
fn outer(text: &str) -> Result<Step, String> {
    if let Some(command) = text.strip_prefix("$ ") {
        return Ok(Step::Run { command: self::command(command)?, expectations: Vec::new() });
    }
    if let Some((key, _)) = text.split_once(" = ")
        && !key.contains(' ')
    {
        return Ok(Step::Setting { key: key.to_owned(), line: text.to_owned() });
    }
    if let Some(name) = text.strip_prefix("repository ") {
        return Ok(Step::Repository(name.to_owned()));
    }
    if text == "runs remember" {
        return Ok(Step::Remember);
    }
    if let ["plan.json", "is", days, "days", "old"] = *words(text) {
        return Ok(Step::AgePlan(number(days)?));
    }
    if let Some(edit) = text.strip_prefix("in plan.json ") {
        let (from, to) = edit.split_once(" becomes ").ok_or_else(unknown)?;
        return Ok(Step::EditPlan { from: from.to_owned(), to: to.to_owned() });
    }
    if let Some(prefix) = text.strip_prefix("pull-through cache rule for ") {
        return Ok(Step::PullThrough(prefix.to_owned()));
    }
    if let Some(operation) = text.strip_prefix("Ctrl-C during ecr:") {
        return Ok(Step::Interrupt(operation.to_owned()));
    }
    if let Some(prefix) = text.strip_prefix("replication rule for ") {
        return Ok(Step::Replication(prefix.to_owned()));
    }
    let (operation, what) =
        text.strip_prefix("ecr:").and_then(|text| text.split_once(' ')).ok_or_else(unknown)?;
    trouble_with(operation, what)
}

fn trouble_with(operation: &str, what: &str) -> Result<Step, String> {
    let (what, repository) = match what.split_once(" in ") {
        Some((what, repository)) => (what, Some(repository.to_owned())),
        None => (what, None),
    };
    let (when, fault) = match (what, &repository) {
        ("is denied", _) => (When::Always, Fault::AccessDenied),
        ("fails", _) => (When::Always, Fault::ServerError),
        ("is throttled once", _) => (When::Nth(1), Fault::Throttle),
        ("loses one answer", _) => (When::Nth(1), Fault::DropAfter),
        ("never answers", None) => return Ok(Step::NeverAnswers(operation.to_owned())),
        _ => return Err(unknown()),
    };
    Ok(Step::Trouble(FaultRule { repository, ..trouble(operation, when, fault) }))
}

fn command(text: &str) -> Result<Command, String> {
    match text.strip_prefix("invoke ") {
        Some(invocation) => invoke(invocation),
        None => cli(text),
    }
}

fn cli(text: &str) -> Result<Command, String> {
    let (before, arguments) =
        text.split_once("ecr-janitor ").ok_or("it is neither `ecr-janitor` nor `invoke`")?;
    let variable = |word: &str| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let variables = before.split_whitespace().map(|word| variable(word).ok_or_else(unknown));
    let variables = variables.collect::<Result<_, _>>()?;
    let (arguments, output) = match arguments.split_once(" > ") {
        Some((arguments, file)) => (arguments, Some(file.to_owned())),
        None => (arguments, None),
    };
    Ok(Command::Cli { variables, arguments: arguments.to_owned(), output })
}

fn invoke(invocation: &str) -> Result<Command, String> {
    let (event, seconds) = match invocation.split_once(" within ") {
        Some((event, time)) => (event, Some(number(time.strip_suffix(" seconds").ok_or_else(unknown)?)?)),
        None => (invocation, None),
    };
    let event = match event.starts_with("events/") {
        true => std::fs::read_to_string(format!("{}/{event}", env!("CARGO_MANIFEST_DIR")))
            .map_err(|error| error.to_string())?,
        false => event.to_owned(),
    };
    let event = serde_json::from_str(&event).map_err(|error| format!("its event is no JSON, {error}"))?;
    Ok(Command::Invoke { event, seconds })
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} is no number"))
}

/// A line inside a repository.
fn inside(text: &str) -> Result<Step, String> {
    if let Some((name, what)) = text.split_once(": ") {
        return push(name, what).map(Step::Push);
    }
    if let Some(label) = text.strip_prefix("resource tag ") {
        let (key, value) = label.split_once('=').ok_or("a resource tag is KEY=VALUE")?;
        return Ok(Step::Label { key: key.to_owned(), value: value.to_owned() });
    }
    let (name, what) = text.split_once(' ').ok_or_else(unknown)?;
    Ok(Step::Happens { name: name.to_owned(), what: event(what)? })
}

fn event(text: &str) -> Result<Event, String> {
    Ok(match *words(text) {
        ["gets", "tag", tag] => Event::GetsTag(tag.to_owned()),
        ["takes", "the", "tags", "of", name] => Event::TakesTags { of: name.to_owned() },
        ["is", "deleted"] => Event::IsDeleted,
        ["is", "archived"] => Event::IsArchived,
        ["is", "being", "activated"] => Event::IsBeingActivated,
        ["is", "pushed", "again"] => Event::IsPushedAgain,
        ["was", "pulled", days, "days" | "day", "ago"] => Event::WasPulled { days_ago: number(days)? },
        ["was", "restored", days, "days" | "day", "ago"] => Event::WasRestored { days_ago: number(days)? },
        ["has", "damaged", "bytes"] => Event::HasDamagedBytes,
        ["has", "no", "known", "age"] => Event::HasNoKnownAge,
        ["is", "in", "use"] => Event::IsInUse,
        _ => return Err(unknown()),
    })
}

fn push(name: &str, text: &str) -> Result<Push, String> {
    let mut parts = text.split(", ");
    let (count, what) = what(parts.next().unwrap_or_default())?;
    let mut push = Push { name: name.to_owned(), count, what, days_ago: 60, tag: None };
    for part in parts {
        match *words(part) {
            [days, "days" | "day", "old"] => push.days_ago = number(days)?,
            ["tag", tag] => push.tag = Some(tag.to_owned()),
            _ => return Err(format!("{part:?} is neither an age nor a tag")),
        }
    }
    Ok(push)
}

fn what(text: &str) -> Result<(u64, What), String> {
    let owned = |name: &str| name.to_owned();
    let what = match *words(text) {
        ["build"] => What::Build { legacy: false },
        ["legacy", "build"] => What::Build { legacy: true },
        ["rebuild", "of", build] => What::Rebuild(owned(build)),
        ["orphan"] => What::Orphan { legacy: false },
        ["legacy", "orphan"] => What::Orphan { legacy: true },
        [count, "orphans"] => return Ok((number(count)?, What::Orphan { legacy: false })),
        ["image"] => What::Image,
        [count, "builds"] => return Ok((number(count)?, What::Build { legacy: false })),
        [count, "images"] => return Ok((number(count)?, What::Image)),
        ["signature", "of", subject] => What::Signature(owned(subject)),
        ["signature", "by", "tag", "of", subject] => What::SignatureTag(owned(subject)),
        ["SOCI", "index", "of", image] => What::SociIndex(owned(image)),
        ["SOCI", "v2", "index", "of", image] => What::SociIndexV2(owned(image)),
        ["cache"] => What::Cache,
        ["chart"] => What::Chart,
        ["statements"] => What::Statements,
        ["index", "of", ..] => {
            What::Index(text["index of ".len()..].split(" and ").map(child).collect::<Result<_, _>>()?)
        }
        _ => return Err(format!("the notation has no {text:?}")),
    };
    Ok((1, what))
}

fn child(text: &str) -> Result<Child, String> {
    let (name, role) = match *words(text) {
        [name] => (name, Role::Unsaid),
        [name, "as", "image"] => (name, Role::Image),
        [name, "as", "attestation", "of", image] => (name, Role::AttestationOf(image.to_owned())),
        _ => return Err(format!("an index cannot list {text:?}")),
    };
    Ok(Child { name: name.to_owned(), role })
}

/// A line below a command.
fn expectation(text: &str) -> Result<Expectation, String> {
    if let Some(said) = text.strip_prefix("says ") {
        return Ok(Expectation::Says(said.to_owned()));
    }
    if let Some((path, value)) = text.split_once(" = ") {
        let value = serde_json::from_str(value).map_err(|error| format!("no JSON, {error}"))?;
        return Ok(Expectation::Field { path: path.to_owned(), value });
    }
    if let Some((name, said)) = text.split_once(": ") {
        return decision(name, said);
    }
    Ok(match *words(text) {
        ["exit", code] => Expectation::End(End::Exit(number(code)?)),
        ["the", "invocation", "fails"] => Expectation::End(End::InvocationFails),
        [name, "is", "restored"] => Expectation::Restored(name.to_owned()),
        ["no", "API", "call"] => Expectation::NoCall,
        _ => return Err(unknown()),
    })
}

fn decision(name: &str, said: &str) -> Result<Expectation, String> {
    let name = name.to_owned();
    let (reason, others) = match said.split_once(", ") {
        Some((reason, others)) => (reason.to_owned(), others),
        None => return Ok(Expectation::LeftAlone { repository: name, reason: said.to_owned() }),
    };
    let (outcome, others) = others.split_once(", ").unwrap_or((others, ""));
    let mut fields = vec![("reason".to_owned(), reason), ("outcome".to_owned(), outcome.to_owned())];
    for other in others.split(", ").filter(|other| !other.is_empty()) {
        let (key, value) =
            other.split_once(' ').ok_or_else(|| format!("{other:?} is no field and its value"))?;
        fields.push((key.to_owned(), value.to_owned()));
    }
    Ok(Expectation::Decision { name, fields })
}
