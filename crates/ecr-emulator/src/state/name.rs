//! The grammars of names.

use crate::error::ApiError;
use crate::model;

/// Whether a repository can have this name.
pub(crate) fn is_repository_name(name: &str) -> bool {
    check_repository_name(name).is_ok()
}

pub(super) fn check_repository_name(name: &str) -> Result<(), ApiError> {
    model::check_repository_name(name)
}

/// Whether an image can have this tag.
pub(crate) fn is_tag(tag: &str) -> bool {
    (1..=300).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}
