//! What an image is, from its bytes, what its parents say of it, and (only to save reads) the listing.

use jiff::Timestamp;

use crate::config::policy::Policy;
use crate::inventory::{Evidence, Image, Inventory, Position, Role, Status};
use crate::oci::attestation::{Form, Kind};
use crate::oci::media_type::Shape;

/// What an image is, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// Proven, or, unread, listed as one and contradicted by nobody.
    Attestation(Form),
    /// Unlisted, and must be read: it may be an orphaned attestation.
    Candidate,
    /// Listed, unread, and nothing speaks for or against an attestation.
    Perhaps,
    /// Something else, for all that matters.
    Not(Kind),
    /// Its bytes could not be had.
    Unreadable,
}

pub(super) fn identify(
    inventory: &Inventory,
    policy: &Policy,
    now: Timestamp,
    position: Position,
) -> Identity {
    let image = inventory.image(position);
    let parents = inventory.parents(position);
    let said = |role: Role| parents.iter().any(|edge| edge.role == role);
    let claimed = said(Role::Attestation);
    let contradicted = said(Role::Platform) || said(Role::Contradiction);
    match image.evidence {
        Evidence::Attestation(_) if contradicted => Identity::Not(Kind::Suspect),
        Evidence::Attestation(form) => Identity::Attestation(form),
        Evidence::Suspect { by_parent: true } if claimed && !contradicted => {
            Identity::Attestation(Form::ByParent)
        }
        Evidence::Suspect { .. } => Identity::Not(Kind::Suspect),
        Evidence::Index | Evidence::Gone => Identity::Not(Kind::Index),
        // A parent takes it for an attestation, and its bytes are something else.
        Evidence::Other(_) if claimed => Identity::Not(Kind::Suspect),
        Evidence::Other(kind) => Identity::Not(kind),
        Evidence::Unreadable | Evidence::CallFailed => Identity::Unreadable,
        Evidence::Unread if image.shape == Shape::Index => Identity::Not(Kind::Index),
        Evidence::Unread if parents.is_empty() => unlisted(image, inventory, policy, now, position),
        Evidence::Unread if claimed && contradicted => Identity::Not(Kind::Suspect),
        Evidence::Unread if claimed => Identity::Attestation(Form::Unread),
        Evidence::Unread => listed_without_claim(image, said(Role::Platform), said(Role::Contradiction)),
    }
}

/// Whether an image that has a subject is a referrer, and no attestation; nothing if that is not known.
pub(super) fn is_referrer(
    inventory: &Inventory,
    policy: &Policy,
    now: Timestamp,
    position: Position,
) -> Option<bool> {
    let is_ruled_out = inventory.image(position).ruled_out.is_some();
    match identify(inventory, policy, now, position) {
        Identity::Attestation(Form::Unread) | Identity::Candidate | Identity::Perhaps => None,
        Identity::Attestation(_) => Some(false),
        Identity::Not(Kind::Unread) if is_ruled_out => Some(true),
        Identity::Not(Kind::Suspect | Kind::Unread) | Identity::Unreadable => None,
        Identity::Not(_) => Some(true),
    }
}

/// Unlisted and unread: a candidate, unless it is kept whatever it is, or is certainly something else.
fn unlisted(
    image: &Image,
    inventory: &Inventory,
    policy: &Policy,
    now: Timestamp,
    position: Position,
) -> Identity {
    let kept_anyway = super::has_user_tag(inventory, policy, position)
        || image.status != Status::Active
        || policy.within_grace(image.pushed_at, now);
    match image.ruled_out {
        _ if kept_anyway => Identity::Not(Kind::Unread),
        Some(kind) => Identity::Not(kind),
        None => Identity::Candidate,
    }
}

fn listed_without_claim(image: &Image, for_platform: bool, contradicted: bool) -> Identity {
    match image.ruled_out {
        Some(kind) => Identity::Not(kind),
        None if for_platform => Identity::Not(Kind::Image),
        None if contradicted => Identity::Not(Kind::Unread),
        None => Identity::Perhaps,
    }
}
