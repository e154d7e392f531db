//! The reference of an image, as task definitions, functions and lists of pods have it.

use serde::{Deserialize, Serialize};

use crate::oci::digest::Digest;
use crate::registry::RegistryPlace;

/// The reference of an image that something uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reference {
    /// An image that this registry may have.
    Image {
        /// The registry; none if the reference has no host of ECR's.
        place: Option<RegistryPlace>,
        /// The repository; none for a digest alone, which any repository may have.
        repository: Option<String>,
        /// The image in it.
        image: Named,
    },
    /// An image of a registry that is none of ECR's private ones.
    Elsewhere,
}

/// An image of a repository, by digest or by tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Named {
    /// Its digest.
    Digest(Digest),
    /// A tag, and the image that has it now.
    Tag(String),
}

/// A text that is no reference of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no image: write HOST/REPOSITORY@DIGEST, REPOSITORY@DIGEST, DIGEST, or a tag in the place of @DIGEST"
)]
pub struct BadReference(String);

/// What tools put before a reference.
const SCHEMES: [&str; 5] = ["docker-pullable://", "docker://", "oci://", "https://", "http://"];
/// The longest reference that a message quotes.
const LONGEST: usize = 120;
/// The tag of a reference without one.
const LATEST: &str = "latest";

impl Reference {
    /// Understands `[HOST/]REPOSITORY[:TAG][@DIGEST]`, the same behind the ARN of a repository, and `DIGEST`. With both, the
    /// digest counts.
    pub fn parse(text: &str) -> Result<Self, BadReference> {
        let bad = || BadReference(text.chars().take(LONGEST).collect());
        let name = SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(text);
        if let Some(digest) = digest(name).or_else(|| Digest::from_hex(&name.to_ascii_lowercase())) {
            return Ok(Self::bare(digest));
        }
        let (registry, name) = Registry::of(name);
        let (name, digest) = match name.split_once('@') {
            Some((name, text)) => (name, Some(digest(text).ok_or_else(bad)?)),
            None => (name, None),
        };
        let (repository, tag) = name.split_once(':').unwrap_or((name, LATEST));
        let is_cut_digest = registry == Registry::Unnamed && repository == "sha256";
        if is_cut_digest || !is_repository(repository) || !is_tag(tag) {
            return Err(bad());
        }
        let place = match registry {
            Registry::Other => return Ok(Self::Elsewhere),
            Registry::Ecr(place) => Some(place),
            Registry::Unnamed => None,
        };
        let image = digest.map_or_else(|| Named::Tag(tag.to_owned()), Named::Digest);
        Ok(Self::Image { place, repository: Some(repository.to_owned()), image })
    }

    /// An image of which nothing but the digest is known, or matters.
    pub fn bare(digest: Digest) -> Self {
        Self::Image { place: None, repository: None, image: Named::Digest(digest) }
    }

    /// The same for what AWS answers: what ECR cannot have is of another registry.
    pub fn of_aws(text: &str) -> Self {
        Self::parse(text).unwrap_or(Self::Elsewhere)
    }
}

/// `sha256:` and 64 hexadecimal digits.
fn digest(text: &str) -> Option<Digest> {
    Digest::from_hex(&text.strip_prefix("sha256:")?.to_ascii_lowercase())
}

/// What a reference says of its registry.
#[derive(Debug, PartialEq, Eq)]
enum Registry {
    /// One of ECR's.
    Ecr(RegistryPlace),
    /// Certainly none of ECR's.
    Other,
    /// None, as far as anybody can tell: a repository may be called `ghcr.io/app` too.
    Unnamed,
}

impl Registry {
    /// The registry of a reference, and the rest of it.
    fn of(text: &str) -> (Self, &str) {
        if let Some((place, rest)) = RegistryPlace::of_arn(text) {
            return (Self::Ecr(place), rest);
        }
        let Some((host, rest)) = text.split_once('/') else { return (Self::Unnamed, text) };
        match RegistryPlace::of_host(&host.to_ascii_lowercase()) {
            Some(place) => (Self::Ecr(place), rest),
            None if is_other_host(host) => (Self::Other, rest),
            None => (Self::Unnamed, text),
        }
    }
}

/// `localhost`, or a host with a port: no repository is called so.
fn is_other_host(host: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || b".-".contains(&c))
    };
    let is_port = |port: &str| (1..=5).contains(&port.len()) && port.bytes().all(|c| c.is_ascii_digit());
    host == "localhost" || host.split_once(':').is_some_and(|(name, port)| is_name(name) && is_port(port))
}

/// Source: Amazon ECR API reference, CreateRepository, repositoryName.
fn is_repository(name: &str) -> bool {
    let legal = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._-/".contains(&c);
    (2..=256).contains(&name.len()) && name.bytes().all(legal) && !name.split('/').any(str::is_empty)
}

fn is_tag(tag: &str) -> bool {
    let legal = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
    (1..=128).contains(&tag.len()) && tag.bytes().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(place: Option<(&str, &str)>, repository: Option<&str>, image: Named) -> Reference {
        let place =
            place.map(|(account, region)| RegistryPlace { account: account.into(), region: region.into() });
        Reference::Image { place, repository: repository.map(str::to_owned), image }
    }

    #[test]
    fn every_form_of_a_reference_is_understood() {
        let digest = Digest::of(b"it");
        let by_digest = || Named::Digest(digest);
        let by_tag = |tag: &str| Named::Tag(tag.to_owned());
        let here = Some(("123456789012", "eu-west-1"));
        let host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        for (text, expected) in [
            (format!("{host}/team/api@{digest}"), image(here, Some("team/api"), by_digest())),
            (format!("{host}/team/api:v1@{digest}"), image(here, Some("team/api"), by_digest())),
            (format!("{host}/team/api:v1"), image(here, Some("team/api"), by_tag("v1"))),
            (format!("{host}/team/api"), image(here, Some("team/api"), by_tag("latest"))),
            (format!("docker-pullable://{host}/a1@{digest}"), image(here, Some("a1"), by_digest())),
            (format!("team/api@{digest}"), image(None, Some("team/api"), by_digest())),
            (format!("ghcr.io/app@{digest}"), image(None, Some("ghcr.io/app"), by_digest())),
            ("nginx:1.27".to_owned(), image(None, Some("nginx"), by_tag("1.27"))),
            (digest.to_string(), image(None, None, by_digest())),
            (digest.to_string().replace("sha256:", "docker://sha256:"), image(None, None, by_digest())),
            (format!("sha256:{}", digest.hex().to_uppercase()), image(None, None, by_digest())),
            (format!("localhost:5000/app@{digest}"), Reference::Elsewhere),
            ("localhost/app".to_owned(), Reference::Elsewhere),
            ("registry.example.com:5000/app:v1".to_owned(), Reference::Elsewhere),
            (digest.hex(), image(None, None, by_digest())),
            (format!("{}/team/api:v1", host.to_uppercase()), image(here, Some("team/api"), by_tag("v1"))),
            (
                format!("arn:aws:ecr:eu-west-1:123456789012:repository/team/api@{digest}"),
                image(here, Some("team/api"), by_digest()),
            ),
        ] {
            assert_eq!(Reference::parse(&text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_reference() {
        let cut = "sha256:0123456789abcdef";
        let host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        for text in [
            "",
            "a",
            "Team/api:v1",
            "team api",
            "team/api@",
            "team/api@latest",
            "team//api",
            "/team",
            "team:",
            cut,
            &format!("team/api@{cut}"),
            &format!("{host}/"),
            "{\"a\": 1}",
            "team/api:v1:v2",
            "a=b",
            "An error occurred (AccessDeniedException): User: arn:aws:sts::123456789012:assumed-role/ci/x",
            "error: open /etc/kube/config: permission denied",
            &format!("image: {host}/team/api:v1"),
            &format!("image:{host}/team/api:v1"),
            &format!("ecr://{host}/team/api:v1"),
            &format!("localhost:5000/a b c {host}/team/api:v1"),
            "registry.example.com:5000/Team",
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
            assert_eq!(Reference::of_aws(text), Reference::Elsewhere);
        }
        let long = "x y".repeat(200);
        assert!(Reference::parse(&long).unwrap_err().to_string().len() < 300);
    }
}
