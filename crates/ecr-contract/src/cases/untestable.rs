//! Claims that no run in one repository can test, listed for completeness.

use super::sources;
use crate::case::{Case, untestable};
use crate::evidence::{Evidence, Source};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "pull-through-prefix",
        claim: "A pull-through cache rule with the prefix `P` covers `P/...`, and `ROOT` covers everything.",
        evidence: Evidence::Confirmed(&[Source::api("CreatePullThroughCacheRule")]),
        safeguard: "A repository that is covered in another way is treated as an ordinary one: deleted images come \
            back with the next pull.",
        check: untestable!("needs rules of the registry and an upstream"),
    },
    Case {
        id: "prefix-with-a-slash",
        claim: "The prefix of a pull-through cache rule may end in `/`, and `P/` covers what `P` covers.",
        evidence: Evidence::Documented(&[Source::api("CreatePullThroughCacheRule")]),
        safeguard: "Both forms are read as the same prefix.",
        check: untestable!("needs rules of the registry and an upstream"),
    },
    Case {
        id: "tagging-tells-others",
        claim: "Writing a tag sends an `ECR Image Action` event, replicates the tag, and starts managed signing on \
            behalf of the writer.",
        evidence: Evidence::Open {
            if_wrong: "Pipelines that start on pushes run, or do not run, once per tag that the janitor writes.",
        },
        safeguard: "No tags are written unless a policy says `tag`, and no image is deleted or changed by any of it.",
        check: untestable!("needs rules of the registry and of EventBridge"),
    },
    Case {
        id: "archived-images-hold-their-repository",
        claim: "DeleteRepository with `force` refuses a repository in which images are archived.",
        evidence: Evidence::Supported { by: &[sources::ARCHIVE_LAB], if_wrong: "Nothing." },
        safeguard: "The janitor deletes no repository. The contract suite deletes the images of its own first.",
        check: untestable!("the suite may create one repository only"),
    },
    Case {
        id: "kms-needs-no-grant",
        claim: "A caller needs no KMS permissions for a repository with a KMS key.",
        evidence: Evidence::Confirmed(&[Source::guide("encryption at rest", "encryption-at-rest")]),
        safeguard: "If it does, the call fails, and the repository is reported and skipped.",
        check: untestable!("needs a key and a repository created with it"),
    },
    Case {
        id: "cosign-tags",
        claim: "Cosign's signatures, attestations and SBOMs have the tags `sha256-<hex>.sig`, `.att` and `.sbom`; \
            cosign v3 writes referrers by default.",
        evidence: Evidence::Confirmed(&[
            Source::report("sigstore/cosign#4205"),
            Source::report("sigstore/cosign#2854"),
            Source::report("sigstore/cosign#2684"),
        ]),
        safeguard: "A tagged image is kept, whatever the tag. With other tags its subject would not be seen as \
            signed; only an attestation that no index lists could be deleted then.",
        check: untestable!("it is cosign's behaviour, not ECR's"),
    },
    Case {
        id: "lifecycle-counts-children",
        claim: "A lifecycle rule for any image does not count the children of an index that it keeps.",
        evidence: Evidence::Supported {
            by: &[
                Source::output("DefangLabs/pulumi-defang#466"),
                Source::report_at(
                    "hearsay against it",
                    "https://github.com/aws/containers-roadmap/issues/2613",
                ),
            ],
            if_wrong: "Advice about lifecycle rules beside the janitor would be wrong.",
        },
        safeguard: "The janitor decides nothing by lifecycle policies. An image that a policy deleted meanwhile is \
            `already-gone`.",
        check: untestable!("lifecycle policies run once a day"),
    },
    Case {
        id: "deletion-ends-cost",
        claim: "A deleted image is no longer billed from then on, and scans of attestations are never billed.",
        evidence: Evidence::Open { if_wrong: "A bill is higher than expected." },
        safeguard: "Nothing is deleted to save money; reports show bytes and no prices.",
        check: untestable!("shows on the bill only"),
    },
];
