//! The world moves: somebody does something between any two calls of ours, and nothing is lost all the same.
//!
//! There is one exception, and ECR has no call to close it: see [`is_in_the_only_window`].

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::Index;

use crate::deeds::{Deed, Ready};
use crate::outside::{self, Found};
use crate::policy::Policy;
use crate::run::{Ran, applies, applies_while};
use crate::world::{About, Item, Said, Stage, TagOf, What, World};

/// A run of which call number `at` found a world that somebody had changed right before.
struct Disturbed {
    stage: Stage,
    ran: Ran,
    found: Found,
}

fn disturb(world: &World, deed: Deed, at: usize) -> Result<Disturbed, String> {
    let stage = world.stage();
    let wanted = if let Deed::Squat(item) = deed { wanted_tag(world, item) } else { None };
    let ready = Ready::new(deed, &stage, wanted);
    let ran = applies_while(world, &stage, None, |stage| {
        stage.emulator.before("*", at as u64, move |emulator| ready.perform(emulator));
    });
    let named = |problem: String| format!("{deed:?} before call {at}: {}\n{world:?}", stage.named(&problem));
    let found = outside::check(world, &ran, Some(at)).map_err(named)?;
    says_what_happened(&ran, &found).map_err(named)?;
    Ok(Disturbed { stage, ran, found })
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

fn index(lists: &[usize]) -> Item {
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
    let build = || vec![item(What::Image), about(What::Oci, 0), index(&[0, 1])];
    let and = |items: Vec<Item>, more: Vec<Item>| items.into_iter().chain(more).collect::<Vec<_>>();
    let two_levels = and(build(), vec![index(&[2])]);
    let shared = vec![
        item(What::Image),
        about(What::Legacy, 0),
        about(What::Oci, 0),
        index(&[0, 1]),
        tagged(index(&[0, 2])),
    ];
    let orphans = vec![item(What::Image), about(What::Oci, 0), item(What::Legacy)];
    let signed = and(build(), vec![about(What::Signed, 0), index(&[0, 3]), tagged(item(What::Chart))]);
    let mut worlds: Vec<World> = [build(), two_levels, shared.clone(), orphans.clone(), signed]
        .into_iter()
        .map(|items| World::new(items, Policy::deletes()))
        .collect();
    worlds.extend([orphans, shared].map(|items| World::new(items, tags())));
    // A page for every two images: the world may move within the listing.
    let paged: Vec<World> = worlds[..3].iter().map(|world| World { page: 2, ..world.clone() }).collect();
    worlds.into_iter().chain(paged).collect()
}

/// No call of ECR deletes an image, or writes a tag, on a condition. So what happens to an image itself between the
/// DescribeImages that looks at it again and the write goes unseen: a tag that is set then is deleted with the image.
/// For a deletion that is the one gap between two calls; for tags, which are written one by one, it is the batch. One
/// call earlier it is seen, and to be listed by an index is enough even then.
fn is_in_the_only_window(disturbed: &Disturbed, deed: Deed, at: usize) -> bool {
    let Disturbed { stage, ran, found } = disturbed;
    found.unseen.iter().all(|write| {
        let call = &ran.calls[write - 1];
        let same_batch = ran.calls[at - 1..*write].iter().all(|call| call.operation != "DescribeImages");
        // Whoever squats may do so with another image that is to be tagged.
        let is_by_all = matches!(deed, Deed::Squat(_) | Deed::Replace | Deed::DropAll);
        let is_it = is_by_all || deed.item().is_some_and(|item| call.named.contains(&stage.digests[item]));
        let is_gap = if call.operation == "BatchDeleteImage" { *write == at } else { same_batch };
        is_gap && is_it && !matches!(deed, Deed::Adopt(..) | Deed::Sign(_) | Deed::CreateOther)
    })
}

#[test]
fn nothing_is_lost_at_any_interleaving_of_a_small_world() {
    let (mut runs, mut unseen) = (0, BTreeSet::new());
    for world in small_worlds() {
        for (deed, at) in everywhere(&world) {
            let disturbed = disturb(&world, deed, at).unwrap_or_else(|problem| panic!("{problem}"));
            assert!(is_in_the_only_window(&disturbed, deed, at), "{deed:?} before call {at} of {world:?}");
            let writes = disturbed.found.unseen.iter().map(|write| disturbed.ran.calls[write - 1].operation);
            unseen.extend(writes.filter(|_| matches!(deed, Deed::Tag(_))));
            runs += 1;
        }
    }
    println!("{runs} interleavings of small worlds");
    assert!(runs > 1500, "{runs}");
    assert_eq!(unseen, BTreeSet::from(["BatchDeleteImage", "PutImage"]), "the window is real");
}

/// A deed and a moment in a world of any size.
fn moment() -> impl Strategy<Value = (World, Index, Index)> {
    (crate::generate::world(1..16), any::<Index>(), any::<Index>())
}

proptest! {
    #![proptest_config(crate::config(300))]

    #[test]
    fn nothing_is_lost_at_a_random_moment_of_any_world((world, deed, at) in moment()) {
        let deeds = Deed::all(world.items.len());
        let (deed, at) = (*deed.get(&deeds), 1 + at.index(calls(&world) + 1));
        let disturbed = disturb(&world, deed, at).map_err(TestCaseError::fail)?;
        prop_assert!(is_in_the_only_window(&disturbed, deed, at), "{:?} before call {}", deed, at);
    }
}
