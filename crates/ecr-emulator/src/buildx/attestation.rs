//! The attestation manifest of one platform image.

use std::collections::BTreeMap;

use super::build_run::BuildRun;
use super::form::Form;
use super::oci::{Descriptor, Manifest, Platform, put, store, types};
use super::platform::PlatformImage;
use super::provenance::Provenance;
use super::statement::{Envelope, Statement};
use super::{slsa, spdx};
use crate::emulator::Emulator;
use crate::error::ApiError;

/// The attestation of one platform image.
pub(super) struct Attestation<'a> {
    pub(super) form: Form,
    pub(super) provenance: &'a Provenance,
    pub(super) sbom: bool,
    pub(super) run: u64,
    pub(super) repository: &'a str,
    pub(super) image: &'a PlatformImage,
}

impl Attestation<'_> {
    /// Pushes the blobs, then the manifest.
    pub(super) fn push(&self, emulator: &Emulator) -> Result<Descriptor, ApiError> {
        let mut layers = Vec::new();
        for statement in self.statements() {
            let blob = statement.write();
            let layer = store(emulator, self.repository, types::IN_TOTO, blob.as_bytes())?;
            let predicate = ("in-toto.io/predicate-type".to_owned(), statement.predicate_type.to_owned());
            layers.push(Descriptor { annotations: Some(BTreeMap::from([predicate])), ..layer });
        }
        let manifest = match self.form {
            Form::Legacy => self.legacy(emulator, layers)?,
            Form::Oci | Form::None => self.artifact(emulator, layers)?,
        };
        put(emulator, self.repository, &manifest, types::OCI_MANIFEST, None)
    }

    fn statements(&self) -> Vec<Statement<'_>> {
        let build = BuildRun {
            provenance: self.provenance,
            repository: self.repository,
            platform: &self.image.platform,
            digest: &self.image.descriptor.digest,
            layers: &self.image.manifest.layers,
            run: self.run,
        };
        let envelope = match self.form {
            Form::Legacy => Envelope::V01,
            Form::Oci | Form::None => Envelope::V1,
        };
        let statement = |predicate_type| Statement { predicate_type, envelope, build };
        let sbom = self.sbom.then(|| statement(spdx::TYPE));
        sbom.into_iter().chain([statement(slsa::predicate_type(self.provenance.slsa))]).collect()
    }

    /// The legacy form: an image whose layers are the statements, without a subject.
    fn legacy(&self, emulator: &Emulator, layers: Vec<Descriptor>) -> Result<Manifest, ApiError> {
        let ids: Vec<String> = layers.iter().map(|layer| format!("\"{}\"", layer.digest)).collect();
        let config = format!(
            r#"{{"architecture":"unknown","os":"unknown","config":{{}},"rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
            ids.join(",")
        );
        let config = store(emulator, self.repository, types::OCI_CONFIG, config.as_bytes())?;
        Ok(Manifest::oci(config, layers))
    }

    /// The OCI form: an artifact with its own type, and the image as its subject.
    fn artifact(&self, emulator: &Emulator, layers: Vec<Descriptor>) -> Result<Manifest, ApiError> {
        let empty = store(emulator, self.repository, types::OCI_EMPTY, b"{}")?;
        let config = Descriptor { data: Some("e30=".to_owned()), ..empty };
        let mut manifest = Manifest::oci(config, layers);
        manifest.artifact_type = Some(types::DOCKER_ATTESTATION);
        manifest.subject = Some(self.image.descriptor.bare());
        Ok(manifest)
    }
}

/// The descriptor of an attestation in an index.
pub(super) fn listed(attestation: &Descriptor, platform_digest: &str) -> Descriptor {
    let annotation = |name: &str, value: &str| (format!("vnd.docker.reference.{name}"), value.to_owned());
    Descriptor {
        annotations: Some(BTreeMap::from([
            annotation("digest", platform_digest),
            annotation("type", "attestation-manifest"),
        ])),
        platform: Some(Platform {
            architecture: "unknown".to_owned(),
            os: "unknown".to_owned(),
            variant: None,
        }),
        ..attestation.clone()
    }
}
