//! The identity of an image: from its bytes, its parents' descriptors and, only to save reads, the listing.

use jiff::Timestamp;

use crate::config::policy::Policy;
use crate::inventory::{Edge, Evidence, Image, ImageIndex, ImageStatus, Inventory, Role};
use crate::oci::attestation::{Classified, Form, Kind, ListedType};
use crate::oci::media_type::Shape;
use crate::rules::tags::has_user_tag;

/// The identity of an image, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// Proven, or, unread, shown as one and contradicted by nobody.
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
    let roles = Roles::of(parents);
    match image.evidence {
        Evidence::Read(read) => by_bytes(read, image, &roles, parents.is_empty()),
        Evidence::Gone => Identity::Not(Kind::Index),
        // It holds what it could list. There may be hundreds of them, and nobody need be told of each.
        Evidence::Unreadable if image.shape == Shape::Index && image.status != ImageStatus::Active => {
            Identity::Not(Kind::Index)
        }
        Evidence::Unreadable | Evidence::CallFailed => Identity::Unreadable,
        _ if image.shape == Shape::Index => Identity::Not(Kind::Index),
        _ if parents.is_empty() => unlisted(image, inventory, policy, now, position),
        _ => listed(image, parents, &roles),
    }
}

/// What the parents of an image say of it, taken together.
struct Roles {
    is_claimed: bool,
    is_contradicted: bool,
}

impl Roles {
    fn of(parents: &[Edge]) -> Self {
        let said = |role: Role| parents.iter().any(|edge| edge.role == role);
        Self {
            is_claimed: said(Role::Attestation),
            is_contradicted: said(Role::Platform) || said(Role::Contradiction),
        }
    }
}

/// The identity of an image that was read.
fn by_bytes(read: Classified, image: &Image, roles: &Roles, is_unlisted: bool) -> Identity {
    match (read.kind, read.form) {
        (Kind::Attestation, Some(form)) if !roles.is_contradicted => Identity::Attestation(form),
        (Kind::Suspect, _) if read.by_parent && roles.is_claimed && !roles.is_contradicted => {
            Identity::Attestation(Form::ByParent)
        }
        // docker/attest's, which is what its parent says: without one it only refers to its subject.
        (Kind::Suspect, _) if read.by_parent && is_unlisted && image.subject.is_some() => {
            Identity::Not(Kind::Referrer)
        }
        (Kind::Attestation, _) => Identity::Not(Kind::Suspect),
        (Kind::Index, _) => Identity::Not(Kind::Index),
        // A parent takes it for an attestation, and its bytes are something else.
        _ if roles.is_claimed => Identity::Not(Kind::Suspect),
        (kind, _) => Identity::Not(kind),
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
    let is_kept_anyway = has_user_tag(inventory, policy, position)
        || image.status != ImageStatus::Active
        || policy.within_grace(image.aged_from(), now);
    match image.listed_type {
        _ if is_kept_anyway => Identity::Not(Kind::Unread),
        ListedType::Other(kind) => Identity::Not(kind),
        _ => Identity::Candidate,
    }
}

/// Listed and unread: what ECR's type or the descriptors make of it, so that counts do not depend on the policy.
fn listed(image: &Image, parents: &[Edge], roles: &Roles) -> Identity {
    let said = |role: Role| parents.iter().any(|edge| edge.role == role);
    let is_shown = image.listed_type == ListedType::Attestation;
    match image.listed_type {
        ListedType::Other(_) if roles.is_claimed => Identity::Not(Kind::Suspect),
        ListedType::Other(kind) => Identity::Not(kind),
        _ if roles.is_contradicted && (is_shown || roles.is_claimed) => Identity::Not(Kind::Suspect),
        _ if said(Role::Platform) => Identity::Not(Kind::Image),
        _ if roles.is_contradicted => {
            Identity::Not(parents.iter().find_map(|edge| edge.artifact).unwrap_or(Kind::Unread))
        }
        ListedType::Attestation => Identity::Attestation(Form::Oci),
        _ if roles.is_claimed || said(Role::UnknownPlatform) => Identity::Attestation(Form::Unread),
        _ => Identity::Perhaps,
    }
}

/// Whether an image that has a subject is a referrer, and no attestation; nothing if that is not known.
pub(super) fn is_referrer(image: &Image, identity: Identity) -> Option<bool> {
    match (image.evidence, identity) {
        (Evidence::Seen(seen), _) => match seen.kind {
            Kind::Attestation => Some(false),
            Kind::Suspect => None,
            _ => Some(true),
        },
        (Evidence::Read(_), Identity::Attestation(_)) => Some(false),
        (_, Identity::Attestation(_) | Identity::Candidate | Identity::Perhaps) => None,
        (_, Identity::Not(Kind::Unread)) => image.listed_type.ruled_out().map(|_| true),
        (_, Identity::Not(Kind::Suspect) | Identity::Unreadable) => None,
        (_, Identity::Not(_)) => Some(true),
    }
}
