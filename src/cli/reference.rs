//! The name of an image, as people find it in error messages, build logs, consoles and findings.

use crate::registry::RegistryPlace as Place;

/// The name of an image or a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// The registry that the name is of, if it says so.
    pub(super) place: Option<Place>,
    /// The repository.
    pub(super) repository: String,
    /// The tag, if one is given.
    pub(super) tag: Option<String>,
    /// The first hexadecimal digits of the digest, or all of them, if they are given.
    pub(super) digits: Option<String>,
}

/// A text that names no image of ECR.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadReference {
    #[error("{0:?} names no repository: give REPOSITORY, REPOSITORY:TAG or REPOSITORY@DIGEST")]
    NoRepository(String),
    #[error("{0:?} is a digest, and any repository may have it: give REPOSITORY@{0}")]
    OnlyADigest(String),
    #[error("{0:?} is not a digest: give sha256: and 64 hexadecimal digits, or at least the first 6")]
    NoDigest(String),
    #[error("{0:?} is not a tag: a tag has at most 128 letters, digits, '.', '-' and '_'")]
    NoTag(String),
    #[error(
        "{text:?} belongs to the registry {host}, and this tool only knows Amazon ECR's private registries"
    )]
    OtherRegistry { text: String, host: String },
}

const SCHEMES: [&str; 4] = ["https://", "http://", "docker://", "oci://"];
const DIGEST: &str = "sha256:";

impl Reference {
    /// Understands `REPOSITORY[:TAG][@DIGEST]`, also behind a scheme and the host of an ECR registry, and ARNs.
    pub(super) fn parse(text: &str) -> Result<Self, BadReference> {
        let name = text.trim_matches(|c: char| c.is_whitespace() || "\"'`,;".contains(c));
        let (place, name) = match Place::of_arn(name) {
            Some((place, name)) => (Some(place), name.replacen("/sha256:", "@sha256:", 1)),
            None => {
                let (place, name) = without_host(without_scheme(name))?;
                (place, name.to_owned())
            }
        };
        if name.starts_with(DIGEST) {
            return Err(BadReference::OnlyADigest(name));
        }
        let (name, digits) = match name.split_once('@') {
            Some((name, digest)) => (name, Some(hex(digest)?)),
            None => (name.as_str(), None),
        };
        let (repository, tag) = match name.split_once(':') {
            Some((repository, tag)) => (repository, Some(legal_tag(tag)?)),
            None => (name, None),
        };
        let repository = repository.trim_end_matches('/').to_owned();
        if repository.is_empty() || repository.contains(['*', '?']) {
            return Err(BadReference::NoRepository(text.to_owned()));
        }
        Ok(Self { place, repository, tag, digits })
    }
}

fn without_scheme(text: &str) -> &str {
    SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(text)
}

/// Takes the host off, if there is one. A repository may be called `ghcr.io/app` too: only a port or `localhost`
/// cannot be a repository.
fn without_host(text: &str) -> Result<(Option<Place>, &str), BadReference> {
    let Some((first, rest)) = text.split_once('/') else { return Ok((None, text)) };
    if let Some(place) = Place::of_host(first) {
        // The path of the registry's HTTP interface, as in error messages of clients.
        return Ok((Some(place), rest.strip_prefix("v2/").unwrap_or(rest)));
    }
    let has_port = first.split_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port || first == "localhost" || first == "public.ecr.aws" {
        return Err(BadReference::OtherRegistry { text: text.to_owned(), host: first.to_owned() });
    }
    Ok((None, text))
}

fn hex(digest: &str) -> Result<String, BadReference> {
    let digits = digest.strip_prefix(DIGEST).unwrap_or(digest);
    if (6..=64).contains(&digits.len()) && digits.bytes().all(|c| c.is_ascii_hexdigit()) {
        Ok(digits.to_ascii_lowercase())
    } else {
        Err(BadReference::NoDigest(digest.to_owned()))
    }
}

fn legal_tag(tag: &str) -> Result<String, BadReference> {
    let legal = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
    if (1..=128).contains(&tag.len()) && tag.bytes().all(legal) {
        Ok(tag.to_owned())
    } else {
        Err(BadReference::NoTag(tag.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789";

    fn parsed(text: &str) -> Reference {
        Reference::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn named(repository: &str, tag: Option<&str>, digits: Option<&str>) -> Reference {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Reference { place: None, repository: repository.into(), tag: owned(tag), digits: owned(digits) }
    }

    #[test]
    fn tag_and_digest_may_both_be_given() {
        assert_eq!(parsed("team/api"), named("team/api", None, None));
        assert_eq!(parsed("team/api:v1"), named("team/api", Some("v1"), None));
        assert_eq!(parsed("team/api@sha256:ABCDEF01"), named("team/api", None, Some("abcdef01")));
        assert_eq!(parsed("team/api@abcdef"), named("team/api", None, Some("abcdef")));
        let both = named("team/api", Some("v1"), Some(HEX));
        assert_eq!(parsed(&format!("team/api:v1@sha256:{HEX}")), both);
        assert_eq!(parsed(&format!("  \"team/api:v1@sha256:{HEX}\", ")), both, "as quoted in a message");
    }

    #[test]
    fn the_host_of_a_registry_says_where_it_is() {
        let place =
            |account: &str, region: &str| Some(Place { account: account.into(), region: region.into() });
        for (text, region) in [
            ("123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/web:v1", "us-east-1"),
            ("https://123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/web:v1", "us-east-1"),
            ("docker://123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/shop/web:v1", "us-gov-west-1"),
            ("oci://123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/shop/web:v1", "cn-north-1"),
            ("123456789012.dkr-ecr.eu-west-1.on.aws/shop/web:v1", "eu-west-1"),
            ("arn:aws:ecr:eu-west-1:123456789012:repository/shop/web:v1", "eu-west-1"),
            ("arn:aws-cn:ecr:cn-north-1:123456789012:repository/shop/web:v1", "cn-north-1"),
        ] {
            let expected =
                Reference { place: place("123456789012", region), ..named("shop/web", Some("v1"), None) };
            assert_eq!(parsed(text), expected, "{text}");
        }
        assert_eq!(parsed("http://shop/web:v1"), named("shop/web", Some("v1"), None));
    }

    #[test]
    fn findings_and_clients_write_digests_in_their_own_way() {
        let arn = "arn:aws:ecr:eu-west-1:123456789012:repository/shop/web";
        for text in [format!("{arn}/sha256:{HEX}"), format!("{arn}@sha256:{HEX}")] {
            let it = parsed(&text);
            assert_eq!((it.repository.as_str(), it.digits.as_deref()), ("shop/web", Some(HEX)), "{text}");
        }
        let host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        assert_eq!(parsed(&format!("https://{host}/v2/shop/web")).repository, "shop/web");
    }

    #[test]
    fn what_names_no_image_of_ecr_says_why() {
        use BadReference as Bad;
        type Is = fn(&BadReference) -> bool;
        let cases: [(&str, Is); 16] = [
            ("", |bad| matches!(bad, Bad::NoRepository(_))),
            ("/", |bad| matches!(bad, Bad::NoRepository(_))),
            (":v1", |bad| matches!(bad, Bad::NoRepository(_))),
            ("@abcdef", |bad| matches!(bad, Bad::NoRepository(_))),
            ("a*", |bad| matches!(bad, Bad::NoRepository(_))),
            ("123456789012.dkr.ecr.us-east-1.amazonaws.com/", |bad| matches!(bad, Bad::NoRepository(_))),
            ("sha256:abcdef0123", |bad| matches!(bad, Bad::OnlyADigest(_))),
            ("a@xyz", |bad| matches!(bad, Bad::NoDigest(_))),
            ("a@sha256:abc", |bad| matches!(bad, Bad::NoDigest(_))),
            ("a@sha512:abcdef01", |bad| matches!(bad, Bad::NoDigest(_))),
            ("a:", |bad| matches!(bad, Bad::NoTag(_))),
            ("a:b:c", |bad| matches!(bad, Bad::NoTag(_))),
            ("a:b/c", |bad| matches!(bad, Bad::NoTag(_))),
            ("localhost:5000/a:v1", |bad| matches!(bad, Bad::OtherRegistry { .. })),
            ("https://localhost/a:v1", |bad| matches!(bad, Bad::OtherRegistry { .. })),
            ("public.ecr.aws/docker/library/nginx", |bad| matches!(bad, Bad::OtherRegistry { .. })),
        ];
        for (text, is_so) in cases {
            let bad = Reference::parse(text).unwrap_err();
            assert!(is_so(&bad), "{text}: {bad:?}");
        }
        // A repository may be called like a host, or like an account.
        for name in ["ghcr.io/org/app", "123456789012.dkr.example/app", "arn/app"] {
            assert_eq!(parsed(name).repository, name);
        }
    }
}
