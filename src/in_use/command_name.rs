//! Commands as reports and logs show them: without their arguments, in which secrets may stand.

/// What stands for everything else.
const REST: &str = "...";
/// Arguments that are shorter are no secrets, and stand in many texts by chance.
#[cfg(feature = "cli")]
const SHORTEST_SECRET: usize = 8;

/// The program that a command begins with, and dots for all that is beside it.
pub(super) fn shown(command: &str) -> String {
    let mut words = command.split_whitespace().peekable();
    let mut is_whole = true;
    while words.next_if(|word| is_plain_assignment(word)).is_some() {
        is_whole = false;
    }
    match words.next().filter(|word| is_plain(word)) {
        Some(program) if is_whole && words.next().is_none() => program.to_owned(),
        Some(program) => format!("{program} {REST}"),
        None => REST.to_owned(),
    }
}

/// `NAME=value` before a program, without quotes that might go on.
fn is_plain_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, value)| {
        let is_name = name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_') && !name.is_empty();
        is_name && !value.contains(['"', '\'', '`', '\\', '$', '(', ';', '&', '|'])
    })
}

fn is_plain(word: &str) -> bool {
    word.bytes().all(|c| c.is_ascii_alphanumeric() || b"_-+./".contains(&c))
}

/// A text that the command printed, without the command's arguments.
#[cfg(feature = "cli")]
pub(super) fn without_arguments(command: &str, text: &str) -> String {
    let program = shown(command);
    let program = program.split_whitespace().next().unwrap_or_default();
    let whole = command.split_whitespace();
    let parts = command.split(|c: char| c.is_whitespace() || "\"'`=:;,|&()<>@".contains(c));
    let mut words: Vec<&str> =
        whole.chain(parts).filter(|word| word.len() >= SHORTEST_SECRET && *word != program).collect();
    // The longest first: what is left of them says nothing.
    words.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
    words.iter().fold(text.to_owned(), |text, word| text.replace(word, REST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_by_its_program_alone() {
        for (command, expected) in [
            ("kubectl", "kubectl"),
            (" kubectl get pods --token hunter2 ", "kubectl ..."),
            ("/opt/bin/list-images.sh -v", "/opt/bin/list-images.sh ..."),
            ("TOKEN=hunter2 kubectl get pods", "kubectl ..."),
            ("A=1 TOKEN=hunter2 kubectl", "kubectl ..."),
            ("TOKEN='a hunter2 b' kubectl", "..."),
            ("TOKEN=\"hunter2 b\" kubectl", "..."),
            ("TOKEN=a;hunter2", "..."),
            ("TOKEN=$(pass hunter2) kubectl", "..."),
            ("TOKEN=hunter2", "..."),
            ("(kubectl get pods)", "..."),
            ("'my program' hunter2", "..."),
            ("", "..."),
        ] {
            assert_eq!(shown(command), expected, "{command}");
        }
    }

    #[cfg(feature = "cli")]
    #[test]
    fn what_a_command_complains_of_is_shown_without_its_arguments() {
        for (command, text, expected) in [
            ("curl -u me:hunter22 https://x.example/l", "for me:hunter22: no", "for ...: no"),
            ("curl -u me:hunter22 https://x.example/l", "password hunter22 is bad", "password ... is bad"),
            ("TOKEN=hunter22 kubectl get pods", "kubectl: no hunter22", "kubectl: no ..."),
            ("list --all", "sh: 1: list: not found", "sh: 1: list: not found"),
        ] {
            assert_eq!(without_arguments(command, text), expected);
        }
    }
}
