//! Lists of images in use: one image a line.

use std::sync::Arc;

use super::{Reference, SourceError, Use};

/// Reads a list: one image a line, and comments from `#` on. `origin` names the list in messages.
///
/// One line that is no image spoils the whole: a list that was understood in part would let the rest go. So does a list
/// without any image, as a command leaves it that failed halfway.
pub(super) fn parse(text: &str, origin: &str) -> Result<Vec<Use>, SourceError> {
    let mut uses = Vec::new();
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let image = Reference::parse(line)
            .map_err(|bad| SourceError::new(format!("{origin}, line {number}: {bad}")))?;
        let user: Arc<str> = format!("{origin}, line {number}").into();
        uses.push(Use { image, user });
    }
    if uses.is_empty() {
        return Err(SourceError::new(format!(
            "{origin} names no image, as if whatever should have written it had failed; take the source out if nothing is in use"
        )));
    }
    Ok(uses)
}

/// The same of bytes.
pub(super) fn parse_bytes(bytes: &[u8], origin: &str) -> Result<Vec<Use>, SourceError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => parse(text, origin),
        Err(_) => Err(SourceError::new(format!("{origin} is no text: it is not UTF-8"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::digest::Digest;

    #[test]
    fn comments_and_empty_lines_are_left_out_and_lines_are_counted() {
        let digest = Digest::of(b"it");
        let text = format!("\u{feff}# pods\r\n\n  team/api@{digest}  # api\r\nteam/web:v1\n");
        let uses = parse(&text, "in-use.txt").unwrap();
        let users: Vec<&str> = uses.iter().map(|it| it.user.as_ref()).collect();
        assert_eq!(users, ["in-use.txt, line 3", "in-use.txt, line 4"]);
        assert_eq!(uses[0].image, Reference::parse(&format!("team/api@{digest}")).unwrap());
    }

    #[test]
    fn one_line_that_is_no_image_spoils_the_list_and_is_named() {
        let error = parse("team/web:v1\nError from server: x\n", "in-use.txt").unwrap_err();
        let told = error.to_string();
        assert!(told.starts_with("in-use.txt, line 2: \"Error from server: x\" is no image"), "{told}");
    }

    #[test]
    fn a_list_without_images_is_none() {
        for text in ["", "\n\n", "# nothing\n"] {
            let told = parse(text, "in-use.txt").unwrap_err().to_string();
            assert!(told.starts_with("in-use.txt names no image"), "{told}");
        }
        assert!(parse_bytes(b"\xff", "in-use.txt").unwrap_err().to_string().contains("not UTF-8"));
    }
}
