//! Ways to name an image.

use aws_sdk_ecr::types::ImageIdentifier;

pub(crate) fn by_digest(digest: &str) -> ImageIdentifier {
    ImageIdentifier::builder().image_digest(digest).build()
}

pub(crate) fn by_tag(tag: &str) -> ImageIdentifier {
    ImageIdentifier::builder().image_tag(tag).build()
}

pub(crate) fn both(digest: &str, tag: &str) -> ImageIdentifier {
    ImageIdentifier::builder().image_digest(digest).image_tag(tag).build()
}
