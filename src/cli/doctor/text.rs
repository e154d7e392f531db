//! The findings, for people.

use super::Findings;
use super::check::{Check, Status};
use crate::util::sanitize;
use crate::util::shell::words;

/// The columns before a finding.
const LABEL: usize = 22;

/// The findings at this width; each line says ok, warn or fail, and the command that fixes it. The next command has
/// these options.
pub(super) fn findings(findings: &Findings, options: &str, width: usize) -> String {
    let mut text: String = findings.checks.iter().map(|check| line(check, width)).collect();
    text.push('\n');
    let [ok, warn, fail] = [Status::Ok, Status::Warn, Status::Fail].map(|status| findings.count(status));
    text.push_str(&format!("{ok} ok, {warn} warn, {fail} fail\n"));
    let next = match (fail, findings.checks.iter().any(|it| it.is_fatal)) {
        (0, _) => format!("Next: ecr-janitor plan{options}"),
        (_, false) => format!("Next: fix what failed, or go on without it: ecr-janitor plan{options}"),
        (_, true) => format!("Next: fix what failed, then run ecr-janitor doctor{options} again"),
    };
    text.push_str(&next);
    text
}

fn line(check: &Check, width: usize) -> String {
    let first = format!("{:<6}{:<16}", <&str>::from(check.status), check.subject);
    let options = textwrap::Options::new(width)
        .initial_indent(&first)
        .subsequent_indent(INDENT)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let mut text = textwrap::fill(&sanitize::line(&check.text), options) + "\n";
    if let Some(command) = &check.command {
        text.push_str(&broken(command, width));
    }
    text
}

const INDENT: &str = "                      ";
/// Commands stand further left: they are long.
const COMMAND: &str = "      ";
const _: () = assert!(INDENT.len() == LABEL);

/// A command in lines that a shell takes as one.
fn broken(command: &str, width: usize) -> String {
    let mut lines = vec![String::new()];
    for part in parts(command) {
        let room = width.saturating_sub(COMMAND.len() + 4);
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(&part),
            Some(line) if line.len() + 1 + part.len() <= room => {
                line.push(' ');
                line.push_str(&part);
            }
            _ => lines.push(part),
        }
    }
    let lines: Vec<String> = lines
        .iter()
        .enumerate()
        .map(|(number, line)| format!("{COMMAND}{}{line}", if number == 0 { "" } else { "  " }))
        .collect();
    lines.join(" \\\n") + "\n"
}

/// The words of a command, an option with its value.
fn parts(command: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for word in words(command) {
        match parts.last_mut() {
            Some(part) if part.starts_with("--") && !part.contains(' ') && !word.starts_with('-') => {
                part.push(' ');
                part.push_str(&word);
            }
            _ => parts.push(word),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_breaks_as_a_shell_reads_it() {
        let command = "aws ecr x --principal \"$(aws iam get-role)\" --region eu-west-1";
        assert_eq!(
            broken(command, 40),
            "      aws ecr x --principal \"$(aws \\\n        iam get-role)\" \\\n        --region eu-west-1\n"
        );
        assert_eq!(broken("aws ecr x", 60), "      aws ecr x\n");
    }

    #[test]
    fn a_finding_goes_on_below_its_beginning() {
        let check = Check::warn("Pull times", "one two three four five six seven eight").fixed_by("do it");
        let text = line(&check, 60);
        assert_eq!(
            text,
            format!("warn  Pull times      one two three four five six seven\n{INDENT}eight\n      do it\n")
        );
    }
}
