//! What must be read before verdicts can stand.

use crate::config::policy::Policy;
use crate::inventory::{Evidence, ImageIndex, Inventory, PerImage, Role};
use crate::oci::attestation::{Kind, ListedType};
use crate::oci::media_type::Shape;
use crate::rules::verdict::Verdict;

/// Why an image is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To prove what it is.
    Proof,
    /// To see what it refers to, and what it is.
    Subject,
    /// To see what it refers to, and nothing else: it is kept and counted as unread whatever it is.
    SubjectAlone,
}

/// The images that must still be read, with the purpose.
pub fn wanted<'a>(
    inventory: &'a Inventory,
    policy: &'a Policy,
    verdicts: &'a PerImage<Verdict>,
) -> impl Iterator<Item = (ImageIndex, Purpose)> + 'a {
    verdicts.iter().filter_map(|(position, verdict)| {
        if verdict.wants_read(inventory.image(position).evidence) {
            Some((position, Purpose::Proof))
        } else if hides_its_subject(inventory, policy, position) {
            let is_kept_anyway = verdict.kind() == Kind::Unread && inventory.parents(position).is_empty();
            let purpose = if is_kept_anyway { Purpose::SubjectAlone } else { Purpose::Subject };
            Some((position, purpose))
        } else {
            None
        }
    })
}

/// Whether an image may refer to something that the listing does not show. Where a policy deletes indexes or images,
/// who refers to what must not rest on the listing.
pub fn hides_its_subject(inventory: &Inventory, policy: &Policy, position: ImageIndex) -> bool {
    policy.deletes_superseded() && may_hide_its_subject(inventory, position)
}

/// Whether an unread image may refer to something that the listing does not show.
pub(super) fn may_hide_its_subject(inventory: &Inventory, position: ImageIndex) -> bool {
    let image = inventory.image(position);
    let may_be_anything = || {
        let is_claimed = inventory.parents(position).iter().any(|edge| edge.role == Role::Attestation);
        image.listed_type == ListedType::Unknown && !is_claimed
    };
    image.evidence == Evidence::Unread
        && matches!(image.shape, Shape::Manifest | Shape::Withdrawn)
        && !image.listed_type.is_image()
        && (image.subject.is_none() || may_be_anything())
}
