//! The world moves: somebody does something between any two calls of ours, and nothing is lost all the same.
//!
//! There is one exception, and ECR has no call to close it: see [`Disturbed::is_in_the_only_window`].

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::Index;

use crate::in_process::Retries;
use crate::interference::{Deed, Ready};
use crate::invariants::{self, Found};
use crate::policy::Policy;
use crate::run::{Ran, applies, applies_while};
use crate::world::{About, Item, Said, Stage, TagOf, What, World};

/// A run of which call number `at` found a world that somebody had changed right before.
pub(crate) struct Disturbed {
    stage: Stage,
    ran: Ran,
    found: Found,
}

/// A deed, and the number of our call that comes right after it.
pub(crate) type Moment = (Deed, usize);

fn disturb(world: &World, moments: &[Moment]) -> Result<Disturbed, String> {
    disturb_on(world, world.stage(), moments)
}

/// A run over a stage that is set already.
pub(crate) fn disturb_on(world: &World, stage: Stage, moments: &[Moment]) -> Result<Disturbed, String> {
    let ran = applies_while(world, &stage, Retries::Usual, |session| {
        for (deed, at) in moments {
            let wanted = if let Deed::Squat(item) = deed { wanted_tag(world, *item) } else { None };
            let ready = Ready::new(*deed, &stage, wanted);
            session.before(*at, move |emulator| ready.perform(emulator));
        }
    });
    let acted: Vec<usize> = moments.iter().map(|(_, at)| *at).collect();
    let found = invariants::check(world, &ran, &acted)
        .and_then(|found| says_what_happened(&ran, &found).map(|()| found));
    let found = found.map_err(|problem| format!("{moments:?}: {}\n{world:?}", stage.named(&problem)))?;
    let disturbed = Disturbed { stage, ran, found };
    match disturbed.found.unseen.iter().find(|write| !disturbed.is_in_the_only_window(**write, moments)) {
        None => Ok(disturbed),
        Some(write) => Err(format!("{moments:?}: call {write} should have seen it\n{world:?}")),
    }
}

impl Disturbed {
    /// No call of ECR deletes an image, or writes a tag, on a condition. So what happens to an image itself between
    /// the DescribeImages that looks at it again and the write goes unseen: a tag that is set then is deleted with the
    /// image. For a deletion that is the one gap between two calls; for tags, which are written one by one, it is the
    /// batch. One call earlier it is seen, and to be listed by an index is enough even then.
    fn is_in_the_only_window(&self, write: usize, moments: &[Moment]) -> bool {
        let call = &self.ran.calls[write - 1];
        let is_gap = |at: usize| {
            let between = self.ran.calls.get(at - 1..write).unwrap_or_default();
            let in_one_batch = between.iter().all(|call| call.operation != "DescribeImages");
            if call.operation == "BatchDeleteImage" { write == at } else { at <= write && in_one_batch }
        };
        let is_named = |deed: Deed| match deed {
            // Whoever squats may do so with another image that is to be tagged.
            Deed::Squat(_) | Deed::Replace | Deed::DropAll => true,
            Deed::Adopt(..) | Deed::Sign(_) => false,
            deed => deed.item().is_some_and(|item| call.named.contains(&self.stage.digests[item])),
        };
        moments.iter().any(|(deed, at)| is_gap(*at) && is_named(*deed))
    }
}

/// The tag that an undisturbed run would write on an item.
fn wanted_tag(world: &World, item: usize) -> Option<String> {
    let stage = world.stage();
    let ran = crate::run::plans(world, &stage);
    let tag = ran.decisions().get(stage.digests[item].as_str())?["new_tag"].as_str()?.to_owned();
    Some(tag)
}

/// The report names exactly the images that the journal names.
fn says_what_happened(ran: &Ran, found: &Found) -> Result<(), String> {
    for (outcome, images) in [("deleted", &found.deleted), ("tagged", &found.tagged)] {
        let told = ran.with_outcome(outcome);
        if told != *images {
            return Err(format!("the report says {told:?} {outcome}, the journal {images:?}"));
        }
    }
    let pending = ran.decisions().values().find(|decision| decision["outcome"] == "planned").cloned();
    pending.map_or(Ok(()), |decision| Err(format!("still planned: {decision}")))
}

/// How many calls a run makes that nobody disturbs.
fn calls(world: &World) -> usize {
    applies(world, &world.stage()).calls.len()
}

/// Every deed before every call, and after the last one.
fn everywhere(world: &World) -> impl Iterator<Item = (Deed, usize)> {
    let last = calls(world) + 1;
    Deed::all(world.items.len()).into_iter().flat_map(move |deed| (1..=last).map(move |at| (deed, at)))
}

fn item(what: What) -> Item {
    Item::new(what)
}

fn about(what: What, image: usize) -> Item {
    Item { about: Some(About::It(image)), ..Item::new(what) }
}

fn index_of(lists: &[usize]) -> Item {
    Item { lists: lists.iter().map(|at| (*at, Said::Natural)).collect(), ..Item::new(What::Index) }
}

fn tagged(item: Item) -> Item {
    Item { tags: vec![TagOf::User(1)], ..item }
}

fn tags() -> Policy {
    Policy { orphaned: "tag", superseded: "tag", attached: "tag", ..Policy::deletes() }
}

/// Small worlds of every kind that a plan can be about.
pub(crate) fn small_worlds() -> Vec<World> {
    let build = || vec![item(What::Image), about(What::Oci, 0), index_of(&[0, 1])];
    let and = |items: Vec<Item>, more: Vec<Item>| items.into_iter().chain(more).collect::<Vec<_>>();
    let two_levels = and(build(), vec![index_of(&[2])]);
    let shared = vec![
        item(What::Image),
        about(What::Legacy, 0),
        about(What::Oci, 0),
        index_of(&[0, 1]),
        tagged(index_of(&[0, 2])),
    ];
    let orphans = vec![item(What::Image), about(What::Oci, 0), item(What::Legacy)];
    let signed = and(build(), vec![about(What::Signed, 0), index_of(&[0, 3]), tagged(item(What::Chart))]);
    let mut worlds: Vec<World> = [build(), two_levels, shared.clone(), orphans.clone(), signed]
        .into_iter()
        .map(|items| World::new(items, Policy::deletes()))
        .collect();
    worlds.extend([orphans, shared].map(|items| World::new(items, tags())));
    let followed = and(build(), vec![about(What::Signature, 2)]);
    worlds.push(World::new(followed, Policy { referrers: "follow", ..Policy::deletes() }));
    // A page for every two images: the world may move within the listing.
    let paged: Vec<World> = worlds[..3].iter().map(|world| World { page: 2, ..world.clone() }).collect();
    worlds.into_iter().chain(paged).collect()
}

#[test]
fn nothing_is_lost_at_any_interleaving_of_a_small_world() {
    let (mut runs, mut unseen) = (0, BTreeSet::new());
    for world in small_worlds() {
        for (deed, at) in everywhere(&world) {
            let disturbed = disturb(&world, &[(deed, at)]).unwrap_or_else(|problem| panic!("{problem}"));
            let writes =
                disturbed.found.unseen.iter().map(|write| disturbed.ran.calls[write - 1].operation.clone());
            unseen.extend(writes.filter(|_| matches!(deed, Deed::Tag(_))));
            runs += 1;
        }
    }
    println!("{runs} interleavings of small worlds");
    assert!(runs > 1500, "{runs}");
    let writes = ["BatchDeleteImage", "PutImage"].map(str::to_owned);
    assert_eq!(unseen, BTreeSet::from(writes), "the window is real");
}

/// Up to three deeds at any moments of a run over a world.
fn moments() -> impl Strategy<Value = Vec<(Index, Index)>> {
    proptest::collection::vec(any::<(Index, Index)>(), 1..4)
}

fn check(world: &World, moments: &[(Index, Index)]) -> Result<(), TestCaseError> {
    let (deeds, last) = (Deed::all(world.items.len()), calls(world) + 1);
    let chosen = moments.iter().map(|(deed, at)| (*deed.get(&deeds), 1 + at.index(last)));
    disturb(world, &chosen.collect::<Vec<_>>()).map(drop).map_err(TestCaseError::fail)
}

proptest! {
    #![proptest_config(crate::config(1))]

    #[test]
    fn nothing_is_lost_at_random_moments_of_any_world(world in crate::generate::world(1..16), at in moments()) {
        check(&world, &at)?;
    }
}

proptest! {
    #![proptest_config(crate::config(50))]

    #[test]
    fn nothing_is_lost_at_random_moments_of_a_large_world(world in crate::generate::large_world(), at in moments()) {
        check(&world, &at)?;
    }
}
