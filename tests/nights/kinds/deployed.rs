//! Repositories whose images run somewhere, or are wanted back.

use super::BOTH;
use crate::repository::{Id, Repository};

const PLACES: [&str; 3] = ["production", "staging", "batch"];
/// Days from one deployment to the next, each to another place.
const DEPLOYMENT: i64 = 18;

/// `main` moves. Builds are deployed by digest, to one place after the other; production and staging pull again and
/// again, the batch jobs only once.
pub(super) fn by_digest(r: &mut Repository, day: i64) {
    r.hour(day, 10);
    let Some(built) = r.moves(day, "main") else { return };
    let number = usize::try_from(day.rem_euclid(DEPLOYMENT * 3) / DEPLOYMENT).unwrap_or(0);
    if r.notes.releases != number + 1 {
        r.notes.releases = number + 1;
        r.hour(day, 14);
        r.pull(&[built.root, built.platforms[0]]);
        r.running.insert(PLACES[number], built.root);
    }
    for (place, days) in [("production", 5), ("staging", 12)] {
        let is_due = day.rem_euclid(days) < 2;
        if let Some(running) = r.running.get(place).copied().filter(|_| is_due) {
            r.hour(day, 18);
            r.pull_with_platform(running);
        }
    }
    if r.notes.turn.is_multiple_of(9) {
        roll_back_by_digest(r, day);
    }
}

const FUNCTIONS: [&str; 6] = ["checkout", "mail", "search", "billing", "images", "reports"];
/// Days from one deployment to the next, each of another function.
const ROLLOUT: i64 = 24;

/// `main` moves. Each function is deployed by its digest, is pulled then and never again, and runs until its turn comes once
/// more, some five months later.
pub(super) fn workloads(r: &mut Repository, day: i64) {
    r.hour(day, 10);
    let Some(built) = r.moves(day, "main") else { return };
    let turn = day.rem_euclid(ROLLOUT * FUNCTIONS.len() as i64) / ROLLOUT;
    let number = usize::try_from(turn).unwrap_or(0);
    if r.notes.releases != number + 1 {
        r.notes.releases = number + 1;
        r.hour(day, 14);
        r.pull_with_platform(built.root);
        r.running.insert(FUNCTIONS[number], built.root);
    }
}

/// Production goes back to a build of some days ago, which was not deployed before.
fn roll_back_by_digest(r: &mut Repository, day: i64) {
    let recent: Vec<Id> = r
        .builds
        .iter()
        .filter(|built| (4..=12).contains(&(day - built.day)))
        .map(|built| built.root)
        .collect();
    if let Some(wanted) = r.rng.choice(recent) {
        r.hour(day, 20);
        r.pull_with_platform(wanted);
        r.running.insert("production", wanted);
    }
}

/// The days on which `stable` moves to a new release.
const RELEASES: [i64; 5] = [-150, 6, 28, 50, 72];

/// `main` moves with every build, and `stable` now and then. Two days later it is rolled back for four days.
pub(super) fn rollbacks(r: &mut Repository, day: i64) {
    r.hour(day, 10);
    let Some(built) = r.moves(day, "main") else { return };
    r.hour(day, 16);
    let releases = RELEASES.iter().filter(|release| **release <= day).count();
    if releases > r.notes.releases {
        r.notes.releases = releases;
        r.notes.aside = r.tags.get("stable").copied();
        r.notes.swaps = vec![day + 2, day + 6];
        r.tag(built.root, "stable");
    }
    let is_due = r.notes.swaps.first().is_some_and(|swap| *swap <= day);
    if let Some(wanted) = r.notes.aside.filter(|_| is_due) {
        r.notes.swaps.remove(0);
        r.notes.aside = r.tags.get("stable").copied();
        r.tag(wanted, "stable");
    }
}

/// Nothing has a tag: the digests are in other people's files. Some pushes broke off.
pub(super) fn untagged(r: &mut Repository, day: i64) {
    r.hour(day, 10);
    let build = r.commit(day, &BOTH);
    if r.rng.u8(..) < 64 {
        r.push_attestations(&build);
    } else {
        r.push(day, &build, None);
    }
}
