//! In-toto statements as BuildKit stores them.

use serde_json::{Value, json};

use super::build_run::BuildRun;
use super::oci::Platform;
use super::{slsa, spdx};

/// The version of the in-toto statement around a predicate.
#[derive(Clone, Copy)]
pub(super) enum Envelope {
    /// BuildKit before v0.31.
    V01,
    V1,
}

/// One statement about one platform image.
pub(super) struct Statement<'a> {
    pub(super) predicate_type: &'static str,
    pub(super) envelope: Envelope,
    pub(super) build: BuildRun<'a>,
}

impl Statement<'_> {
    pub(super) fn write(&self) -> String {
        let BuildRun { repository, platform, digest, .. } = self.build;
        let Platform { architecture, os, .. } = platform;
        let version = match self.envelope {
            Envelope::V01 => "v0.1",
            Envelope::V1 => "v1",
        };
        let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
        let statement = json!({
            "_type": format!("https://in-toto.io/Statement/{version}"),
            "predicateType": self.predicate_type,
            "subject": [{
                "name": format!("pkg:docker/{repository}?platform={os}%2F{architecture}"),
                "digest": { "sha256": hex },
            }],
            "predicate": self.predicate(),
        });
        statement.to_string()
    }

    fn predicate(&self) -> Value {
        match self.predicate_type {
            spdx::TYPE => spdx::document(&self.build),
            slsa::TYPE_V02 => slsa::v02(&self.build),
            _ => slsa::v1(&self.build),
        }
    }
}
