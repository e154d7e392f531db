//! Which pipelines make the attestations of a repository: by the statements that were read, now or in earlier runs.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::inventory::{ImageIndex, ImageStatus, Inventory, PerImage};
use crate::memory::repository::{Arrivals, Day, KnownPipeline, RepositoryMemory};
use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::oci::statement::Pipeline;
use crate::report::plan::UnreadStatement;
use crate::report::source::{Source, Trend};
use crate::rules::verdict::Verdict;

/// What "lately" means.
pub const LATELY: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The attestations of one push arrive within this time.
const ONE_PUSH: SignedDuration = SignedDuration::from_secs(120);
/// As many pushes without attestations are no coincidence.
const PUSHES_THAT_TELL: u64 = 3;

/// An attestation of the repository.
#[derive(Debug, Clone, Copy)]
struct Attestation {
    index: ImageIndex,
    digest: Digest,
    pushed_at: Timestamp,
}

/// The attestations by their push, the oldest first. One of unknown age counts as old as can be.
fn attestations(inventory: &Inventory, verdicts: &PerImage<Verdict>) -> Vec<Attestation> {
    let is_attestation = |index: &ImageIndex| verdicts[*index].kind() == Kind::Attestation;
    let mut all: Vec<Attestation> = inventory
        .positions()
        .filter(is_attestation)
        .map(|index| {
            let image = inventory.image(index);
            let pushed_at = image.pushed_at.unwrap_or(Timestamp::UNIX_EPOCH);
            Attestation { index, digest: image.digest, pushed_at }
        })
        .collect();
    all.sort_unstable_by_key(|it| (it.pushed_at, it.digest));
    all
}

/// The pipelines that made the attestations of a repository, the one that costs most first. Nothing where no statement
/// was ever read.
pub fn sources(
    inventory: &Inventory,
    verdicts: &PerImage<Verdict>,
    memory: &RepositoryMemory,
    now: Timestamp,
) -> Vec<Source> {
    if !memory.knows_sources() {
        return Vec::new();
    }
    let all = attestations(inventory, verdicts);
    let read: Vec<(Attestation, &KnownPipeline)> =
        all.iter().filter_map(|it| Some((*it, memory.source_of(it.digest)?))).collect();
    let mut sources: BTreeMap<&KnownPipeline, (Source, Timestamp)> = BTreeMap::new();
    for attestation in &all {
        let Some(known) = nearest(&read, attestation.pushed_at) else { continue };
        let known = memory.source_of(attestation.digest).unwrap_or(known);
        let is_read = memory.source_of(attestation.digest).is_some();
        let (source, last) = sources.entry(known).or_insert_with(|| (empty(known), Timestamp::MIN));
        source.statements_read += u64::from(is_read);
        add(source, last, *attestation, inventory, verdicts, now);
    }
    let mut sources: Vec<Source> = sources.into_values().map(|(source, _)| source).collect();
    sort(&mut sources);
    sources
}

/// All attestations of a repository, as of one unknown pipeline.
pub fn count(inventory: &Inventory, verdicts: &PerImage<Verdict>, now: Timestamp) -> Source {
    let unknown = KnownPipeline { pipeline: Pipeline::UNKNOWN, buildkit: None };
    let (mut count, mut last) = (empty(&unknown), Timestamp::MIN);
    for attestation in attestations(inventory, verdicts) {
        add(&mut count, &mut last, attestation, inventory, verdicts, now);
    }
    count
}

/// Counts an attestation; `last` is the push of the one before it.
fn add(
    source: &mut Source,
    last: &mut Timestamp,
    attestation: Attestation,
    inventory: &Inventory,
    verdicts: &PerImage<Verdict>,
    now: Timestamp,
) {
    let pushed_at = inventory.image(attestation.index).pushed_at;
    source.attestations += 1;
    source.attestations_of_the_last_30_days += u64::from(is_lately(pushed_at, now));
    source.pushes += u64::from(attestation.pushed_at.duration_since(*last) > ONE_PUSH);
    source.form = verdicts[attestation.index].artifact.form();
    source.first_push = source.first_push.or(pushed_at);
    source.last_push = pushed_at.or(source.last_push);
    *last = attestation.pushed_at;
}

/// By what they cost: attestations of the last 30 days, then all of them.
pub fn sort(sources: &mut [Source]) {
    sources.sort_by(|one, two| {
        let cost = |it: &Source| (it.attestations_of_the_last_30_days, it.attestations);
        cost(two).cmp(&cost(one)).then_with(|| one.pipeline.cmp(&two.pipeline))
    });
}

fn empty(known: &KnownPipeline) -> Source {
    Source {
        pipeline: known.pipeline.clone(),
        attestations: 0,
        attestations_of_the_last_30_days: 0,
        statements_read: 0,
        pushes: 0,
        form: None,
        buildkit: known.buildkit.clone(),
        first_push: None,
        last_push: None,
    }
}

fn is_lately(pushed_at: Option<Timestamp>, now: Timestamp) -> bool {
    pushed_at.is_some_and(|at| now.duration_since(at) < LATELY)
}

/// The pipeline of the attestation nearest in time whose statement was read.
fn nearest<'a>(read: &[(Attestation, &'a KnownPipeline)], at: Timestamp) -> Option<&'a KnownPipeline> {
    let later = read.partition_point(|(it, _)| it.pushed_at < at);
    let candidates = [later.checked_sub(1), Some(later)];
    let candidates = candidates.into_iter().flatten().filter_map(|index| read.get(index));
    candidates.min_by_key(|(it, _)| it.pushed_at.duration_since(at).abs()).map(|(_, known)| *known)
}

/// The attestations whose statements would tell most: at most so many, spread evenly over the pushes of which none was
/// read, the newest among them.
pub fn to_read(
    inventory: &Inventory,
    verdicts: &PerImage<Verdict>,
    memory: &RepositoryMemory,
    most: usize,
) -> Vec<ImageIndex> {
    let unread = unread_pushes(inventory, verdicts, memory);
    let count = unread.len().min(most);
    // The newest first; the others follow at even distances.
    let spread = (0..count).map(|nth| (unread.len() - 1).saturating_sub(nth * unread.len() / count));
    spread.filter_map(|at| unread.get(at)).map(|it| it.index).collect()
}

/// The newest attestation of the last 30 days of whose push nothing was read.
pub fn newest_unread(
    inventory: &Inventory,
    verdicts: &PerImage<Verdict>,
    memory: &RepositoryMemory,
    now: Timestamp,
) -> Option<UnreadStatement> {
    let newest = unread_pushes(inventory, verdicts, memory).pop()?;
    let pulled_at = inventory.image(newest.index).pulled_at;
    is_lately(Some(newest.pushed_at), now).then_some(UnreadStatement { digest: newest.digest, pulled_at })
}

/// One attestation that can be read of each push of which no statement was read, the oldest first.
fn unread_pushes(
    inventory: &Inventory,
    verdicts: &PerImage<Verdict>,
    memory: &RepositoryMemory,
) -> Vec<Attestation> {
    let mut pushes: Vec<(Vec<Attestation>, Timestamp)> = Vec::new();
    for attestation in attestations(inventory, verdicts) {
        match pushes.last_mut() {
            Some((push, last)) if attestation.pushed_at.duration_since(*last) <= ONE_PUSH => {
                *last = attestation.pushed_at;
                push.push(attestation);
            }
            _ => pushes.push((vec![attestation], attestation.pushed_at)),
        }
    }
    let is_read = |it: &Attestation| memory.source_of(it.digest).is_some();
    let is_active = |it: &&Attestation| inventory.image(it.index).status == ImageStatus::Active;
    let unread = pushes.into_iter().filter(|(push, _)| !push.iter().any(is_read));
    unread.filter_map(|(push, _)| push.iter().find(is_active).copied()).collect()
}

/// What the listing shows to have arrived on which day.
pub fn arrivals(inventory: &Inventory, verdicts: &PerImage<Verdict>) -> BTreeMap<Day, Arrivals> {
    let mut days: BTreeMap<Day, Arrivals> = BTreeMap::new();
    for index in inventory.positions() {
        let Some(pushed_at) = inventory.image(index).pushed_at else { continue };
        let is_push = inventory.parents(index).is_empty() && inventory.image(index).subject.is_none();
        let kind = verdicts[index].kind();
        // What is young, untagged and unread may be an attestation whose index is still on its way.
        let is_image = inventory.is_index(index)
            || kind == Kind::Image
            || (kind == Kind::Unread && !inventory.image(index).tags.is_empty());
        let day = days.entry(Day::of(pushed_at)).or_default();
        match kind {
            Kind::Attestation => day.attestations += 1,
            _ if is_push && is_image => day.pushes += 1,
            _ => {}
        }
    }
    days.retain(|_, arrivals| *arrivals != Arrivals::default());
    days
}

/// Whether attestations have stopped to arrive, or arrive again.
pub fn trend(days: &BTreeMap<Day, Arrivals>, now: Timestamp) -> Option<Trend> {
    let with: Vec<Day> =
        days.iter().filter(|(_, arrivals)| arrivals.attestations > 0).map(|(day, _)| *day).collect();
    let pushes_between = |from: Day, until: Option<Day>| -> u64 {
        let between = days.iter().filter(|(day, _)| **day > from && until.is_none_or(|until| **day < until));
        between.map(|(_, arrivals)| u64::from(arrivals.pushes)).sum()
    };
    let last = *with.last()?;
    let pushes_since = pushes_between(last, None);
    if pushes_since >= PUSHES_THAT_TELL {
        return Some(Trend::Stopped { last_on: last.begin(), pushes_since });
    }
    let gap = with.windows(2).rev().find_map(|pair| match pair {
        [one, two] if pushes_between(*one, Some(*two)) >= PUSHES_THAT_TELL => Some((*one, *two)),
        _ => None,
    });
    let (stopped, resumed) = gap?;
    is_lately(Some(resumed.begin()), now)
        .then(|| Trend::Resumed { stopped_on: stopped.begin(), resumed_on: resumed.begin() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60;

    fn day(number: i64) -> Day {
        Day::of(Timestamp::from_second(number * DAY).unwrap())
    }

    /// Days with attestations, and days on which only images were pushed.
    fn days(with: &[i64], without: &[i64]) -> BTreeMap<Day, Arrivals> {
        let with = with.iter().map(|number| (day(*number), Arrivals { attestations: 2, pushes: 1 }));
        let without = without.iter().map(|number| (day(*number), Arrivals { attestations: 0, pushes: 1 }));
        with.chain(without).collect()
    }

    #[test]
    fn attestations_have_stopped_when_images_arrive_without_them() {
        let now = day(100).begin();
        let at = |number: i64| day(number).begin();
        for (with, without, expected) in [
            (&[10, 20][..], &[21, 22, 23][..], Some(Trend::Stopped { last_on: at(20), pushes_since: 3 })),
            (&[10, 20], &[21, 22], None),
            (&[10, 20], &[], None),
            (&[], &[1, 2, 3, 4], None),
            (
                &[10, 90],
                &[20, 30, 40, 91, 92],
                Some(Trend::Resumed { stopped_on: at(10), resumed_on: at(90) }),
            ),
            (&[10, 60], &[20, 30, 40], None),
            (&[10, 90], &[20, 30], None),
        ] {
            assert_eq!(trend(&days(with, without), now), expected, "{with:?} {without:?}");
        }
    }
}
