//! Edges from indexes to their children, with the role that the index gives each child.

use super::ImageIndex;
use crate::oci::attestation::{Kind, kind_by_descriptor};
use crate::oci::manifest::{Descriptor, Platform};
use crate::oci::media_type::DOCKER_ATTESTATION;

/// The role that an index gives a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A BuildKit attestation: `attestation-manifest`, `unknown/unknown`.
    Attestation,
    /// An image for a real platform, and nothing else.
    Platform,
    /// `unknown/unknown`, and nothing else: what converters leave of BuildKit's descriptors.
    UnknownPlatform,
    /// Nothing that speaks for or against an attestation.
    Plain,
    /// Something that contradicts an attestation.
    Contradiction,
}

/// An index listing a child.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    /// The index.
    pub parent: ImageIndex,
    /// The listed image.
    pub child: ImageIndex,
    /// The role that the index gives it.
    pub role: Role,
    /// The kind that the descriptor's artifact type names, if it has one that is not Docker's.
    pub artifact: Option<Kind>,
    /// What an attestation is said to attest: the number of an image, beyond these the number of a digest that is not
    /// here, or [`super::NONE`].
    pub(super) reference: u32,
    /// The number of the platform, or [`super::NONE`].
    pub(super) platform: u32,
}

impl Edge {
    /// The key by which edges are sorted.
    pub(super) fn key(&self) -> (ImageIndex, ImageIndex, u8, u32, u32) {
        (self.parent, self.child, self.role as u8, self.reference, self.platform)
    }
}

/// The role of a child by its descriptor: evidence for or against an attestation.
pub(crate) fn role(descriptor: &Descriptor) -> Role {
    let real = descriptor.platform.as_ref().is_some_and(Platform::is_real);
    let unknown = descriptor.platform.as_ref().is_some_and(Platform::is_unknown);
    let claim = descriptor.annotations.as_ref().and_then(|a| a.reference_type.as_deref());
    match (claim, descriptor.artifact_type.as_deref()) {
        (_, Some(other)) if other != DOCKER_ATTESTATION => Role::Contradiction,
        (None, None) if real => Role::Platform,
        _ if real => Role::Contradiction,
        (None, _) if unknown => Role::UnknownPlatform,
        (Some("attestation-manifest"), _) if unknown => Role::Attestation,
        (Some("attestation-manifest") | None, _) => Role::Plain,
        (Some(_), _) => Role::Contradiction,
    }
}

/// The kind that a descriptor's artifact type names, if it is not Docker's own.
pub(super) fn artifact(descriptor: &Descriptor) -> Option<Kind> {
    descriptor.artifact_type.as_deref().filter(|name| *name != DOCKER_ATTESTATION).map(kind_by_descriptor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_descriptor_says_of_its_child() {
        let say = |text: &str| role(&serde_json::from_str(text).unwrap());
        let unknown = r#""platform":{"os":"unknown","architecture":"unknown"}"#;
        let linux = r#""platform":{"os":"linux","architecture":"amd64"}"#;
        let claim = r#""annotations":{"vnd.docker.reference.type":"attestation-manifest","x":1}"#;
        let builder = r#""annotations":{"vnd.docker.reference.type":"builder"}"#;
        assert_eq!(say(&format!("{{{unknown},{claim}}}")), Role::Attestation);
        assert_eq!(say(&format!("{{{unknown}}}")), Role::UnknownPlatform);
        assert_eq!(say("{}"), Role::Plain);
        assert_eq!(say(&format!("{{{claim}}}")), Role::Plain);
        assert_eq!(say(&format!("{{{linux}}}")), Role::Platform);
        assert_eq!(say(&format!("{{{linux},{claim}}}")), Role::Contradiction);
        assert_eq!(say(&format!("{{{unknown},{builder}}}")), Role::Contradiction);
        assert_eq!(say(&format!(r#"{{{unknown},{claim},"artifactType":"x"}}"#)), Role::Contradiction);
        assert_eq!(say(&format!(r#"{{{linux},"artifactType":"x"}}"#)), Role::Contradiction);
        let docker = format!(r#"{unknown},"artifactType":"{DOCKER_ATTESTATION}""#);
        assert_eq!(say(&format!("{{{docker},{claim}}}")), Role::Attestation);
        assert_eq!(say(&format!("{{{docker}}}")), Role::UnknownPlatform);
    }

    #[test]
    fn the_kind_that_a_descriptor_names() {
        let kind = |text: &str| artifact(&serde_json::from_str(text).unwrap());
        assert_eq!(kind("{}"), None);
        assert_eq!(kind(&format!(r#"{{"artifactType":"{DOCKER_ATTESTATION}"}}"#)), None);
        let soci = r#"{"artifactType":"application/vnd.amazon.soci.index.v2+json"}"#;
        assert_eq!(kind(soci), Some(Kind::SociIndex));
        assert_eq!(kind(r#"{"artifactType":"x"}"#), Some(Kind::Artifact));
    }
}
