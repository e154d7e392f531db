//! The regular expressions of the service model.

use std::sync::LazyLock;

use regex_lite::Regex;

/// A regular expression that a whole text must match.
pub(super) struct Pattern {
    /// The expression as error texts quote it.
    pub(super) text: &'static str,
    pub(super) matches: fn(&str) -> bool,
}

/// Compiles an expression on first use. The second form quotes another text than it matches.
macro_rules! pattern {
    ($name:ident, $regex:expr) => {
        pattern!($name, $regex, $regex);
    };
    ($name:ident, $regex:expr, $quoted:expr) => {
        pub(super) const $name: Pattern = Pattern {
            text: $quoted,
            matches: |text| {
                static REGEX: LazyLock<Regex> = LazyLock::new(|| whole($regex));
                REGEX.is_match(text)
            },
        };
    };
}

pattern!(REGISTRY, "[0-9]{12}");
pattern!(
    REPOSITORY,
    r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*",
    // The model's expression is the one above; ECR's error texts quote this one.
    "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*"
);
pattern!(UPLOAD, "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}");
pattern!(DIGEST, "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+");
pattern!(PREFIX, r"^([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\/?|ROOT)$");
pattern!(
    CREDENTIAL,
    r"^arn:aws(-\w+)*:secretsmanager:[a-zA-Z0-9-:]+:secret:ecr\-pullthroughcache\/[a-zA-Z0-9\/_+=.@-]+$"
);
pattern!(EXCLUDED_PRINCIPAL, r"^arn:aws(-[a-z]+)*:iam::[0-9]{12}:(role|user)/[\w+=,.@-]+(/[\w+=,.@-]+)*$");
pattern!(EXCLUSION, "^[0-9a-zA-Z._*-]{1,128}$");
pattern!(SCANNING, r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$");

pattern!(REGION, "[0-9a-z-]{2,25}");
pattern!(REPLICATED_PREFIX, "^(?:[a-z0-9]+(?:[._-][a-z0-9]*)*/)*[a-z0-9]*(?:[._-][a-z0-9]*)*$");

/// The model's expressions are about whole texts, whether they say so or not.
#[expect(clippy::expect_used, reason = "a test compiles each of the expressions")]
fn whole(expression: &str) -> Regex {
    Regex::new(&format!("^(?:{expression})$")).expect("the expression is one of the constants of this file")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decides(pattern: &Pattern, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!((pattern.matches)(text), "{text:?} matches {}", pattern.text);
        }
        for text in bad {
            assert!(!(pattern.matches)(text), "{text:?} does not match {}", pattern.text);
        }
    }

    #[test]
    fn expressions_are_about_whole_texts() {
        decides(&REGISTRY, &["123456789012"], &["", "12345678901", "1234567890123", "12345678901x"]);
        let names = ["ab", "a/b", "a--b", "a__b", "team/app.web_1/x", "0a", "a"];
        let no_names = ["", "A/b", "a//b", "/ab", "ab/", "a___b", "a..b", "-ab", "ab-", "a b", "é1", "ab\n"];
        decides(&REPOSITORY, &names, &no_names);
        let upload = "0123abCD-0123-4567-89ab-0123456789ab";
        decides(&UPLOAD, &[upload], &["", &upload[1..], "0123abCD-0123-4567-89ab-0123456789ag", "----"]);
        decides(&DIGEST, &["sha256:aA0", "a-b_c+d.e:0"], &["", "sha256", "sha256:", ":aa", "sha256:xyz"]);
        decides(&PREFIX, &["ROOT", "a/b/", "a--b", "quay/"], &["", "/", "a//", "Root", "x-"]);
        decides(&EXCLUSION, &["*", "v1.*-_"], &["", "a/b", "é"]);
        decides(&SCANNING, &["*", "a/b*", "a.b-c_d"], &["", "a//b", "/a", "a/", "A"]);
        decides(&REGION, &["us-east-1"], &["", "a", "US-EAST-1"]);
        decides(&REPLICATED_PREFIX, &["prod", "prod/", "prod-", "a/b_"], &["Prod", "a//b", "*"]);
    }

    #[test]
    fn a_credential_is_a_secret_for_the_cache() {
        let good = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub-a1";
        let gov = good.replace("arn:aws:", "arn:aws-us-gov:");
        let (other, unnamed) = (good.replace("ecr-pull", "pull"), good.replace("hub-a1", ""));
        decides(&CREDENTIAL, &[good, &gov], &["", &other, &unnamed, &good.replace("aws:", "aws-:")]);
    }
}
