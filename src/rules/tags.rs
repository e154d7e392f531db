//! Tags: whose they are, and which of them make an image needed.

use crate::config::policy::Policy;
use crate::inventory::{ImageIndex, Inventory, is_cosign_style};

/// Whether an image bears a tag that the janitor did not write. On an index every tag is such a one, because the
/// janitor never tags an index.
pub fn has_user_tag(inventory: &Inventory, policy: &Policy, position: ImageIndex) -> bool {
    inventory.image(position).tags.iter().any(|tag| !is_own(inventory, policy, position, tag))
}

/// Whether an image bears a tag by which people find it: a user's tag that is not cosign-style.
pub(super) fn is_root(inventory: &Inventory, policy: &Policy, position: ImageIndex) -> bool {
    let image = inventory.image(position);
    image.tags.iter().any(|tag| !is_cosign_style(tag) && !is_own(inventory, policy, position, tag))
}

/// Whether an image bears the janitor's own tag.
pub(super) fn bears_own_tag(inventory: &Inventory, policy: &Policy, position: ImageIndex) -> bool {
    inventory.image(position).tags.iter().any(|tag| is_own(inventory, policy, position, tag))
}

/// Whether a tag of this image is one that the janitor writes.
pub(super) fn is_own(inventory: &Inventory, policy: &Policy, position: ImageIndex, tag: &str) -> bool {
    let digest = inventory.image(position).digest;
    policy.tag_template.is_own(tag, digest) && !inventory.is_index(position)
}
