//! Statements: what an attestation says, in a few facts. Pure.
//!
//! Lenient, because many tools write them; bounded, because anybody who may push does. Nothing rests on them but what
//! people are told: no rule ever sees a statement.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::Serialize;

mod layers;
mod lenient;
mod pipeline;
mod provenance;
mod raw;
mod sbom;
#[cfg(test)]
mod tests;
mod uri;

use raw::{Document, Predicate};

pub use layers::{StatementLayer, statement_layers};
pub use pipeline::{Pipeline, PipelineKind};
pub use provenance::{BaseImage, Completeness, Mode, Provenance};
pub use sbom::Sbom;

/// The largest statement that is read, in bytes.
pub const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// The facts of one statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// The type of its predicate, for example `https://slsa.dev/provenance/v1`.
    pub predicate_type: Option<String>,
    /// Whether it came in a signed envelope. The signature is not verified here.
    pub is_signed: bool,
    /// Of a provenance: who built what, from what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// Of an SBOM: by which tool, and how large.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sbom: Option<Sbom>,
}

/// The reason why bytes are no statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// More than [`MAX_BYTES`].
    #[error("it has {0} bytes, and statements of more than 8 MiB are not read")]
    TooLarge(u64),
    /// Not JSON.
    #[error("it is not JSON that can be read: line {line}, column {column}")]
    Json {
        /// The line, from 1.
        line: usize,
        /// The column.
        column: usize,
    },
    /// An envelope whose content cannot be had.
    #[error("what its envelope holds is not base64")]
    Envelope,
    /// JSON of another kind.
    #[error("it is JSON, but neither an in-toto statement nor an SBOM")]
    Foreign,
}

/// Whether a layer of this media type may be a statement or an SBOM.
pub fn is_statement(media_type: &str) -> bool {
    let (kind, _) = media_type.split_once(';').unwrap_or((media_type, ""));
    kind.starts_with("application/vnd.in-toto")
        || kind == "application/vnd.dsse.envelope.v1+json"
        || kind.starts_with("application/vnd.dev.sigstore.bundle.")
        || kind.starts_with("application/vnd.dev.sigstore.bundle+json")
        || matches!(kind, "application/spdx+json" | "text/spdx+json" | "application/vnd.cyclonedx+json")
}

impl Statement {
    /// Reads a statement, with or without an envelope around it, or an SBOM that stands alone.
    pub fn parse(bytes: &[u8]) -> Result<Self, Unreadable> {
        let size = bytes.len() as u64;
        if size > MAX_BYTES {
            return Err(Unreadable::TooLarge(size));
        }
        let document: Document = json(bytes)?;
        let bundled = document.dsse_envelope.object().and_then(|envelope| envelope.payload.0.as_ref());
        match bundled.or(document.payload.0.as_ref()) {
            Some(payload) => {
                let content = decoded(&payload.0).ok_or(Unreadable::Envelope)?;
                let statement = Self::bare(&json::<Document>(&content)?, &content)?;
                Ok(Self { is_signed: true, ..statement })
            }
            None => Self::bare(&document, bytes),
        }
    }

    fn bare(document: &Document, bytes: &[u8]) -> Result<Self, Unreadable> {
        let stands_alone = document.spdx_version.0.is_some() || document.bom_format.0.is_some();
        if document.predicate_type.0.is_none() && stands_alone {
            let sbom: Predicate = json(bytes)?;
            return Ok(Self {
                predicate_type: None,
                is_signed: false,
                provenance: None,
                sbom: sbom_of(&sbom),
            });
        }
        let is_in_toto = document.statement_type.text().is_some_and(|it| it.contains("in-toto.io/Statement"));
        let predicate_type = document.predicate_type.text().and_then(uri::type_name);
        if !is_in_toto && predicate_type.is_none() {
            return Err(Unreadable::Foreign);
        }
        let predicate = document.predicate.object();
        let kind = predicate_type.as_deref().unwrap_or_default();
        let is_provenance = kind.starts_with("https://slsa.dev/provenance/");
        let is_sbom = ["https://spdx.dev/", "https://cyclonedx.org/"].iter().any(|it| kind.starts_with(it));
        Ok(Self {
            is_signed: false,
            provenance: predicate.filter(|_| is_provenance).map(Provenance::of),
            sbom: predicate.filter(|_| is_sbom).and_then(sbom_of),
            predicate_type,
        })
    }
}

fn sbom_of(document: &Predicate) -> Option<Sbom> {
    if document.spdx_version.0.is_some() {
        Some(Sbom::spdx(document))
    } else {
        document.bom_format.0.is_some().then(|| Sbom::cyclonedx(document))
    }
}

/// The message of serde_json may quote a value, and a value may be a secret.
fn json<T: for<'de> serde::Deserialize<'de>>(bytes: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(bytes)
        .map_err(|error| Unreadable::Json { line: error.line(), column: error.column() })
}

fn decoded(base64: &str) -> Option<Vec<u8>> {
    STANDARD.decode(base64).or_else(|_| URL_SAFE.decode(base64)).ok()
}
