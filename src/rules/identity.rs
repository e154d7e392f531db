//! The identity of an image: from its bytes, its parents' descriptors and, only to save reads, the listing.

use jiff::Timestamp;

use crate::config::policy::Policy;
use crate::inventory::{Evidence, Image, ImageIndex, ImageStatus, Inventory, Role};
use crate::oci::attestation::{Classified, Form, Kind};
use crate::oci::media_type::Shape;

/// The identity of an image, as far as it is known.
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
    position: ImageIndex,
) -> Identity {
    let image = inventory.image(position);
    let parents = inventory.parents(position);
    let said = |role: Role| parents.iter().any(|edge| edge.role == role);
    let claimed = said(Role::Attestation);
    let contradicted = said(Role::Platform) || said(Role::Contradiction);
    match image.evidence {
        Evidence::Read(read) => by_bytes(read, claimed, contradicted),
        Evidence::Gone => Identity::Not(Kind::Index),
        Evidence::Unreadable | Evidence::CallFailed => Identity::Unreadable,
        Evidence::Unread if image.shape == Shape::Index => Identity::Not(Kind::Index),
        Evidence::Unread if parents.is_empty() => unlisted(image, inventory, policy, now, position),
        Evidence::Unread if claimed && contradicted => Identity::Not(Kind::Suspect),
        Evidence::Unread if claimed => Identity::Attestation(Form::Unread),
        Evidence::Unread => listed_without_claim(image, said(Role::Platform), said(Role::Contradiction)),
    }
}

/// The identity of an image that was read.
fn by_bytes(read: Classified, claimed: bool, contradicted: bool) -> Identity {
    match (read.kind, read.form) {
        (Kind::Attestation, Some(form)) if !contradicted => Identity::Attestation(form),
        (Kind::Suspect, _) if read.by_parent && claimed && !contradicted => {
            Identity::Attestation(Form::ByParent)
        }
        (Kind::Attestation, _) => Identity::Not(Kind::Suspect),
        (Kind::Index, _) => Identity::Not(Kind::Index),
        // A parent takes it for an attestation, and its bytes are something else.
        _ if claimed => Identity::Not(Kind::Suspect),
        (kind, _) => Identity::Not(kind),
    }
}

/// Whether an image that has a subject is a referrer, and no attestation; nothing if that is not known.
pub(super) fn is_referrer(
    inventory: &Inventory,
    policy: &Policy,
    now: Timestamp,
    position: ImageIndex,
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
    position: ImageIndex,
) -> Identity {
    let kept_anyway = super::has_user_tag(inventory, policy, position)
        || image.status != ImageStatus::Active
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
