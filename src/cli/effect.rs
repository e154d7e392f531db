//! Options without an effect on a command: not in its help, and refused.

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory as _};

use super::{Cli, Failure};

/// The ids of all options that every command takes.
const ALL: &[&str] = &["config", "repositories", "output", "concurrency", "region", "profile"];

/// The options of all commands that a command has no use for, by their ids.
const WITHOUT_EFFECT: &[(&str, &[&str])] = &[
    ("explain", &["repositories", "concurrency"]),
    ("history", &["concurrency"]),
    ("restore", &["concurrency"]),
    ("doctor", &["concurrency"]),
    ("init", &["config", "repositories", "output", "concurrency"]),
    // It says itself why it does not take --repository.
    ("iam-policy", &["repositories", "output", "concurrency"]),
    ("completions", ALL),
    ("man", ALL),
    ("schema", ALL),
    ("demo", ALL),
    ("emulator", &["config", "repositories", "output", "concurrency", "profile"]),
];
const EXPLAINED: (&str, &str) = ("iam-policy", "repositories");

/// The command line, each command with the options that have an effect on it.
pub(super) fn command() -> Command {
    let command = Cli::command();
    let of_all: Vec<Arg> = command.get_arguments().filter(|it| it.is_global_set()).cloned().collect();
    WITHOUT_EFFECT.iter().fold(command, |command, (name, ids)| {
        let useless = of_all.iter().filter(|it| ids.contains(&it.get_id().as_str()));
        let hidden = useless.map(|it| it.clone().global(false).hide(true));
        // An option of its own keeps the one of all commands out.
        command.mut_subcommand(name, |own| own.args(hidden))
    })
}

/// Refuses options that would have no effect.
pub(super) fn check(matches: &ArgMatches) -> Result<(), Failure> {
    let Some((name, own)) = matches.subcommand() else { return Ok(()) };
    let useless = WITHOUT_EFFECT.iter().find(|(command, _)| *command == name).map_or(&[][..], |(_, ids)| ids);
    let is_given = |id: &&&str| own.value_source(id) == Some(ValueSource::CommandLine);
    match useless.iter().filter(|id| (name, **id) != EXPLAINED).find(is_given) {
        None => Ok(()),
        Some(id) => {
            let option = if *id == "repositories" { "repository" } else { id };
            Err(Failure::Usage(format!(
                "--{option} has no effect on `ecr-janitor {name}`; leave it out (`ecr-janitor {name} --help` lists what has)"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches as _;

    use super::*;

    fn refusal(arguments: &[&str]) -> Option<String> {
        let arguments = ["ecr-janitor"].iter().chain(arguments);
        match check(&command().get_matches_from(arguments)) {
            Ok(()) => None,
            Err(Failure::Usage(message)) => Some(message),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn an_option_without_an_effect_is_refused_wherever_it_stands() {
        for arguments in [
            &["demo", "--region", "eu-west-1"][..],
            &["--output", "json", "emulator"],
            &["history", "--concurrency", "4"],
            &["iam-policy", "--output", "json"],
        ] {
            let refusal = refusal(arguments).unwrap();
            assert!(refusal.contains("has no effect on"), "{refusal}");
        }
        for arguments in [
            &["emulator", "--region", "eu-west-1"][..],
            &["--output", "json", "history", "--repository", "a"],
            &["plan", "--concurrency", "4"],
            &["iam-policy", "--repository", "a"],
        ] {
            assert_eq!(refusal(arguments), None, "{arguments:?}");
        }
    }

    #[test]
    fn help_shows_what_has_an_effect_and_options_may_stand_before_the_command() {
        let help = |name: &str| {
            let mut command = command();
            command.build();
            command.find_subcommand_mut(name).unwrap().render_help().to_string()
        };
        for (name, shown, hidden) in [
            ("demo", "--mode", "--region"),
            ("emulator", "--region", "--profile"),
            ("iam-policy", "--profile", "--concurrency"),
            ("history", "--repository", "--concurrency"),
            ("plan", "--concurrency", "no such option"),
        ] {
            let help = help(name);
            assert!(help.contains(shown) && !help.contains(hidden), "{help}");
        }
        let matches = command().get_matches_from(["ecr-janitor", "--profile", "dev", "plan"]);
        assert_eq!(Cli::from_arg_matches(&matches).unwrap().common.profile.as_deref(), Some("dev"));
    }
}
