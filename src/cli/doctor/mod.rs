//! `doctor`: whether a run would find all that it needs. Changes nothing, and reads no image.

mod check;
mod exclusions;
mod in_use;
mod lifecycle;
mod permissions;
mod replication;
mod state;
mod text;

use serde::Serialize;

use self::check::{Check, Status};
use super::progress::Waiting;
use super::session::Session;
use super::stdout::{print_json, print_text, width};
use super::targets::{self, Sections};
use super::{Common, Failure, Output, next, signals};
use crate::cli::exit_code::ExitCode;
use crate::config::Config;
use crate::planner::selection::Selection;
use crate::registry::CallErrorKind;
use crate::registry::caller::Caller;
use crate::render::words::counted;
use crate::report::{RepositoryReason, SCHEMA_VERSION};
use crate::util::sanitize;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The role of the Lambda function: its ARN or name. Its pull-time exclusion is checked too. May be repeated
    #[arg(long = "function-role", value_name = "ROLE")]
    function_roles: Vec<String>,
}

/// What the doctor found.
#[derive(Debug, Serialize)]
pub(super) struct Findings {
    schema_version: u32,
    account: Option<String>,
    region: Option<String>,
    configuration: String,
    checks: Vec<Check>,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<ExitCode, Failure> {
    let config = common.config()?;
    let deadline = signals::watch();
    let waiting = Waiting::new("checking");
    let mut all = match targets::sessions(common, &config, &deadline).await {
        Ok(all) => all,
        Err(Failure::NothingDone(why)) => {
            let mut findings = Findings::new(&config);
            findings.add(Check::fatal("Targets", why));
            drop(waiting);
            return print_one(common, &findings);
        }
        Err(failure) => return Err(failure),
    };
    if all.len() == 1
        && let Some((_, session)) = all.pop()
    {
        let findings = of_registry(common, args, &config, session).await?;
        drop(waiting);
        return print_one(common, &findings);
    }
    let mut sections = Sections::default();
    let mut codes = Vec::new();
    for (registry, session) in all {
        let findings = of_registry(common, args, &config, session).await;
        codes.extend(findings.as_ref().map(Findings::exit_code));
        sections.add(&registry, findings);
    }
    drop(waiting);
    match common.output {
        Output::Json => print_json(&sections)?,
        _ => print_text(&sections.text(|it| text::findings(it, &next::place(common), width())))?,
    }
    let is_well = |code: &ExitCode| *code == ExitCode::Done;
    Ok(match () {
        () if codes.iter().all(|code| *code == ExitCode::NothingDone) => ExitCode::NothingDone,
        () if sections.has_errors() || !codes.iter().all(is_well) => ExitCode::Failures,
        () => ExitCode::Done,
    })
}

fn print_one(common: &Common, findings: &Findings) -> Result<ExitCode, Failure> {
    match common.output {
        Output::Json => print_json(findings)?,
        _ => print_text(&text::findings(findings, &next::place(common), width()))?,
    }
    Ok(findings.exit_code())
}

/// What is found in one registry, as far as it can be reached.
async fn of_registry(
    common: &Common,
    args: &Args,
    config: &Config,
    session: Result<Session, Failure>,
) -> Result<Findings, Failure> {
    let mut findings = Findings::new(config);
    match look(common, args, session, &mut findings).await {
        Err(failure @ (Failure::Usage(_) | Failure::Interrupted)) => Err(failure),
        _ => Ok(findings),
    }
}

/// Looks at one thing after the other, as far as each rests on those before.
async fn look(
    common: &Common,
    args: &Args,
    session: Result<Session, Failure>,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let narrow = common.narrow()?;
    let mut session = match session {
        Err(Failure::NothingDone(why)) => {
            let subject = if why.contains("AssumeRole") { "Role" } else { "Region" };
            return findings.end(Check::fatal(subject, why));
        }
        opened => opened?,
    };
    findings.add(Check::ok("Region", session.ecr.region()));
    findings.region = Some(session.ecr.region().to_owned());
    let caller = identity(&session, findings).await?;
    let selection = match session.select(narrow.as_ref()).await {
        Err(Failure::NothingDone(why)) => return findings.end(Check::fatal("Registry", why)),
        selected => selected?,
    };
    findings.account.clone_from(&selection.registry);
    findings.extend(registry(&session.config, &selection));
    findings.extend(permissions::look(&session, &selection).await);
    findings.extend(exclusions::look(&session, caller.as_ref(), &args.function_roles).await);
    findings.extend(state::look(&session).await);
    findings.extend(in_use::look(&session).await);
    findings.add(replication::look(&session, &selection).await);
    findings.add(lifecycle::look(&session, &selection).await);
    if session.deadline.was_interrupted() { Err(Failure::Interrupted) } else { Ok(()) }
}

/// Whose credentials are in use. Where STS cannot be reached, ECR may be all the same.
async fn identity(session: &Session, findings: &mut Findings) -> Result<Option<Caller>, Failure> {
    use CallErrorKind::{
        ClockSkew, DeadlineExceeded, ExpiredCredentials, InvalidCredentials, InvalidSettings, NoCredentials,
    };
    match session.deadline.call(Caller::of(&session.sdk)).await {
        Ok(caller) => {
            findings.add(Check::ok("Identity", sanitize::line(&caller.arn)));
            findings.account = Some(caller.account.clone());
            Ok(Some(caller))
        }
        Err(error) if error.kind == DeadlineExceeded => Err(Failure::Interrupted),
        Err(error) => match error.kind {
            NoCredentials | ExpiredCredentials | InvalidCredentials | ClockSkew | InvalidSettings => {
                let why = session.remedy(&error);
                Err(findings.end(Check::fatal("Identity", why)).err().unwrap_or(Failure::Interrupted))
            }
            _ => {
                let why = format!("unknown; no run needs it: {}", sanitize::line(&error.to_string()));
                findings.add(Check::warn("Identity", why));
                Ok(None)
            }
        },
    }
}

fn registry(config: &Config, selection: &Selection) -> Vec<Check> {
    const SUBJECT: &str = "Registry";
    let with = |reason| selection.repositories.iter().filter(|it| it.skip == reason).count();
    let mut text = format!("{} selected", counted(with(None), "repository"));
    for (reason, what) in [
        (RepositoryReason::NotSelected, "not selected"),
        (RepositoryReason::PullThroughCache, "filled by pull-through cache rules"),
        (RepositoryReason::RepositoryGone, "named in the configuration and missing"),
    ] {
        let count = with(Some(reason));
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    let warnings = selection.warnings(config).into_iter().map(|it| Check::warn(SUBJECT, it));
    [Check::ok(SUBJECT, text)].into_iter().filter(|_| with(None) > 0).chain(warnings).collect()
}

impl Findings {
    fn new(config: &Config) -> Self {
        let configuration = config.describe();
        let mut checks = vec![Check::ok("Configuration", configuration.clone())];
        checks.extend(config.warnings().into_iter().map(|it| Check::warn("Configuration", it)));
        Self { schema_version: SCHEMA_VERSION, account: None, region: None, configuration, checks }
    }

    fn add(&mut self, check: Check) {
        self.checks.push(check);
    }

    fn extend(&mut self, checks: Vec<Check>) {
        self.checks.extend(checks);
    }

    /// Ends the examination: what would come next rests on this.
    fn end(&mut self, check: Check) -> Result<(), Failure> {
        let why = check.text.clone();
        self.add(check);
        Err(Failure::NothingDone(why))
    }

    fn count(&self, status: Status) -> usize {
        self.checks.iter().filter(|it| it.status == status).count()
    }

    fn exit_code(&self) -> ExitCode {
        match self.checks.iter().any(|it| it.is_fatal) {
            true => ExitCode::NothingDone,
            false if self.count(Status::Fail) > 0 => ExitCode::Failures,
            false => ExitCode::Done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_that_of_the_worst_finding() {
        let code = |checks: Vec<Check>| {
            let findings = Findings::new(&Config::default());
            Findings { checks, ..findings }.exit_code()
        };
        assert_eq!(code(vec![Check::ok("a", ""), Check::warn("b", "")]), ExitCode::Done);
        assert_eq!(code(vec![Check::fail("a", ""), Check::warn("b", "")]), ExitCode::Failures);
        assert_eq!(code(vec![Check::fatal("a", ""), Check::fail("b", "")]), ExitCode::NothingDone);
    }
}
