//! Options without an effect on a command: not in its help, and refused.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory as _, ValueEnum as _};

use super::{Cli, Failure, Output};

/// The ids of all options that every command takes.
const ALL: &[&str] = &["config", "repositories", "output", "concurrency", "region", "target", "profile"];

/// The options of all commands that a command has no use for, by their ids.
const WITHOUT_EFFECT: &[(&str, &[&str])] = &[
    ("explain", &["repositories", "concurrency"]),
    ("history", &["concurrency", "target"]),
    ("restore", &["concurrency"]),
    ("doctor", &["concurrency"]),
    ("init", &["config", "repositories", "output", "concurrency", "target"]),
    // It says itself why it does not take --repository.
    ("iam-policy", &["repositories", "output", "concurrency", "target"]),
    ("completions", ALL),
    ("man", ALL),
    ("schema", ALL),
    ("demo", ALL),
    ("emulator", &["config", "repositories", "output", "concurrency", "target", "profile"]),
];
const EXPLAINED: (&str, &str) = ("iam-policy", "repositories");

/// The forms of output that a command has.
fn forms(command: &str) -> &'static [Output] {
    use Output::{Html, Json, Markdown, Summary, Table};
    match command {
        "plan" | "apply" | "fleet" => &[Table, Json, Markdown, Html, Summary],
        "explain" => &[Table, Json, Html],
        _ => &[Table, Json],
    }
}

/// The command line, each command with the options that have an effect on it.
pub(super) fn command() -> Command {
    let command = Cli::command();
    let of_all: Vec<Arg> = command.get_arguments().filter(|it| it.is_global_set()).cloned().collect();
    let names: Vec<String> = command.get_subcommands().map(|it| it.get_name().to_owned()).collect();
    names.iter().fold(command, |command, name| {
        let own = of_all.iter().cloned().filter_map(|it| match it.get_id().as_str() {
            id if !takes(name, id) => Some(it.global(false).hide(true)),
            "output" => Some(it.global(false).value_parser(output(forms(name)))),
            _ => None,
        });
        // An option of its own keeps the one of all commands out.
        command.mut_subcommand(name, |command| command.args(own))
    })
}

/// Reads every form of output, and shows those that a command has: of the others [`check`] says whose they are.
fn output(shown: &'static [Output]) -> impl TypedValueParser<Value = Output> {
    let all = Output::value_variants().iter().filter_map(|it| Some((*it, it.to_possible_value()?)));
    let values = all.map(|(form, value)| value.hide(!shown.contains(&form)));
    PossibleValuesParser::new(values).try_map(|word| Output::from_str(&word, false))
}

/// Whether an option of all commands has an effect on this one.
pub(super) fn takes(command: &str, id: &str) -> bool {
    !WITHOUT_EFFECT.iter().any(|(name, ids)| *name == command && ids.contains(&id))
}

/// Refuses options that would have no effect.
pub(super) fn check(matches: &ArgMatches) -> Result<(), Failure> {
    let Some((name, own)) = matches.subcommand() else { return Ok(()) };
    let useless = WITHOUT_EFFECT.iter().find(|(command, _)| *command == name).map_or(&[][..], |(_, ids)| ids);
    let is_given = |id: &&&str| own.value_source(id) == Some(ValueSource::CommandLine);
    match useless.iter().filter(|id| (name, **id) != EXPLAINED).find(is_given) {
        None => check_output(name, own),
        Some(id) => {
            let option = if *id == "repositories" { "repository" } else { id };
            Err(Failure::Usage(format!(
                "--{option} has no effect on `ecr-janitor {name}`; leave it out (`ecr-janitor {name} --help` lists what has)"
            )))
        }
    }
}

/// Refuses forms of output that a command does not have, before anything is called.
fn check_output(name: &str, own: &ArgMatches) -> Result<(), Failure> {
    let Ok(Some(given)) = own.try_get_one::<Output>("output") else { return Ok(()) };
    if forms(name).contains(given) {
        return Ok(());
    }
    let words: Vec<String> = forms(name).iter().map(|it| it.word()).collect();
    let Some((last, first)) = words.split_last() else { return Ok(()) };
    let others = if *given == Output::Html { "plan, apply and explain" } else { "plan and apply" };
    Err(Failure::Usage(format!(
        "{name} prints {} or {last}; --output {} is for {others}",
        first.join(", "),
        given.word()
    )))
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
    fn a_form_of_output_that_a_command_does_not_have_is_refused_with_those_that_have_it() {
        for (arguments, texts) in [
            (
                &["doctor", "--output", "markdown"][..],
                &["doctor prints table or json", "is for plan and apply"][..],
            ),
            (&["--output", "html", "sources"], &["sources prints table or json", "plan, apply and explain"]),
            (&["explain", "a", "--output", "summary"], &["explain prints table, json or html"]),
        ] {
            let refusal = refusal(arguments).unwrap();
            assert!(texts.iter().all(|text| refusal.contains(text)), "{refusal}");
        }
        assert_eq!(refusal(&["explain", "a", "--output", "html"]), None);
        let matches = command().get_matches_from(["ecr-janitor", "plan", "--output", "markdown"]);
        assert_eq!(Cli::from_arg_matches(&matches).unwrap().common.output, Output::Markdown);
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
            ("apply", "markdown", "no such option"),
            ("explain", "html", "markdown"),
            ("doctor", "json", "html"),
        ] {
            let help = help(name);
            assert!(help.contains(shown) && !help.contains(hidden), "{help}");
        }
        let matches = command().get_matches_from(["ecr-janitor", "--profile", "dev", "plan"]);
        assert_eq!(Cli::from_arg_matches(&matches).unwrap().common.profile.as_deref(), Some("dev"));
    }
}
