//! The grammars of names.

use crate::error::ApiError;

const REPOSITORY_PATTERN: &str = "must satisfy regular expression \
    '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*'";

/// May a repository be called this?
pub(crate) fn is_repository_name(name: &str) -> bool {
    (2..=256).contains(&name.len()) && name.split('/').all(is_component)
}

pub(super) fn check_repository_name(name: &str) -> Result<(), ApiError> {
    if is_repository_name(name) {
        Ok(())
    } else {
        Err(ApiError::invalid("repositoryName", REPOSITORY_PATTERN))
    }
}

/// Can a rule be for the repositories that begin like this? `ROOT` stands for the whole registry.
pub(crate) fn is_prefix(prefix: &str) -> bool {
    let bare = prefix.strip_suffix('/').unwrap_or(prefix);
    prefix == "ROOT" || bare.split('/').all(is_component)
}

/// May an image be tagged this?
pub(crate) fn is_tag(tag: &str) -> bool {
    (1..=300).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// Lower-case letters and digits, with single separators between them: `.`, `_`, `__`, or any number of `-`.
fn is_component(part: &str) -> bool {
    let is_alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = part.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    is_alphanumeric(first)
        && is_alphanumeric(last)
        && bytes.split(|&b| is_alphanumeric(b)).all(|separator| {
            matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|&b| b == b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names_follow_the_models_pattern() {
        for good in ["ab", "a/b", "a--b", "a__b", "team/app.web_1/x", "0a"] {
            assert!(is_repository_name(good), "{good}");
        }
        for bad in ["", "a", "A/b", "a//b", "/ab", "ab/", "a___b", "a..b", "-ab", "ab-", "a b", "é1"] {
            assert!(!is_repository_name(bad), "{bad}");
        }
    }

    #[test]
    fn rule_prefixes_may_be_the_root() {
        for good in ["ROOT", "docker-hub", "quay/", "a/b"] {
            assert!(is_prefix(good), "{good}");
        }
        for bad in ["", "Root", "a//", "/", "x-"] {
            assert!(!is_prefix(bad), "{bad}");
        }
    }
}
