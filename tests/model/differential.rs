//! The planner and the reference model say the same of every image, and apply leaves what the model predicts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use crate::invariants;
use crate::oracle_parse;
use crate::pace;
use crate::policy::{Policy, is_own_tag};
use crate::reference::{Decided, Ruling, decide};
use crate::run::{Ran, applies, plans};
use crate::world::{About, Contents, Item, Said, Stage, What, World};

/// Runs everything over one world. The first thing that is wrong ends it, in words.
pub(crate) fn check(world: &World) -> Result<(), String> {
    let stage = world.stage();
    let rulings = decide(world, &stage);
    let planned = plans(world, &stage);
    compare(world, &stage, rulings.as_ref(), &planned, Mode::Plan)?;
    if !planned.journal.is_empty() || stage.contents() != planned.before {
        return Err(format!("a plan run wrote: {:?}", planned.journal));
    }

    // Reading may count as a pull, so that the second look is at another world.
    let rulings = decide(world, &stage);
    let applied = applies(world, &stage);
    compare(world, &stage, rulings.as_ref(), &applied, Mode::Apply)?;
    end_state(&stage, &applied)?;
    invariants::check(world, &applied, &[]).map_err(|problem| stage.named(&problem))?;

    second_run(world, &stage)
}

/// What is decided next is what the model says of the state as it is now; and if that is nothing, nothing is written.
fn second_run(world: &World, stage: &Stage) -> Result<(), String> {
    let rulings = decide(world, stage);
    let again = applies(world, stage);
    compare(world, stage, rulings.as_ref(), &again, Mode::Apply).map_err(|e| format!("second run: {e}"))?;
    let acts = rulings.iter().flat_map(|it| it.rulings.values()).any(|ruling| ruling.action != "keep");
    if !acts && (!again.journal.is_empty() || stage.contents() != again.before) {
        return Err(format!("the second run wrote: {:?}", again.journal));
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Plan,
    Apply,
}

fn compare(
    world: &World,
    stage: &Stage,
    decided: Option<&Decided>,
    ran: &Ran,
    mode: Mode,
) -> Result<(), String> {
    let decisions = ran.decisions();
    let repository = ran.repository().ok_or("there is no report on the repository")?;
    let Some(decided) = decided else {
        let reason = repository["reason"].as_str();
        let is_left_alone = reason == Some("index-unreadable") && decisions.is_empty();
        return if is_left_alone { Ok(()) } else { Err("the repository is to be left alone".into()) };
    };
    let rulings = &decided.rulings;
    let waiting = pace::waiting(&world.setting, &ran.before, decided, &decisions);
    let mut problems = String::new();
    let everybody: BTreeSet<&str> =
        rulings.keys().map(String::as_str).chain(decisions.keys().copied()).collect();
    for digest in everybody {
        let expected = rulings.get(digest);
        let found = decisions.get(digest).map(|decision| seen(decision));
        if found.as_ref() != expected.map(words).as_ref() {
            let _ = writeln!(problems, "{}: expected {expected:?}, found {found:?}", stage.name(digest));
        } else if let Some(decision) = decisions.get(digest) {
            let wanted = outcome(decision, mode, waiting.contains(digest));
            let is_protected = wanted == "deleted"
                && decision["outcome"] == "protected-by-ecr"
                && is_listed_by_what_stays(ran, &decisions, digest);
            if decision["outcome"] != wanted && decision["code"] != "tag-in-use" && !is_protected {
                let _ =
                    writeln!(problems, "{}: {} instead of {wanted}", stage.name(digest), decision["outcome"]);
            }
            tag_is_right(world, &ran.before, decision)
                .map_err(|e| stage.named(&e))
                .unwrap_or_else(|problem| problems.push_str(&problem));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Whether an index lists it that stays. The planner knows of none: the bytes of this one cannot be had, and it is older
/// than any index of the image is in a registry that takes no index without its children.
fn is_listed_by_what_stays(ran: &Ran, decisions: &BTreeMap<&str, &Value>, digest: &str) -> bool {
    let stays = |index: &str| decisions.get(index).is_none_or(|decision| decision["action"] != "delete");
    ran.before.iter().filter(|(index, _)| stays(index)).any(|(_, image)| {
        let manifest: Value = serde_json::from_str(&image.manifest).unwrap();
        oracle_parse::children(&manifest).any(|child| child == digest)
    })
}

fn seen(decision: &Value) -> [String; 5] {
    ["kind", "form", "state", "action", "reason"].map(|key| decision[key].as_str().unwrap_or("-").to_owned())
}

fn words(ruling: &Ruling) -> [String; 5] {
    let Ruling { kind, form, state, action, reason } = ruling;
    [*kind, form.unwrap_or("-"), state.unwrap_or("-"), *action, *reason].map(str::to_owned)
}

fn outcome(decision: &Value, mode: Mode, waits: bool) -> &'static str {
    match (decision["action"].as_str().unwrap(), mode) {
        ("keep", _) => "kept",
        _ if waits => "limit-reached",
        (_, Mode::Plan) => "planned",
        ("tag", _) => "tagged",
        _ => "deleted",
    }
}

/// A tag that is to be written is the image's own, and says what the parents or the bytes say.
fn tag_is_right(world: &World, before: &Contents, decision: &Value) -> Result<(), String> {
    let (digest, template) = (decision["digest"].as_str().unwrap(), world.setting.effective().tag_template);
    let Some(tag) = decision["new_tag"].as_str() else {
        let is_needed = decision["action"] == "tag";
        return if is_needed { Err(format!("{digest}: no tag to write\n")) } else { Ok(()) };
    };
    let is_legal = is_own_tag(template, tag, digest) && possible_tags(before, digest, template).contains(tag);
    if is_legal { Ok(()) } else { Err(format!("{digest}: the tag {tag}\n")) }
}

fn possible_tags(before: &Contents, digest: &str, template: &str) -> BTreeSet<String> {
    let short = |digest: &str| digest["sha256:".len()..][..12].to_owned();
    let manifests: BTreeMap<&str, Value> = before
        .iter()
        .map(|(digest, image)| (digest.as_str(), serde_json::from_str(&image.manifest).unwrap()))
        .collect();
    let of = |digest: &str| {
        let descriptors = manifests.values().flat_map(oracle_parse::descriptors);
        descriptors.filter(|descriptor| descriptor["digest"] == *digest).collect::<Vec<_>>()
    };
    let own_subject = oracle_parse::subject(&manifests[digest]).map(str::to_owned);
    let said: BTreeSet<String> =
        of(digest).into_iter().filter_map(oracle_parse::reference).map(str::to_owned).collect();
    let attested: Vec<Option<String>> =
        if said.is_empty() { vec![own_subject.clone()] } else { said.into_iter().map(Some).collect() };
    let mut tags = BTreeSet::new();
    for attested in attested {
        let named =
            attested.iter().flat_map(|attested| of(attested)).filter(|d| oracle_parse::has_real_platform(d));
        let mut platforms: BTreeSet<String> = named
            .map(|d| {
                [&d["platform"]["os"], &d["platform"]["architecture"]].map(|n| n.as_str().unwrap()).join("-")
            })
            .collect();
        if platforms.is_empty() {
            platforms.insert("unknown".into());
        }
        let subject = own_subject.as_ref().or(attested.as_ref()).map_or("none".into(), |of| short(of));
        tags.extend(platforms.iter().map(|platform| {
            let tag = template.replace("{digest}", &short(digest)).replace("{platform}", platform);
            tag.replace("{subject}", &subject)
        }));
    }
    tags
}

/// What was to be deleted is gone, what was to be tagged has its tag, and all else is as it was, byte for byte.
fn end_state(stage: &Stage, ran: &Ran) -> Result<(), String> {
    let mut expected = ran.before.clone();
    for (digest, decision) in ran.decisions() {
        match decision["outcome"].as_str().unwrap() {
            "deleted" => drop(expected.remove(digest)),
            "tagged" => {
                let image = expected.get_mut(digest).unwrap();
                image.tags.push(decision["new_tag"].as_str().unwrap().to_owned());
                image.tags.sort();
            }
            _ => {}
        }
    }
    let now = stage.contents();
    let differs = |digest: &&String| expected.get(*digest) != now.get(*digest);
    match expected.keys().chain(now.keys()).find(differs) {
        None => Ok(()),
        Some(digest) => Err(format!("{}: {:?}", stage.name(digest), now.get(digest))),
    }
}

proptest! {
    #![proptest_config(crate::config(1))]

    #[test]
    fn planner_and_model_agree_and_apply_leaves_what_was_predicted(world in crate::generate::world(1..16)) {
        check(&world).map_err(TestCaseError::fail)?;
    }
}

proptest! {
    #![proptest_config(crate::config(50))]

    #[test]
    fn so_they_do_in_large_worlds(world in crate::generate::large_world()) {
        check(&world).map_err(TestCaseError::fail)?;
    }
}

/// More indexes, attestations and images than one call takes.
pub(crate) fn many_builds() -> World {
    let build = |number: usize| {
        let image = 3 * number;
        let lists = vec![(image, Said::Natural), (image + 1, Said::Natural)];
        [
            Item::new(What::Image),
            Item { about: Some(About::It(image)), ..Item::new(What::Oci) },
            Item { lists, ..Item::new(What::Index) },
        ]
    };
    World::new((0..120).flat_map(build).collect(), Policy::deletes())
}

#[test]
fn so_they_do_where_one_call_is_not_enough() {
    check(&many_builds()).unwrap();
}

#[test]
fn such_worlds_have_something_under_every_rule() {
    let mut runner = TestRunner::deterministic();
    let mut met: BTreeMap<[String; 5], u32> = BTreeMap::new();
    for _ in 0..400 {
        let world = crate::generate::world(1..16).new_tree(&mut runner).unwrap().current();
        for ruling in decide(&world, &world.stage()).into_iter().flat_map(|it| it.rulings.into_values()) {
            *met.entry(words(&ruling)).or_default() += 1;
        }
    }
    for (form, state, action, reason) in [
        ("oci", "orphaned", "delete", "orphaned"),
        ("legacy", "orphaned", "delete", "orphaned"),
        ("oci", "orphaned", "tag", "orphaned"),
        ("oci", "orphaned", "keep", "subject-present"),
        ("oci", "orphaned", "keep", "has-referrers"),
        ("oci", "superseded", "delete", "superseded"),
        ("legacy", "superseded", "delete", "superseded"),
        ("by-parent", "superseded", "delete", "superseded"),
        ("by-parent", "superseded", "tag", "superseded"),
        ("oci", "attached", "tag", "attached"),
        ("unread", "attached", "keep", "attached"),
        ("oci", "superseded", "keep", "tagged"),
        ("unread", "superseded", "keep", "not-active"),
        ("unread", "superseded", "keep", "within-grace"),
        ("unread", "superseded", "keep", "has-referrers"),
        ("unread", "superseded", "keep", "recently-pulled"),
        ("unread", "superseded", "keep", "superseded-within-grace"),
        ("unread", "superseded", "keep", "may-be-listed"),
        ("oci", "orphaned", "keep", "may-be-listed"),
        ("oci", "superseded", "keep", "in-use"),
        ("oci", "attached", "keep", "in-use"),
        ("oci", "superseded", "keep", "in-use-unknown"),
        ("oci", "orphaned", "keep", "in-use-unknown"),
        ("unread", "superseded", "keep", "replicated"),
        ("unread", "superseded", "keep", "untagged-repository"),
    ] {
        let words = ["attestation", form, state, action, reason].map(str::to_owned);
        assert!(met.contains_key(&words), "{words:?}");
    }
    for words in [
        ["index", "-", "-", "delete", "superseded"],
        ["image", "-", "-", "delete", "superseded"],
        ["signature", "-", "-", "delete", "follows-its-subject"],
        ["referrer", "-", "-", "delete", "follows-its-subject"],
        ["soci-index", "-", "-", "delete", "superseded"],
        ["index", "-", "-", "keep", "unreadable"],
        ["suspect", "-", "-", "keep", "not-an-attestation"],
        ["unread", "-", "-", "keep", "unreadable"],
    ] {
        assert!(met.contains_key(&words.map(str::to_owned)), "{words:?}");
    }
    let by_parent = |words: &&[String; 5]| words[1] == "by-parent" && words[2] == "orphaned";
    assert_eq!(met.keys().find(by_parent), None);
}
