//! What to run next, with the options of this run that the next one needs too.

use std::path::Path;

use super::{Common, RunArgs};
use crate::config::FILE_NAME;
use crate::report::Report;
use crate::util::shell::quoted;

/// The command that does what a plan shows, if it shows anything to do.
pub(super) fn after_plan(report: &Report, common: &Common, args: &RunArgs) -> Option<String> {
    if report.totals.counts.planned == 0 {
        return None;
    }
    let options = options(common, args);
    let apply = format!("ecr-janitor apply{options}  (asks first)");
    Some(match args.details {
        true => format!("Next: {apply}"),
        false => format!("Next: ecr-janitor plan{options} --details  (each image)\n      {apply}"),
    })
}

/// The command that carries out a saved plan.
pub(super) fn after_saving(path: &str, common: &Common) -> String {
    format!("ecr-janitor apply {}{}", quoted(path), place(common))
}

/// The options with which a command takes the configuration that was just written.
pub(super) fn after_init(written: &Path, common: &Common) -> String {
    let config = (written != Path::new(FILE_NAME)).then(|| written.to_path_buf());
    options_of_place(config.as_deref(), common)
}

/// The options that choose what a run works on, and how much of it.
fn options(common: &Common, args: &RunArgs) -> String {
    let mut text = place(common);
    common
        .repositories
        .iter()
        .for_each(|pattern| text.push_str(&format!(" --repository {}", quoted(pattern))));
    args.accept_tag_loss
        .iter()
        .for_each(|name| text.push_str(&format!(" --accept-tag-loss {}", quoted(name))));
    if let Some(most) = args.max_deletions {
        text.push_str(&format!(" --max-deletions {most}"));
    }
    text
}

/// The options that choose configuration, account and Region.
pub(super) fn place(common: &Common) -> String {
    options_of_place(common.config.as_deref(), common)
}

fn options_of_place(config: Option<&Path>, common: &Common) -> String {
    let config = config.map(|path| path.display().to_string());
    let given = [("config", config), ("region", common.region.clone()), ("profile", common.profile.clone())];
    given.into_iter().filter_map(|(name, value)| Some(format!(" --{name} {}", quoted(&value?)))).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};
    use crate::config::Mode;
    use crate::report::testing::decisions::{attestations, repository};
    use crate::report::testing::reports::report;

    fn next(arguments: &[&str], going: usize) -> Option<String> {
        let cli = Cli::parse_from([&["ecr-janitor", "plan"], arguments].concat());
        let Command::Plan(args) = &cli.command else { panic!("no plan") };
        after_plan(&report(Mode::Plan, vec![repository("r", 9, attestations(going))]), &cli.common, &args.run)
    }

    #[test]
    fn the_next_command_has_the_options_of_this_one() {
        assert_eq!(
            next(&[], 3).unwrap(),
            "Next: ecr-janitor plan --details  (each image)\n      ecr-janitor apply  (asks first)"
        );
        let options =
            ["--details", "--repository", "team/*", "--profile", "it's dev", "--max-deletions", "7"];
        assert_eq!(
            next(&options, 3).unwrap(),
            "Next: ecr-janitor apply --profile 'it'\\''s dev' --repository 'team/*' --max-deletions 7  (asks first)"
        );
        assert_eq!(next(&[], 0), None);
    }
}
