use serde_json::{Value, json};

use super::*;

fn parse(document: &Value) -> Statement {
    Statement::parse(document.to_string().as_bytes()).unwrap()
}

fn statement(predicate_type: &str, predicate: Value) -> Value {
    json!({
        "predicate": predicate,
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": predicate_type,
        "subject": [{"name": "x", "digest": {"sha256": "00"}}],
    })
}

fn provenance(version: &str, predicate: Value) -> Provenance {
    parse(&statement(&format!("https://slsa.dev/provenance/{version}"), predicate)).provenance.unwrap()
}

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A build from a git context in GitHub Actions, as BuildKit describes it in version 0.2.
fn v02() -> Value {
    json!({
        "builder": {"id": "https://github.com/acme/shop/actions/runs/7/attempts/1"},
        "buildType": "https://mobyproject.org/buildkit@v1",
        "materials": [
            {"uri": "pkg:docker/alpine@3.22?platform=linux%2Famd64", "digest": {"sha256": "ab".repeat(32)}},
            {"uri": "https://github.com/acme/shop.git#refs/heads/main", "digest": {"sha1": COMMIT}},
        ],
        "invocation": {
            "configSource": {
                "uri": "https://x-access-token:sec-ret@github.com/acme/shop.git#refs/heads/main",
                "digest": {"sha1": COMMIT},
                "entryPoint": "Dockerfile",
            },
            "parameters": {
                "frontend": "dockerfile.v0",
                "args": {"build-arg:NPM_TOKEN": "sec-ret", "build-arg:V=sec-ret": "", "label:x": "sec-ret"},
            },
            "environment": {"platform": "linux/amd64", "dockerfileVersion": "1.20.0"},
        },
        "buildConfig": {"llbDefinition": []},
        "metadata": {
            "buildInvocationID": "abc",
            "buildStartedOn": "2026-11-03T10:00:00Z",
            "buildFinishedOn": "2026-11-03T10:01:30.5Z",
            "completeness": {"parameters": true, "environment": true, "materials": false},
            "https://mobyproject.org/buildkit@v1#metadata": {"source": {"infos": [{"data": "sec-ret"}]}},
        },
    })
}

/// The same build in version 1.
fn v1() -> Value {
    json!({
        "buildDefinition": {
            "buildType": "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md",
            "externalParameters": {
                "configSource": {
                    "uri": "https://x-access-token:sec-ret@github.com/acme/shop.git#refs/heads/main",
                    "digest": {"sha1": COMMIT},
                    "path": "Dockerfile",
                },
                "request": {"args": {"build-arg:NPM_TOKEN": "sec-ret", "build-arg:V=sec-ret": "", "label:x": ""}},
            },
            "internalParameters": {
                "buildConfig": {}, "builderPlatform": "linux/amd64", "dockerfileVersion": "1.20.0",
                "github_event_payload": {"token": "sec-ret"},
            },
            "resolvedDependencies": v02()["materials"],
        },
        "runDetails": {
            "builder": {"id": "https://github.com/acme/shop/actions/runs/7/attempts/1"},
            "metadata": {
                "invocationId": "abc",
                "startedOn": "2026-11-03T10:00:00Z",
                "finishedOn": "2026-11-03T10:01:30.5Z",
                "buildkit_completeness": {"request": true, "resolvedDependencies": false},
            },
        },
    })
}

#[test]
fn both_versions_of_slsa_have_the_same_facts() {
    let expected = json!({
        "builder": "https://github.com/acme/shop/actions/runs/7/attempts/1",
        "build_type": "https://mobyproject.org/buildkit@v1",
        "source": "https://github.com/acme/shop.git#refs/heads/main",
        "revision": COMMIT,
        "entry_point": "Dockerfile",
        "started_at": "2026-11-03T10:00:00Z",
        "finished_at": "2026-11-03T10:01:30.5Z",
        "platform": "linux/amd64",
        "dockerfile_version": "1.20.0",
        "mode": "max",
        "build_args": ["NPM_TOKEN", "V"],
        "base_images": [{"name": "alpine:3.22", "digest": format!("sha256:{}", "ab".repeat(32))}],
        "materials": 2,
        "complete": {"parameters": true, "materials": false},
    });
    let mut of_v1 = expected.clone();
    of_v1["build_type"] =
        json!("https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md");
    assert_eq!(json!(provenance("v0.2", v02())), expected);
    assert_eq!(json!(provenance("v1", v1())), of_v1);
}

#[test]
fn no_value_of_a_build_argument_is_kept() {
    for document in [
        statement("https://slsa.dev/provenance/v0.2", v02()),
        statement("https://slsa.dev/provenance/v1", v1()),
    ] {
        assert!(document.to_string().contains("sec-ret"));
        let kept = format!("{:?}{}", parse(&document), json!(parse(&document)));
        assert!(!kept.contains("sec-ret"), "{kept}");
    }
}

#[test]
fn a_checkout_is_the_source_where_there_is_no_git_context() {
    let vcs = json!({"source": "git@gitlab.com:acme/web.git", "revision": format!("{COMMIT}-dirty")});
    let of_v02 = json!({
        "builder": {"id": ""},
        "buildType": "https://mobyproject.org/buildkit@v1",
        "invocation": {"configSource": {"entryPoint": "build/Dockerfile"}},
        "metadata": {"https://mobyproject.org/buildkit@v1#metadata": {"vcs": vcs}},
    });
    let of_v1 = json!({
        "buildDefinition": {
            "buildType": "https://github.com/moby/buildkit/x",
            "externalParameters": {"configSource": {"path": "build/Dockerfile"}},
        },
        "runDetails": {"metadata": {"buildkit_metadata": {"vcs": vcs}}},
    });
    for (version, predicate) in [("v0.2", of_v02), ("v1", of_v1)] {
        let it = provenance(version, predicate);
        assert_eq!(it.source.as_deref(), Some("gitlab.com:acme/web.git"), "{version}");
        assert_eq!(it.revision, Some(format!("{COMMIT}-dirty")), "{version}");
        assert_eq!(it.entry_point.as_deref(), Some("build/Dockerfile"), "{version}");
        assert_eq!((it.builder, it.mode), (None, Some(Mode::Min)), "{version}");
    }
}

/// GitHub's statement about a workflow, without its envelope.
fn of_github() -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "https://slsa.dev/provenance/v1",
        "subject": [],
        "predicate": {
            "buildDefinition": {
                "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                "externalParameters": {"workflow": {
                    "ref": "refs/heads/main",
                    "repository": "https://github.com/acme/shop",
                    "path": ".github/workflows/release.yml",
                }},
                "internalParameters": {"github": {"event_name": "push"}},
                "resolvedDependencies": [
                    {"uri": "git+https://github.com/acme/shop@refs/heads/main", "digest": {"gitCommit": COMMIT}},
                ],
            },
            "runDetails": {
                "builder": {"id": "https://github.com/actions/runner/github-hosted"},
                "metadata": {"invocationId": "https://github.com/acme/shop/actions/runs/9/attempts/1"},
            },
        },
    })
}

#[test]
fn envelopes_are_opened_and_shown_as_signed() {
    let payload = STANDARD.encode(of_github().to_string());
    let envelope = json!({
        "payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": [{"sig": "AA=="}],
    });
    let bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {},
        "dsseEnvelope": envelope,
    });
    for document in [envelope, bundle] {
        let statement = parse(&document);
        assert!(statement.is_signed);
        let it = statement.provenance.clone().unwrap();
        assert_eq!(it.workflow.as_deref(), Some(".github/workflows/release.yml"));
        assert_eq!(it.source.as_deref(), Some("https://github.com/acme/shop"));
        assert_eq!(it.revision.as_deref(), Some(COMMIT));
        assert_eq!(it.invocation.as_deref(), Some("https://github.com/acme/shop/actions/runs/9/attempts/1"));
        assert_eq!(
            Pipeline::of(&[statement]),
            Pipeline {
                kind: PipelineKind::GithubAttestation,
                source: Some("github.com/acme/shop".into()),
                workflow: Some(".github/workflows/release.yml".into()),
            }
        );
    }
    assert!(!parse(&of_github()).is_signed);
}

#[test]
fn boms_are_counted_in_statements_and_alone() {
    let spdx = json!({
        "spdxVersion": "SPDX-2.3", "name": "sbom", "packages": [{}, {}, {}],
        "creationInfo": {"creators": ["Organization: Anchore, Inc", "Tool: syft-v1.29.0", "Tool: buildkit-v0.32.0"]},
    });
    let component = json!({"name": "shop"});
    let old = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.4", "components": [{}, {}],
        "metadata": {"tools": [{"vendor": "x", "name": "trivy", "version": "0.50"}], "component": component},
    });
    let mut new = old.clone();
    new["metadata"]["tools"] = json!({"components": [{"name": "trivy", "version": "0.50"}]});
    for (predicate_type, bom, format, tools, packages) in [
        ("https://spdx.dev/Document", &spdx, "SPDX-2.3", &["syft-v1.29.0", "buildkit-v0.32.0"][..], 3),
        ("https://cyclonedx.org/bom/v1.4", &old, "CycloneDX 1.4", &["trivy-0.50"], 2),
        ("https://cyclonedx.org/bom", &new, "CycloneDX 1.4", &["trivy-0.50"], 2),
    ] {
        let stated = parse(&statement(predicate_type, bom.clone()));
        assert_eq!(stated.predicate_type.as_deref(), Some(predicate_type));
        let sbom = stated.sbom.unwrap();
        assert_eq!((sbom.format.as_str(), sbom.packages), (format, Some(packages)));
        assert_eq!(sbom.tools, tools);
        assert_eq!(parse(bom).sbom, Some(sbom));
    }
    let of_buildkit = parse(&spdx).sbom.unwrap();
    assert_eq!(of_buildkit.buildkit(), Some("v0.32.0"));
}

#[test]
fn an_unknown_predicate_has_its_type_and_nothing_else() {
    let it = parse(&statement("https://example.com/review/v1", json!({"secret": "x", "packages": 7})));
    let predicate_type = Some("https://example.com/review/v1".to_owned());
    assert_eq!(it, Statement { predicate_type, is_signed: false, provenance: None, sbom: None });
    let empty = parse(&json!({"_type": "https://in-toto.io/Statement/v1"}));
    assert_eq!((empty.predicate_type, empty.provenance), (None, None));
}

#[test]
fn members_of_another_type_are_as_if_they_were_not_there() {
    let wrong = [
        json!(null),
        json!(1),
        json!(-1.5),
        json!(true),
        json!("x"),
        json!([1, [2]]),
        json!({"id": {"x": 1}}),
    ];
    for (version, whole) in [("v0.2", v02()), ("v1", v1())] {
        for pointer in pointers(&whole) {
            for value in &wrong {
                let mut changed = whole.clone();
                *changed.pointer_mut(&pointer).unwrap() = value.clone();
                provenance(version, changed);
            }
        }
    }
    assert_eq!(parse(&statement("https://slsa.dev/provenance/v1", json!([]))).provenance, None);
}

/// Every place of a document.
fn pointers(value: &Value) -> Vec<String> {
    let below = |key: &str, value: &Value| {
        let key = key.replace('~', "~0").replace('/', "~1");
        let inner = pointers(value).into_iter().map(|rest| format!("/{key}{rest}"));
        [format!("/{key}")].into_iter().chain(inner).collect::<Vec<_>>()
    };
    match value {
        Value::Object(map) => map.iter().flat_map(|(key, value)| below(key, value)).collect(),
        Value::Array(list) => {
            list.iter().enumerate().flat_map(|(at, value)| below(&at.to_string(), value)).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn what_is_no_statement_is_said_to_be_none() {
    let unreadable = |bytes: &[u8]| Statement::parse(bytes).unwrap_err();
    assert_eq!(unreadable(b"{}"), Unreadable::Foreign);
    assert_eq!(unreadable(b"[]"), Unreadable::Foreign);
    assert_eq!(unreadable(b"{\"schemaVersion\": 2}"), Unreadable::Foreign);
    assert_eq!(unreadable(b"{\"payload\": \"no base64!\"}"), Unreadable::Envelope);
    assert_eq!(unreadable(b"{\"payload\": \"e30=\"}"), Unreadable::Foreign);
    for bytes in [
        &b""[..],
        b"\"x\"",
        b"{\"_type\": \"\xff\"}",
        b"{} {}",
        b"{\"predicate\": {\"name\": 1, \"name\": 2}}",
    ] {
        assert!(matches!(unreadable(bytes), Unreadable::Json { .. }), "{bytes:?}");
    }
    let deep = format!("{{\"predicate\": {{\"x\": {}", "[".repeat(1_000_000));
    assert!(matches!(unreadable(deep.as_bytes()), Unreadable::Json { .. }));
    let nested =
        format!("{{\"predicate\":{}1{}", "{\"metadata\":{\"component\":".repeat(500), "}".repeat(1001));
    assert!(Statement::parse(nested.as_bytes()).is_err());
    let large = vec![b' '; 8 * 1024 * 1024 + 1];
    assert_eq!(unreadable(&large), Unreadable::TooLarge(8 * 1024 * 1024 + 1));
}

#[test]
fn what_is_kept_is_bounded() {
    let args: serde_json::Map<String, Value> =
        (0..10_000).map(|nth| (format!("build-arg:A{nth}"), json!("x"))).collect();
    let materials: Vec<Value> =
        (0..10_000).map(|nth| json!({"uri": format!("pkg:docker/a{nth}@1")})).collect();
    let mut predicate = v02();
    predicate["invocation"]["parameters"]["args"] = json!(args);
    predicate["materials"] = json!(materials);
    predicate["builder"]["id"] = json!("x".repeat(1_000_000));
    let it = provenance("v0.2", predicate);
    assert_eq!((it.build_args.len(), it.base_images.len(), it.materials), (100, 100, 10_000));
    assert_eq!(it.builder.unwrap().len(), 500);
}

#[test]
fn pipelines_are_told_by_their_builder_and_source() {
    use PipelineKind::*;
    let of = |builder: &str, source: &str, environment: Value| {
        let predicate = json!({
            "buildDefinition": {
                "buildType": "https://github.com/moby/buildkit/x",
                "externalParameters": {"configSource": {"uri": source}},
                "internalParameters": environment,
            },
            "runDetails": {"builder": {"id": builder}},
        });
        Pipeline::of(&[parse(&statement("https://slsa.dev/provenance/v1", predicate))])
    };
    let gha = json!({
        "github_repository": "acme/shop", "github_server_url": "https://github.example.com",
        "github_workflow_ref": "acme/shop/.github/workflows/ci.yml@refs/heads/main", "github_run_id": "3",
    });
    for (builder, source, environment, kind, repository, workflow) in [
        (
            "https://github.com/acme/shop/actions/runs/7",
            "",
            json!({}),
            GithubActions,
            Some("github.com/acme/shop"),
            None,
        ),
        ("", "", gha, GithubActions, Some("github.example.com/acme/shop"), Some(".github/workflows/ci.yml")),
        (
            "https://github.com/docker/github-builder/.github/workflows/build.yml@refs/tags/v1",
            "https://github.com/acme/shop.git",
            json!({}),
            GithubActions,
            Some("github.com/acme/shop"),
            Some(".github/workflows/build.yml"),
        ),
        (
            "https://gitlab.acme.io/web/shop/-/jobs/12",
            "",
            json!({}),
            Gitlab,
            Some("gitlab.acme.io/web/shop"),
            None,
        ),
        (
            "https://depot.dev/orgs/x",
            "https://github.com/acme/a",
            json!({}),
            Depot,
            Some("github.com/acme/a"),
            None,
        ),
        (
            "arn:aws:codebuild:eu-west-1:123456789012:build/shop:4f2a",
            "",
            json!({}),
            Codebuild,
            None,
            Some("shop"),
        ),
        ("https://ci.example.com/job/4", "", json!({}), Other, None, Some("ci.example.com")),
        ("", "https://github.com/acme/a.git#main", json!({}), Buildx, Some("github.com/acme/a"), None),
        ("", "", json!({}), Buildx, None, None),
    ] {
        let pipeline = of(builder, source, environment);
        assert_eq!(pipeline.kind, kind, "{builder}");
        assert_eq!(
            (pipeline.source.as_deref(), pipeline.workflow.as_deref()),
            (repository, workflow),
            "{builder}"
        );
    }
    assert_eq!(Pipeline::of(&[]), Pipeline::UNKNOWN);
    assert_eq!(Pipeline::UNKNOWN.name(), "unknown");
    assert_eq!(of("", "", json!({})).name(), "buildx, source not stated");
}
