//! The registry of the demo: what GitHub Actions leaves after some months.

use ecr_emulator::artifacts;
use ecr_emulator::buildx::{Build, Form, merge};
use ecr_emulator::{ApiError, Emulator};

use super::pipelines;

/// The repositories, by what there is to see in them.
pub(super) const REPOSITORIES: [&str; 5] =
    ["team/api", "team/web", "team/matrix", "team/signed", "team/tools"];

const BOTH: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// Fills an emulator.
pub(in crate::cli) fn seed(emulator: &Emulator) -> Result<(), ApiError> {
    for repository in REPOSITORIES {
        emulator.create_repository(repository)?;
    }
    api(emulator)?;
    web(emulator)?;
    matrix(emulator)?;
    signed(emulator)?;
    tools(emulator)?;
    emulator.set_clock(None);
    Ok(())
}

fn days_ago(emulator: &Emulator, days: i64) {
    emulator.set_clock(None);
    emulator.set_clock(Some(emulator.now() - days * 24 * 60 * 60 * 1000));
}

/// Multi-platform builds, one a week; `main` moves on, every fourth is a release; somebody deleted old indexes by
/// hand, which left their attestations behind.
fn api(emulator: &Emulator) -> Result<(), ApiError> {
    let repository = REPOSITORIES[0];
    for week in 0..10_i64 {
        days_ago(emulator, 7 * (10 - week));
        let form = if week < 5 { Form::Legacy } else { Form::Oci };
        let run = week.unsigned_abs();
        let build = Build::new(&BOTH).form(form).code(run / 3).run(run).sbom(week % 2 == 0);
        let build = build.provenance(pipelines::github_actions(run));
        let pushed = build.push(emulator, repository, Some("main"))?;
        if week % 4 == 0 {
            build.push(emulator, repository, Some(&format!("v1.{}", week / 4)))?;
        } else if week < 4
            && let Some(index) = pushed.index
        {
            delete(emulator, repository, &index)?;
        }
    }
    Ok(())
}

/// Single-platform builds, with a deployment that still pulls an old one by digest, and a push on its way.
fn web(emulator: &Emulator) -> Result<(), ApiError> {
    let repository = REPOSITORIES[1];
    for month in 0..5_i64 {
        days_ago(emulator, 30 * (6 - month));
        let run = month.unsigned_abs();
        let build = Build::new(&BOTH[..1]).code(100 + run).run(run).provenance(pipelines::gitlab(run));
        let pushed = build.push(emulator, repository, Some("latest"))?;
        if month == 2 {
            days_ago(emulator, 1);
            emulator.set_pulled_at(repository, &pushed.platforms[0], Some(emulator.now()));
        }
    }
    emulator.set_clock(None);
    let build = Build::new(&BOTH[..1]).code(999).run(999).provenance(pipelines::gitlab(999));
    build.push_attestations_only(emulator, repository)?;
    Ok(())
}

/// Each platform built on its own runner and pushed by digest, then merged: the indexes of the runners stay, and
/// share everything with the merged one.
fn matrix(emulator: &Emulator) -> Result<(), ApiError> {
    let repository = REPOSITORIES[2];
    for (days, tag) in [(90, "v1"), (60, "v2")] {
        days_ago(emulator, days);
        let run = days.unsigned_abs();
        let build = |platforms: &[&str]| {
            let build = Build::new(platforms).code(200 + run).run(run);
            build.provenance(pipelines::github_builder(run)).push(emulator, repository, None)
        };
        let (amd64, arm64) = (build(&BOTH[..1])?, build(&BOTH[1..])?);
        merge(emulator, repository, &[&amd64.root, &arm64.root], Some(tag))?;
    }
    Ok(())
}

/// Signatures in both fashions, one of them on an attestation, and a SOCI index.
fn signed(emulator: &Emulator) -> Result<(), ApiError> {
    let repository = REPOSITORIES[3];
    days_ago(emulator, 120);
    let build = |code: u64, run: u64| {
        let build = Build::new(&BOTH[..1]).code(code).run(run).provenance(pipelines::codebuild(run));
        build.push(emulator, repository, Some("stable"))
    };
    let old = build(300, 1)?;
    artifacts::cosign_bundle_referrer(emulator, repository, &old.attestations[0])?;
    days_ago(emulator, 40);
    let new = build(301, 2)?;
    artifacts::cosign_signature_tag(emulator, repository, &new.root)?;
    artifacts::notation_signature(emulator, repository, &new.root)?;
    artifacts::soci_index_v1(emulator, repository, &new.platforms[0])?;
    Ok(())
}

/// Small untagged things that are no attestations, and tagged ones beside them.
fn tools(emulator: &Emulator) -> Result<(), ApiError> {
    let repository = REPOSITORIES[4];
    days_ago(emulator, 80);
    artifacts::build_cache(emulator, repository, "buildcache")?;
    artifacts::helm_chart(emulator, repository, "chart-1.2.0")?;
    artifacts::plain_image(emulator, repository, 1, None)?;
    artifacts::plain_image(emulator, repository, 2, Some("tool"))?;
    let build = Build::new(&BOTH[..1]).form(Form::Legacy).code(400).provenance(pipelines::by_hand());
    let pushed = build.push(emulator, repository, None)?;
    if let Some(index) = pushed.index {
        delete(emulator, repository, &index)?;
    }
    Ok(())
}

fn delete(emulator: &Emulator, repository: &str, digest: &str) -> Result<(), ApiError> {
    let request = serde_json::json!({"repositoryName": repository, "imageIds": [{"imageDigest": digest}]});
    emulator.call("BatchDeleteImage", request).map(|_| ())
}
