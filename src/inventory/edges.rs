//! Edges from indexes to their children, with the role that the index gives each child.

use super::ImageIndex;
use crate::oci::manifest::{Descriptor, Platform};
use crate::oci::media_type::DOCKER_ATTESTATION;

/// The role that an index gives a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A BuildKit attestation: `attestation-manifest`, `unknown/unknown`.
    Attestation,
    /// An image for a real platform, and nothing else.
    Platform,
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
    /// The number of the digest that an attestation is said to attest, or [`super::NONE`].
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
        (Some("attestation-manifest"), _) if unknown => Role::Attestation,
        (Some("attestation-manifest") | None, _) => Role::Plain,
        (Some(_), _) => Role::Contradiction,
    }
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
        assert_eq!(say(&format!("{{{unknown}}}")), Role::Plain);
        assert_eq!(say("{}"), Role::Plain);
        assert_eq!(say(&format!("{{{claim}}}")), Role::Plain);
        assert_eq!(say(&format!("{{{linux}}}")), Role::Platform);
        assert_eq!(say(&format!("{{{linux},{claim}}}")), Role::Contradiction);
        assert_eq!(say(&format!("{{{unknown},{builder}}}")), Role::Contradiction);
        assert_eq!(say(&format!(r#"{{{unknown},{claim},"artifactType":"x"}}"#)), Role::Contradiction);
        assert_eq!(say(&format!(r#"{{{linux},"artifactType":"x"}}"#)), Role::Contradiction);
        assert_eq!(
            say(&format!(r#"{{{unknown},{claim},"artifactType":"{DOCKER_ATTESTATION}"}}"#)),
            Role::Attestation
        );
    }
}
