//! What must hold after a cut run and after the run that follows it: by the registry's own state and journal, with
//! which the reports are compared.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::SAVED;
use super::scene::{Changes, Id, REPOSITORIES, Scene, State, changes, children, state};
use crate::harness::{Lambda, Outcome, Report, World};

/// Nothing is lost that an undisturbed run leaves, nothing is other than it was, and no index lacks a child.
pub(crate) fn nothing_is_lost(scene: &Scene, world: &World) {
    let now = state(&world.ecr);
    for (id, image) in &now {
        let was = &scene.before[id];
        assert_eq!((&image.manifest, image.pushed_at_ms), (&was.manifest, was.pushed_at_ms));
        let most = scene.end.get(id).map_or(&was.tags, |end| &end.tags);
        assert!(is_part(&was.tags, &image.tags) && is_part(&image.tags, most), "{id:?} {:?}", image.tags);
        for child in children(image) {
            assert!(now.contains_key(&(id.0.clone(), child)), "{id:?} lost a child");
        }
    }
    let lost: Vec<&Id> = scene.end.keys().filter(|id| !now.contains_key(*id)).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

/// A run that ended by itself tells what happened, no more and no less, and ends with the code for it.
pub(crate) fn outcome_is_true(world: &World, outcome: &Outcome) {
    if outcome.code == 1 {
        outcome.refused(1, &["ecr-janitor: "]);
        return assert_eq!(world.writes(), []);
    }
    let report = Report(outcome.json());
    assert_eq!(outcome.code, if report.0["complete"] == true { 0 } else { 3 });
    report_is_true(world, &report);
    // Downloads from the places that GetDownloadUrlForLayer names are no calls of the API.
    let mut calls = world.ecr.calls();
    calls.retain(|operation, _| !operation.starts_with("GET "));
    assert_eq!(report.0["totals"]["api_calls"], json!(calls));
}

pub(crate) fn report_is_true(world: &World, report: &Report) {
    let (now, changes) = (state(&world.ecr), changes(world));
    let mut told = BTreeSet::new();
    let (mut undone, mut deleted) = (0, 0);
    for name in REPOSITORIES {
        let Some(repository) = report.find(name) else { continue };
        undone += u64::from(repository["status"] == "failed");
        for decision in repository["decisions"].as_array().unwrap() {
            let id = id(name, decision);
            decision_is_true(&id, decision, &now, &changes);
            let outcome = decision["outcome"].as_str().unwrap();
            undone += u64::from(["failed", "deadline", "limit-reached"].contains(&outcome));
            deleted += u64::from(outcome == "deleted");
            told.insert(id);
        }
    }
    assert_eq!((&report.0["complete"], report.total("deleted")), (&(undone == 0).into(), deleted));
    let changed = changes.deleted.iter().chain(changes.tagged.iter().map(|(id, _)| id));
    let untold: Vec<&Id> = changed.filter(|id| !told.contains(*id)).collect();
    assert!(untold.is_empty(), "not reported: {untold:?}");
}

fn decision_is_true(id: &Id, decision: &Value, now: &State, changes: &Changes) {
    let tag = decision["new_tag"].as_str().unwrap_or_default().to_owned();
    let (is_gone, was_deleted) = (!now.contains_key(id), changes.deleted.contains(id));
    let was_tagged = changes.tagged.contains(&(id.clone(), tag.clone()));
    let has_tag = now.get(id).is_some_and(|image| image.tags.contains(&tag));
    let detail = decision["detail"].as_str().unwrap_or_default();
    let is_true = match decision["outcome"].as_str().unwrap() {
        "deleted" => was_deleted,
        "tagged" => was_tagged,
        // Perhaps by this run, whose answer was lost.
        "already-gone" => is_gone,
        "kept" if decision["action"] == "tag" => has_tag,
        "failed" if detail.contains("may") => true,
        "kept" | "failed" | "deadline" | "held-back" | "changed-since-plan" => !was_deleted && !was_tagged,
        _ => false,
    };
    assert!(is_true, "gone: {is_gone}, deleted: {was_deleted}, tagged: {was_tagged}, but {decision:#}");
}

/// The run after a cut one, once for each state that a cut leaves.
pub(crate) fn next_run_finishes(scene: &Scene, world: &World, arguments: &[&str]) {
    if scene.is_new(world) {
        world.ecr.reset_calls();
        let outcome = world.cli(arguments);
        assert_eq!(outcome.code, 0, "{outcome:?}");
        outcome_is_true(world, &outcome);
        match arguments {
            SAVED => saved_plan_is_finished(scene, world),
            _ => fresh_run_is_finished(scene, world, &Report(outcome.json())),
        }
    }
}

/// With the same saved plan, the end is that of an undisturbed run.
fn saved_plan_is_finished(scene: &Scene, world: &World) {
    assert_eq!(difference(&state(&world.ecr), &scene.end), Vec::<Id>::new());
}

/// With a plan of its own, only what lost its index is left of what the cut run was to delete, and it is reported
/// with its reason.
fn fresh_run_is_finished(scene: &Scene, world: &World, report: &Report) {
    let repositories = report.0["repositories"].as_array().unwrap().iter();
    let named = |repository: &Value| {
        let name = repository["name"].as_str().unwrap().to_owned();
        let decisions = repository["decisions"].as_array().unwrap().clone();
        decisions.into_iter().map(move |decision| (id(&name, &decision), decision))
    };
    leftovers_are_told(scene, world, report, &repositories.flat_map(named).collect());
}

/// The same for the function, whose answer has not all decisions: its log has.
pub(crate) fn next_invocation_finishes(scene: &Scene, world: &World, mut function: Lambda<'_>) {
    if scene.is_new(world) {
        world.ecr.reset_calls();
        let report = function.report(&json!({}));
        report_is_true(world, &report);
        let log = function.stop();
        let run = log.last().unwrap()["run_id"].clone();
        let decisions = log.into_iter().filter(|line| line["message"] == "decision" && line["run_id"] == run);
        let named = |line: Value| (id(line["repository"].as_str().unwrap(), &line), line);
        leftovers_are_told(scene, world, &report, &decisions.map(named).collect());
    }
}

fn id(repository: &str, decision: &Value) -> Id {
    (repository.to_owned(), decision["digest"].as_str().unwrap().to_owned())
}

fn leftovers_are_told(scene: &Scene, world: &World, report: &Report, decisions: &BTreeMap<Id, Value>) {
    let now = state(&world.ecr);
    for left in difference(&now, &scene.end) {
        let (name, digest) = &left;
        let manifest: Value = serde_json::from_str(&now[&left].manifest).unwrap();
        let listed =
            |state: &State| state.iter().any(|(id, i)| id.0 == *name && children(i).contains(digest));
        assert!(listed(&scene.before) && !listed(&now), "{left:?} had an index, and has none");
        match decisions.get(&left) {
            Some(decision) => {
                assert_eq!(
                    (&decision["reason"], &decision["outcome"]),
                    (&"subject-present".into(), &"kept".into())
                );
                let subject = manifest["subject"]["digest"].as_str().unwrap().to_owned();
                assert!(now.contains_key(&(name.clone(), subject)));
            }
            None => {
                let config = manifest["config"]["mediaType"].as_str().unwrap();
                assert!(config.ends_with(".image.config.v1+json") && manifest["manifests"].is_null());
                assert!(report.find(name).unwrap()["not_attestations"]["image"].as_u64().unwrap() > 0);
            }
        }
    }
}

/// The images of which the states differ. The second must be a part of the first.
fn difference(now: &State, end: &State) -> Vec<Id> {
    for (id, image) in end {
        assert_eq!(now.get(id), Some(image), "{id:?}");
    }
    now.keys().filter(|id| !end.contains_key(*id)).cloned().collect()
}

fn is_part(tags: &[String], of: &[String]) -> bool {
    tags.iter().all(|tag| of.contains(tag))
}
