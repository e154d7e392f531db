//! SLSA provenance predicates, with the members that BuildKit 0.32 writes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::build_run::BuildRun;
use super::oci::Platform;
use super::provenance::{Material, Mode, Provenance, Slsa, Source};

use crate::digest;

pub(super) const TYPE_V02: &str = "https://slsa.dev/provenance/v0.2";
const TYPE_V1: &str = "https://slsa.dev/provenance/v1";
const BUILD_TYPE_V02: &str = "https://mobyproject.org/buildkit@v1";
const BUILD_TYPE_V1: &str =
    "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md";

/// The predicate type of a version.
pub(super) fn predicate_type(slsa: Slsa) -> &'static str {
    match slsa {
        Slsa::V02 => TYPE_V02,
        Slsa::V1 => TYPE_V1,
    }
}

pub(super) fn v02(build: &BuildRun<'_>) -> Value {
    let provenance = build.provenance;
    let is_max = provenance.mode == Mode::Max;
    let (started, finished) = build.built_at();
    let mut predicate = json!({
        "builder": { "id": provenance.builder_id },
        "buildType": BUILD_TYPE_V02,
        "invocation": {
            "configSource": config_source(provenance, "entryPoint"),
            "parameters": parameters(provenance),
            "environment": { "platform": platform(build.platform) },
        },
        "metadata": {
            "buildInvocationID": build.invocation_id(),
            "buildStartedOn": started,
            "buildFinishedOn": finished,
            "completeness": {
                "parameters": tells_parameters(provenance),
                "environment": true,
                "materials": tells_materials(provenance),
            },
            "reproducible": false,
            "https://mobyproject.org/buildkit@v1#metadata": metadata(build),
        },
    });
    if !provenance.materials.is_empty() {
        predicate["materials"] = provenance.materials.iter().map(material).collect();
    }
    if is_max {
        predicate["buildConfig"] = build_config();
    }
    predicate
}

pub(super) fn v1(build: &BuildRun<'_>) -> Value {
    let provenance = build.provenance;
    let (started, finished) = build.built_at();
    let mut definition = json!({
        "buildType": BUILD_TYPE_V1,
        "externalParameters": {
            "configSource": config_source(provenance, "path"),
            "request": parameters(provenance),
        },
        "internalParameters": { "builderPlatform": platform(build.platform) },
    });
    if provenance.mode == Mode::Max {
        definition["internalParameters"]["buildConfig"] = build_config();
    }
    if !provenance.materials.is_empty() {
        definition["resolvedDependencies"] = provenance.materials.iter().map(material).collect();
    }
    json!({
        "buildDefinition": definition,
        "runDetails": {
            "builder": { "id": provenance.builder_id },
            "metadata": {
                "invocationId": build.invocation_id(),
                "startedOn": started,
                "finishedOn": finished,
                "buildkit_metadata": metadata(build),
                "buildkit_completeness": {
                    "request": tells_parameters(provenance),
                    "resolvedDependencies": tells_materials(provenance),
                },
            },
        },
    })
}

fn platform(platform: &Platform) -> String {
    let variant = platform.variant.as_ref().map(|variant| format!("/{variant}")).unwrap_or_default();
    format!("{}/{}{variant}", platform.os, platform.architecture)
}

/// The source of the build's definition, which only a git context has.
fn config_source(provenance: &Provenance, path_member: &str) -> Value {
    let mut source = Map::new();
    let mut path = provenance.entry_point.as_deref();
    if let Source::Git { uri, revision } = &provenance.source {
        source.insert("uri".to_owned(), uri.as_str().into());
        source.insert("digest".to_owned(), json!({ "sha1": revision }));
        path = path.or(Some("Dockerfile"));
    }
    if let Some(path) = path {
        source.insert(path_member.to_owned(), path.into());
    }
    Value::Object(source)
}

fn parameters(provenance: &Provenance) -> Value {
    let mut parameters = json!({ "frontend": "dockerfile.v0", "compatibilityVersion": 30 });
    let mut args = Map::new();
    if provenance.mode == Mode::Max {
        let all = provenance.build_args.iter();
        args.extend(all.map(|(name, value)| (format!("build-arg:{name}"), value.as_str().into())));
    }
    match &provenance.source {
        Source::Git { uri, .. } => {
            args.insert("context".to_owned(), uri.as_str().into());
        }
        Source::Folder | Source::Checkout { .. } => {
            parameters["locals"] = json!([{ "name": "context" }, { "name": "dockerfile" }]);
        }
    }
    if !args.is_empty() {
        parameters["args"] = Value::Object(args);
    }
    parameters
}

/// Build arguments that are left out make the parameters incomplete.
fn tells_parameters(provenance: &Provenance) -> bool {
    provenance.mode == Mode::Max || provenance.build_args.is_empty()
}

/// A folder that was sent is no material that anybody could fetch.
fn tells_materials(provenance: &Provenance) -> bool {
    matches!(provenance.source, Source::Git { .. })
}

fn material(material: &Material) -> Value {
    let (algorithm, hex) = material.digest.split_once(':').unwrap_or(("sha256", &material.digest));
    json!({ "uri": material.uri, "digest": { algorithm: hex } })
}

/// BuildKit's own metadata: version control of a checkout, and in `Mode::Max` sources and layers.
fn metadata(build: &BuildRun<'_>) -> Value {
    let mut metadata = Map::new();
    if let Source::Checkout { uri, revision } = &build.provenance.source {
        let vcs = json!({
            "localdir:context": ".",
            "localdir:dockerfile": ".",
            "revision": revision,
            "source": uri,
        });
        metadata.insert("vcs".to_owned(), vcs);
    }
    if build.provenance.mode == Mode::Max {
        let layers: Vec<Value> = build.layers.iter().map(|layer| json!(layer.bare())).collect();
        metadata.insert("layers".to_owned(), json!({ "step1:0": [layers] }));
        metadata.insert("source".to_owned(), source_info());
    }
    Value::Object(metadata)
}

/// The steps of a Dockerfile that copies one file.
fn build_config() -> Value {
    let step = |name: &str| digest::sha256(name.as_bytes());
    json!({
        "llbDefinition": [
            {
                "id": "step0",
                "op": {
                    "Op": { "source": {
                        "identifier": "local://context",
                        "attrs": { "local.followpaths": "[\"app\"]", "local.sharedkeyhint": "context" },
                    } },
                    "constraints": {},
                },
            },
            {
                "id": "step1",
                "inputs": ["step0:0"],
                "op": {
                    "Op": { "file": { "actions": [{
                        "Action": { "copy": {
                            "src": "/app", "dest": "/app", "mode": -1, "followSymlink": true,
                            "dirCopyContents": true, "createDestPath": true, "allowWildcard": true,
                            "allowEmptyWildcard": true, "timestamp": -1,
                        } },
                        "input": -1, "secondaryInput": 0, "output": 0,
                    }] } },
                    "constraints": {},
                },
            },
            { "id": "step2", "inputs": ["step1:0"], "op": { "Op": {} } },
        ],
        "digestMapping": { step("step0"): "step0", step("step1"): "step1", step("step2"): "step2" },
    })
}

fn source_info() -> Value {
    let dockerfile = STANDARD.encode("FROM scratch\nCOPY app /app\nENTRYPOINT [\"/app\"]\n");
    let ranges = json!([{ "ranges": [{ "start": { "line": 2 }, "end": { "line": 2 } }] }]);
    json!({
        "locations": { "step0": {}, "step1": { "locations": ranges } },
        "infos": [{ "filename": "Dockerfile", "language": "Dockerfile", "data": dockerfile }],
    })
}
