//! Sources that several cases share.

use crate::evidence::Source;

pub(super) const ARCHIVE_DEMO: Source = Source::output_text("a public archive demo (`signed-demo-app`)");
pub(super) const ARCHIVE_LAB: Source = Source::output_at(
    "an archive lab of March 2026",
    "https://chaosreload.github.io/aws-hands-on-lab/containers/ecr-archive-storage-class",
);
pub(super) const ARCHIVING: Source = Source::guide("archiving an image", "archive-image");
pub(super) const AWS_CDK: Source = Source::tests("aws/aws-cdk#24822");
pub(super) const DELETING_ARTIFACTS: Source =
    Source::guide("deleting signatures and other artifacts", "image-artifact-delete");
pub(super) const LIFECYCLE_POLICIES: Source = Source::guide("lifecycle policies", "LifecyclePolicies");
pub(super) const OPEN_SUPPLY_HUB: Source = Source::output("opensupplyhub/open-supply-hub#1243");
pub(super) const RESTORING: Source = Source::guide("restoring an image", "restore-image");
pub(super) const TAG_MUTABILITY: Source = Source::guide("image tag mutability", "image-tag-mutability");
