//! Image identifiers and filters for requests.

use aws_sdk_ecr::types::{DescribeImagesFilter, ImageIdentifier, ImageStatusFilter, TagStatus};

pub(crate) fn by_digest(digest: &str) -> ImageIdentifier {
    ImageIdentifier::builder().image_digest(digest).build()
}

pub(crate) fn by_tag(tag: &str) -> ImageIdentifier {
    ImageIdentifier::builder().image_tag(tag).build()
}

pub(crate) fn by_both(digest: &str, tag: &str) -> ImageIdentifier {
    ImageIdentifier::builder().image_digest(digest).image_tag(tag).build()
}

/// Any status, tagged or not.
pub(crate) fn any_status() -> DescribeImagesFilter {
    DescribeImagesFilter::builder().tag_status(TagStatus::Any).image_status(ImageStatusFilter::Any).build()
}
