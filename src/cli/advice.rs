//! How to make no more attestations, for each kind of pipeline, and what that costs.
//!
//! Sources: the documentation of docker/build-push-action, docker/bake-action, buildx, Compose and BuildKit.

use crate::oci::statement::{Pipeline, PipelineKind};
use crate::util::sanitize;

/// The longest name of a pipeline in a sentence, in characters.
const LONGEST_NAME: usize = 200;

/// The ways of everybody who builds with buildx.
const BUILDX: &str = "`docker buildx build` and, since Docker Engine 29, plain `docker build`: --provenance=false; bake: `docker buildx bake --provenance=false`, or attest = [\"type=provenance,disabled=true\"] in the target; Compose: `provenance: false` below `build:`; all of them: BUILDX_NO_DEFAULT_ATTESTATIONS=1 in the environment. The variable switches off defaults alone: --attest, --provenance, --sbom and their like win over it";

/// The exact change in pipelines of this kind.
pub(super) fn change(kind: PipelineKind) -> &'static str {
    match kind {
        PipelineKind::GithubActions => {
            "docker/build-push-action from v3.3 to v6, and docker/bake-action: `provenance: false` below `with:`, and no `sbom: true`; docker/build-push-action v2 and v3 before 3.3, which have no such input, and `docker buildx build` in a step of its own: `env: { BUILDX_NO_DEFAULT_ATTESTATIONS: 1 }` of the job"
        }
        PipelineKind::GithubAttestation => {
            "actions/attest and actions/attest-build-provenance: `push-to-registry: false`, which keeps the attestation in GitHub's own store, or leave the step out"
        }
        PipelineKind::Gitlab => {
            "in .gitlab-ci.yml, `variables: { BUILDX_NO_DEFAULT_ATTESTATIONS: \"1\" }` of the job, or --provenance=false where it calls `docker build` or `docker buildx build`"
        }
        PipelineKind::Codebuild => {
            "in buildspec.yml, `BUILDX_NO_DEFAULT_ATTESTATIONS: \"1\"` below `env: variables:`, or --provenance=false where it calls `docker build` or `docker buildx build`"
        }
        PipelineKind::Depot => {
            "`depot build --provenance=false`; depot/build-push-action and depot/bake-action: `provenance: false` below `with:`, and no `sbom: true`"
        }
        PipelineKind::Buildx | PipelineKind::Other | PipelineKind::Unknown => BUILDX,
    }
}

/// What one gives up. Said once.
pub(super) const PRICE: &str = "What you give up: the record of how and from what an image was built, which policies, audits and `docker scout` may read, and which nothing can make afterwards. A single-platform push becomes a plain image manifest instead of an index. Images that run are not affected.";

/// Halfway: what makes attestations smaller, and what makes fewer.
pub(super) const HALFWAY: &str = "To keep provenance and drop the SBOM alone, leave out --sbom (`sbom: true`); for less in it, and no build arguments, `provenance: mode=min` (--provenance=mode=min). Both make attestations smaller, not fewer: there is one for each platform of each push.";

/// How to keep provenance without the clutter.
pub(super) const KEEPING: &str = "To keep provenance without the clutter: build only the platforms that run; push once for each change; keep it elsewhere (actions/attest-build-provenance with `push-to-registry: false`, or cosign with COSIGN_REPOSITORY); or let the janitor delete what moved tags leave behind (preset = \"recommended\"). Against the quota of 100 referrers for an image alone, BUILDX_NO_DEFAULT_OCI_ARTIFACT=1 makes recent buildx store the older form, which is no referrer.";

/// The advice on an image of which nobody knows who made it.
pub(super) fn general() -> String {
    format!("To make no more of them: {BUILDX}; docker/build-push-action: `provenance: false`. {PRICE}")
}

/// The advice on an image that this pipeline made.
pub(super) fn of_pipeline(pipeline: &Pipeline) -> String {
    if pipeline.kind == PipelineKind::Unknown {
        return general();
    }
    let name = sanitize::cut(&pipeline.name(), LONGEST_NAME);
    format!("To make no more of them, in the pipeline of {name}: {}. {PRICE}", change(pipeline.kind))
}
