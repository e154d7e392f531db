//! The XML of S3's listings.

use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};

/// One page of a listing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ListingPage {
    pub(super) objects: Vec<Object>,
    pub(super) is_truncated: Option<bool>,
    pub(super) next: Option<String>,
}

/// An object in a listing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) name: String,
    pub(super) size: Option<u64>,
    pub(super) last_modified: Option<String>,
}

/// A page of ListObjectsV2.
pub(super) fn listing(body: &[u8]) -> Result<ListingPage, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    // The decoder takes the end of the text for the end of what is open.
    if !text.trim_end().ends_with("</ListBucketResult>") {
        return Err("it is no whole listing".to_owned());
    }
    let read = || -> Result<Option<ListingPage>, XmlDecodeError> {
        let mut document = Document::new(text);
        let mut root = document.root_element()?;
        if !root.start_el().matches("ListBucketResult") {
            return Ok(None);
        }
        let mut page = ListingPage::default();
        while let Some(mut tag) = root.next_tag() {
            match tag.start_el().local() {
                "Contents" => page.objects.push(object(&mut tag)?),
                "IsTruncated" => page.is_truncated = try_data(&mut tag)?.trim().parse().ok(),
                "NextContinuationToken" => page.next = Some(try_data(&mut tag)?.into_owned()),
                _ => {}
            }
        }
        Ok(Some(page))
    };
    read().map_err(|error| error.to_string())?.ok_or_else(|| "it is no listing".to_owned())
}

fn object(contents: &mut ScopedDecoder<'_, '_>) -> Result<Object, XmlDecodeError> {
    let mut object = Object::default();
    while let Some(mut tag) = contents.next_tag() {
        match tag.start_el().local() {
            "Key" => object.name = try_data(&mut tag)?.into_owned(),
            "Size" => object.size = try_data(&mut tag)?.trim().parse().ok(),
            "LastModified" => object.last_modified = Some(try_data(&mut tag)?.into_owned()),
            _ => {}
        }
    }
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read_as_it_is() {
        let page = listing(
            b"<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><IsTruncated>true</IsTruncated>\
            <Contents><Key>a&amp;b</Key><Size>7</Size><Owner><ID>x</ID></Owner></Contents>\
            <NextContinuationToken>t</NextContinuationToken></ListBucketResult>",
        );
        let objects = vec![Object { name: "a&b".into(), size: Some(7), last_modified: None }];
        assert_eq!(page, Ok(ListingPage { objects, is_truncated: Some(true), next: Some("t".into()) }));
        for foreign in ["", "<html/>", "<ListBucketResult><Contents>", "<Error/>"] {
            assert!(listing(foreign.as_bytes()).is_err(), "{foreign}");
        }
    }
}
