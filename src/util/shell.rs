//! Words of commands that people copy into a shell.

use super::sanitize;

/// A word as a shell takes it: in quotes unless it is plain.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@=,+%".contains(c);
    match word.chars().all(is_plain) && !word.is_empty() {
        true => word.to_owned(),
        false => format!("'{}'", sanitize::lines(word).replace('\n', " ").replace('\'', "'\\''")),
    }
}

/// The words of a command line with their quotes.
pub fn words(command: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for piece in command.split(' ') {
        match words.last_mut().filter(|word| is_open(word)) {
            Some(word) => *word += &format!(" {piece}"),
            None => words.push(piece.to_owned()),
        }
    }
    words
}

/// Whether a single quote is still to be closed.
fn is_open(word: &str) -> bool {
    let quotes = word.matches('\'').count() - word.matches("\\'").count();
    quotes % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_unless_it_is_plain() {
        for (word, shown) in [
            ("team/api", "team/api"),
            ("arn:aws:iam::123456789012:role/a+b=c,d@e", "arn:aws:iam::123456789012:role/a+b=c,d@e"),
            ("team/*", "'team/*'"),
            ("x; rm -rf ~", "'x; rm -rf ~'"),
            ("$(id)", "'$(id)'"),
            ("it's dev", "'it'\\''s dev'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), shown);
        }
        assert!(!quoted("a\n\u{1b}b").contains(['\n', '\u{1b}']));
    }

    #[test]
    fn the_words_of_a_command_keep_their_quotes() {
        let command = format!("aws x --role {} --out {} y", quoted("it's a role"), quoted("a  b"));
        assert_eq!(words(&command), ["aws", "x", "--role", "'it'\\''s a role'", "--out", "'a  b'", "y"]);
    }
}
