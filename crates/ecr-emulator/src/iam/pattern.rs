//! IAM's wildcards: `*` is any text, `?` any one character.

use wildmatch::WildMatch;

/// Whether the whole text matches the pattern.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    WildMatch::new(pattern).matches(text)
}

/// Whether the ARN matches the pattern: each part between colons on its own; `*` alone is every resource.
pub(crate) fn arn_matches(pattern: &str, arn: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let parts = |text: &str| text.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
    let (pattern, arn) = (parts(pattern), parts(arn));
    pattern.len() == arn.len() && pattern.iter().zip(&arn).all(|(pattern, part)| matches(pattern, part))
}

#[cfg(test)]
mod tests {
    use super::{arn_matches, matches};

    #[test]
    fn wildcards() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "abc"),
            ("a?c", "abc"),
            ("a*c", "abbbc"),
            ("*b*d*", "abcabd"),
            ("**c", "abc"),
            ("?*", "a"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("a", ""), ("?", ""), ("a*c", "abb"), ("a?c", "ac"), ("b*", "ab")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn arns() {
        let arn = "arn:aws:ecr:us-east-1:123456789012:repository/shop/web";
        for pattern in
            ["*", arn, "arn:aws:ecr:*:*:repository/*", "arn:*:ecr:us-*:123456789012:repository/shop/???"]
        {
            assert!(arn_matches(pattern, arn), "{pattern}");
        }
        for pattern in [
            "arn:aws:ecr:*:repository/*",
            "arn:aws:ecr:us-east-1:123456789012:repository/shop",
            "arn:aws:ecr:us-east-1:123456789012:repository/Shop/web",
            "arn:aws:*:repository/shop/web",
        ] {
            assert!(!arn_matches(pattern, arn), "{pattern}");
        }
        assert!(!arn_matches("arn:aws:ecr:*:*:repository/*", "*"));
        assert!(!arn_matches("arn:aws:ecr:*:*:repository/shop/*", "arn:aws:ecr:a:1:repository/*"));
    }
}
