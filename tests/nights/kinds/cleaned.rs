//! Repositories in which something else cleans, or did.

use super::{BOTH, in_form_of};
use crate::clock::{DAY, Ms, at};
use crate::repository::{Class, Id, Presence, Repository};

const ARCHIVED_AFTER: Ms = 60 * DAY;
const EXPIRED_AFTER: Ms = 150 * DAY;

/// `main` moves; every fifth build is a release. Releases of 60 days go to the archive, index first and only the index;
/// after the archive's 90 days they expire.
pub(super) fn archives(r: &mut Repository, day: i64) {
    r.hour(day, 10);
    if let Some(built) = r.moves(day, "main")
        && r.builds.len().is_multiple_of(5)
    {
        r.tag(built.root, &format!("v1.{}", r.builds.len() / 5));
    }
    r.hour(day, 23);
    let releases: Vec<Id> =
        r.tags.iter().filter(|(tag, _)| tag.starts_with("v1.")).map(|(_, release)| *release).collect();
    for release in releases {
        let age = at(day, 23) - r.manifests[release].pushed;
        if r.manifests[release].is_archived && age > EXPIRED_AFTER {
            r.delete(release);
        } else if !r.manifests[release].is_archived && age > ARCHIVED_AFTER {
            r.archive(release);
        }
    }
}

/// `main` moves. Until the janitor came, another cleaner deleted untagged indexes of seven days, and every second time
/// their images.
pub(super) fn indexes(r: &mut Repository, day: i64) {
    r.hour(day, 10);
    r.moves(day, "main");
    clean(r, day);
}

/// The same code, over and over, and the same cleaner.
pub(super) fn cached(r: &mut Repository, day: i64) {
    r.hour(day, 6);
    // ECR takes no more than a hundred referrers of one image.
    let is_new = r.builds.len().is_multiple_of(90);
    let build = if is_new { r.new_code(&BOTH) } else { r.same_code(&BOTH) };
    r.push(day, &in_form_of(day, build), Some("nightly"));
    clean(r, day);
}

fn clean(r: &mut Repository, day: i64) {
    if day >= 0 {
        return;
    }
    r.hour(day, 22);
    let now = at(day, 22);
    let is_due = |(id, it): (Id, &crate::repository::Manifest)| {
        let is_old = it.class == Class::Index && now - it.untagged > 7 * DAY;
        (is_old && it.presence == Presence::There).then_some(id)
    };
    let due: Vec<Id> = r.manifests.iter().enumerate().filter_map(is_due).collect();
    for index in due.into_iter().filter(|index| r.is_untagged(*index)).collect::<Vec<_>>() {
        r.delete(index);
        if index % 2 == 0 {
            let images = r.manifests[index].children.clone();
            let images = images.into_iter().filter(|child| r.manifests[*child].class == Class::Image);
            images.collect::<Vec<_>>().into_iter().for_each(|image| r.delete(image));
        }
    }
}
