//! Wildcards: `*` is any text, `?` any one character.

/// Does the whole text fit the pattern?
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last `*` was, and how far into the text it reaches so far: what comes back when the rest fails.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match (pattern.get(p), star) {
            (Some('*'), _) => {
                star = Some((p, t));
                p += 1;
            }
            (Some(&c), _) if c == '?' || c == text[t] => (p, t) = (p + 1, t + 1),
            (_, Some((at, reach))) => {
                star = Some((at, reach + 1));
                (p, t) = (at + 1, reach + 1);
            }
            _ => return false,
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

/// Does the ARN fit the pattern? Each of the parts between colons fits on its own; `*` alone is every resource.
pub(super) fn fits_arn(pattern: &str, arn: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let parts = |text: &str| text.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
    let (pattern, arn) = (parts(pattern), parts(arn));
    pattern.len() == arn.len() && pattern.iter().zip(&arn).all(|(pattern, part)| fits(pattern, part))
}

#[cfg(test)]
mod tests {
    use super::{fits, fits_arn};

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
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("a", ""), ("?", ""), ("a*c", "abb"), ("a?c", "ac"), ("b*", "ab")]
        {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn arns() {
        let arn = "arn:aws:ecr:us-east-1:123456789012:repository/shop/web";
        for pattern in
            ["*", arn, "arn:aws:ecr:*:*:repository/*", "arn:*:ecr:us-*:123456789012:repository/shop/???"]
        {
            assert!(fits_arn(pattern, arn), "{pattern}");
        }
        for pattern in [
            "arn:aws:ecr:*:repository/*",
            "arn:aws:ecr:us-east-1:123456789012:repository/shop",
            "arn:aws:ecr:us-east-1:123456789012:repository/Shop/web",
            "arn:aws:*:repository/shop/web",
        ] {
            assert!(!fits_arn(pattern, arn), "{pattern}");
        }
        assert!(!fits_arn("arn:aws:ecr:*:*:repository/*", "*"));
        assert!(!fits_arn("arn:aws:ecr:*:*:repository/shop/*", "arn:aws:ecr:a:1:repository/*"));
    }
}
