//! Claims that no run in one repository can test, listed for completeness.

use crate::case::{Case, untestable};

pub(super) const CASES: &[Case] = &[
    Case::unverified(
        "pull-through-prefix",
        "A pull-through cache rule with the prefix `P` covers `P/...`, and `ROOT` everything.",
        "A repository that is covered in another way is treated as ordinary: deleted images come back at the next pull.",
        untestable!("needs rules of the registry, and an upstream"),
    ),
    Case::unverified(
        "tagging-tells-others",
        "Writing a tag sends an `ECR Image Action` event, replicates the tag, and starts managed signing in the \
         writer's name.",
        "No tags are written unless a policy says `tag`; no image is deleted or changed by any of it.",
        untestable!("needs rules of the registry and of EventBridge"),
    ),
    Case::unverified(
        "kms-needs-no-grant",
        "The caller needs no permissions of KMS for a repository with a KMS key.",
        "The call fails: the repository is reported and left alone.",
        untestable!("needs a key, and a repository made with it"),
    ),
    Case::unverified(
        "cosign-tags",
        "Cosign's signatures, attestations and SBOMs bear the tags `sha256-<hex>.sig`, `.att` and `.sbom`.",
        "A signature with a tag is kept, whatever the tag. Its subject would not be seen as signed: what is deleted then \
         is still an attestation that no index lists.",
        untestable!("it is cosign's doing, not ECR's"),
    ),
    Case::unverified(
        "lifecycle-counts-children",
        "A lifecycle rule for any image does not count what a kept index lists.",
        "The janitor reads no lifecycle policy. What a policy deleted in between is `already-gone`.",
        untestable!("lifecycle policies run once a day"),
    ),
    Case::unverified(
        "deletion-ends-cost",
        "A deleted image is no longer billed from then on, and scans of attestations never are.",
        "Nothing is deleted to save money; reports give bytes and no prices.",
        untestable!("shows on the bill only"),
    ),
];
