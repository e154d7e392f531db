//! A run that is cut, or whose answers are lost, leaves nothing broken; and the same plan again finishes it.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::door::Trouble;
use crate::outside;
use crate::run::{Ran, applies_in_trouble, applies_saved, saves};
use crate::world::{Contents, World};

const ALL: [Trouble; 5] =
    [Trouble::Fails, Trouble::Unanswered, Trouble::Silent, Trouble::Hangs, Trouble::TooLate];

/// How many calls it takes to apply a plan, and what is left then.
fn undisturbed(world: &World, saved: &str) -> (usize, Contents) {
    let stage = world.stage();
    let calls = applies_saved(world, &stage, saved, None).calls.len();
    (calls, stage.contents())
}

/// Lets one call of an apply go wrong; then applies the same plan again.
fn check(world: &World, saved: &str, trouble: Trouble, at: usize, end: &Contents) -> Result<(), String> {
    let stage = world.stage();
    let named = |problem: String| stage.named(&problem);
    let ran = applies_saved(world, &stage, saved, Some((at, trouble)));
    outside::check(world, &ran, &[]).map_err(named)?;
    if let Some(call) = ran.calls.get(at - 1) {
        let is_told = !ran.with_outcome("failed").is_empty() || !ran.with_outcome("deadline").is_empty();
        // The answer to PutImage has nothing to be silent about.
        let says_nothing = trouble == Trouble::Silent && call.operation == "PutImage";
        if !is_told && !says_nothing {
            return Err(format!("call {at} ({}) failed without a word", call.operation));
        }
    }
    // What it may do is judged by what was there when it was planned.
    let again = Ran { before: ran.before, ..applies_saved(world, &stage, saved, None) };
    outside::check(world, &again, &[]).map_err(named)?;
    if stage.contents() == *end { Ok(()) } else { Err("the same plan again does not finish it".into()) }
}

#[test]
fn so_it_does_where_one_call_is_not_enough() {
    let world = crate::agreement::many_builds();
    let saved = saves(&world, &world.stage());
    let (calls, end) = undisturbed(&world, &saved);
    assert_eq!(calls, 12, "a look and a deletion for two batches of indexes, attestations and images");
    for at in [2, 4, 8, 12] {
        check(&world, &saved, Trouble::Unanswered, at, &end)
            .unwrap_or_else(|problem| panic!("call {at}: {problem}"));
    }
}

#[test]
fn the_same_plan_again_finishes_what_any_trouble_left_of_a_small_world() {
    for world in crate::interleave::small_worlds() {
        let saved = saves(&world, &world.stage());
        let (calls, end) = undisturbed(&world, &saved);
        for (trouble, at) in ALL.into_iter().flat_map(|trouble| (1..=calls).map(move |at| (trouble, at))) {
            check(&world, &saved, trouble, at, &end)
                .unwrap_or_else(|problem| panic!("{trouble:?} at call {at}: {problem}\n{world:?}"));
        }
    }
}

#[test]
fn nothing_is_lost_whatever_call_of_a_small_world_goes_wrong() {
    for world in crate::interleave::small_worlds() {
        let calls = applies_in_trouble(&world, &world.stage(), None).calls.len();
        for (trouble, at) in ALL.into_iter().flat_map(|trouble| (1..=calls).map(move |at| (trouble, at))) {
            let ran = applies_in_trouble(&world, &world.stage(), Some((at, trouble)));
            outside::check(&world, &ran, &[])
                .unwrap_or_else(|problem| panic!("{trouble:?} at call {at}: {problem}\n{world:?}"));
        }
    }
}

proptest! {
    #![proptest_config(crate::config(2))]

    #[test]
    fn the_same_plan_again_finishes_what_any_trouble_left(
        world in crate::generate::world(1..16),
        trouble in select(ALL.to_vec()),
        at in any::<Index>(),
    ) {
        let saved = saves(&world, &world.stage());
        let (calls, end) = undisturbed(&world, &saved);
        if calls > 0 {
            check(&world, &saved, trouble, 1 + at.index(calls), &end).map_err(TestCaseError::fail)?;
        }
    }

    #[test]
    fn nothing_is_lost_whatever_call_goes_wrong(
        world in crate::generate::world(1..16),
        trouble in select(ALL.to_vec()),
        at in 1_usize..24,
    ) {
        let stage = world.stage();
        let ran = applies_in_trouble(&world, &stage, Some((at, trouble)));
        outside::check(&world, &ran, &[]).map_err(|problem| TestCaseError::fail(stage.named(&problem)))?;
    }
}
