//! The tag that the janitor writes on an attestation when the policy says `tag`.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer};
use wildmatch::WildMatch;

use crate::config::value;
use crate::oci::digest::Digest;

/// A tag template: literal text with `{digest}` (required), `{platform}` and `{subject}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Digest,
    Platform,
    Subject,
}

/// The reason why a template would make tags that are illegal, collide, or mean something to other tools.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// A `{` without its `}`, or the other way round.
    #[error("its braces do not match; placeholders are {{digest}}, {{platform}} and {{subject}}")]
    Braces,
    /// A placeholder nobody knows.
    #[error("it has an unknown placeholder {{{0}}}; there are {{digest}}, {{platform}} and {{subject}}")]
    Placeholder(String),
    /// Without the digest two attestations would get one tag, and a tag names one image only.
    #[error("it has no {{digest}}, so the tags of two attestations would collide")]
    NoDigest,
    /// Outside OCI's grammar.
    #[error(
        "it makes illegal tags: only letters, digits, `_`, `.` and `-` are allowed, and the first must not be `.` or `-`"
    )]
    Grammar,
    /// Too long.
    #[error("it makes tags of up to {0} characters; 128 are allowed")]
    TooLong(usize),
    /// Tags that tools take for their own.
    #[error(
        "it makes tags that other tools take for their own: they must not start with `sha256-` nor end in `.sig`, `.att` or `.sbom`"
    )]
    Reserved,
}

/// OCI's limit for a tag, in characters. ECR would take 300, clients would not.
const MAX_TAG: usize = 128;
/// The most that `{platform}` becomes, in characters.
const MAX_PLATFORM: usize = 32;
const SHORT_DIGEST: usize = 12;

impl Template {
    /// The tag for one attestation.
    pub fn render(&self, digest: Digest, platform: Option<&str>, subject: Option<Digest>) -> String {
        let mut tag = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => tag.push_str(text),
                Part::Digest => tag.push_str(&digest.short()),
                Part::Platform => tag.push_str(platform.unwrap_or("unknown")),
                Part::Subject => tag.push_str(&subject.map_or_else(|| "none".into(), |s| s.short())),
            }
        }
        tag
    }

    /// Whether this tag on this image is one that this template would have written.
    pub fn is_own(&self, tag: &str, digest: Digest) -> bool {
        let mut pattern = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => pattern.push_str(text),
                Part::Digest => pattern.push_str(&digest.short()),
                Part::Platform | Part::Subject => pattern.push('*'),
            }
        }
        WildMatch::new(&pattern).matches(tag)
    }

    fn longest(&self) -> usize {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Literal(text) => text.len(),
                Part::Digest | Part::Subject => SHORT_DIGEST,
                Part::Platform => MAX_PLATFORM,
            })
            .sum()
    }

    fn check(self) -> Result<Self, InvalidTemplate> {
        let literals = || {
            self.parts.iter().filter_map(|part| match part {
                Part::Literal(text) => Some(text.as_str()),
                _ => None,
            })
        };
        let legal = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if !self.parts.contains(&Part::Digest) {
            return Err(InvalidTemplate::NoDigest);
        }
        if !literals().all(|text| text.chars().all(legal)) || self.text.starts_with(['.', '-']) {
            return Err(InvalidTemplate::Grammar);
        }
        if self.longest() > MAX_TAG {
            return Err(InvalidTemplate::TooLong(self.longest()));
        }
        let reserved = [".sig", ".att", ".sbom"];
        if self.text.starts_with("sha256-") || reserved.iter().any(|end| self.text.ends_with(end)) {
            return Err(InvalidTemplate::Reserved);
        }
        Ok(self)
    }
}

/// The text of `{platform}` for an image: `linux-arm64-v8`. Nothing if the names, which anybody may write into an
/// index, are not plain enough for a tag.
pub fn platform_name(os: &str, architecture: &str, variant: Option<&str>) -> Option<String> {
    let plain = |name: &str| {
        !name.is_empty() && name != "sha256" && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let mut parts = vec![os, architecture];
    parts.extend(variant.filter(|variant| !variant.is_empty()));
    let name = parts.join("-");
    (parts.iter().all(|part| plain(part)) && name.len() <= MAX_PLATFORM).then_some(name)
}

impl FromStr for Template {
    type Err = InvalidTemplate;

    fn from_str(text: &str) -> Result<Self, InvalidTemplate> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            push_literal(&mut parts, &rest[..open])?;
            let (name, after) = rest[open + 1..].split_once('}').ok_or(InvalidTemplate::Braces)?;
            parts.push(match name {
                "digest" => Part::Digest,
                "platform" => Part::Platform,
                "subject" => Part::Subject,
                other => return Err(InvalidTemplate::Placeholder(other.to_owned())),
            });
            rest = after;
        }
        push_literal(&mut parts, rest)?;
        Self { text: text.to_owned(), parts }.check()
    }
}

fn push_literal(parts: &mut Vec<Part>, text: &str) -> Result<(), InvalidTemplate> {
    if text.contains('}') {
        return Err(InvalidTemplate::Braces);
    }
    if !text.is_empty() {
        parts.push(Part::Literal(text.to_owned()));
    }
    Ok(())
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        value::text(deserializer, "a string such as \"attestation-{platform}-{digest}\"", |text| {
            text.parse().map_err(|error| format!("the template {text:?} cannot be used: {error}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn template(text: &str) -> Template {
        text.parse().unwrap()
    }

    #[test]
    fn fills_in_what_is_known() {
        let digest = Digest::of(b"{}");
        let subject = Digest::of(b"subject");
        let full = template("att.{platform}_{subject}-{digest}");
        assert_eq!(full.to_string(), "att.{platform}_{subject}-{digest}");
        assert_eq!(
            full.render(digest, Some("linux-arm64-v8"), Some(subject)),
            format!("att.linux-arm64-v8_{}-44136fa355b3", subject.short())
        );
        assert_eq!(full.render(digest, None, None), "att.unknown_none-44136fa355b3");
    }

    #[test]
    fn knows_its_own_tags_by_the_digest() {
        let own = template("attestation-{platform}-{digest}");
        let digest = Digest::of(b"{}");
        assert!(own.is_own("attestation-linux-amd64-44136fa355b3", digest));
        assert!(own.is_own("attestation-unknown-44136fa355b3", digest));
        assert!(!own.is_own("attestation-linux-amd64-44136fa355b3", Digest::of(b"other")));
        assert!(!own.is_own("v1.2.3", digest));
        assert!(!own.is_own("attestation-linux-amd64-44136fa355b3-mine", digest));
    }

    #[test]
    fn refuses_what_would_make_bad_tags() {
        use InvalidTemplate::*;
        for (text, error) in [
            ("attestation-{platform}", NoDigest),
            ("", NoDigest),
            ("{digest", Braces),
            ("digest}", Braces),
            ("a}{digest}", Braces),
            ("{tag}-{digest}", Placeholder("tag".into())),
            ("-{digest}", Grammar),
            (".{digest}", Grammar),
            ("a b{digest}", Grammar),
            ("ä{digest}", Grammar),
            ("a/{digest}", Grammar),
            ("sha256-{digest}", Reserved),
            ("{digest}.sig", Reserved),
            ("{digest}.att", Reserved),
            ("{digest}.sbom", Reserved),
        ] {
            assert_eq!(text.parse::<Template>(), Err(error), "{text}");
        }
        let long = format!("{}{{digest}}", "a".repeat(117));
        assert_eq!(long.parse::<Template>(), Err(TooLong(129)));
        assert!(long[1..].parse::<Template>().is_ok());
    }

    #[test]
    fn hostile_platform_names_never_reach_a_tag() {
        assert_eq!(platform_name("linux", "arm64", Some("v8")).as_deref(), Some("linux-arm64-v8"));
        assert_eq!(platform_name("linux", "amd64", Some("")).as_deref(), Some("linux-amd64"));
        for os in ["", "../..", "li nux", "sha256", "a.sig", "\u{202e}", &"x".repeat(40)] {
            assert_eq!(platform_name(os, "amd64", None), None, "{os}");
        }
    }

    proptest! {
        #[test]
        fn every_tag_it_makes_is_legal_and_its_own(text in "[a-z0-9._{}-]{0,20}(\\{digest\\}|\\{platform\\}|\\{subject\\}|[a-z.-]){0,4}", os in ".{0,12}", arch in "[a-z0-9]{0,8}", bytes: [u8; 4]) {
            if let Ok(template) = text.parse::<Template>() {
                let digest = Digest::of(&bytes);
                let platform = platform_name(&os, &arch, None);
                let tag = template.render(digest, platform.as_deref(), None);
                prop_assert!(tag.len() <= MAX_TAG);
                prop_assert!(tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b)));
                prop_assert!(!tag.starts_with(['.', '-']) && !tag.starts_with("sha256-"));
                prop_assert!(![".sig", ".att", ".sbom"].iter().any(|end| tag.ends_with(end)));
                prop_assert!(template.is_own(&tag, digest));
            }
        }
    }
}
