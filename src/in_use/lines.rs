//! Lists of images in use: one image a line.

use std::sync::Arc;

use super::{Reference, SourceError, Use};

/// Reads a list: one image a line, and comments from `#` on. `origin` names the list in messages.
///
/// One line that is no image spoils the whole: a list that was understood in part would let the rest go. So does a list
/// without any image, as a command leaves it that failed halfway.
pub(super) fn parse(text: &str, origin: &str) -> Result<Vec<Use>, SourceError> {
    let mut uses = Vec::new();
    if is_cut(text) {
        return Err(SourceError::new(format!(
            "{origin} ends in the middle of a line, as if whatever wrote it had failed; end each line with a line break"
        )));
    }
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
    if !uses.iter().any(|it| matches!(it.image, Reference::Image { .. })) {
        return Err(SourceError::new(format!(
            "{origin} names no image of ECR's, as if whatever should have written it had failed; take the source out if nothing is in use"
        )));
    }
    Ok(uses)
}

/// Whether the last line has neither an end nor a tag nor a digest: it may have had one.
fn is_cut(text: &str) -> bool {
    let last = text.lines().next_back().unwrap_or_default();
    let image = last.rsplit('/').next().unwrap_or_default();
    !text.ends_with('\n') && !image.trim().is_empty() && !image.contains([':', '@', '#'])
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
        for text in ["", "\n\n", "# nothing\n", "localhost:5000/app:v1\n"] {
            let told = parse(text, "in-use.txt").unwrap_err().to_string();
            assert!(told.starts_with("in-use.txt names no image"), "{told}");
        }
        for (text, is_cut) in [("a/b:v1\nshop/web", true), ("a/b:v1\nshop/web\n", false), ("a/b:v1", false)] {
            let told = parse(text, "in-use.txt");
            assert_eq!(
                told.is_err_and(|error| error.to_string().contains("middle of a line")),
                is_cut,
                "{text}"
            );
        }
        assert!(parse_bytes(b"\xff", "in-use.txt").unwrap_err().to_string().contains("not UTF-8"));
    }
}
