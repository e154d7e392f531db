//! The members of statements that are read, as the tools write them.
//!
//! Sources: the in-toto attestation framework (Statement v0.1 and v1), SLSA provenance v0.2 and v1, BuildKit's
//! "SLSA definitions", GitHub's build type `workflow/v1`, DSSE v1, sigstore's bundle v0.3, SPDX 2.3, CycloneDX 1.5.

use serde::Deserialize;

use super::lenient::{Count, Lenient, List, Names, Object, Present, Text, Whole};

pub(super) type Member<T> = Lenient<Object<T>>;

/// A statement, an envelope around one, or an SBOM that stands alone.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Document {
    #[serde(rename = "_type")]
    pub(super) statement_type: Text,
    pub(super) predicate_type: Text,
    pub(super) predicate: Member<Predicate>,
    pub(super) payload: Lenient<Whole>,
    pub(super) dsse_envelope: Member<Envelope>,
    pub(super) spdx_version: Text,
    pub(super) bom_format: Text,
}

/// A DSSE envelope.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Envelope {
    pub(super) payload: Lenient<Whole>,
}

/// The predicate of any of the types that are understood: their members do not collide.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Predicate {
    // SLSA v0.2.
    pub(super) builder: Member<Builder>,
    pub(super) build_type: Text,
    pub(super) invocation: Member<Invocation>,
    pub(super) build_config: Lenient<Present>,
    pub(super) materials: Lenient<List<Object<Material>>>,
    // SLSA v0.2 and CycloneDX.
    pub(super) metadata: Member<Metadata>,
    // SLSA v1.
    pub(super) build_definition: Member<BuildDefinition>,
    pub(super) run_details: Member<RunDetails>,
    // SPDX.
    pub(super) spdx_version: Text,
    pub(super) name: Text,
    pub(super) creation_info: Member<CreationInfo>,
    pub(super) packages: Lenient<Count>,
    // CycloneDX.
    pub(super) bom_format: Text,
    pub(super) spec_version: Text,
    pub(super) components: Lenient<Count>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Builder {
    pub(super) id: Text,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Invocation {
    pub(super) config_source: Member<ConfigSource>,
    pub(super) parameters: Member<Request>,
    pub(super) environment: Member<Environment>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ConfigSource {
    pub(super) uri: Text,
    pub(super) digest: Member<Revision>,
    pub(super) entry_point: Text,
    pub(super) path: Text,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Revision {
    pub(super) sha1: Text,
    pub(super) git_commit: Text,
    pub(super) sha256: Text,
}

/// A request to BuildKit, of which the names alone of build arguments are kept.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Request {
    pub(super) args: Lenient<Names>,
}

/// The surroundings of a build, with what buildx adds in GitHub Actions.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Environment {
    pub(super) platform: Text,
    #[serde(rename = "builderPlatform")]
    pub(super) builder_platform: Text,
    #[serde(rename = "dockerfileVersion")]
    pub(super) dockerfile_version: Text,
    #[serde(rename = "buildConfig")]
    pub(super) build_config: Lenient<Present>,
    pub(super) github_server_url: Text,
    pub(super) github_repository: Text,
    pub(super) github_workflow_ref: Text,
    pub(super) github_run_id: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Material {
    pub(super) uri: Text,
    pub(super) digest: Member<Revision>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metadata {
    #[serde(rename = "buildInvocationID")]
    pub(super) build_invocation_id: Text,
    pub(super) build_started_on: Text,
    pub(super) build_finished_on: Text,
    pub(super) completeness: Member<Completeness>,
    #[serde(rename = "https://mobyproject.org/buildkit@v1#metadata")]
    pub(super) buildkit: Member<BuildkitMetadata>,
    // SLSA v1.
    pub(super) invocation_id: Text,
    pub(super) started_on: Text,
    pub(super) finished_on: Text,
    #[serde(rename = "buildkit_metadata")]
    pub(super) buildkit_v1: Member<BuildkitMetadata>,
    #[serde(rename = "buildkit_completeness")]
    pub(super) completeness_v1: Member<Completeness>,
    // CycloneDX.
    pub(super) tools: Lenient<Tools>,
    pub(super) component: Member<Named>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Completeness {
    pub(super) parameters: Lenient<bool>,
    pub(super) materials: Lenient<bool>,
    pub(super) request: Lenient<bool>,
    pub(super) resolved_dependencies: Lenient<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct BuildkitMetadata {
    pub(super) vcs: Member<Vcs>,
    pub(super) source: Lenient<Present>,
    pub(super) layers: Lenient<Present>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Vcs {
    pub(super) source: Text,
    pub(super) revision: Text,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct BuildDefinition {
    pub(super) build_type: Text,
    pub(super) external_parameters: Member<ExternalParameters>,
    pub(super) internal_parameters: Member<Environment>,
    pub(super) resolved_dependencies: Lenient<List<Object<Material>>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ExternalParameters {
    pub(super) config_source: Member<ConfigSource>,
    pub(super) request: Member<Request>,
    pub(super) workflow: Member<Workflow>,
}

/// The workflow that GitHub attests.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Workflow {
    #[serde(rename = "ref")]
    pub(super) git_ref: Text,
    pub(super) repository: Text,
    pub(super) path: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RunDetails {
    pub(super) builder: Member<Builder>,
    pub(super) metadata: Member<Metadata>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct CreationInfo {
    pub(super) creators: Lenient<List<String>>,
}

/// A tool or a component of CycloneDX.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    pub(super) name: Text,
    pub(super) version: Text,
}

/// The tools that made a CycloneDX document: a list until version 1.4, an object with components since.
pub(super) struct Tools(pub(super) Vec<Object<Named>>);

#[derive(Default, Deserialize)]
#[serde(default)]
struct ToolComponents {
    components: Lenient<List<Object<Named>>>,
}

impl super::lenient::Shape for Tools {
    fn of_list<'de, S: serde::de::SeqAccess<'de>>(list: S) -> Result<Option<Self>, S::Error> {
        Ok(List::of_list(list)?.map(|tools| Self(tools.first)))
    }

    fn of_object<'de, M: serde::de::MapAccess<'de>>(map: M) -> Result<Option<Self>, M::Error> {
        let tools = Object::<ToolComponents>::of_object(map)?;
        Ok(tools.and_then(|Object(tools)| tools.components.0).map(|tools| Self(tools.first)))
    }
}
