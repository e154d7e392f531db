//! The history of runs in plain text.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::PastImage;
use super::restored::Restored;
use crate::memory::backup::{RepositoryHistory, Restorable, RunHistory};
use crate::render::words::{counted, size};
use crate::util::sanitize;
use crate::util::shell::quoted;

/// More repositories of one run than this are counted, not named.
const NAMED: usize = 12;

/// The runs that are asked for of all that there are, newest first, and the images of one of them if they are wanted.
pub(super) fn history(
    place: &str,
    runs: &[RunHistory],
    all: usize,
    restored: &Restored,
    images: Option<&[PastImage]>,
) -> String {
    let mut text = format!("Backups in {}\n", sanitize::line(place));
    if runs.is_empty() && all > 0 {
        let _ = writeln!(
            text,
            "\nNo run has backed up anything from these repositories; {} backed up images from others. Check the names, or leave out --repository.",
            counted(all, "run")
        );
    } else if runs.is_empty() {
        let _ = writeln!(
            text,
            "\nNo run has backed up anything here. To see what the function deleted, set backup.location or JANITOR_BACKUP_LOCATION to the bucket of its stack (output SharedBackups)."
        );
    }
    for run in runs {
        let _ = write!(text, "\n{}", of_run(run));
    }
    text.push_str(&of_restored(restored));
    for image in images.unwrap_or_default() {
        let _ = writeln!(text, "{}", of_image(image));
    }
    text
}

fn of_run(run: &RunHistory) -> String {
    let [run_id, registry, region] = [&run.run_id, &run.registry, &run.region].map(|it| sanitize::line(it));
    let mut text = format!("{run_id}  account {registry}, Region {region}\n");
    let until = run.restorable_until.map(|until| format!(", restorable until {}", date(until)));
    let cut = if run.finished_at.is_none() { "; it did not finish" } else { "" };
    let began = run.started_at.map_or_else(|| "at an unknown time".to_owned(), minute);
    let _ = writeln!(text, "  began {began}{}{cut}", until.unwrap_or_default());
    for repository in run.repositories.iter().take(NAMED) {
        let _ = writeln!(text, "  {}", of_repository(repository));
    }
    if let Some(damaged) = &run.damaged {
        let _ = writeln!(text, "  {}", sanitize::line(damaged));
    }
    if let Some(more) = run.repositories.len().checked_sub(NAMED).filter(|more| *more > 0) {
        let _ = writeln!(text, "  and {} more", counted(more, "repository"));
    }
    let _ = writeln!(text, "  undo: ecr-janitor restore --run {}", quoted(&run.run_id));
    text
}

fn of_repository(repository: &RepositoryHistory) -> String {
    let name = sanitize::line(&repository.name);
    let stored = repository.backed_up;
    let whole = match stored.images - stored.fully_restorable {
        0 => "all fully restorable".to_owned(),
        with_layers => format!(
            "{} of {} fully restorable, {with_layers} while ECR has their layers",
            stored.fully_restorable, stored.images
        ),
    };
    match (repository.deleted, repository.deleted_bytes) {
        (Some(deleted), bytes) => {
            format!("{name}: {deleted} deleted ({}); {whole}", size(bytes.unwrap_or(0)))
        }
        (None, _) => format!("{name}: not known what was deleted; {whole}"),
    }
}

/// What was restored, which its run still counts as deleted.
fn of_restored(restored: &Restored) -> String {
    let mut text = String::new();
    for (repository, images) in restored.iter().take(NAMED) {
        let last = images.values().max().copied().map(|last| format!(", last on {}", date(last)));
        let (name, count) = (sanitize::line(&repository.name), counted(images.len(), "image"));
        let _ = writeln!(text, "  {name}: {count}{}", last.unwrap_or_default());
    }
    if let Some(more) = restored.len().checked_sub(NAMED).filter(|more| *more > 0) {
        let _ = writeln!(text, "  and {} more", counted(more, "repository"));
    }
    if text.is_empty() { text } else { format!("\nRestored since then (known from memory):\n{text}") }
}

fn of_image(PastImage { archived, restored_at }: &PastImage) -> String {
    let image = &archived.image;
    let how = match image.restorable {
        Restorable::Fully => "",
        Restorable::ManifestOnly => ", only while ECR has its layers",
    };
    let tags =
        if image.tags.is_empty() { String::new() } else { format!(", tags {}", image.tags.join(", ")) };
    let name = sanitize::line(&archived.repository.name);
    let again = restored_at.map(|at| format!(", restored on {}", date(at))).unwrap_or_default();
    format!("{name}@{}\n  {}{how}{}{again}", image.digest, <&str>::from(image.kind), sanitize::line(&tags))
}

fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::backup::Tally;

    fn run() -> RunHistory {
        let backed_up = Tally { images: 12, fully_restorable: 10, bytes: 5 };
        let repository = |name: &str, deleted: Option<u64>| RepositoryHistory {
            name: name.into(),
            deleted,
            deleted_bytes: deleted.map(|_| 34_100),
            backed_up,
        };
        RunHistory {
            run_id: "20261126T153638Z-0a1b2c".into(),
            registry: "123456789012".into(),
            region: "eu-west-1".into(),
            started_at: "2026-11-26T15:36:38Z".parse().ok(),
            finished_at: None,
            restorable_until: "2026-12-26T15:36:38Z".parse().ok(),
            repositories: vec![repository("team/api", Some(11)), repository("team/web", None)],
            damaged: None,
        }
    }

    #[test]
    fn a_run_is_told_with_what_undoes_it() {
        let told = history("/state", &[run()], 1, &Restored::new(), None);
        assert_eq!(
            told,
            "Backups in /state\n\n\
             20261126T153638Z-0a1b2c  account 123456789012, Region eu-west-1\n\
             \x20 began 2026-11-26 15:36 UTC, restorable until 2026-12-26; it did not finish\n\
             \x20 team/api: 11 deleted (34.1 kB); 10 of 12 fully restorable, 2 while ECR has their layers\n\
             \x20 team/web: not known what was deleted; 10 of 12 fully restorable, 2 while ECR has their layers\n\
             \x20 undo: ecr-janitor restore --run 20261126T153638Z-0a1b2c\n"
        );
        assert!(
            history("/state", &[], 0, &Restored::new(), None).contains("No run has backed up anything here.")
        );
        assert!(
            history("/state", &[], 2, &Restored::new(), None).contains("2 runs backed up images from others")
        );
    }
}
