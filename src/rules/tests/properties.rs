//! What holds in every repository, however odd.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::world::*;
use crate::config::policy::{Action, Policy, Referrers, SupersededSince};
use crate::oci::attestation::{Form, Kind};
use crate::oci::digest::Digest;
use crate::report::reason::Reason;

/// An image to come. Its links are chosen among what is there already, or, forged, among everything.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    shape: Shape,
    about: Index,
    links: Vec<(Index, As)>,
    tag: Tag,
    age: i64,
    pulled: Option<i64>,
    activated: Option<i64>,
    untagged: Option<i64>,
    is_archived: bool,
    is_in_use: bool,
    quirk: Quirk,
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    Image,
    Legacy,
    Oci,
    Signed,
    Signature,
    Soci,
    Chart,
    Index,
    Referrer,
    Forged,
}

#[derive(Debug, Clone)]
enum Tag {
    None,
    User,
    Own,
    Cosign(Index),
}

#[derive(Debug, Clone, Copy)]
enum Quirk {
    None,
    Untyped,
    Taciturn,
    Discreet,
    Unreadable,
    Failing,
    Gone,
}

fn recipe() -> impl Strategy<Value = Recipe> {
    let shape = prop_oneof![
        4 => Just(Shape::Image), 3 => Just(Shape::Legacy), 3 => Just(Shape::Oci), 2 => Just(Shape::Signed),
        2 => Just(Shape::Signature), 1 => Just(Shape::Soci), 1 => Just(Shape::Chart), 6 => Just(Shape::Index), 1 => Just(Shape::Referrer),
        1 => Just(Shape::Forged),
    ];
    let linux = "linux/amd64";
    let odd = vec![
        As::Bare,
        As::Unknown,
        As::Claimed,
        As::Platform(linux),
        As::ArtifactFor(linux),
        As::ClaimedFor(linux),
        As::ReferenceType("builder"),
        As::ArtifactType("application/vnd.example"),
    ];
    let listed = prop_oneof![12 => Just(As::Itself), 1 => select(odd)];
    let tag = prop_oneof![8 => Just(Tag::None), 2 => Just(Tag::User), 1 => Just(Tag::Own),
        1 => any::<Index>().prop_map(Tag::Cosign)];
    let quirk = prop_oneof![24 => Just(Quirk::None), 1 => Just(Quirk::Untyped), 1 => Just(Quirk::Taciturn), 1 => Just(Quirk::Discreet),
        1 => Just(Quirk::Unreadable), 1 => Just(Quirk::Failing), 1 => Just(Quirk::Gone)];
    let times = (
        prop_oneof![12 => Just(100), 1 => Just(1), 1 => Just(2), 1 => Just(29), 1 => Just(30), 1 => Just(-1)],
        prop_oneof![12 => Just(None), 1 => Just(Some(1)), 1 => Just(Some(90)), 1 => Just(Some(91))],
        prop_oneof![12 => Just(None), 1 => Just(Some(1)), 1 => Just(Some(30))],
        prop_oneof![4 => Just(None), 4 => Just(Some(40)), 1 => Just(Some(29))],
    );
    let links = proptest::collection::vec((any::<Index>(), listed), 0..5);
    let flags = (proptest::bool::weighted(0.05), proptest::bool::weighted(0.03));
    (shape, any::<Index>(), links, tag, times, flags, quirk).prop_map(
        |(shape, about, links, tag, (age, pulled, activated, untagged), flags, quirk)| Recipe {
            shape,
            about,
            links,
            tag,
            age,
            pulled,
            activated,
            untagged,
            is_archived: flags.0,
            is_in_use: flags.1,
            quirk,
        },
    )
}

pub(super) fn recipes() -> impl Strategy<Value = Vec<Recipe>> {
    proptest::collection::vec(recipe(), 1..30)
}

pub(super) fn policy() -> impl Strategy<Value = Policy> {
    let action = || prop_oneof![2 => Just(Action::Delete), 1 => Just(Action::Tag), 1 => Just(Action::Keep)];
    let keep_or = |other| select(vec![Action::Keep, other]);
    let periods = (select(vec![1, 48, 24 * 40]), select(vec![0, 30]), select(vec![0, 90]));
    let lesser = (keep_or(Action::Delete), keep_or(Action::Delete), keep_or(Action::Tag));
    let since = prop_oneof![4 => Just(SupersededSince::Push), 1 => Just(SupersededSince::Untagged)];
    let rest = (since, select(vec![Referrers::Hold, Referrers::Follow]), keep_or(Action::Delete));
    let all = (action(), action(), lesser, periods, rest);
    all.prop_map(|(orphaned, superseded, lesser, periods, rest)| Policy {
        grace_period: hours(periods.0),
        orphaned,
        orphaned_with_subject: lesser.0,
        superseded,
        superseded_after: days(periods.1),
        superseded_images: lesser.1,
        keep_pulled_within: days(periods.2),
        attached: lesser.2,
        superseded_since: rest.0,
        referrers: rest.1,
        superseded_without_tags: rest.2,
        ..Policy::default()
    })
}

pub(super) fn world(recipes: &[Recipe]) -> World {
    let w = World::default();
    w.image("linux/amd64");
    let forged: Vec<(It, &Recipe)> =
        recipes.iter().filter_map(|recipe| Some((cook(&w, recipe)?, recipe))).collect();
    for (index, recipe) in forged {
        index.lists(&chosen(&w, recipe));
    }
    w
}

fn chosen<'w>(w: &'w World, recipe: &Recipe) -> Vec<It<'w>> {
    let there: Vec<It> = w.all().collect();
    recipe.links.iter().map(|(index, listed)| index.get(&there).listed(*listed)).collect()
}

/// Adds an image; gives it back if its links are still to be chosen.
fn cook<'w>(w: &'w World, recipe: &Recipe) -> Option<It<'w>> {
    let there: Vec<It> = w.all().collect();
    let about = *recipe.about.get(&there);
    let it = match recipe.shape {
        Shape::Image => w.image("linux/arm64"),
        Shape::Legacy => w.legacy(about),
        Shape::Oci => w.oci(about),
        Shape::Signed => w.signed(about),
        Shape::Signature => w.signature(about),
        Shape::Soci => w.soci(),
        Shape::Chart => w.chart(),
        Shape::Index => w.index(&chosen(w, recipe)),
        Shape::Referrer => w.index_with_subject(&chosen(w, recipe), about),
        Shape::Forged => w.forged_index(),
    };
    let is_index = matches!(recipe.shape, Shape::Index | Shape::Referrer | Shape::Forged);
    let it = match &recipe.tag {
        Tag::None => it,
        Tag::User => it.tag("v1"),
        Tag::Own => it.own_tag(),
        Tag::Cosign(of) => it.tag(&format!("cve-sha256-{}.sig", of.get(&there).digest().hex())),
    };
    let it = if recipe.age < 0 { it.of_unknown_age() } else { it.age(days(recipe.age)) };
    let it = recipe.pulled.map_or(it, |ago| it.pulled(days(ago)));
    let it = recipe.activated.map_or(it, |ago| it.activated(days(ago)));
    let it = recipe.untagged.map_or(it, |ago| it.untagged(days(ago)));
    let it = if recipe.is_archived { it.archived() } else { it };
    let it = if recipe.is_in_use { it.in_use("function web") } else { it };
    let it = match recipe.quirk {
        Quirk::Untyped => it.untyped(),
        Quirk::Taciturn => it.taciturn(),
        Quirk::Discreet => it.discreet(),
        Quirk::Unreadable => it.unreadable(),
        Quirk::Failing => it.failing(),
        // Nothing else is looked for when it is gone.
        Quirk::Gone if is_index => it.gone(),
        _ => it,
    };
    matches!(recipe.shape, Shape::Forged).then_some(it)
}

/// Repositories as tools leave them: descriptors and listings tell the truth, and everything can be read.
pub(super) fn honest_recipes() -> impl Strategy<Value = Vec<Recipe>> {
    recipes().prop_map(|recipes| {
        let honest = |recipe: Recipe| Recipe {
            quirk: Quirk::None,
            links: recipe.links.into_iter().map(|(link, _)| (link, As::Itself)).collect(),
            ..recipe
        };
        recipes.into_iter().map(honest).collect()
    })
}

/// What somebody may need, by the definition: worked out round by round, from the images themselves.
pub(super) fn needed(w: &World, policy: &Policy) -> BTreeSet<Digest> {
    needed_where(w, policy, |it| it.shows_its_subject())
}

/// The same, where only what these images refer to is known.
fn needed_where(w: &World, policy: &Policy, is_told: impl Fn(&It) -> bool) -> BTreeSet<Digest> {
    let is_needed_itself = |it: &&It| {
        it.is_root()
            || it.is_in_use()
            || it.is_archived()
            || it.is_younger_than(policy.grace_period)
            || it.was_pulled_within(policy.keep_pulled_within)
    };
    let there: Vec<It> = w.all().filter(|it| !it.is_gone()).collect();
    let mut needed: BTreeSet<Digest> = there.iter().filter(is_needed_itself).map(|it| it.digest()).collect();
    loop {
        let before = needed.len();
        for it in &there {
            let subject = it.subject().filter(|_| !it.is_attestation() && is_told(it));
            if needed.contains(&it.digest()) {
                needed.extend(it.children_within(policy.grace_period).iter().map(|child| child.digest()));
                needed.extend(subject.map(It::digest));
            }
            if subject.is_some_and(|of| needed.contains(&of.digest())) {
                needed.insert(it.digest());
            }
        }
        if needed.len() == before {
            return needed;
        }
    }
}

/// The indexes above an image that can be read, at any distance.
fn above<'w>(w: &'w World, it: It<'w>) -> Vec<It<'w>> {
    let mut found: Vec<It<'w>> = Vec::new();
    let mut todo = vec![it];
    while let Some(child) = todo.pop() {
        let lists = |index: &It<'w>| {
            index.is_readable() && index.children().iter().any(|listed| listed.digest() == child.digest())
        };
        for index in w.all().filter(lists) {
            if found.iter().all(|known| known.digest() != index.digest()) {
                found.push(index);
                todo.push(index);
            }
        }
    }
    found
}

/// Everything below some images.
fn below<'w>(them: impl IntoIterator<Item = It<'w>>) -> BTreeSet<Digest> {
    let mut todo: Vec<It> = them.into_iter().collect();
    let mut found = BTreeSet::new();
    while let Some(it) = todo.pop() {
        let children = it.children().into_iter().filter(|_| it.is_readable());
        todo.extend(children.filter(|child| found.insert(child.digest())));
    }
    found
}

/// What tagged images reach: what they list, and what refers to it but for attestations.
fn closure_of_roots(w: &World, policy: &Policy) -> BTreeSet<Digest> {
    let mut todo: Vec<It> = w.all().filter(|it| it.has_user_tag() && !it.is_gone()).collect();
    let mut reached = BTreeSet::new();
    while let Some(it) = todo.pop() {
        if reached.insert(it.digest()) && !it.is_gone() {
            todo.extend(it.children_within(policy.grace_period));
            let refers = |other: &It| other.subject().is_some_and(|of| of.digest() == it.digest());
            todo.extend(w.all().filter(|other| refers(other) && !other.is_attestation()));
        }
    }
    reached
}

proptest! {
    #[test]
    fn nothing_is_acted_on_before_its_own_bytes_prove_it(recipes in recipes(), policy in policy()) {
        let w = world(&recipes);
        let judged = w.judge(&policy);
        for it in w.all().filter(|it| judged[*it].action != Action::Keep) {
            prop_assert!(judged.was_read(it) && judged.is_proven(it), "{:?}", judged[it]);
        }
    }

    #[test]
    fn before_anything_is_read_nothing_is_proven(recipes in recipes(), policy in policy()) {
        let w = world(&recipes);
        let judged = w.judge_unread(&policy);
        for it in w.all() {
            prop_assert!(!judged.is_proven(it));
            let decision = judged.decision(&policy, it);
            prop_assert!(decision.is_none_or(|decision| decision.action == Action::Keep), "{:?}", judged[it]);
        }
    }

    #[test]
    fn what_a_tag_can_reach_is_never_deleted(recipes in recipes(), policy in policy()) {
        let w = world(&recipes);
        let judged = w.judge(&policy);
        let reached = closure_of_roots(&w, &policy);
        for it in w.all().filter(|it| reached.contains(&it.digest())) {
            prop_assert!(!judged.is_deleted(it), "{:?}", judged[it]);
        }
    }

    #[test]
    fn nothing_young_tagged_or_inactive_is_ever_acted_on(recipes in recipes(), policy in policy()) {
        let w = world(&recipes);
        let judged = w.judge(&policy);
        for it in w.all().filter(|it| judged[*it].action != Action::Keep) {
            let held = it.is_younger_than(policy.grace_period) || it.has_user_tag() || it.is_archived();
            prop_assert!(!held, "{:?}", judged[it]);
        }
    }

    #[test]
    fn whatever_lists_something_deleted_is_deleted_too(recipes in recipes(), policy in policy()) {
        let w = world(&recipes);
        let judged = w.judge(&policy);
        for parent in w.all().filter(|it| !it.is_gone() && !judged.is_deleted(*it)) {
            for child in parent.children_within(policy.grace_period) {
                prop_assert!(!judged.is_deleted(child), "{:?}", judged[child]);
            }
        }
    }

    #[test]
    fn nothing_that_anybody_needs_is_ever_deleted(recipes in recipes(), policy in policy()) {
        let w = world(&recipes);
        let judged = w.judge(&policy);
        let needed = needed(&w, &policy);
        for it in w.all().filter(|it| needed.contains(&it.digest())) {
            // An attestation that no index lists goes even if it was pulled.
            let goes = judged.is_deleted(it) && judged[it].kind() != Kind::Attestation;
            prop_assert!(!goes, "{:?}", judged[it]);
        }
    }

    #[test]
    fn nothing_that_runs_is_acted_on_nor_what_its_indexes_list(recipes in recipes(), policy in policy()) {
        let w = world(&recipes);
        let judged = w.judge(&policy);
        let below = below(w.all().filter(|it| it.is_in_use()));
        for it in w.all().filter(|it| it.is_in_use() || below.contains(&it.digest())) {
            prop_assert_eq!(judged[it].action, Action::Keep, "{:?}", judged[it]);
        }
    }

    #[test]
    fn every_index_above_something_that_runs_and_that_no_tag_reaches_stays_whole(recipes in recipes(), policy in policy()) {
        let w = world(&recipes);
        let judged = w.judge(&policy);
        let reached = closure_of_roots(&w, &policy);
        let alone = w.all().filter(|it| it.is_in_use() && !reached.contains(&it.digest()));
        let holders: Vec<It> = alone.flat_map(|it| above(&w, it)).collect();
        let below = below(holders.iter().copied());
        for it in w.all().filter(|it| below.contains(&it.digest())).chain(holders) {
            prop_assert!(!judged.is_deleted(it), "{:?}", judged[it]);
        }
    }

    #[test]
    fn beside_a_source_that_cannot_be_read_only_orphans_of_what_is_not_here_go(recipes in recipes(), policy in policy()) {
        let w = world(&recipes);
        w.without_source("lambda");
        let judged = w.judge(&policy);
        for it in w.all().filter(|it| judged.is_deleted(*it)) {
            prop_assert_eq!(judged.reason(it), Reason::Orphaned);
            prop_assert!(it.subject().is_none(), "{:?}", judged[it]);
        }
    }

    #[test]
    fn a_source_that_cannot_be_read_lets_nothing_go_that_it_would_have_kept(recipes in recipes(), policy in policy()) {
        let w = world(&recipes);
        let with_source = w.judge(&policy);
        w.without_source("ecs");
        let without = w.judge(&policy);
        for it in w.all().filter(|it| without[*it].action != Action::Keep) {
            prop_assert_eq!(with_source[it].action, without[it].action, "{:?}", without[it]);
        }
    }

    #[test]
    fn of_what_anybody_needs_an_attestation_stays(recipes in recipes(), policy in policy()) {
        let w = world(&recipes);
        let policy = Policy { orphaned_with_subject: Action::Keep, ..policy };
        let judged = w.judge(&policy);
        // Only where a policy deletes images or indexes is each manifest read that the listing keeps quiet about.
        let is_told = |it: &It| it.tells_its_subject() || judged.was_read(*it);
        let needed = needed_where(&w, &policy, |it| it.shows_its_subject() && is_told(it));
        for it in w.all().filter(|it| judged.is_deleted(*it) && judged.reason(*it) == Reason::Orphaned) {
            let Some(of) = it.subject().filter(|of| needed.contains(&of.digest())) else { continue };
            // What names no subject may be listed as an attestation of it.
            let attests = |other: &It| other.subject().is_none_or(|subject| subject.digest() == of.digest());
            let mut left = w.all().filter(|other| other.is_attestation() && !judged.is_deleted(*other));
            prop_assert!(left.any(|other| attests(&other)), "{:?}", judged[it]);
        }
    }

    #[test]
    fn what_goes_is_the_subject_of_nothing_that_stays(recipes in recipes(), policy in policy()) {
        let w = world(&recipes);
        let policy = Policy { superseded: Action::Delete, ..policy };
        let judged = w.judge(&policy);
        let needed = needed(&w, &policy);
        let follows = policy.referrers == Referrers::Follow;
        for it in w.all().filter(|it| !judged.is_deleted(*it) && !it.is_gone() && it.shows_its_subject()) {
            let Some(of) = it.subject() else { continue };
            let may_be_left = follows && !needed.contains(&it.digest());
            let is_attested = it.is_attestation() && judged[of].kind() != Kind::Image;
            prop_assert!(may_be_left || is_attested && follows || !judged.is_deleted(of), "{:?}", judged[it]);
        }
    }

    #[test]
    fn a_follower_goes_after_its_subject(recipes in recipes(), policy in policy()) {
        let w = world(&recipes);
        let judged = w.judge(&policy);
        let follows = |it: &It| judged.is_deleted(*it) && judged.reason(*it) == Reason::FollowsItsSubject;
        for it in w.all().filter(follows) {
            prop_assert_eq!(policy.referrers, Referrers::Follow);
            prop_assert!(it.subject().is_some_and(|of| judged.is_deleted(of)), "{:?}", judged[it]);
        }
    }

    #[test]
    fn an_index_goes_only_for_an_attestation_that_goes(recipes in recipes(), policy in policy()) {
        let w = world(&recipes);
        let judged = w.judge(&policy);
        let is_index = |it: &It| judged[*it].kind() == Kind::Index;
        for it in w.all().filter(|it| is_index(it) && judged.is_deleted(*it)) {
            let mut below = it.children();
            let mut seen = BTreeSet::new();
            let mut attests = false;
            while let Some(child) = below.pop() {
                if seen.insert(child.digest()) {
                    attests |= judged.is_deleted(child) && judged[child].kind() == Kind::Attestation;
                    below.extend(child.children());
                }
            }
            prop_assert!(attests, "{:?}", judged[it]);
        }
    }

    #[test]
    fn the_listing_may_hide_every_subject_and_type(recipes in recipes(), policy in policy()) {
        let w = world(&recipes);
        w.all().for_each(|it| {
            it.taciturn();
        });
        let policy = Policy { superseded: Action::Delete, ..policy };
        let judged = w.judge(&policy);
        let needed = needed(&w, &policy);
        for it in w.all().filter(|it| needed.contains(&it.digest())) {
            let goes = judged.is_deleted(it) && judged[it].kind() != Kind::Attestation;
            prop_assert!(!goes, "{:?}", judged[it]);
        }
    }

    #[test]
    fn where_deletions_are_replicated_only_orphans_go(recipes in recipes(), policy in policy()) {
        let w = world(&recipes);
        w.replicated();
        let judged = w.judge(&policy);
        for it in w.all().filter(|it| judged[*it].action != Action::Keep) {
            let reason = judged.reason(it);
            let acts = matches!(reason, Reason::Orphaned | Reason::FollowsItsSubject | Reason::Attached);
            prop_assert!(acts, "{:?}", judged[it]);
        }
    }

    #[test]
    fn counts_of_attestations_do_not_depend_on_the_policy(recipes in honest_recipes(), policy in policy()) {
        let w = world(&recipes);
        let keep = Action::Keep;
        let kept = w.judge(&Policy { orphaned: keep, superseded: keep, attached: keep, ..policy.clone() });
        let judged = w.judge(&policy);
        let count = |judged: &Judged, it| (judged[it].kind() == Kind::Attestation, judged[it].artifact.state());
        for it in w.all() {
            prop_assert_eq!(count(&kept, it), count(&judged, it), "{:?} {:?}", kept[it], judged[it]);
        }
    }

    #[test]
    fn every_reason_that_rests_on_something_names_it(recipes in recipes(), policy in policy()) {
        let w = world(&recipes);
        let judged = w.judge(&policy);
        for it in w.all() {
            let Some(row) = judged.decision(&policy, it) else { continue };
            let rests = match row.image.reason {
                Reason::NotActive => !it.is_archived(),
                Reason::Tagged
                | Reason::InUse
                | Reason::InUseUnknown
                | Reason::MayBeListed
                | Reason::HasReferrers
                | Reason::Attached
                | Reason::RecentlyPulled
                | Reason::SupersededWithinGrace
                | Reason::Superseded
                | Reason::SubjectPresent
                | Reason::FollowsItsSubject => true,
                _ => false,
            };
            prop_assert!(!rests || !row.image.because.is_empty(), "{:?}", row);
        }
    }

    #[test]
    fn the_order_of_the_listing_does_not_matter(recipes in recipes(), policy in policy()) {
        let w = world(&recipes);
        let (one, other) = (w.judge_listed(&policy, false), w.judge_listed(&policy, true));
        for it in w.all() {
            prop_assert_eq!(one[it], other[it]);
            prop_assert_eq!(one.was_read(it), other.was_read(it));
        }
    }

    #[test]
    fn a_policy_that_keeps_everything_acts_on_nothing(recipes in recipes(), policy in policy()) {
        let w = world(&recipes);
        let keep = Action::Keep;
        let judged = w.judge(&Policy { orphaned: keep, superseded: keep, attached: keep, ..policy });
        prop_assert!(w.all().all(|it| judged[it].action == keep));
    }
}

#[test]
fn such_worlds_lose_something_of_every_kind() {
    let mut runner = TestRunner::deterministic();
    let mut lost = BTreeSet::new();
    for _ in 0..2000 {
        let (recipes, policy) = (recipes(), policy()).new_tree(&mut runner).unwrap().current();
        let w = world(&recipes);
        let judged = w.judge(&policy);
        lost.extend(w.all().filter(|it| judged.is_deleted(*it)).map(|it| {
            let verdict = judged[it];
            (
                verdict.artifact.kind(),
                verdict.artifact.form(),
                verdict.artifact.state().is_some_and(|s| s == crate::report::reason::State::Orphaned),
            )
        }));
    }
    for (kind, form, is_orphan) in [
        (Kind::Attestation, Some(Form::Oci), true),
        (Kind::Attestation, Some(Form::Oci), false),
        (Kind::Attestation, Some(Form::Legacy), true),
        (Kind::Attestation, Some(Form::Legacy), false),
        (Kind::Attestation, Some(Form::ByParent), false),
        (Kind::Index, None, false),
        (Kind::Image, None, false),
    ] {
        assert!(lost.contains(&(kind, form, is_orphan)), "{kind:?} {form:?}");
    }
    assert!(!lost.contains(&(Kind::Attestation, Some(Form::ByParent), true)));
}
