//! Sanitizes untrusted text for display: one line, no control or bidi characters, bounded length.

use std::borrow::Cow;

/// The longest line for people, in characters.
const LONGEST: usize = 2000;

/// The text in one line, each gap one space. What a terminal would obey, hide or turn around is written out, as in `\u{202e}`.
pub fn line(text: &str) -> String {
    cut(text, LONGEST)
}

/// The same, of a text that stands within a longer line and may come from a whole manifest or event.
pub fn cut(text: &str, longest: usize) -> String {
    shorten(text, longest, |line, character| match character {
        gap if gap.is_ascii_whitespace() => {
            if !line.ends_with(' ') {
                line.push(' ');
            }
        }
        other => escape(line, other),
    })
}

/// The lines of a text, each made safe by itself. Spaces stay, so that a caret still points at its place.
pub fn lines(text: &str) -> String {
    let safe = |text| {
        shorten(text, LONGEST, |line, character| match character {
            '\t' => line.push(' '),
            other => escape(line, other),
        })
    };
    text.lines().map(safe).collect::<Vec<_>>().join("\n")
}

fn shorten(text: &str, longest: usize, push: impl Fn(&mut String, char)) -> String {
    let mut line = String::new();
    let mut rest = text.chars();
    rest.by_ref().take(longest).for_each(|character| push(&mut line, character));
    if rest.next().is_some() {
        line.push('…');
    }
    line
}

fn escape(line: &mut String, character: char) {
    if is_plain(character) {
        line.push(character);
    } else {
        line.extend(character.escape_unicode());
    }
}

/// A JSON text whose strings look harmless too: the same values, with more of their characters escaped.
pub fn json(text: &str) -> Cow<'_, str> {
    let stays = |character: char| character == '\n' || is_plain(character);
    if text.chars().all(stays) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if stays(character) {
            escaped.push(character);
        } else {
            // Outside its strings JSON is ASCII, and inside them control characters below U+007F are escaped already.
            for unit in character.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    escaped.into()
}

/// Printable, and read from left to right: a letter of a script that is not would reorder what stands beside it.
fn is_plain(character: char) -> bool {
    let is_turned_around = matches!(character,
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}');
    let is_printable = matches!(character, '"' | '\'' | '\\') || character.escape_debug().len() == 1;
    is_printable && !is_turned_around
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line break, a colour, a C1 control, DEL, a bidi override, an isolate, an Arabic letter mark, a zero-width
    /// space, a tag character, a line separator, a combining stroke, a Hebrew letter.
    const HARMFUL: &str =
        "\n\u{1b}[31m\u{9b}\u{7f}\u{202e}\u{2066}\u{61c}\u{200b}\u{e0041}\u{2028}\u{336}\u{5d0}";

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        let shown = line(HARMFUL);
        assert_eq!(
            shown,
            r" \u{1b}[31m\u{9b}\u{7f}\u{202e}\u{2066}\u{61c}\u{200b}\u{e0041}\u{2028}\u{336}\u{5d0}"
        );
        assert!(shown.chars().all(is_plain));
    }

    #[test]
    fn honest_text_stays_as_it_is() {
        for text in ["", "team/api:v1.2", r#"it has no resource tag "Größe" \ 'x'"#, "日本語 ✓ …"] {
            assert_eq!((line(text).as_str(), &*json(text)), (text, text));
        }
    }

    #[test]
    fn no_line_is_endless() {
        assert_eq!(cut("abcdef", 3), "abc…");
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(line("a \r\n\t b"), "a b");
        assert_eq!(line(&"\u{202e}".repeat(10_000_000)).len(), LONGEST * 8 + '…'.len_utf8());
    }

    #[test]
    fn carets_stay_below_their_place() {
        assert_eq!(lines("1 | a\t= b\n  |     ^\n"), "1 | a = b\n  |     ^");
        let shown = lines(&format!("a\n{HARMFUL}\n  b"));
        assert!(shown.lines().all(|line| line.chars().all(is_plain)), "{shown}");
        assert_eq!(shown.lines().count(), 4, "{shown}");
        assert_eq!(lines(&"a".repeat(10_000)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn json_keeps_its_values() {
        for text in [HARMFUL, "plain", "\u{10ffff}"] {
            let compact = serde_json::to_string(&[text]).unwrap();
            let escaped = json(&compact);
            assert!(escaped.chars().all(is_plain), "{escaped}");
            assert_eq!(serde_json::from_str::<Vec<String>>(&escaped).unwrap(), [text]);
        }
    }
}
