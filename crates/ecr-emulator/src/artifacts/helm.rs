//! Helm charts.

use crate::buildx::{Manifest, put, store, types};
use crate::emulator::Emulator;
use crate::error::ApiError;

/// A chart under the tag of its version.
pub fn helm_chart(emulator: &Emulator, repository: &str, tag: &str) -> Result<String, ApiError> {
    let name = repository.rsplit('/').next().unwrap_or(repository);
    let config = format!(r#"{{"name":"{name}","version":"{tag}","apiVersion":"v2"}}"#);
    let config = store(emulator, repository, "application/vnd.cncf.helm.config.v1+json", config.as_bytes())?;
    let archive = format!("chart {name} {tag}");
    let kind = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
    let layer = store(emulator, repository, kind, archive.as_bytes())?;
    let manifest = Manifest::oci(config, vec![layer]);
    Ok(put(emulator, repository, &manifest, types::OCI_MANIFEST, Some(tag))?.digest)
}
