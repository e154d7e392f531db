//! `man`: the manual pages.

use std::io;
use std::path::{Path, PathBuf};

use clap_mangen::Man;

use super::progress::say;
use super::stdout::print_text;
use super::{Failure, effect};
use crate::cli::exit_code::ExitCode;
use crate::util::sanitize;
use crate::util::similar::{did_you_mean, similar};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The page of this command instead of the first one: ecr-janitor man plan | man -l -
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
    /// Write all pages into this folder, such as ~/.local/share/man/man1
    #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match &args.dir {
        Some(folder) => write_all(folder)?,
        None => print_text(&page(args.command.as_deref())?)?,
    }
    Ok(ExitCode::Done)
}

/// The page of the program, or of one of its commands.
fn page(command: Option<&str>) -> Result<String, Failure> {
    let mut program = effect::command();
    // Options of all commands are known to each once it is built.
    program.build();
    let (title, shown) = match command {
        None => (program.get_name().to_owned(), &program),
        Some(name) => match program.find_subcommand(name) {
            Some(found) => (format!("{}-{name}", program.get_name()), found),
            None => return Err(no_such_command(name, &program)),
        },
    };
    let mut page = Vec::new();
    let rendered = Man::new(shown.clone()).title(title).render(&mut page);
    rendered.map_err(|error| Failure::NothingDone(format!("cannot make the page: {error}")))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn no_such_command(name: &str, program: &clap::Command) -> Failure {
    let known: Vec<&str> = program.get_subcommands().map(clap::Command::get_name).collect();
    let remedy = match did_you_mean(&similar(name, known.iter().copied())) {
        none if none.is_empty() => format!("; there are {}", known.join(", ")),
        near => near,
    };
    Failure::Usage(format!("there is no command {name:?}{remedy}"))
}

fn write_all(folder: &Path) -> Result<(), Failure> {
    let program = effect::command();
    let names = program.get_subcommands().map(|it| it.get_name().to_owned());
    let pages = [None].into_iter().chain(names.map(Some)).map(|command| {
        let name = command.as_ref().map_or_else(String::new, |name| format!("-{name}"));
        Ok((format!("ecr-janitor{name}.1"), page(command.as_deref())?))
    });
    let pages: Vec<(String, String)> = pages.collect::<Result<_, Failure>>()?;
    let write = || -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        pages.iter().try_for_each(|(name, page)| std::fs::write(folder.join(name), page))
    };
    let shown = sanitize::line(&folder.display().to_string());
    write().map_err(|error| Failure::Usage(format!("cannot write the pages to {shown}: {error}")))?;
    say(&format!("{} pages are in {shown}", pages.len()));
    Ok(())
}
