//! Repositories as pipelines leave them.

use ecr_emulator::artifacts;
use ecr_emulator::buildx::Form;

use super::{BOTH, in_form_of};
use crate::repository::{Class, Repository};

/// Each commit moves `main`, which some people pull. Now and then a push breaks off, or is under way at night.
pub(super) fn commits(r: &mut Repository, day: i64) {
    r.hour(day, 10);
    r.moves(day, "main");
    if r.notes.turn.is_multiple_of(3) {
        r.hour(day, 11);
        r.pull_tag("main");
    }
    if r.notes.turn.is_multiple_of(9) {
        r.hour(day, 12);
        let broken = r.commit(day, &BOTH);
        r.push_attestations(&broken);
    }
    if r.notes.turn.is_multiple_of(7) {
        r.hour(day, 26);
        let slow = r.commit(day, &BOTH);
        r.push_attestations(&slow);
        r.notes.in_flight = Some(slow);
    }
}

/// A pull request is pushed to three times, and closed while the next one is open: then its tag is deleted.
pub(super) fn pull_requests(r: &mut Repository, day: i64) {
    let number = r.notes.turn / 3;
    r.hour(day, 11);
    r.moves(day, &format!("pr-{number}"));
    if r.notes.turn % 3 == 1 {
        r.hour(day, 17);
        r.delete_tag(&format!("pr-{}", number.saturating_sub(1)));
    }
}

/// The releases that a lifecycle policy keeps.
const RELEASES: usize = 3;

/// Every build moves `edge`, every sixth is a candidate, and three builds later it is released under the same digest.
/// Beyond the newest releases, their indexes expire.
pub(super) fn release_train(r: &mut Repository, day: i64) {
    r.hour(day, 10);
    let Some(built) = r.moves(day, "edge") else { return };
    let (number, step) = (r.builds.len() / 6, r.builds.len() % 6);
    if step == 0 {
        r.tag(built.root, &format!("v1.{number}-rc"));
    }
    if step == 3
        && let Some(candidate) = r.tags.get(&format!("v1.{number}-rc")).copied()
    {
        r.hour(day, 15);
        [format!("v1.{number}"), "v1".to_owned(), "latest".to_owned()]
            .iter()
            .for_each(|tag| r.tag(candidate, tag));
        r.delete_tag(&format!("v1.{number}-rc"));
        r.hour(day, 23);
        if let Some(expired) = number.checked_sub(RELEASES)
            && let Some(release) = r.tags.get(&format!("v1.{expired}")).copied()
        {
            r.delete(release);
        }
    }
}

/// Each platform is pushed by digest, and the merged index moves `main`.
pub(super) fn matrix(r: &mut Repository, day: i64) {
    r.hour(day, 10);
    let code = r.commit(day, &[]);
    let push = |r: &mut Repository, platform: &str| {
        let mut build = code.clone();
        build.platforms = vec![platform.to_owned()];
        r.push(day, &build, None)
    };
    let parts: Vec<_> = BOTH.iter().filter_map(|platform| push(r, platform)).collect();
    r.hour(day, 11);
    if let Some(merged) = r.merge(day, &parts, "main") {
        r.release(merged.root);
    }
}

/// Nightly rebuilds. The code changes every thirty builds, so that up to thirty builds have the same images.
pub(super) fn cached(r: &mut Repository, day: i64) {
    r.hour(day, 6);
    let build = if r.notes.turn % 30 == 1 { r.new_code(&BOTH) } else { r.same_code(&BOTH) };
    r.push(day, &in_form_of(day, build), Some("nightly"));
    if r.notes.turn.is_multiple_of(10) {
        r.hour(day, 9);
        r.pull_tag("nightly");
    }
}

/// Nothing here has attestations.
pub(super) fn bystanders(r: &mut Repository, day: i64) {
    r.hour(day, 10);
    let name = r.kind.name;
    let seed = r.notes.turn;
    let build = r.new_code(&BOTH).form(Form::None);
    r.push(day, &build, Some("latest"));
    type Push = fn(&ecr_emulator::Emulator, &str, u64) -> Result<String, ecr_emulator::ApiError>;
    let pushes: [Push; 3] = [
        |emulator, name, seed| artifacts::plain_docker_image(emulator, name, seed, Some("docker")),
        |emulator, name, seed| artifacts::helm_chart(emulator, name, &format!("1.0.{seed}")),
        |emulator, name, seed| artifacts::plain_image(emulator, name, seed, Some("plain")),
    ];
    for push in pushes {
        let pushed = push(&r.emulator, name, seed);
        r.found(pushed, Class::Image, None);
    }
}
