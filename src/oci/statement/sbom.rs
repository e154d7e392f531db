//! The facts of an SBOM.

use serde::Serialize;

use super::lenient::Object;
use super::raw::Predicate;
use super::uri;

/// A bill of materials: which format, made by which tools, and how much is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sbom {
    /// For example `SPDX-2.3`, `CycloneDX 1.5`.
    pub format: String,
    /// The document's name, or that of the component it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The tools that made it, for example `syft-v1.29.0`.
    pub tools: Vec<String>,
    /// Its packages or components; nothing where it has no list of them.
    pub packages: Option<u64>,
}

impl Sbom {
    pub(super) fn spdx(document: &Predicate) -> Self {
        let creators = document.creation_info.object().map_or(&[][..], |it| it.creators.first());
        let tools =
            creators.iter().filter_map(|creator| uri::text(creator.strip_prefix("Tool: ")?)).collect();
        Self {
            format: document.spdx_version.text().and_then(uri::text).unwrap_or_else(|| "SPDX".into()),
            name: document.name.text().and_then(uri::text),
            tools,
            packages: document.packages.0.map(|count| count.0),
        }
    }

    pub(super) fn cyclonedx(document: &Predicate) -> Self {
        let metadata = document.metadata.object();
        let tools = metadata.and_then(|it| it.tools.0.as_ref()).map_or(&[][..], |tools| &tools.0);
        let tool = |Object(tool): &Object<super::raw::Named>| {
            let version = tool.version.text().map(|version| format!("-{version}")).unwrap_or_default();
            uri::text(&format!("{}{version}", tool.name.text()?))
        };
        let version = document.spec_version.text().and_then(uri::text).map(|version| format!(" {version}"));
        Self {
            format: format!("CycloneDX{}", version.unwrap_or_default()),
            name: metadata.and_then(|it| uri::text(it.component.object()?.name.text()?)),
            tools: tools.iter().filter_map(tool).collect(),
            packages: document.components.0.map(|count| count.0),
        }
    }

    /// The version of BuildKit, which names itself among the tools of its SBOMs.
    pub fn buildkit(&self) -> Option<&str> {
        self.tools.iter().find_map(|tool| tool.strip_prefix("buildkit-"))
    }
}
