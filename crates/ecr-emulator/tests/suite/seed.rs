//! Seeds.

use std::fs;
use std::path::PathBuf;

use ecr_emulator::buildx::{Build, Form, Mode, Provenance, Slsa};
use ecr_emulator::seed::{SeedError, from_toml, oci_layout};
use ecr_emulator::{Emulator, Status};
use serde_json::{Value, json};

use crate::support::{OCI_INDEX, REPO, admin, describe, emulator};

const DAY: i64 = 86_400_000;

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ecr-emulator-{}-{name}", std::process::id()));
        fs::create_dir_all(path.join("blobs/sha256")).unwrap();
        Self(path)
    }

    fn blob(&self, digest: &str) -> PathBuf {
        self.0.join("blobs/sha256").join(digest.strip_prefix("sha256:").unwrap())
    }

    /// A layout of a build, without its layers. Returns the index's digest.
    fn with_build(&self, annotation: Option<&str>) -> String {
        let source = emulator();
        let pushed = Build::new(&["linux/amd64", "linux/arm64"]).push(&source, REPO, Some("v1")).unwrap();
        for image in source.images(REPO) {
            fs::write(self.blob(&image.digest), &image.manifest).unwrap();
            let manifest: Value = serde_json::from_str(&image.manifest).unwrap();
            let Some(config) = manifest["config"]["digest"].as_str() else { continue };
            fs::write(self.blob(config), source.blob(REPO, config).unwrap()).unwrap();
        }
        let annotations = annotation.map(|name| json!({ "org.opencontainers.image.ref.name": name }));
        let root =
            json!({ "mediaType": OCI_INDEX, "digest": pushed.root, "size": 1, "annotations": annotations });
        fs::write(self.0.join("index.json"), json!({ "schemaVersion": 2, "manifests": [root] }).to_string())
            .unwrap();
        pushed.root
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_layout_is_pushed_whole() {
    let folder = Folder::new("whole");
    let root = folder.with_build(Some("latest"));
    let emulator = Emulator::new();
    assert_eq!(oci_layout(&emulator, "shop/web", &folder.0, None).unwrap(), std::slice::from_ref(&root));
    assert_eq!(emulator.image_count(REPO), 5);
    assert_eq!(emulator.digest_of_tag(REPO, "latest"), Some(root.clone()));
    // Again, under another tag: all of it is there already.
    oci_layout(&emulator, REPO, &folder.0, Some("v2")).unwrap();
    assert_eq!(emulator.image(REPO, &root).unwrap().tags, ["latest", "v2"]);
    oci_layout(&emulator, REPO, &folder.0, Some("v2")).unwrap();
}

#[test]
fn a_layout_is_checked() {
    let folder = Folder::new("checked");
    let root = folder.with_build(Some("not a tag"));
    let emulator = Emulator::new();
    oci_layout(&emulator, REPO, &folder.0, None).unwrap();
    assert!(emulator.image(REPO, &root).unwrap().tags.is_empty());
    fs::write(folder.blob(&root), "{}").unwrap();
    let error = oci_layout(&emulator, REPO, &folder.0, None).unwrap_err();
    assert!(
        matches!(&error, SeedError::Layout { problem, .. } if problem.contains("has the digest")),
        "{error}"
    );
    fs::remove_file(folder.blob(&root)).unwrap();
    assert!(matches!(oci_layout(&emulator, REPO, &folder.0, None), Err(SeedError::Read { .. })));
    let sly = json!({ "manifests": [{ "digest": "sha256:../../index.json" }] });
    fs::write(folder.0.join("index.json"), sly.to_string()).unwrap();
    assert!(matches!(oci_layout(&emulator, REPO, &folder.0, None), Err(SeedError::Layout { .. })));
}

#[test]
fn a_world_is_what_its_text_says() {
    let emulator = Emulator::new();
    let now = 1_750_000_000_000;
    emulator.set_clock(Some(now));
    let text = r#"
        [[repository]]
        name = "shop/web"
        tags = { team = "shop" }

        [[repository.build]]
        id = "old"
        platforms = ["linux/amd64", "linux/arm64"]
        form = "legacy"
        days_ago = 40.5
        deleted_index = true

        [[repository.build]]
        tag = "v2"
        code = 1
        days_ago = 3
        pulled_days_ago = 1

        [[repository.image]]
        kind = "cosign-tag"
        of = "v2"

        [[repository.image]]
        kind = "notation"
        of = "old"

        [[repository.image]]
        kind = "docker"
        seed = 3
        tag = "docker"
        archived = true

        [[repository]]
        name = "infra/base"
        immutable = true
        days_ago = 100

        [[repository.build]]
        form = "none"
        count = 3
    "#;
    from_toml(&emulator, text).unwrap();
    assert_eq!(emulator.now(), now);
    // Two platforms and two attestations without an index; three of the build; two signatures; one plain.
    assert_eq!((emulator.image_count(REPO), emulator.image_count("infra/base")), (10, 3));
    let images = emulator.images(REPO);
    let old = images.iter().filter(|image| image.pushed_at_ms == Some(now - 40 * DAY - DAY / 2)).count();
    assert_eq!(old, 4);
    let index = emulator.image(REPO, &emulator.digest_of_tag(REPO, "v2").unwrap()).unwrap();
    assert_eq!((index.pushed_at_ms, index.pulled_at_ms), (Some(now - 3 * DAY), Some(now - DAY)));
    let signature = format!("{}.sig", index.digest.replacen(':', "-", 1));
    assert!(emulator.digest_of_tag(REPO, &signature).is_some());
    let docker = emulator.digest_of_tag(REPO, "docker").unwrap();
    assert_eq!(emulator.image(REPO, &docker).unwrap().status, Status::Archived);
    assert_eq!(describe(&emulator, &docker)["imageStatus"], "ARCHIVED");
    let repositories = emulator.call("DescribeRepositories", json!({})).unwrap();
    let infra = &repositories["repositories"][0];
    assert_eq!(infra["imageTagMutability"], "IMMUTABLE");
    assert_eq!(infra["createdAt"].as_f64().unwrap() as i64, (now - 100 * DAY) / 1000);
    let arn = repositories["repositories"][1]["repositoryArn"].clone();
    let tags = emulator.call("ListTagsForResource", json!({ "resourceArn": arn })).unwrap();
    assert_eq!(tags["tags"], json!([{ "Key": "team", "Value": "shop" }]));
}

#[test]
fn a_world_that_makes_no_sense_is_refused() {
    let refused = |text: &str| {
        let emulator = emulator();
        let error = from_toml(&emulator, text).unwrap_err();
        assert_eq!(emulator.now(), 1_750_000_000_123, "the clock is where it was");
        error.to_string()
    };
    let repository = "[[repository]]\nname = \"a/b\"\n";
    assert!(refused("[[repo]]").contains("repo"));
    assert!(refused(&format!("{repository}nmae = 1")).contains("nmae"));
    assert!(refused(&format!("{repository}[[repository.image]]\nkind = \"coffee\"")).contains("coffee"));
    assert!(
        refused(&format!("{repository}[[repository.image]]\nkind = \"notation\"")).contains("needs `of`")
    );
    let unknown = format!("{repository}[[repository.image]]\nkind = \"notation\"\nof = \"v9\"");
    assert!(refused(&unknown).contains("v9"));
    let alone = format!("{repository}[[repository.build]]\nform = \"none\"\ndeleted_index = true");
    assert!(refused(&alone).contains("has no index"));
    assert!(refused("[[repository]]\nname = \"shop/web\"").contains("RepositoryAlreadyExistsException"));
}

#[test]
fn a_world_can_have_one_of_each() {
    let mut text = "[[repository]]\nname = \"a/b\"\n[[repository.build]]\ntag = \"v1\"\n".to_owned();
    for kind in ["plain", "docker", "cache", "chart"] {
        text += &format!("[[repository.image]]\nkind = \"{kind}\"\n");
    }
    for kind in ["cosign-tag", "cosign-bundle", "notation", "soci-v1", "soci-v2"] {
        text += &format!("[[repository.image]]\nkind = \"{kind}\"\nof = \"v1\"\n");
    }
    let emulator = Emulator::new();
    from_toml(&emulator, &text).unwrap();
    assert_eq!(emulator.image_count("a/b"), 3 + 9);
}

#[tokio::test]
async fn a_running_server_can_be_seeded() {
    let folder = Folder::new("running");
    let root = folder.with_build(None);
    let emulator = emulator();
    let server = emulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = server.url();
    let body = json!({ "toml": "[[repository]]\nname = \"a/b\"\n[[repository.build]]\n" }).to_string();
    assert_eq!(admin(&url, "POST", "seed", &body).await.status, 204);
    assert_eq!(emulator.image_count("a/b"), 3);
    let again = admin(&url, "POST", "seed", &body).await;
    assert_eq!(again.status, 400);
    assert!(again.body.contains("already exists"), "{}", again.body);
    let body = json!({ "repository": "c/d", "folder": folder.0, "tag": "v1" }).to_string();
    assert_eq!(admin(&url, "POST", "layout", &body).await.status, 204);
    assert_eq!(emulator.digest_of_tag("c/d", "v1"), Some(root));
}

#[test]
fn a_build_tells_who_built_it() {
    let emulator = emulator();
    let text = r#"
        [[repository]]
        name = "shop/api"

        [[repository.build]]
        form = "legacy"
        sbom = true

        [repository.build.provenance]
        slsa = "v0.2"
        mode = "max"
        builder = "https://gitlab.com/acme/shop/-/jobs/7"
        source = "https://gitlab.com/acme/shop.git#refs/heads/main"
        revision = "c0ffee"
        git_context = true
        entry_point = "Dockerfile.prod"
        build_args = { VERSION = "1.2.3" }
        materials = { "pkg:docker/alpine@3.22" = "sha256:aa" }
    "#;
    from_toml(&emulator, text).unwrap();
    let told = Provenance::new()
        .slsa(Slsa::V02)
        .mode(Mode::Max)
        .builder_id("https://gitlab.com/acme/shop/-/jobs/7")
        .git_context("https://gitlab.com/acme/shop.git#refs/heads/main", "c0ffee")
        .entry_point("Dockerfile.prod")
        .build_arg("VERSION", "1.2.3")
        .material("pkg:docker/alpine@3.22", "sha256:aa");
    let build = Build::new(&["linux/amd64"]).form(Form::Legacy).sbom(true).provenance(told);
    let count = emulator.image_count("shop/api");
    build.push(&emulator, "shop/api", None).unwrap();
    assert_eq!(emulator.image_count("shop/api"), count, "the very same build");
}
