//! In-toto statements, much shorter than real ones.

use super::oci::Platform;

pub(super) const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
pub(super) const SPDX: &str = "https://spdx.dev/Document";

pub(super) struct Statement<'a> {
    pub(super) predicate: &'static str,
    pub(super) version: &'static str,
    pub(super) repository: &'a str,
    pub(super) platform: &'a Platform,
    /// What it is about.
    pub(super) digest: &'a str,
    /// Makes one build's statements differ from the next one's.
    pub(super) run: u64,
}

impl Statement<'_> {
    pub(super) fn write(&self) -> String {
        let Platform { architecture, os, .. } = self.platform;
        let hex = self.digest.strip_prefix("sha256:").unwrap_or(self.digest);
        let predicate = match self.predicate {
            SPDX => self.packages(),
            _ => self.provenance(),
        };
        format!(
            concat!(
                r#"{{"_type":"https://in-toto.io/Statement/{}","predicateType":"{}","subject":[{{"#,
                r#""name":"pkg:docker/{}?platform={}%2F{}","digest":{{"sha256":"{}"}}}}],"predicate":{}}}"#
            ),
            self.version, self.predicate, self.repository, os, architecture, hex, predicate
        )
    }

    fn provenance(&self) -> String {
        format!(
            concat!(
                r#"{{"buildDefinition":{{"buildType":"https://github.com/moby/buildkit/blob/master/docs/"#,
                r#"attestations/slsa-definitions.md","externalParameters":{{"configSource":{{"path":"Dockerfile"}}}}}},"#,
                r#""runDetails":{{"builder":{{"id":""}},"metadata":{{"invocationId":"run-{:020}"}}}}}}"#
            ),
            self.run
        )
    }

    fn packages(&self) -> String {
        format!(
            concat!(
                r#"{{"spdxVersion":"SPDX-2.3","dataLicense":"CC0-1.0","SPDXID":"SPDXRef-DOCUMENT","#,
                r#""name":"sbom","documentNamespace":"https://example.com/run-{:020}","packages":[]}}"#
            ),
            self.run
        )
    }
}
