//! What must hold of a run, seen from outside: from the registry's state and its journal, never from our own report.

use std::collections::{BTreeMap, BTreeSet};

use ecr_emulator::{Change, ImageView, Status};
use serde_json::Value;

use crate::in_process::Call;
use crate::oracle_parse::{self, Proof};
use crate::policy::{Policy, is_own_tag};
use crate::run::Ran;
use crate::world::{HOUR, NAME, World};

/// A repository at one moment.
struct State<'a> {
    images: BTreeMap<&'a str, (&'a ImageView, Value)>,
    template: &'static str,
}

/// Checks a run. Somebody else did something right before the calls in `acted`.
///
/// One thing no client of ECR can close: between the DescribeImages that looks again at an image and the write that
/// names it, what happens to that image itself goes unseen. Whatever is found there is no problem; see
/// [`is_unseen`].
pub(crate) fn check(world: &World, ran: &Ran, acted: &[usize]) -> Result<Found, String> {
    let policy = in_force(world, ran);
    let known = Known {
        shown: shown(ran),
        ever: ever(ran),
        hides_subjects: world.hides_subjects,
        is_forged: is_forged(ran),
        corrupt: ran.corrupt.clone(),
    };
    let mut found = Found::default();
    for entry in &ran.journal {
        if entry.repository != NAME {
            return Err(format!("{entry:?} is not in the repository"));
        }
        let number = 1 + ran.calls.iter().position(|call| call.n == Some(entry.n)).unwrap();
        let views = ran.calls[number - 1].before.as_ref().ok_or("a call that reads has written")?;
        let state = State::of(views, policy.tag_template);
        let wrong = match &entry.kind {
            Change::Deleted { digest } => {
                found.deleted.insert(digest.clone());
                let allowed = deletion(&policy, &known, &state, digest, world.now);
                (digest, allowed.and_then(|()| runs(world, ran, &state, digest)))
            }
            Change::Untagged { digest, tag } => {
                let is_own = is_own_tag(policy.tag_template, tag, digest);
                (digest, if is_own { Ok(()) } else { Err(format!("the tag {tag} of a user is lost")) })
            }
            Change::Tagged { digest, tag, moved_from } => {
                found.tagged.insert(digest.clone());
                (digest, tagging(&policy, &state, digest, tag, moved_from.as_deref(), world.now))
            }
            Change::Pushed { digest } => (digest, Err("it was gone, and came back".into())),
            Change::Restored { digest } => (digest, Err("it came back from the archive".into())),
            other => return Err(format!("{other:?} is nothing that the janitor does")),
        };
        if let (digest, Err(problem)) = wrong {
            let looked_at = match &entry.kind {
                Change::Tagged { tag, moved_from: Some(_), .. } => tag,
                _ => digest,
            };
            if !is_unseen(ran, number, looked_at, acted) {
                return Err(format!("call {number}, {digest}: {problem}"));
            }
            found.unseen.insert(number);
        }
    }
    totals(ran, &found)?;
    Ok(found)
}

/// The policy, of which nothing superseded goes where nobody remembers when an index lost its tag, or where deletions
/// are carried elsewhere.
fn in_force(world: &World, ran: &Ran) -> Policy {
    let policy = world.setting.effective();
    let is_replicated = world.replicates && policy.replicated == "keep";
    let is_unknown = policy.superseded_since == "untagged" && ran.recollection.is_none();
    if is_unknown || is_replicated { Policy { superseded: "keep", ..policy } } else { policy }
}

/// What there was at first, as far as the listing told: no client can see that a page lacks an image. A saved plan
/// rests on an earlier listing.
fn shown(ran: &Ran) -> BTreeMap<String, Value> {
    let pages: Vec<&Vec<String>> = ran.calls.iter().filter_map(|call| call.shown.as_ref()).collect();
    let is_shown = |digest: &String| pages.is_empty() || pages.iter().any(|page| page.contains(digest));
    let told = ran.before.iter().filter(|(digest, _)| is_shown(digest));
    told.map(|(digest, image)| (digest.clone(), serde_json::from_str(&image.manifest).unwrap())).collect()
}

/// What a run can rest on.
struct Known {
    /// What its own listing showed.
    shown: BTreeMap<String, Value>,
    /// That, and what earlier runs saw that it remembers.
    ever: BTreeMap<String, Value>,
    /// The listing does not show what images refer to.
    hides_subjects: bool,
    /// The memory may say that anything was here, and that the janitor left anything behind.
    is_forged: bool,
    /// What BatchGetImage gives wrong bytes for.
    corrupt: BTreeSet<String>,
}

impl Known {
    /// Whether a run knows that this refers to something: it was listed, and the listing says so, or it is read. What is
    /// an image by its types is not read for a subject that ECR does not show; what has wrong bytes says nothing of one.
    fn shows_subject(&self, digest: &str) -> bool {
        let Some(manifest) = self.shown.get(digest) else { return false };
        let config = manifest["config"]["mediaType"].as_str().unwrap_or_default();
        let is_image = manifest["artifactType"].is_null() && oracle_parse::is_image_config(config);
        !(self.hides_subjects && (is_image || self.corrupt.contains(digest)))
    }
}

fn ever(ran: &Ran) -> BTreeMap<String, Value> {
    let remembered = ran.recollection.iter().flat_map(|recollection| &recollection.ever);
    let parsed = remembered.map(|(digest, it)| (digest.clone(), serde_json::from_str(&it.manifest).unwrap()));
    parsed.chain(shown(ran)).collect()
}

fn is_forged(ran: &Ran) -> bool {
    ran.recollection.as_ref().is_some_and(|recollection| recollection.is_forged)
}

/// What the journal shows.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) deleted: BTreeSet<String>,
    pub(crate) tagged: BTreeSet<String>,
    /// The writes before which somebody did something that could not be seen any more.
    pub(crate) unseen: BTreeSet<usize>,
}

/// Whether somebody acted after the last look at an image (or at who holds a tag), and before the write that names it.
fn is_unseen(ran: &Ran, write: usize, looked_at: &str, acted: &[usize]) -> bool {
    let operation = if looked_at.starts_with("sha256:") { "DescribeImages" } else { "BatchGetImage" };
    let looks = |call: &Call| {
        call.operation == operation && call.succeeded && call.named.iter().any(|named| named == looked_at)
    };
    let looked = ran.calls[..write].iter().rposition(looks).map(|at| at + 1);
    looked.is_some_and(|looked| acted.iter().any(|acted| looked < *acted && *acted <= write))
}

/// A report counts what ECR said that it did, and nothing else. What was done without an answer has failed.
fn totals(ran: &Ran, found: &Found) -> Result<(), String> {
    if ran.was_killed {
        return Ok(());
    }
    for (name, done) in [("deleted", &found.deleted), ("tagged", &found.tagged)] {
        let told = ran.with_outcome(name);
        if told.len() as u64 != ran.total(name) || !told.is_subset(done) {
            return Err(format!("the report has {} {name}, {told:?}, the journal {done:?}", ran.total(name)));
        }
        // After an answer that was lost, a second attempt finds the image gone.
        let unclear = &ran.with_outcome("failed") | &ran.with_outcome("already-gone");
        if let Some(unheard) = done.difference(&told).find(|digest| !unclear.contains(*digest)) {
            return Err(format!("{unheard} is {name}, and the report does not say so"));
        }
    }
    Ok(())
}

/// Nothing goes that runs, or that something which runs lists; while a source cannot be read, nothing but attestations
/// that nothing lists, of images that are not there.
fn runs(world: &World, ran: &Ran, state: &State, digest: &str) -> Result<(), String> {
    let mut todo: Vec<&str> = ran.running.iter().map(String::as_str).collect();
    let mut running: BTreeSet<&str> = BTreeSet::new();
    while let Some(at) = todo.pop() {
        if running.insert(at) {
            let children = state.images.get(at).map(|(_, manifest)| oracle_parse::children(manifest));
            todo.extend(children.into_iter().flatten());
        }
    }
    let (_, manifest) = &state.images[digest];
    let is_attestation = matches!(oracle_parse::prove(manifest), Proof::Attestation(_) | Proof::IfParentSays);
    let subject = oracle_parse::subject(manifest).filter(|of| state.images.contains_key(*of));
    if running.contains(digest) {
        Err("it runs, or something that runs lists it".into())
    } else if world.lacks_source && !(is_attestation && subject.is_none()) {
        Err("it could run, for all that anybody knows".into())
    } else {
        Ok(())
    }
}

fn deletion(policy: &Policy, known: &Known, state: &State, digest: &str, now: i64) -> Result<(), String> {
    let begins = &known.shown;
    let (view, manifest) = state.images.get(digest).ok_or("it was not there")?;
    state.may_be_touched(view, policy, now)?;
    if let Some(root) = state.root_of(digest) {
        return Err(format!("the tagged {root} reaches it"));
    }
    if let Some(index) = state.parents(digest).first() {
        return Err(format!("{index} lists it"));
    }
    if let Some(referrer) = state.held_by(policy, known, digest) {
        return Err(format!("{referrer} refers to it"));
    }
    let parents: Vec<&Value> =
        known.ever.values().filter(|it| oracle_parse::children(it).any(|c| c == digest)).collect();
    let descriptors: Vec<&Value> = parents
        .iter()
        .flat_map(|index| oracle_parse::descriptors(index))
        .filter(|descriptor| descriptor["digest"] == *digest)
        .collect();
    let supersedes = policy.superseded == "delete";
    let follows = || follows(policy, known, state, digest);
    let allowed = match oracle_parse::prove(manifest) {
        Proof::Attestation(_) => supersedes || policy.orphaned == "delete",
        Proof::IfParentSays => supersedes && descriptors.iter().any(|d| oracle_parse::claims(d)) || follows(),
        Proof::Index => supersedes && holds_an_attestation(begins, digest),
        Proof::Image => {
            supersedes
                && policy.superseded_images == "delete"
                && (known.is_forged || !descriptors.is_empty())
                && descriptors.iter().all(|d| oracle_parse::lists_for_platform(d))
                // Who refers to it is as of the listing.
                && !state
                    .referrers(digest)
                    .iter()
                    .any(|referrer| known.shows_subject(referrer) && !state.may_follow(policy, referrer, now))
        }
        Proof::Other => follows(),
        Proof::Never => false,
    };
    if allowed { Ok(()) } else { Err("no rule lets it go".into()) }
}

/// Whether it is a referrer whose subject was here and is gone, or an artifact that only deleted indexes listed.
fn follows(policy: &Policy, known: &Known, state: &State, digest: &str) -> bool {
    let (view, manifest) = &state.images[digest];
    let was_here = |digest: &str| known.is_forged || known.ever.contains_key(digest);
    let goes = match oracle_parse::subject(manifest) {
        Some(subject) => was_here(subject) && !state.images.contains_key(subject),
        None => known.shown.values().any(|index| oracle_parse::children(index).any(|child| child == digest)),
    };
    policy.referrers == "follow" && view.tags.is_empty() && goes
}

fn tagging(
    policy: &Policy,
    state: &State,
    digest: &str,
    tag: &str,
    moved_from: Option<&str>,
    now: i64,
) -> Result<(), String> {
    let (view, manifest) = state.images.get(digest).ok_or("it was not there")?;
    state.may_be_touched(view, policy, now)?;
    if let Some(other) = moved_from {
        return Err(format!("the tag {tag} was taken from {other}"));
    }
    if !is_own_tag(policy.tag_template, tag, digest) {
        return Err(format!("the tag {tag} is not one that the template makes for it"));
    }
    match oracle_parse::prove(manifest) {
        Proof::Attestation(_) | Proof::IfParentSays => Ok(()),
        _ => Err("it is no attestation".into()),
    }
}

/// Whether there is an attestation among what an index lists, directly or through others.
fn holds_an_attestation(begins: &BTreeMap<String, Value>, index: &str) -> bool {
    let mut todo = vec![index];
    let mut seen = BTreeSet::new();
    while let Some(at) = todo.pop() {
        if let Some(manifest) = begins.get(at).filter(|_| seen.insert(at)) {
            if matches!(oracle_parse::prove(manifest), Proof::Attestation(_) | Proof::IfParentSays) {
                return true;
            }
            todo.extend(oracle_parse::children(manifest));
        }
    }
    false
}

impl<'a> State<'a> {
    fn of(views: &'a [ImageView], template: &'static str) -> Self {
        let parsed = |view: &'a ImageView| (view, serde_json::from_str(&view.manifest).unwrap());
        Self { images: views.iter().map(|view| (view.digest.as_str(), parsed(view))).collect(), template }
    }

    /// Active, old enough, and without a tag of a user.
    fn may_be_touched(&self, view: &ImageView, policy: &Policy, now: i64) -> Result<(), String> {
        if self.has_user_tag(view) {
            return Err(format!("it has the tags {:?}", view.tags));
        }
        if view.status != Status::Active {
            return Err(format!("it is {:?}", view.status));
        }
        match view.pushed_at_ms.map(|at| view.activated_at_ms.unwrap_or(at).max(at)) {
            None => Err("its age is unknown".into()),
            Some(at) if now - at < policy.grace_period * HOUR => Err("it is inside its grace period".into()),
            Some(_) => Ok(()),
        }
    }

    /// Whether something that refers to an image need not keep it: nobody can need it, for all that it shows itself.
    fn may_follow(&self, policy: &Policy, digest: &str, now: i64) -> bool {
        let (view, manifest) = &self.images[digest];
        let is_cosign_style = |tag: &String| tag.contains("sha256-");
        let view = ImageView {
            tags: view.tags.iter().filter(|tag| !is_cosign_style(tag)).cloned().collect(),
            ..(*view).clone()
        };
        policy.referrers == "follow"
            && !matches!(oracle_parse::prove(manifest), Proof::Attestation(_) | Proof::Never)
            && self.may_be_touched(&view, policy, now).is_ok()
    }

    /// Under `referrers = "hold"`: what refers to an image that goes, is no attestation, was there at first and could be
    /// read.
    fn held_by(&self, policy: &Policy, known: &Known, digest: &str) -> Option<&'a str> {
        let holds = |referrer: &&str| {
            let (view, manifest) = &self.images[*referrer];
            let can_be_read =
                view.status == Status::Active && oracle_parse::digest_of(&view.manifest) == view.digest;
            let is_attestation =
                matches!(oracle_parse::prove(manifest), Proof::Attestation(_) | Proof::IfParentSays);
            *referrer != digest && known.shows_subject(referrer) && can_be_read && !is_attestation
        };
        let is_held = policy.referrers == "hold" && policy.superseded == "delete";
        self.referrers(digest).into_iter().find(|referrer| is_held && holds(referrer))
    }

    fn has_user_tag(&self, view: &ImageView) -> bool {
        let is_index = view.manifest.contains("\"manifests\"");
        view.tags.iter().any(|tag| is_index || !is_own_tag(self.template, tag, &view.digest))
    }

    fn parents(&self, digest: &str) -> Vec<&'a str> {
        let lists = |manifest: &Value| oracle_parse::children(manifest).any(|child| child == digest);
        self.images.iter().filter(|(_, (_, manifest))| lists(manifest)).map(|(index, _)| *index).collect()
    }

    fn referrers(&self, digest: &str) -> Vec<&'a str> {
        let refers = |manifest: &Value| oracle_parse::subject(manifest) == Some(digest);
        self.images.iter().filter(|(_, (_, manifest))| refers(manifest)).map(|(other, _)| *other).collect()
    }

    /// A tagged image in whose closure this one is.
    fn root_of(&self, digest: &str) -> Option<&'a str> {
        let (mut todo, mut seen) = (vec![digest.to_owned()], BTreeSet::new());
        while let Some(at) = todo.pop() {
            let Some((key, (view, manifest))) = self.images.get_key_value(at.as_str()) else { continue };
            if !seen.insert(*key) {
                continue;
            }
            if self.has_user_tag(view) {
                return Some(key);
            }
            todo.extend(self.parents(key).into_iter().map(str::to_owned));
            if !matches!(oracle_parse::prove(manifest), Proof::Attestation(_) | Proof::IfParentSays) {
                todo.extend(oracle_parse::subject(manifest).map(str::to_owned));
            }
        }
        None
    }
}
