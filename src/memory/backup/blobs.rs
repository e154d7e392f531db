//! Which blobs of an image are stored with its manifest.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::report::SMALL_ARTIFACT;

/// What an attestation's blob without a size may have.
const UNKNOWN_SIZE: u64 = 8 * 1024 * 1024;
/// The content of the OCI empty descriptor: everybody has it.
pub(in crate::memory) const EMPTY: &[u8] = b"{}";

/// How much of an image a backup can bring back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Restorable {
    /// All of it.
    Fully,
    /// The manifest, while the registry still has the blobs.
    ManifestOnly,
}

/// A blob that is stored with its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WantedBlob {
    pub(super) digest: Digest,
    /// What its descriptor says.
    pub(super) size: u64,
}

/// The blobs of an image.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) stored: Vec<WantedBlob>,
    pub(super) restorable: Restorable,
    /// The sizes of all blobs, stored or not.
    pub(super) size_bytes: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Manifest {
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    blobs: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Descriptor {
    digest: String,
    size: Option<u64>,
}

impl Manifest {
    fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        let lists = [&self.layers, &self.blobs].into_iter().flatten().flatten();
        self.config.iter().chain(lists)
    }
}

/// The blobs that are stored with an image of this kind.
pub(super) fn wanted(kind: Kind, manifest: &str) -> Result<Wanted, String> {
    let parsed = serde_json::from_str::<Manifest>(manifest);
    let parsed = match parsed {
        Ok(parsed) => parsed,
        // Its bytes are stored as they are; what they refer to is not known.
        Err(_) if kind != Kind::Attestation => Manifest::default(),
        Err(error) => return Err(format!("its blobs cannot be told from its manifest: {error}")),
    };
    let size_bytes = parsed.blobs().filter_map(|blob| blob.size).fold(0, u64::saturating_add);
    let is_small = size_bytes <= SMALL_ARTIFACT && parsed.blobs().all(|blob| blob.size.is_some());
    let with_blobs = match kind {
        Kind::Attestation => true,
        Kind::Referrer | Kind::Signature | Kind::SociIndex | Kind::Artifact => is_small,
        _ => false,
    };
    let stored = if with_blobs { stored(&parsed)? } else { Vec::new() };
    let restorable = if with_blobs || parsed.blobs().next().is_none() {
        Restorable::Fully
    } else {
        Restorable::ManifestOnly
    };
    Ok(Wanted { stored, restorable, size_bytes })
}

/// Each blob once. The empty configuration needs no storing.
fn stored(manifest: &Manifest) -> Result<Vec<WantedBlob>, String> {
    let wanted = |blob: &Descriptor| {
        let digest: Digest =
            blob.digest.parse().map_err(|error| format!("its blob has no usable digest: {error}"))?;
        Ok(WantedBlob { digest, size: blob.size.unwrap_or(UNKNOWN_SIZE) })
    };
    let mut blobs: Vec<WantedBlob> = manifest.blobs().map(wanted).collect::<Result<_, String>>()?;
    blobs.retain(|blob| blob.digest != Digest::of(EMPTY));
    blobs.sort_unstable();
    blobs.dedup_by_key(|blob| blob.digest);
    Ok(blobs)
}

/// What a manifest needs to be put back: its blobs, and for an index the images that it lists.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::memory) struct Needs {
    pub(in crate::memory) blobs: Vec<Digest>,
    pub(in crate::memory) children: Vec<Digest>,
}

/// What a stored manifest needs to be put back. A digest that is none is left to the registry to judge.
pub(in crate::memory) fn needs(manifest: &str) -> Needs {
    let parsed: Manifest = serde_json::from_str(manifest).unwrap_or_default();
    let digests = |descriptors: Vec<&Descriptor>| {
        let mut digests: Vec<Digest> =
            descriptors.into_iter().filter_map(|it| it.digest.parse().ok()).collect();
        digests.sort_unstable();
        digests.dedup();
        digests
    };
    Needs {
        blobs: digests(parsed.blobs().collect()),
        children: digests(parsed.manifests.iter().flatten().collect()),
    }
}
