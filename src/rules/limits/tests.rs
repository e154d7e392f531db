//! Paces, one by one.

use std::collections::BTreeSet;

use crate::report::testing::decisions::*;

use super::*;
use crate::config::Concurrency;
use crate::oci::attestation::Kind;
use crate::report::decision::Decision;

const LIMITS: Limits =
    Limits { max_deletions: 1000, max_images_share: 0.5, max_tag_loss: 0.5, concurrency: Concurrency::Auto };

/// A plan in a repository with this many platform images.
fn plan_among(name: &str, images: u64, decisions: Vec<Decision>) -> RepositoryPlan {
    let mut plan = plan(name, images, decisions);
    plan.platform_images = images;
    plan
}

/// A superseded build, pushed this many seconds after others: an index with so many images and one attestation.
fn build(name: &str, at: i64, images: usize) -> Vec<Decision> {
    let pushed = |row: Decision| row.with(|it| it.image.pushed_at = Some(time(at)));
    let child = |row: Decision| pushed(row.under(&[name]));
    let mut rows = vec![pushed(index(name)), child(attestation(&format!("{name}.a")))];
    rows.extend((0..images).map(|n| child(image(&format!("{name}.{n}")))));
    rows
}

fn orphan(name: &str, at: i64) -> Decision {
    attestation(name).with(|it| it.image.pushed_at = Some(time(at)))
}

/// The names of what waits, of these.
fn waiting<'a>(pace: &Pace, plan: &RepositoryPlan, names: &[&'a str]) -> Vec<&'a str> {
    let steps: BTreeSet<StepIndex> = pace.waiting(&plan.name).collect();
    for (step, _) in plan.numbered() {
        assert_eq!(pace.waits(&plan.name, step), steps.contains(&step));
    }
    let waiting: BTreeSet<Digest> = steps.into_iter().map(|step| plan.step(step).image().digest).collect();
    names.iter().copied().filter(|name| waiting.contains(&digest(name))).collect()
}

#[test]
fn a_plan_within_the_limits_does_not_wait() {
    let plan = plan_among("r", 100, attestations(20));
    let pace = pace([&plan], &LIMITS);
    assert_eq!(pace, Pace::default());
    assert_eq!(pace.sentence(), None);
}

#[test]
fn a_number_may_be_reached_but_not_passed_and_the_oldest_go_first() {
    let rows = (0..5).map(|n| orphan(&format!("o{n}"), 10 - n)).collect();
    let plan = plan_among("r", 0, rows);
    let names = ["o0", "o1", "o2", "o3", "o4"];
    for (most, left) in [(5, &names[..0]), (4, &names[..1]), (2, &names[..3]), (0, &names[..])] {
        let limits = Limits { max_deletions: most, ..LIMITS };
        let pace = pace([&plan], &limits);
        assert_eq!(waiting(&pace, &plan, &names), left, "{most}");
        assert_eq!(pace.limit_reached, left.len() as u64);
    }
}

#[test]
fn a_number_is_of_the_run_and_no_repository_passes_an_older_one() {
    let old = plan_among("old", 0, vec![orphan("a", 1), orphan("b", 5)]);
    let young = plan_among("young", 0, vec![orphan("c", 3), orphan("d", 9)]);
    let limits = Limits { max_deletions: 2, ..LIMITS };
    let pace = pace([&young, &old], &limits);
    assert_eq!(waiting(&pace, &old, &["a", "b"]), ["b"]);
    assert_eq!(waiting(&pace, &young, &["c", "d"]), ["d"]);
}

#[test]
fn what_is_equally_old_goes_by_name_and_digest() {
    let plans = ["b", "a"].map(|name| plan_among(name, 0, vec![orphan("one", 1), orphan("two", 1)]));
    let limits = Limits { max_deletions: 3, ..LIMITS };
    let pace = pace(&plans, &limits);
    let last = ["one", "two"].into_iter().max_by_key(|name| digest(name)).unwrap();
    assert_eq!(waiting(&pace, &plans[1], &["one", "two"]), Vec::<&str>::new());
    assert_eq!(waiting(&pace, &plans[0], &["one", "two"]), [last]);
}

#[test]
fn a_unit_goes_whole_and_younger_ones_do_not_pass_it() {
    let mut rows = build("old", 1, 1);
    rows.extend(build("large", 2, 3));
    rows.push(orphan("young", 3));
    let plan = plan_among("r", 1000, rows);
    let names = ["old", "old.a", "old.0", "large", "large.a", "large.0", "large.1", "large.2", "young"];
    let limits = |max_deletions| Limits { max_deletions, ..LIMITS };
    for most in [3, 4, 7] {
        assert_eq!(waiting(&pace([&plan], &limits(most)), &plan, &names), &names[3..], "{most}");
    }
    assert_eq!(waiting(&pace([&plan], &limits(8)), &plan, &names), ["young"]);
    assert_eq!(waiting(&pace([&plan], &limits(9)), &plan, &names), Vec::<&str>::new());
}

#[test]
fn a_unit_larger_than_the_limit_goes_alone() {
    let mut rows = build("large", 1, 5);
    rows.push(orphan("young", 2));
    let plan = plan_among("r", 1000, rows);
    let one = pace([&plan], &Limits { max_deletions: 3, ..LIMITS });
    assert_eq!(waiting(&one, &plan, &["large", "large.a", "large.4", "young"]), ["young"]);
    let none = pace([&plan], &Limits { max_deletions: 0, ..LIMITS });
    assert_eq!(none.limit_reached, 8, "nothing is nothing");
}

#[test]
fn what_two_units_share_goes_with_the_younger() {
    let pushed = |row: Decision, at| row.with(|it| it.image.pushed_at = Some(time(at)));
    let rows = vec![
        pushed(index("old"), 1),
        pushed(index("young"), 9),
        pushed(image("own"), 0).under(&["old"]),
        pushed(image("shared"), 0).under(&["old", "young"]),
    ];
    let plan = plan_among("r", 1000, rows);
    let pace = pace([&plan], &Limits { max_deletions: 2, ..LIMITS });
    assert_eq!(waiting(&pace, &plan, &["old", "own", "young", "shared"]), ["young", "shared"]);
}

#[test]
fn a_unit_is_as_old_as_its_outermost_index_and_takes_what_follows_it() {
    let pushed = |row: Decision, at| row.with(|it| it.image.pushed_at = Some(time(at)));
    let follower = |name: &str, of: &str| {
        let row = Decision { kind: Kind::Signature, ..index(name) };
        pushed(row, 0).of(of).with(|it| it.image.reason = crate::report::reason::Reason::FollowsItsSubject)
    };
    let rows = vec![
        pushed(index("outer"), 9),
        pushed(index("inner"), 1).under(&["outer"]),
        pushed(attestation("a"), 1).under(&["inner"]),
        follower("of-inner", "inner"),
        follower("of-of-inner", "of-inner"),
        orphan("o", 5),
        follower("of-o", "o"),
    ];
    let plan = plan_among("r", 0, rows);
    let pace = pace([&plan], &Limits { max_deletions: 2, ..LIMITS });
    let names = ["o", "of-o", "outer", "inner", "a", "of-inner", "of-of-inner"];
    assert_eq!(waiting(&pace, &plan, &names), &names[2..]);
}

#[test]
fn an_image_waits_with_what_attests_it() {
    let mut rows = build("old", 1, 1);
    rows.push(orphan("late", 9).of("old.0"));
    let plan = plan_among("r", 100, rows);
    let pace = pace([&plan], &Limits { max_deletions: 2, ..LIMITS });
    assert_eq!(waiting(&pace, &plan, &["old", "old.a", "old.0", "late"]), ["old.0", "late"]);
}

/// How many of this many builds, each with one image, go in one run in a repository of this many images.
fn builds_that_go(share: f64, builds: i64, images: u64) -> i64 {
    let rows = (0..builds).flat_map(|n| build(&format!("b{n}"), n, 1)).collect();
    let plan = plan_among("r", images, rows);
    let pace = pace([&plan], &Limits { max_images_share: share, ..LIMITS });
    assert_eq!(pace.limit_reached % 3, 0, "whole units");
    builds - pace.limit_reached as i64 / 3
}

#[test]
fn a_share_of_the_platform_images_may_be_reached_but_not_passed() {
    assert_eq!(builds_that_go(0.5, 30, 40), 20);
    assert_eq!(builds_that_go(0.5, 30, 41), 20);
    assert_eq!(builds_that_go(1.0, 30, 30), 30);
}

#[test]
fn every_share_of_a_hundred_may_be_reached() {
    for percent in 11..100 {
        let share = format!("0.{percent:02}").parse().unwrap();
        assert_eq!(builds_that_go(share, 100, 100), percent, "{share}");
    }
}

#[test]
fn ten_images_may_always_go() {
    assert_eq!(builds_that_go(0.0, 10, 10), 10, "of ten or fewer all");
    assert_eq!(builds_that_go(0.0, 11, 11), 10);
    assert_eq!(builds_that_go(0.5, 19, 19), 10);
    assert_eq!(builds_that_go(0.0, 30, 1000), 10);
}

#[test]
fn a_plan_that_does_not_say_how_many_images_there_are_has_its_own() {
    assert_eq!(builds_that_go(0.5, 40, 0), 20);
}

#[test]
fn only_units_with_images_wait_for_a_share() {
    let mut rows: Vec<Decision> = (0..12).flat_map(|n| build(&format!("b{n:02}"), n, 1)).collect();
    rows.extend(build("bare", 20, 0));
    rows.push(orphan("o", 30));
    let plan = plan_among("r", 12, rows);
    let pace = pace([&plan], &LIMITS);
    let names = ["b09", "b10", "b10.a", "b10.0", "b11", "b11.a", "b11.0", "bare", "bare.a", "o"];
    assert_eq!(waiting(&pace, &plan, &names), &names[1..7]);
}

#[test]
fn a_share_is_of_one_repository_and_the_others_go_on() {
    let builds = |name: &str, count: i64| {
        (0..count).flat_map(|n| build(&format!("{name}{n}"), n, 1)).collect::<Vec<_>>()
    };
    let plans = [plan_among("large", 12, builds("l", 12)), plan_among("small", 10, builds("s", 10))];
    let pace = pace(&plans, &LIMITS);
    assert_eq!((pace.waiting("large").count(), pace.waiting("small").count()), (6, 0));
}

#[test]
fn a_unit_with_more_images_than_its_share_goes_alone() {
    let mut rows = build("large", 1, 15);
    rows.extend(build("young", 2, 1));
    let plan = plan_among("r", 20, rows);
    let pace = pace([&plan], &LIMITS);
    assert_eq!(waiting(&pace, &plan, &["large", "large.14", "young", "young.0"]), ["young", "young.0"]);
}

#[test]
fn what_is_gone_already_does_not_use_the_pace_up() {
    let rows: Vec<Decision> = (0..6).map(|n| orphan(&format!("o{n}"), n)).collect();
    let gone: BTreeSet<Digest> = ["o0", "o1", "o2"].map(digest).into();
    let plan = plan_among("r", 0, rows);
    let limits = Limits { max_deletions: 2, ..LIMITS };
    let pace = pace_of_the_rest([&plan], &limits, |name, digest| name == "r" && gone.contains(&digest));
    assert_eq!(waiting(&pace, &plan, &["o0", "o1", "o2", "o3", "o4", "o5"]), ["o5"]);
    assert_eq!(pace.limit_reached, 1);
}

#[test]
fn tags_do_not_count_and_never_wait() {
    let mut rows: Vec<Decision> =
        (0..50).map(|n| attestation(&format!("t{n}")).to_be_tagged("tag")).collect();
    rows.push(orphan("o", 1));
    let plan = plan_among("r", 50, rows);
    let pace = pace([&plan], &Limits { max_deletions: 0, ..LIMITS });
    assert_eq!(waiting(&pace, &plan, &["t0", "t49", "o"]), ["o"]);
}

#[test]
fn how_many_runs_the_rest_takes_is_told() {
    let orphans = |count: i64| (0..count).map(|n| orphan(&format!("o{n}"), n)).collect::<Vec<_>>();
    let runs = |count, max_deletions| {
        let plan = plan_among("r", 0, orphans(count));
        pace([&plan], &Limits { max_deletions, ..LIMITS })
    };
    assert_eq!(runs(10, 10).runs_left, None);
    assert_eq!(runs(11, 10).runs_left, Some(1));
    assert_eq!(runs(30, 10).runs_left, Some(2));
    assert_eq!(runs(31, 10).runs_left, Some(3));
    assert_eq!(runs(31, 0).runs_left, None);
    let told = |pace: &Pace| pace.sentence().unwrap();
    assert!(told(&runs(11, 10)).starts_with("1 deletions wait for the next run"));
    assert!(told(&runs(31, 10)).starts_with("21 deletions wait for about 3 more runs"));
    assert!(told(&runs(31, 0)).starts_with("31 deletions wait until max_deletions is raised"));
}

#[test]
fn a_share_takes_half_of_the_rest_each_time_and_the_last_ten_at_once() {
    let rows = (0..100).flat_map(|n| build(&format!("b{n}"), n, 1)).collect();
    let plan = plan_among("r", 100, rows);
    // 50, then 25, 12, and 10 of the last 13.
    assert_eq!(pace([&plan], &LIMITS).runs_left, Some(4));
}

#[test]
fn what_is_left_of_a_loop_is_counted_all_the_same() {
    let plan = plan_among("r", 0, vec![index("a").under(&["b"]), index("b").under(&["a"])]);
    assert_eq!(pace([&plan], &LIMITS), Pace::default());
    assert_eq!(pace([&plan], &Limits { max_deletions: 0, ..LIMITS }).limit_reached, 2);
}

#[test]
fn an_index_goes_with_an_attestation_of_itself() {
    let mut rows = build("i", 1, 0);
    for row in &mut rows[1..] {
        row.image.subject = Some(digest("i"));
    }
    let plan = plan_among("r", 0, rows);
    let limits = Limits { max_deletions: 1, ..LIMITS };
    assert_eq!(waiting(&pace([&plan], &limits), &plan, &["i", "i.a"]), Vec::<&str>::new());
}
