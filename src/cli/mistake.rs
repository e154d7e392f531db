//! What the parser of the command line refuses, in one line, with what may have been meant.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::effect;
use crate::util::shell::quoted;

/// Options of other programs, and what they are called here.
const ELSEWHERE: &[(&[&str], &str)] = &[
    (
        &["--dry-run", "--dryrun", "-n"],
        "`ecr-janitor plan` shows what would be done and changes nothing (and `ecr-janitor history RUN_ID` what a restore would bring back)",
    ),
    (&["--auto-approve", "--force", "-f"], "the option that answers the question is --yes"),
    (&["--verbose", "-v"], "plan and apply show each image with --details"),
    (&["--json"], "that is --output json"),
    (&["--format", "-o"], "the option is --output, as in --output json"),
    (&["--quiet", "-q"], "for a few lines only, there is --output summary"),
];

/// The refusal of these arguments in one line.
pub(super) fn message(error: &clap::Error, arguments: &[String]) -> String {
    let program = effect::command();
    let command = arguments.iter().find(|it| program.find_subcommand(it).is_some());
    let own = command.and_then(|command| hint(error, command));
    let rendered = error.render().to_string();
    let mut message = String::new();
    for line in rendered.lines().map(str::trim).take_while(|line| !is_end(line)) {
        match line.strip_prefix("tip: ") {
            Some(_) if own.is_some() => {}
            Some(tip) => message += &format!("; {tip}"),
            None if line.is_empty() => {}
            None if message.is_empty() => message += line.strip_prefix("error: ").unwrap_or(line),
            None => message += &format!(" {line}"),
        }
    }
    message.extend(own.map(|own| format!("; {own}")));
    let command = command.map(|command| format!(" {command}")).unwrap_or_default();
    message + &format!("; see `ecr-janitor{command} --help`")
}

fn is_end(line: &str) -> bool {
    line.starts_with("Usage:") || line.starts_with("For more information")
}

/// What may have been meant, where the parser cannot know it.
fn hint(error: &clap::Error, command: &str) -> Option<String> {
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else { return None };
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    if !given.starts_with('-') && effect::takes(command, "repositories") {
        return Some(format!("to choose repositories, give --repository {}", quoted(given)));
    }
    let found = ELSEWHERE.iter().find(|(options, _)| options.contains(&given.as_str()));
    found.map(|(_, hint)| (*hint).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(arguments: &[&str]) -> String {
        let arguments: Vec<String> =
            ["ecr-janitor"].iter().chain(arguments).map(ToString::to_string).collect();
        message(&effect::command().try_get_matches_from(&arguments).unwrap_err(), &arguments)
    }

    #[test]
    fn what_other_programs_call_otherwise_is_told_in_one_line() {
        for (arguments, texts) in [
            (
                &["plan", "team/api"][..],
                &["'team/api'", "give --repository team/api", "`ecr-janitor plan --help`"][..],
            ),
            (&["plan", "team/*"], &["give --repository 'team/*'"]),
            (&["doctor", "team/api"], &["give --repository team/api"]),
            (&["apply", "--dry-run"], &["'--dry-run'", "`ecr-janitor plan` shows"]),
            (&["apply", "--auto-approve"], &["--yes"]),
            (&["plan", "--regoin", "x"], &["'--regoin'", "a similar argument exists: '--region'"]),
            (&["plan", "--output", "xml"], &["'xml'", "[possible values: table, json"]),
            (&["plan", "--max-deletions", "-1"], &["'-1'", "a whole number of 0 or more"]),
            (&["emulator", "--port", "x"], &["'x'", "a number from 0 to 65535"]),
            (&["explain"], &["<IMAGE>", "`ecr-janitor explain --help`"]),
            (&["plon"], &["'plon'", "'plan'", "`ecr-janitor --help`"]),
        ] {
            let message = refused(arguments);
            assert!(texts.iter().all(|text| message.contains(text)), "{message}");
            assert!(!message.contains('\n') && !message.contains("tip:"), "{message}");
        }
    }
}
