//! The pace once more: which deletions of a plan wait for a later run.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::oracle_parse;
use crate::policy::Setting;
use crate::reference::Decided;
use crate::world::Contents;

/// A deletion: what it waits for, and what it counts for.
struct Going<'a> {
    /// When it was pushed, and its digest.
    age: (i64, &'a str),
    is_image: bool,
    /// What must go before it.
    after: BTreeSet<&'a str>,
}

/// The images that wait, the oldest going first, in whole units: an index with all that only it lists, or an orphan.
pub(crate) fn waiting<'a>(
    setting: &Setting,
    before: &'a Contents,
    decided: &'a Decided,
    rows: &BTreeMap<&str, &'a Value>,
) -> BTreeSet<&'a str> {
    let all = deletions(before, decided, rows);
    let mut units: BTreeMap<(i64, &str), Vec<&str>> = BTreeMap::new();
    for digest in all.keys() {
        units.entry(outermost(&all, digest)).or_default().push(digest);
    }
    let images = units.values().flatten().filter(|digest| all[*digest].is_image).count();
    let of = decided.platform_images.max(images);
    let (mut deleted, mut deleted_images) = (0, 0);
    let (mut is_over, mut is_over_share) = (false, false);
    let mut waiting = BTreeSet::new();
    for unit in units.into_values() {
        let images = unit.iter().filter(|digest| all[*digest].is_image).count();
        // Of ten or fewer all may go, of more at least ten.
        let within =
            |images: usize| of <= 10 || images <= 10 || images as f64 / of as f64 <= setting.max_images_share;
        is_over_share |= images > 0 && deleted_images > 0 && !within(deleted_images + images);
        if images > 0 && is_over_share {
            waiting.extend(unit);
            continue;
        }
        deleted_images += images;
        let most = setting.max_deletions as usize;
        // One that is larger than the limit goes alone.
        is_over |= deleted + unit.len() > most && (deleted > 0 || most == 0);
        if is_over {
            waiting.extend(unit);
        } else {
            deleted += unit.len();
        }
    }
    waiting
}

fn deletions<'a>(
    before: &'a Contents,
    decided: &'a Decided,
    rows: &BTreeMap<&str, &'a Value>,
) -> BTreeMap<&'a str, Going<'a>> {
    let rulings = decided.rulings.iter().filter(|(_, ruling)| ruling.action == "delete");
    let going: BTreeMap<&str, &str> = rulings.map(|(it, ruling)| (it.as_str(), ruling.kind)).collect();
    let mut all: BTreeMap<&str, Going> = BTreeMap::new();
    for (digest, kind) in &going {
        let view = &before[*digest];
        let age = (view.pushed_at_ms.unwrap_or(i64::MAX), *digest);
        all.insert(*digest, Going { age, is_image: *kind == "image", after: BTreeSet::new() });
    }
    for (digest, kind) in &going {
        let manifest: Value = serde_json::from_str(&before[*digest].manifest).unwrap();
        for child in oracle_parse::children(&manifest).filter(|child| child != digest) {
            if let Some(child) = all.get_mut(child) {
                child.after.insert(digest);
            }
        }
        let subject = rows.get(digest).and_then(|row| row["subject"].as_str());
        let Some((subject, of)) = subject.filter(|it| it != digest).and_then(|it| going.get_key_value(it))
        else {
            continue;
        };
        let is_follower = !["attestation", "index", "image"].contains(kind);
        if is_follower {
            all.get_mut(digest).unwrap().after.insert(subject);
        } else if *of == "image" {
            all.get_mut(subject).unwrap().after.insert(digest);
        }
    }
    all
}

/// The age of its unit: that of the youngest of the outermost images which must go before it, or of itself.
fn outermost<'a>(all: &BTreeMap<&'a str, Going<'a>>, digest: &str) -> (i64, &'a str) {
    let going = &all[digest];
    going.after.iter().map(|first| outermost(all, first)).max().unwrap_or(going.age)
}
