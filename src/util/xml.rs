//! The XML in which S3, and what stands before it, tells of errors.

use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_xml::decode::{Document, XmlDecodeError, try_data};

/// Code and message of an error; neither of what is none of S3's.
pub(crate) fn error(body: &[u8]) -> ErrorMetadata {
    let mut builder = ErrorMetadata::builder();
    let read = |text: &str| -> Result<(Option<String>, Option<String>), XmlDecodeError> {
        let mut document = Document::new(text);
        let mut root = document.root_element()?;
        let (mut code, mut message) = (None, None);
        if root.start_el().matches("Error") {
            while let Some(mut tag) = root.next_tag() {
                match tag.start_el().local() {
                    "Code" => code = Some(try_data(&mut tag)?.into_owned()),
                    "Message" => message = Some(try_data(&mut tag)?.into_owned()),
                    _ => {}
                }
            }
        }
        Ok((code, message))
    };
    if let Some(Ok((Some(code), message))) = std::str::from_utf8(body).ok().map(read) {
        builder = builder.code(code).message(message.unwrap_or_default());
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_error_of_s3_has_a_code() {
        let own = error(b"<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code><Message>a &lt; b</Message><Key/></Error>");
        assert_eq!((own.code(), own.message()), (Some("NoSuchKey"), Some("a < b")));
        for foreign in [
            "",
            "<html><Code>x</Code></html>",
            "<Error>",
            "<Error/>",
            "{}",
            "<Error><Message>m</Message></Error>",
        ] {
            assert_eq!(error(foreign.as_bytes()).code(), None, "{foreign}");
        }
        assert_eq!(error(b"\xff").code(), None);
    }
}
