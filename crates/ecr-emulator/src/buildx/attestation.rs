//! The attestation manifest of one platform image.

use std::collections::BTreeMap;

use super::build::{Build, Form};
use super::oci::{Descriptor, Manifest, Platform, put, store, types};
use super::platform::Plan;
use super::statement::Statement;
use crate::emulator::Emulator;
use crate::error::ApiError;

/// What is attested of one platform image.
pub(super) struct Attestation<'a> {
    pub(super) build: &'a Build,
    pub(super) repository: &'a str,
    pub(super) of: &'a Plan,
}

impl Attestation<'_> {
    /// Pushes the blobs, then the manifest.
    pub(super) fn push(&self, emulator: &Emulator) -> Result<Descriptor, ApiError> {
        let mut layers = Vec::new();
        for statement in self.statements() {
            let blob = statement.write();
            let layer = store(emulator, self.repository, types::IN_TOTO, blob.as_bytes())?;
            let predicate = ("in-toto.io/predicate-type".to_owned(), statement.predicate.to_owned());
            layers.push(Descriptor { annotations: Some(BTreeMap::from([predicate])), ..layer });
        }
        let manifest = match self.build.form {
            Form::Legacy => self.legacy(emulator, layers)?,
            Form::Oci | Form::None => self.artifact(emulator, layers)?,
        };
        put(emulator, self.repository, &manifest, types::OCI_MANIFEST, None)
    }

    fn statements(&self) -> Vec<Statement<'_>> {
        let statement = |predicate| Statement {
            predicate,
            version: match self.build.form {
                Form::Legacy => "v0.1",
                Form::Oci | Form::None => "v1",
            },
            repository: self.repository,
            platform: &self.of.platform,
            digest: &self.of.descriptor.digest,
            run: self.build.run,
        };
        let sbom = self.build.sbom.then(|| statement(super::statement::SPDX));
        sbom.into_iter().chain([statement(super::statement::PROVENANCE)]).collect()
    }

    /// Looks like an image whose layers are the statements; nothing in it says what it attests.
    fn legacy(&self, emulator: &Emulator, layers: Vec<Descriptor>) -> Result<Manifest, ApiError> {
        let ids: Vec<String> = layers.iter().map(|layer| format!("\"{}\"", layer.digest)).collect();
        let config = format!(
            r#"{{"architecture":"unknown","os":"unknown","config":{{}},"rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
            ids.join(",")
        );
        let config = store(emulator, self.repository, types::OCI_CONFIG, config.as_bytes())?;
        Ok(Manifest::oci(config, layers))
    }

    /// Says what it is and what it attests.
    fn artifact(&self, emulator: &Emulator, layers: Vec<Descriptor>) -> Result<Manifest, ApiError> {
        let empty = store(emulator, self.repository, types::OCI_EMPTY, b"{}")?;
        let config = Descriptor { data: Some("e30=".to_owned()), ..empty };
        let mut manifest = Manifest::oci(config, layers);
        manifest.artifact_type = Some(types::DOCKER_ATTESTATION);
        manifest.subject = Some(self.of.descriptor.bare());
        Ok(manifest)
    }
}

/// How an index lists an attestation.
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
