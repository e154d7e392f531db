//! The image of one platform.

use super::oci::{Descriptor, Manifest, Platform, store, types};
use crate::digest;
use crate::emulator::Emulator;
use crate::error::ApiError;
use crate::fault::mix;

/// A platform image whose blobs are in the repository and whose manifest is not yet.
pub(super) struct PlatformImage {
    pub(super) platform: Platform,
    pub(super) manifest: Manifest,
    /// The manifest's descriptor.
    pub(super) descriptor: Descriptor,
}

impl PlatformImage {
    pub(super) fn make(
        emulator: &Emulator,
        repository: &str,
        platform: &str,
        code: u64,
    ) -> Result<Self, ApiError> {
        let layer = layer(emulator, repository, &format!("layer of {platform} of code {code}"), code)?;
        let config = config(&read(platform), code);
        let config = store(emulator, repository, types::OCI_CONFIG, config.as_bytes())?;
        let manifest = Manifest::oci(config, vec![layer]);
        let text =
            serde_json::to_string_pretty(&manifest).map_err(|error| ApiError::server(error.to_string()))?;
        Ok(Self {
            platform: read(platform),
            manifest,
            descriptor: Descriptor {
                media_type: types::OCI_MANIFEST.to_owned(),
                digest: digest::sha256(text.as_bytes()),
                size: text.len() as u64,
                ..Descriptor::default()
            },
        })
    }
}

/// `os/architecture[/variant]`.
fn read(text: &str) -> Platform {
    let mut parts = text.splitn(3, '/');
    let os = parts.next().unwrap_or_default().to_owned();
    Platform {
        os,
        architecture: parts.next().unwrap_or_default().to_owned(),
        variant: parts.next().map(str::to_owned),
    }
}

/// A declared layer: only its digest and size (1 to 64 MiB) are real.
fn layer(emulator: &Emulator, repository: &str, seed: &str, code: u64) -> Result<Descriptor, ApiError> {
    let layer = Descriptor {
        media_type: types::OCI_LAYER.to_owned(),
        digest: digest::sha256(seed.as_bytes()),
        size: (1 << 20) + mix(code) % (63 << 20),
        ..Descriptor::default()
    };
    emulator.declare_blob(repository, &layer.digest, layer.size)?;
    Ok(layer)
}

fn config(platform: &Platform, code: u64) -> String {
    let diff_id = digest::sha256(format!("files of code {code} for {}", platform.architecture).as_bytes());
    let variant = match &platform.variant {
        Some(variant) => format!(r#","variant":"{variant}""#),
        None => String::new(),
    };
    format!(
        concat!(
            r#"{{"architecture":"{}","config":{{"Env":["PATH=/usr/local/bin:/usr/bin:/bin"],"#,
            r#""Cmd":["/app"],"Labels":{{"code":"{}"}}}},"created":"2026-01-01T00:00:00Z","#,
            r#""history":[{{"created":"2026-01-01T00:00:00Z","created_by":"COPY /app /app","#,
            r#""comment":"buildkit.dockerfile.v0"}}],"os":"{}","#,
            r#""rootfs":{{"type":"layers","diff_ids":["{}"]}}{}}}"#
        ),
        platform.architecture, code, platform.os, diff_id, variant
    )
}
