//! One build.

use super::attestation::Attestation;
use super::form::Form;
use super::oci::{Descriptor, Index, put, types};
use super::platform::PlatformImage;
use super::provenance::Provenance;
use crate::emulator::Emulator;
use crate::error::ApiError;

/// A build to push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// For example `linux/amd64`, `linux/arm64/v8`.
    pub platforms: Vec<String>,
    /// The form of the attestations.
    pub form: Form,
    /// The code that is built: the same code makes the same platform images.
    pub code: u64,
    /// The run of the build: another run of the same code makes new attestations of the same images.
    pub run: u64,
    /// Whether an SBOM is attested too, before the provenance.
    pub sbom: bool,
    /// The contents of the provenance.
    pub provenance: Provenance,
}

/// The digests that a build got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The index, if there is one.
    pub index: Option<String>,
    /// The platform images, in the order of the platforms.
    pub platforms: Vec<String>,
    /// The attestations, in the order of the platforms.
    pub attestations: Vec<String>,
    /// The tagged root: the index, or the only image.
    pub root: String,
}

impl Build {
    /// A build for these platforms: OCI form, no SBOM, code 0, run 0.
    pub fn new(platforms: &[&str]) -> Self {
        Self {
            platforms: platforms.iter().map(|&platform| platform.to_owned()).collect(),
            form: Form::Oci,
            code: 0,
            run: 0,
            sbom: false,
            provenance: Provenance::default(),
        }
    }

    /// Sets the form of the attestations.
    pub fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// Sets the code that is built.
    pub fn code(mut self, code: u64) -> Self {
        self.code = code;
        self
    }

    /// Sets the run of the build.
    pub fn run(mut self, run: u64) -> Self {
        self.run = run;
        self
    }

    /// Sets whether an SBOM is attested.
    pub fn sbom(mut self, sbom: bool) -> Self {
        self.sbom = sbom;
        self
    }

    /// Sets the contents of the provenance.
    pub fn provenance(mut self, provenance: Provenance) -> Self {
        self.provenance = provenance;
        self
    }

    /// Pushes blobs, attestations, platform images, and last the index under the tag.
    pub fn push(&self, emulator: &Emulator, repository: &str, tag: Option<&str>) -> Result<Pushed, ApiError> {
        let images = self.store_blobs(emulator, repository)?;
        let attestations = self.put_attestations(emulator, repository, &images)?;
        let alone = self.form == Form::None && images.len() == 1;
        let mut platforms = Vec::with_capacity(images.len());
        for image in &images {
            let tag = tag.filter(|_| alone);
            platforms.push(put(emulator, repository, &image.manifest, types::OCI_MANIFEST, tag)?);
        }
        let index = match alone {
            true => None,
            false => {
                let index = index(&images, &platforms, &attestations);
                Some(put(emulator, repository, &index, types::OCI_INDEX, tag)?.digest)
            }
        };
        let digests = |list: Vec<Descriptor>| list.into_iter().map(|d| d.digest).collect::<Vec<_>>();
        let platforms = digests(platforms);
        let only = platforms.first().cloned().unwrap_or_default();
        Ok(Pushed {
            root: index.clone().unwrap_or(only),
            index,
            platforms,
            attestations: digests(attestations),
        })
    }

    /// Pushes all blobs and only the attestations' manifests: a push that is under way, or was broken off.
    pub fn push_attestations_only(
        &self,
        emulator: &Emulator,
        repository: &str,
    ) -> Result<Vec<String>, ApiError> {
        let images = self.store_blobs(emulator, repository)?;
        let attestations = self.put_attestations(emulator, repository, &images)?;
        Ok(attestations.into_iter().map(|descriptor| descriptor.digest).collect())
    }

    fn store_blobs(&self, emulator: &Emulator, repository: &str) -> Result<Vec<PlatformImage>, ApiError> {
        let image = |platform: &String| PlatformImage::make(emulator, repository, platform, self.code);
        self.platforms.iter().map(image).collect()
    }

    /// The last platform's comes first, as BuildKit's stack has it. The result is in the platforms' order.
    fn put_attestations(
        &self,
        emulator: &Emulator,
        repository: &str,
        images: &[PlatformImage],
    ) -> Result<Vec<Descriptor>, ApiError> {
        if self.form == Form::None {
            return Ok(Vec::new());
        }
        let mut descriptors = Vec::with_capacity(images.len());
        for image in images.iter().rev() {
            let Self { form, sbom, run, provenance, .. } = self;
            let (form, sbom, run) = (*form, *sbom, *run);
            let attestation = Attestation { form, provenance, sbom, run, repository, image };
            descriptors.push(attestation.push(emulator)?);
        }
        descriptors.reverse();
        Ok(descriptors)
    }
}

/// Lists the platforms, then the attestations.
fn index(images: &[PlatformImage], platforms: &[Descriptor], attestations: &[Descriptor]) -> Index {
    let described = images.iter().zip(platforms).map(|(image, descriptor)| Descriptor {
        platform: Some(image.platform.clone()),
        ..descriptor.clone()
    });
    let attested = platforms
        .iter()
        .zip(attestations)
        .map(|(platform, attestation)| super::attestation::listed(attestation, &platform.digest));
    Index::oci(described.chain(attested).collect())
}
