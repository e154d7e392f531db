//! The facts of a provenance statement, the same for each version of SLSA.

use jiff::Timestamp;
use serde::Serialize;

use super::lenient::{Object, Text};
use super::raw::{
    Builder, BuildkitMetadata, Completeness as RawCompleteness, ConfigSource, Environment, Material,
    Metadata, Predicate, Request, Revision, Workflow,
};
use super::uri;

/// How an image was built. Everything is what the builder said; nothing is verified.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// The builder, for example the URL of a CI run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub builder: Option<String>,
    /// The type of the build, which says who wrote the statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_type: Option<String>,
    /// The workflow, for example `.github/workflows/build.yml`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// The address of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The commit of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The Dockerfile, or whatever else defines the build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_point: Option<String>,
    /// The run, as the builder names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invocation: Option<String>,
    /// When the build started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// The platform of the builder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// The version of the Dockerfile frontend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile_version: Option<String>,
    /// BuildKit's level of detail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// The names of the build arguments. Their values are never kept: people pass secrets in them.
    pub build_args: Vec<String>,
    /// The images that it was built from.
    pub base_images: Vec<BaseImage>,
    /// All inputs of the build, the base images among them.
    pub materials: u64,
    /// What the builder says to have left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete: Option<Completeness>,
    /// The repository of the source, where a CI system named it beside the statement.
    #[serde(skip)]
    pub(super) ci_repository: Option<String>,
}

/// An image that another was built from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BaseImage {
    /// For example `alpine:3.22`.
    pub name: String,
    /// Its digest, for example `sha256:...`, as the statement has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// BuildKit's level of detail (`--provenance=mode=...`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Without build arguments, steps and layers.
    Min,
    /// With all of it.
    Max,
}

/// Whether the builder says that all of it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Completeness {
    /// The parameters of the build.
    pub parameters: bool,
    /// Its inputs.
    pub materials: bool,
}

/// The members of both versions of SLSA, under one name each.
struct Members<'a> {
    builder: Option<&'a Builder>,
    build_type: Option<&'a str>,
    config: Option<&'a ConfigSource>,
    request: Option<&'a Request>,
    environment: Option<&'a Environment>,
    workflow: Option<&'a Workflow>,
    materials: &'a [Object<Material>],
    material_count: u64,
    metadata: Option<&'a Metadata>,
    buildkit: Option<&'a BuildkitMetadata>,
    completeness: Option<&'a RawCompleteness>,
    has_steps: bool,
}

impl<'a> Members<'a> {
    fn of(predicate: &'a Predicate) -> Self {
        let definition = predicate.build_definition.object();
        let details = predicate.run_details.object();
        if definition.is_none() && details.is_none() {
            return Self::of_v02(predicate);
        }
        let external = definition.and_then(|it| it.external_parameters.object());
        let metadata = details.and_then(|it| it.metadata.object());
        let environment = definition.and_then(|it| it.internal_parameters.object());
        let dependencies = definition.map(|it| &it.resolved_dependencies);
        Self {
            builder: details.and_then(|it| it.builder.object()),
            build_type: definition.and_then(|it| it.build_type.text()),
            config: external.and_then(|it| it.config_source.object()),
            request: external.and_then(|it| it.request.object()),
            environment,
            workflow: external.and_then(|it| it.workflow.object()),
            materials: dependencies.map_or(&[], |it| it.first()),
            material_count: dependencies.and_then(|it| it.0.as_ref()).map_or(0, |it| it.count),
            metadata,
            buildkit: metadata.and_then(|it| it.buildkit_v1.object()),
            completeness: metadata.and_then(|it| it.completeness_v1.object()),
            has_steps: environment.is_some_and(|it| it.build_config.0.is_some()),
        }
    }

    fn of_v02(predicate: &'a Predicate) -> Self {
        let invocation = predicate.invocation.object();
        let metadata = predicate.metadata.object();
        Self {
            builder: predicate.builder.object(),
            build_type: predicate.build_type.text(),
            config: invocation.and_then(|it| it.config_source.object()),
            request: invocation.and_then(|it| it.parameters.object()),
            environment: invocation.and_then(|it| it.environment.object()),
            workflow: None,
            materials: predicate.materials.first(),
            material_count: predicate.materials.0.as_ref().map_or(0, |it| it.count),
            metadata,
            buildkit: metadata.and_then(|it| it.buildkit.object()),
            completeness: metadata.and_then(|it| it.completeness.object()),
            has_steps: predicate.build_config.0.is_some(),
        }
    }

    /// Address, commit: of a git context, else of the checkout that was sent, else of GitHub's workflow.
    fn source(&self) -> (Option<String>, Option<String>) {
        if let Some(uri) = self.config.and_then(|it| it.uri.text()) {
            let digest = self.config.and_then(|it| it.digest.object());
            return (uri::address(uri), digest.and_then(commit));
        }
        if let Some(vcs) = self.buildkit.and_then(|it| it.vcs.object()) {
            return (vcs.source.text().and_then(uri::address), vcs.revision.text().and_then(revision));
        }
        let repository = self.workflow.and_then(|it| it.repository.text());
        let of_workflow = |material: &&Object<Material>| {
            let Object(Material { uri, .. }) = material;
            repository.is_some_and(|repository| uri.text().is_some_and(|uri| uri.contains(repository)))
        };
        let material = self.materials.iter().find(of_workflow).map(|Object(it)| it);
        let commit = material.and_then(|it| commit(it.digest.object()?));
        (repository.and_then(uri::address), commit)
    }

    fn workflow(&self) -> Option<String> {
        let named = self.environment.and_then(|it| it.github_workflow_ref.text());
        let path = named.and_then(|it| it.find(".github/workflows/").map(|at| &it[at..]));
        let path = path.and_then(|it| it.split('@').next());
        let entry = self.config.and_then(|it| it.entry_point.text());
        let entry = entry.filter(|it| it.contains(".github/workflows/"));
        let path = path.or(self.workflow.and_then(|it| it.path.text())).or(entry);
        path.and_then(uri::text).filter(|path| path.chars().all(uri::is_plain))
    }

    fn mode(&self) -> Option<Mode> {
        let is_buildkit = self.build_type.is_some_and(|it| it.contains("buildkit"));
        let details = self.buildkit.is_some_and(|it| it.source.0.is_some() || it.layers.0.is_some());
        is_buildkit.then_some(if self.has_steps || details { Mode::Max } else { Mode::Min })
    }

    fn build_args(&self) -> Vec<String> {
        let names = self.request.and_then(|it| it.args.0.as_ref()).map_or(&[][..], |names| &names.0);
        let name = |key: &String| {
            // Nobody stops anybody from pushing a value into a name.
            let name = key.strip_prefix("build-arg:")?.split('=').next()?;
            uri::text(name).filter(|name| name.len() <= 100)
        };
        names.iter().filter_map(name).collect()
    }

    fn base_images(&self) -> Vec<BaseImage> {
        let image = |Object(material): &Object<Material>| {
            let name = uri::image(material.uri.text()?)?;
            let hex = material.digest.object().and_then(|it| it.sha256.text()).and_then(revision);
            Some(BaseImage { name, digest: hex.map(|hex| format!("sha256:{hex}")) })
        };
        let mut images: Vec<BaseImage> = self.materials.iter().filter_map(image).collect();
        images.dedup();
        images
    }

    /// The run, where a CI system put it beside the statement.
    fn ci_run(&self) -> Option<String> {
        let environment = self.environment?;
        let server = environment.github_server_url.text().unwrap_or("https://github.com");
        let (repository, run) = (environment.github_repository.text()?, environment.github_run_id.text()?);
        uri::address(&format!("{server}/{repository}/actions/runs/{run}"))
    }
}

impl Provenance {
    pub(super) fn of(predicate: &Predicate) -> Self {
        let members = Members::of(predicate);
        let (source, revision) = members.source();
        let metadata = members.metadata;
        let environment = members.environment;
        let of_environment = |of: fn(&Environment) -> &Text| uri::text(of(environment?).text()?);
        let of_metadata = |one: fn(&Metadata) -> &Text, two: fn(&Metadata) -> &Text| {
            let metadata = metadata?;
            one(metadata).text().or(two(metadata).text())
        };
        let time = |text: Option<&str>| text.and_then(|text| text.parse::<Timestamp>().ok());
        let config = members.config;
        let entry_point = config.and_then(|it| it.entry_point.text().or(it.path.text()));
        Self {
            builder: members.builder.and_then(|it| uri::address(it.id.text()?)),
            build_type: members.build_type.and_then(uri::type_name),
            workflow: members.workflow(),
            source,
            revision,
            entry_point: entry_point.and_then(uri::text),
            invocation: of_metadata(|it| &it.build_invocation_id, |it| &it.invocation_id)
                .and_then(uri::address)
                .filter(|it| it.contains("://"))
                .or_else(|| members.ci_run()),
            started_at: time(of_metadata(|it| &it.build_started_on, |it| &it.started_on)),
            finished_at: time(of_metadata(|it| &it.build_finished_on, |it| &it.finished_on)),
            platform: of_environment(|it| &it.platform).or_else(|| of_environment(|it| &it.builder_platform)),
            dockerfile_version: of_environment(|it| &it.dockerfile_version),
            mode: members.mode(),
            build_args: members.build_args(),
            base_images: members.base_images(),
            materials: members.material_count,
            complete: members.completeness.map(|it| Completeness {
                parameters: it.parameters.0.or(it.request.0).unwrap_or(false),
                materials: it.materials.0.or(it.resolved_dependencies.0).unwrap_or(false),
            }),
            ci_repository: environment.and_then(|it| {
                let server = it.github_server_url.text().unwrap_or("https://github.com");
                uri::repository(&format!("{server}/{}", it.github_repository.text()?))
            }),
        }
    }
}

fn commit(digest: &Revision) -> Option<String> {
    let text = digest.sha1.text().or(digest.git_commit.text()).or(digest.sha256.text());
    text.and_then(revision)
}

/// A commit, which buildx marks with `-dirty` where there were changes beside it.
fn revision(text: &str) -> Option<String> {
    let hex = text.strip_suffix("-dirty").unwrap_or(text);
    let is_hex = (7..=64).contains(&hex.len()) && hex.bytes().all(|b| b.is_ascii_hexdigit());
    is_hex.then(|| text.to_owned())
}
