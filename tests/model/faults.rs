//! A run of which an HTTP attempt fails, whose answer is lost, or that is killed, leaves nothing broken; and the same
//! plan again finishes it.

use ecr_in_process::{Fault, Session};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;

use crate::in_process::{Retries, every_other, is_write};
use crate::invariants;
use crate::policy::Setting;
use crate::run::{Ran, applies, applies_saved, applies_while, saves};
use crate::world::{Contents, Stage, World};

/// A fault, and whether the SDK tries again.
type Trouble = (Fault, Retries);

/// What a call gets over by itself: it was not done, or the SDK tries again.
const SURVIVED: [Trouble; 6] = [
    (Fault::Throttled, Retries::Usual),
    (Fault::ServerError, Retries::Usual),
    (Fault::Dropped, Retries::Usual),
    (Fault::Hangs, Retries::Usual),
    (Fault::AnswerLost, Retries::Usual),
    (Fault::HangsAfter, Retries::Usual),
];

/// What a call fails by.
const FATAL: [Trouble; 8] = [
    (Fault::Throttled, Retries::Never),
    (Fault::ServerError, Retries::Never),
    (Fault::Dropped, Retries::Never),
    (Fault::Hangs, Retries::Never),
    (Fault::AnswerLost, Retries::Never),
    (Fault::HangsAfter, Retries::Never),
    (Fault::Malformed, Retries::Usual),
    (Fault::Changed(every_other), Retries::Usual),
];

const KILLS: [Trouble; 2] = [(Fault::Killed, Retries::Usual), (Fault::KilledAfter, Retries::Usual)];

fn all() -> impl Iterator<Item = Trouble> {
    SURVIVED.into_iter().chain(FATAL).chain(KILLS)
}

fn arrange((fault, _): Trouble, at: usize) -> impl FnOnce(&Session) {
    move |session| session.fault(at..=at, fault)
}

/// How many attempts it takes to apply a plan, and what is left then.
fn undisturbed(world: &World, saved: &str) -> (usize, Contents) {
    let stage = world.stage();
    let calls = applies_saved(world, &stage, saved, Retries::Usual, |_| ()).calls.len();
    (calls, stage.contents())
}

/// Lets one attempt of an apply go wrong; then applies the same plan again.
fn check(world: &World, saved: &str, trouble: Trouble, at: usize, end: &Contents) -> Result<(), String> {
    let stage = world.stage();
    let named = |problem: String| stage.named(&problem);
    let ran = applies_saved(world, &stage, saved, trouble.1, arrange(trouble, at));
    invariants::check(world, &ran, &[]).map_err(named)?;
    is_told(world, &ran, trouble, at, &stage, end)?;
    // What it may do is judged by what was there when it was planned.
    let again = applies_saved(world, &stage, saved, Retries::Usual, |_| ());
    let again = Ran { before: ran.before, ..again };
    invariants::check(world, &again, &[]).map_err(named)?;
    if stage.contents() == *end { Ok(()) } else { Err("the same plan again does not finish it".into()) }
}

/// What is not done is reported, and what a second attempt can do is done.
fn is_told(
    world: &World,
    ran: &Ran,
    (fault, retries): Trouble,
    at: usize,
    stage: &Stage,
    end: &Contents,
) -> Result<(), String> {
    let Some(call) = ran.calls.get(at - 1).filter(|_| !ran.was_killed) else { return Ok(()) };
    let is_complete = ran.report.as_ref().is_some_and(|report| report["complete"] == true);
    let is_doubted =
        |row: &&Value| row["detail"].as_str().is_some_and(|detail| detail.contains("may be deleted"));
    let is_told = !is_complete || ran.decisions().values().any(is_doubted);
    let may_be_unclear = is_write(&call.operation) && fault.is_done();
    let is_right = match (fault, retries) {
        // The answer to PutImage has nothing to leave out.
        (Fault::Changed(_), _) if call.operation == "PutImage" => true,
        // The janitor itself looks again, and finds its tag written.
        (Fault::Malformed, _) if is_write(&call.operation) => is_told || stage.contents() == *end,
        // What a page of the listing leaves out is looked for.
        (Fault::Changed(_), _) if !is_write(&call.operation) => is_told || stage.contents() == *end,
        (Fault::Malformed | Fault::Changed(_), _) | (_, Retries::Never) => is_told,
        (_, Retries::Usual) if may_be_unclear && is_told => true,
        // A run that could not ask what runs is not complete anyway.
        (_, Retries::Usual) => (!is_told || world.lacks_source) && stage.contents() == *end,
    };
    let operation = &call.operation;
    if is_right { Ok(()) } else { Err(format!("attempt {at} ({operation}) failed, told: {is_told}")) }
}

#[test]
fn so_it_does_where_one_call_is_not_enough() {
    let world = crate::differential::many_builds();
    let saved = saves(&world, &world.stage());
    let (calls, end) = undisturbed(&world, &saved);
    assert_eq!(
        calls, 21,
        "three calls to take the plan up; a read, a look and a deletion for each of six batches"
    );
    for (trouble, at) in [6, 9, 15, 21].into_iter().flat_map(|at| [(SURVIVED[4], at), (FATAL[4], at)]) {
        check(&world, &saved, trouble, at, &end)
            .unwrap_or_else(|problem| panic!("{trouble:?} at attempt {at}: {problem}"));
    }
}

#[test]
fn the_same_plan_again_finishes_what_any_trouble_left_of_a_small_world() {
    let mut runs = 0;
    for world in crate::interleave::small_worlds() {
        let saved = saves(&world, &world.stage());
        let (calls, end) = undisturbed(&world, &saved);
        for (trouble, at) in all().flat_map(|trouble| (1..=calls).map(move |at| (trouble, at))) {
            check(&world, &saved, trouble, at, &end)
                .unwrap_or_else(|problem| panic!("{trouble:?} at attempt {at}: {problem}\n{world:?}"));
            runs += 1;
        }
    }
    println!("{runs} faults while a saved plan is applied");
}

#[test]
fn nothing_is_lost_whatever_call_of_a_small_world_goes_wrong() {
    let mut runs = 0;
    for world in crate::interleave::small_worlds() {
        let calls = applies(&world, &world.stage()).calls.len();
        for (trouble, at) in all().flat_map(|trouble| (1..=calls).map(move |at| (trouble, at))) {
            let ran = applies_while(&world, &world.stage(), trouble.1, arrange(trouble, at));
            invariants::check(&world, &ran, &[])
                .unwrap_or_else(|problem| panic!("{trouble:?} at attempt {at}: {problem}\n{world:?}"));
            runs += 1;
        }
    }
    println!("{runs} faults while a run plans and applies");
}

fn any_trouble() -> impl Strategy<Value = Trouble> {
    select(all().collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(crate::config(2))]

    #[test]
    fn the_same_plan_again_finishes_what_any_trouble_left(
        world in crate::generate::world(1..16),
        trouble in any_trouble(),
        at in any::<Index>(),
    ) {
        // A second run has a pace of its own, and would go on where the first had to stop.
        let setting = Setting { max_deletions: 1_000_000, max_images_share: 1.0, ..world.setting.clone() };
        let world = World { setting, ..world };
        let saved = saves(&world, &world.stage());
        let (calls, end) = undisturbed(&world, &saved);
        if calls > 0 {
            check(&world, &saved, trouble, 1 + at.index(calls), &end).map_err(TestCaseError::fail)?;
        }
    }

    #[test]
    fn nothing_is_lost_whatever_call_goes_wrong(
        world in crate::generate::world(1..16),
        trouble in any_trouble(),
        at in 1_usize..24,
    ) {
        let stage = world.stage();
        let ran = applies_while(&world, &stage, trouble.1, arrange(trouble, at));
        invariants::check(&world, &ran, &[]).map_err(|problem| TestCaseError::fail(stage.named(&problem)))?;
    }
}
