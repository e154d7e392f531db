//! OCI layouts: folders with `index.json` and `blobs/sha256/`.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::SeedError;
use crate::digest;
use crate::emulator::Emulator;
use crate::state::{Manifest, is_tag};

const REFERENCE: &str = "org.opencontainers.image.ref.name";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: Option<String>,
    digest: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    annotations: Option<HashMap<String, String>>,
}

/// A manifest or index, as far as it names other things.
#[derive(Deserialize)]
struct Links {
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
    #[serde(default)]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Option<Vec<Descriptor>>,
}

/// Pushes all that an OCI layout's `index.json` names, and creates the repository if it is not there. Returns the
/// digests of what `index.json` names, in its order.
///
/// The tag is for the only thing that `index.json` names. Without one, each gets the tag of its annotation
/// `org.opencontainers.image.ref.name`, if that is a tag. A layer or config that the folder lacks is declared with
/// its size, so that layouts without their big files do too. Digests are checked.
pub fn oci_layout(
    emulator: &Emulator,
    repository: &str,
    folder: &Path,
    tag: Option<&str>,
) -> Result<Vec<String>, SeedError> {
    let path = folder.join("index.json");
    let index: Links = parse(&path, &read(&path)?)?;
    let roots = index.manifests.unwrap_or_default();
    if tag.is_some() && roots.len() != 1 {
        let problem = format!("names {} things, so that one tag does not do", roots.len());
        return Err(SeedError::Layout { path, problem });
    }
    match emulator.create_repository(repository) {
        Err(error) if error.code != "RepositoryAlreadyExistsException" => return Err(error.into()),
        _ => {}
    }
    let layout = Layout { emulator, repository, folder };
    for root in &roots {
        let own = root.annotations.as_ref().and_then(|all| all.get(REFERENCE)).map(String::as_str);
        layout.push(root, tag.or(own.filter(|name| is_tag(name))))?;
    }
    Ok(roots.into_iter().map(|root| root.digest).collect())
}

struct Layout<'a> {
    emulator: &'a Emulator,
    repository: &'a str,
    folder: &'a Path,
}

impl Layout<'_> {
    /// Pushes what a manifest needs, and then itself.
    fn push(&self, descriptor: &Descriptor, tag: Option<&str>) -> Result<(), SeedError> {
        let path = self.path(&descriptor.digest)?;
        let bytes = checked(&path, read(&path)?, &descriptor.digest)?;
        let links: Links = parse(&path, &bytes)?;
        for child in links.manifests.iter().flatten() {
            self.push(child, None)?;
        }
        for blob in links.config.iter().chain(links.layers.iter().flatten()) {
            self.push_blob(blob)?;
        }
        let text = String::from_utf8(bytes).map_err(|_| layout(&path, "is not text"))?;
        // The media type of a descriptor may be anything; only those that a manifest can have are of use.
        let said = descriptor.media_type.as_deref().filter(|said| Manifest::TYPES.contains(said));
        match self.emulator.put_image(self.repository, &text, said, tag) {
            Err(error) if error.code == "ImageAlreadyExistsException" => Ok(()),
            result => result.map(|_| ()).map_err(SeedError::from),
        }
    }

    fn push_blob(&self, blob: &Descriptor) -> Result<(), SeedError> {
        let path = self.path(&blob.digest)?;
        match read(&path) {
            Ok(bytes) => {
                let bytes = checked(&path, bytes, &blob.digest)?;
                self.emulator.push_blob(self.repository, &bytes)?;
            }
            Err(SeedError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {
                self.emulator.declare_blob(self.repository, &blob.digest, blob.size)?;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Only digests that make a plain file name lead anywhere.
    fn path(&self, digest: &str) -> Result<PathBuf, SeedError> {
        match digest.strip_prefix("sha256:").filter(|_| digest::is_well_formed(digest)) {
            Some(hex) => Ok(self.folder.join("blobs").join("sha256").join(hex)),
            None => Err(layout(self.folder, format!("{digest} is no sha256 digest"))),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, SeedError> {
    std::fs::read(path).map_err(|source| SeedError::Read { path: path.to_owned(), source })
}

fn checked(path: &Path, bytes: Vec<u8>, digest: &str) -> Result<Vec<u8>, SeedError> {
    match digest::sha256(&bytes) {
        found if found == digest => Ok(bytes),
        found => Err(layout(path, format!("has the digest {found}"))),
    }
}

fn parse<'de, T: Deserialize<'de>>(path: &Path, bytes: &'de [u8]) -> Result<T, SeedError> {
    serde_json::from_slice(bytes).map_err(|error| layout(path, error.to_string()))
}

fn layout(path: &Path, problem: impl Into<String>) -> SeedError {
    SeedError::Layout { path: path.to_owned(), problem: problem.into() }
}
