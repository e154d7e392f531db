//! The pipelines that push to the registry of the demo, by what their statements tell of them.

use ecr_emulator::buildx::{Mode, Provenance, Slsa};

use crate::oci::digest::Digest;

/// The base image of all of them.
const ALPINE: &str = "pkg:docker/alpine@3.22?platform=linux%2Famd64";
const ALPINE_DIGEST: &str = "sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1";

/// A commit that goes with a number.
fn commit(number: u64) -> String {
    Digest::of(&number.to_be_bytes()).hex().chars().take(40).collect()
}

/// docker/build-push-action in a public repository, which gets all details by default.
pub(super) fn github_actions(run: u64) -> Provenance {
    Provenance::new()
        .mode(Mode::Max)
        .builder_id(&format!("https://github.com/acme/api/actions/runs/{}/attempts/1", 17_000 + run))
        .git_context("https://github.com/acme/api.git#refs/heads/main", &commit(run))
        .build_arg("VERSION", &format!("1.{run}"))
        .build_arg("NPM_TOKEN", "npm-0123456789abcdef")
        .material(ALPINE, ALPINE_DIGEST)
}

/// A job of GitLab, which names itself as the builder.
pub(super) fn gitlab(run: u64) -> Provenance {
    Provenance::new()
        .builder_id(&format!("https://gitlab.com/acme/web/-/jobs/{}", 4_000 + run))
        .checkout("https://gitlab.com/acme/web.git", &commit(run))
        .entry_point("docker/Dockerfile")
        .material(ALPINE, ALPINE_DIGEST)
}

/// Docker's reusable workflow, called by a repository of its own.
pub(super) fn github_builder(run: u64) -> Provenance {
    Provenance::new()
        .builder_id("https://github.com/docker/github-builder/.github/workflows/bake.yml@refs/tags/v1")
        .git_context("https://github.com/acme/matrix.git#refs/tags/v1", &commit(run))
        .material(ALPINE, ALPINE_DIGEST)
}

/// A project of AWS CodeBuild, with an older BuildKit.
pub(super) fn codebuild(run: u64) -> Provenance {
    Provenance::new()
        .slsa(Slsa::V02)
        .builder_id(&format!("arn:aws:codebuild:us-east-1:123456789012:build/signed:{run:08x}"))
        .checkout("https://github.com/acme/signed", &commit(run))
}

/// `docker buildx build` on somebody's own machine.
pub(super) fn by_hand() -> Provenance {
    Provenance::new().checkout("git@github.com:acme/tools.git", &commit(400))
}
