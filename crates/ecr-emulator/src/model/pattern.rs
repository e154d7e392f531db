//! The few regular expressions of the model, each with a predicate that decides the same.

use crate::digest;
use crate::state::{is_prefix, is_repository_name};

/// A regular expression that a whole text must fit.
pub(super) struct Pattern {
    /// As error texts quote it.
    pub(super) text: &'static str,
    pub(super) fits: fn(&str) -> bool,
}

pub(super) const REGISTRY: Pattern = Pattern { text: "[0-9]{12}", fits: is_registry };
/// Not the model's words, but the ones that ECR uses for this.
pub(super) const REPOSITORY: Pattern = Pattern {
    text: "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*",
    fits: is_repository_name,
};
pub(super) const UPLOAD: Pattern = Pattern {
    text: "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
    fits: is_upload,
};
pub(super) const DIGEST: Pattern =
    Pattern { text: "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+", fits: digest::is_well_formed };
pub(super) const PREFIX: Pattern = Pattern {
    text: r"^([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\/?|ROOT)$",
    fits: is_prefix,
};
pub(super) const CREDENTIAL: Pattern = Pattern {
    text: r"^arn:aws(-\w+)*:secretsmanager:[a-zA-Z0-9-:]+:secret:ecr\-pullthroughcache\/[a-zA-Z0-9\/_+=.@-]+$",
    fits: is_credential,
};
pub(super) const EXCLUSION: Pattern = Pattern { text: "^[0-9a-zA-Z._*-]{1,128}$", fits: is_exclusion };
pub(super) const SCANNING: Pattern =
    Pattern { text: r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$", fits: is_scanning };

fn is_registry(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_upload(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

fn is_credential(text: &str) -> bool {
    let Some((place, name)) = text.split_once(":secret:ecr-pullthroughcache/") else {
        return false;
    };
    let Some((partition, place)) =
        place.strip_prefix("arn:aws").and_then(|rest| rest.split_once(":secretsmanager:"))
    else {
        return false;
    };
    let is_word =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let mut parts = partition.split('-');
    parts.next() == Some("") && parts.all(is_word) && has_only(place, b"-:") && has_only(name, b"/_+=.@-")
}

fn is_exclusion(text: &str) -> bool {
    text.len() <= 128 && has_only(text, b"._*-")
}

/// Two separators never stand next to each other, and none stands at an end.
fn is_scanning(text: &str) -> bool {
    let parts = text.split(|c: char| "._-/".contains(c));
    text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-/*".contains(&b))
        && parts.into_iter().all(|part| !part.is_empty())
}

/// Letters, digits and these, but at least one.
fn has_only(text: &str, others: &[u8]) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || others.contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decides(pattern: &Pattern, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!((pattern.fits)(text), "{text:?} fits {}", pattern.text);
        }
        for text in bad.iter().chain(&["", " "]) {
            assert!(!(pattern.fits)(text), "{text:?} does not fit {}", pattern.text);
        }
    }

    #[test]
    fn predicates_decide_what_the_expressions_say() {
        decides(&REGISTRY, &["123456789012"], &["12345678901", "1234567890123", "12345678901x"]);
        let upload = "0123abCD-0123-4567-89ab-0123456789ab";
        decides(&UPLOAD, &[upload], &[&upload[1..], "0123abCD-0123-4567-89ab-0123456789ag", "----"]);
        decides(&DIGEST, &["sha256:aA0"], &["sha256", "sha256:", ":aa", "sha256:xyz"]);
        decides(&PREFIX, &["ROOT", "a/b/", "a--b"], &["/", "a//", "Root"]);
        decides(&EXCLUSION, &["*", "v1.*-_"], &["a/b", "é"]);
        decides(&SCANNING, &["*", "a/b*", "a.b-c_d"], &["a//b", "/a", "a/", "A"]);
    }

    #[test]
    fn a_credential_is_a_secret_for_the_cache() {
        let good = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub-a1";
        let gov = good.replace("arn:aws:", "arn:aws-us-gov:");
        let (other, unnamed) = (good.replace("ecr-pull", "pull"), good.replace("hub-a1", ""));
        decides(&CREDENTIAL, &[good, &gov], &[&other, &unnamed, &good.replace("aws:", "aws-:")]);
    }
}
