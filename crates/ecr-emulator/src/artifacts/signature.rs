//! Signatures.

use std::collections::BTreeMap;

use super::{empty_config, subject};
use crate::buildx::{Descriptor, Manifest, put, store, types};
use crate::emulator::Emulator;
use crate::error::ApiError;

/// A cosign signature as cosign 2 stores it: an image under the tag `sha256-<hex>.sig`, without a subject.
pub fn cosign_signature_tag(
    emulator: &Emulator,
    repository: &str,
    subject_digest: &str,
) -> Result<String, ApiError> {
    let payload = format!(
        concat!(
            r#"{{"critical":{{"identity":{{"docker-reference":"{}"}},"image":{{"docker-manifest-digest":"{}"}},"#,
            r#""type":"cosign container image signature"}},"optional":null}}"#
        ),
        repository, subject_digest
    );
    let simple = "application/vnd.dev.cosign.simplesigning.v1+json";
    let layer = store(emulator, repository, simple, payload.as_bytes())?;
    let config = format!(
        concat!(
            r#"{{"architecture":"","created":"0001-01-01T00:00:00Z","history":[{{"created":"0001-01-01T00:00:00Z"}}],"#,
            r#""os":"","rootfs":{{"type":"layers","diff_ids":["{}"]}},"config":{{}}}}"#
        ),
        layer.digest
    );
    let config = store(emulator, repository, types::OCI_CONFIG, config.as_bytes())?;
    let signature = ("dev.cosignproject.cosign/signature".to_owned(), "MEUCIQ==".to_owned());
    let layer = Descriptor { annotations: Some(BTreeMap::from([signature])), ..layer };
    let tag = format!("{}.sig", subject_digest.replacen(':', "-", 1));
    let manifest = Manifest::oci(config, vec![layer]);
    Ok(put(emulator, repository, &manifest, types::OCI_MANIFEST, Some(&tag))?.digest)
}

/// A Sigstore bundle as cosign 3 and GitHub's attestations store it: an untagged referrer.
pub fn cosign_bundle_referrer(
    emulator: &Emulator,
    repository: &str,
    subject_digest: &str,
) -> Result<String, ApiError> {
    const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let bundle = format!(r#"{{"mediaType":"{BUNDLE}","dsseEnvelope":{{"payload":"{subject_digest}"}}}}"#);
    let layer = store(emulator, repository, BUNDLE, bundle.as_bytes())?;
    let mut manifest = Manifest::oci(empty_config(emulator, repository)?, vec![layer]);
    manifest.artifact_type = Some(BUNDLE);
    manifest.subject = Some(subject(emulator, repository, subject_digest));
    manifest.annotations = Some(annotations(&[
        ("dev.sigstore.bundle.content", "dsse-envelope"),
        ("org.opencontainers.image.created", "2026-01-01T00:00:00Z"),
    ]));
    Ok(put(emulator, repository, &manifest, types::OCI_MANIFEST, None)?.digest)
}

/// A Notary Project signature: an untagged referrer whose config has the artifact's type.
pub fn notation_signature(
    emulator: &Emulator,
    repository: &str,
    subject_digest: &str,
) -> Result<String, ApiError> {
    let envelope = format!(r#"{{"payload":"{subject_digest}","protected":"","signature":""}}"#);
    let layer = store(emulator, repository, "application/jose+json", envelope.as_bytes())?;
    let config = store(emulator, repository, "application/vnd.cncf.notary.signature", b"{}")?;
    let mut manifest = Manifest::oci(config, vec![layer]);
    manifest.subject = Some(subject(emulator, repository, subject_digest));
    let thumbprint = "[\"00\"]";
    manifest.annotations = Some(annotations(&[
        ("io.cncf.notary.x509chain.thumbprint#S256", thumbprint),
        ("org.opencontainers.image.created", "2026-01-01T00:00:00Z"),
    ]));
    Ok(put(emulator, repository, &manifest, types::OCI_MANIFEST, None)?.digest)
}

fn annotations(list: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    list.iter().map(owned).collect()
}
