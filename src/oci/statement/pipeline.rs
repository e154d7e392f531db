//! The pipeline that made an attestation, as far as its statement tells.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::Statement;
use super::provenance::Provenance;
use super::uri;

/// The kinds of pipeline, by what must be changed in them to make no more attestations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum PipelineKind {
    /// BuildKit in GitHub Actions.
    GithubActions,
    /// GitHub's own attestations, signed by a workflow.
    GithubAttestation,
    /// GitLab CI/CD.
    Gitlab,
    /// AWS CodeBuild.
    Codebuild,
    /// Depot.
    Depot,
    /// BuildKit without a builder: `docker build`, `docker buildx build`, bake or compose, by hand or in any CI system.
    Buildx,
    /// Another builder.
    Other,
    /// The statement does not say.
    Unknown,
}

/// A pipeline: all builds of one workflow, or of one source.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Pipeline {
    /// Its kind.
    pub kind: PipelineKind,
    /// The source repository, for example `github.com/acme/shop`.
    pub source: Option<String>,
    /// The workflow, project or builder.
    pub workflow: Option<String>,
}

impl Pipeline {
    /// The pipeline of attestations that do not say who made them.
    pub const UNKNOWN: Self = Self { kind: PipelineKind::Unknown, source: None, workflow: None };

    /// The pipeline that made these statements, of which the first that says so is believed.
    pub fn of(statements: &[Statement]) -> Self {
        let told = statements.iter().filter_map(|statement| statement.provenance.as_ref()).map(of_provenance);
        told.min_by_key(|pipeline| pipeline.kind == PipelineKind::Unknown).unwrap_or(Self::UNKNOWN)
    }

    /// Its name in one line: the source and the workflow, or what is known instead.
    pub fn name(&self) -> String {
        let parts = [&self.source, &self.workflow].map(|it| it.as_deref().unwrap_or_default());
        let name = parts.join(" ").trim().to_owned();
        match name.is_empty() {
            true if self.kind == PipelineKind::Unknown => "unknown".to_owned(),
            true => format!("{}, source not stated", <&str>::from(self.kind)),
            false => name,
        }
    }
}

fn of_provenance(provenance: &Provenance) -> Pipeline {
    let builder = provenance.builder.as_deref().unwrap_or_default();
    let build_type = provenance.build_type.as_deref().unwrap_or_default();
    let kind = kind(builder, build_type, provenance);
    let of_builder = builder_repository(builder);
    let of_source = provenance.source.as_deref().and_then(uri::repository);
    let source = of_source.or_else(|| provenance.ci_repository.clone()).or(of_builder);
    let workflow = provenance.workflow.clone().or_else(|| workflow(kind, builder));
    Pipeline { kind, source, workflow }
}

fn kind(builder: &str, build_type: &str, provenance: &Provenance) -> PipelineKind {
    let host = host(builder);
    let is_actions = builder.contains("/actions/runs/")
        || builder.contains("/.github/workflows/")
        || host == "github.com"
        || provenance.ci_repository.is_some();
    let is_gitlab = builder.contains("/-/") || host == "gitlab.com";
    let is_arn = builder.starts_with("arn:") && builder.contains(":codebuild:");
    if build_type.contains("actions.github.io/buildtypes") {
        PipelineKind::GithubAttestation
    } else if is_actions {
        PipelineKind::GithubActions
    } else if is_gitlab {
        PipelineKind::Gitlab
    } else if is_arn || host.contains("codebuild") {
        PipelineKind::Codebuild
    } else if host == "depot.dev" || host.ends_with(".depot.dev") {
        PipelineKind::Depot
    } else if !builder.is_empty() {
        PipelineKind::Other
    } else if provenance.mode.is_some() {
        PipelineKind::Buildx
    } else {
        PipelineKind::Unknown
    }
}

fn host(builder: &str) -> &str {
    let rest = builder.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', ':']).next().unwrap_or_default()
}

/// The repository in the address of a run: what stands before `/actions/` or `/-/`.
fn builder_repository(builder: &str) -> Option<String> {
    let end = ["/actions/runs/", "/-/"].iter().find_map(|part| builder.find(part))?;
    uri::repository(&builder[..end])
}

/// The project of a CodeBuild run, or the host of a builder of which nothing else is known.
fn workflow(kind: PipelineKind, builder: &str) -> Option<String> {
    match kind {
        PipelineKind::Codebuild => {
            let project = builder.rsplit_once("build/")?.1.split(':').next()?;
            (!project.is_empty()).then(|| project.to_owned())
        }
        PipelineKind::GithubActions => {
            let path = &builder[builder.find(".github/workflows/")?..];
            path.split('@').next().map(str::to_owned)
        }
        PipelineKind::Other => Some(match host(builder) {
            "" => builder.chars().take(100).collect(),
            host => host.to_owned(),
        }),
        _ => None,
    }
}
