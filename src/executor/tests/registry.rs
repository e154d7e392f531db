//! A registry in memory with ECR's guard of references, and with answers that tests can script.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Mutex;
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt as _};
use jiff::Timestamp;

use crate::inventory::{Evidence, Image, ImageStatus};
use crate::oci::attestation::{Kind, ListedType};
use crate::oci::digest::Digest;
use crate::oci::media_type::Shape;
use crate::registry::{
    BatchResponse, CallError, CallErrorKind, DeleteImages, MAX_IDS, ManifestPart, ReadRepository, Refusal,
    StoredManifest, TagImages, TagWritten,
};
use crate::report::decision::Decision;
use crate::report::testing::decisions::{digest, index, manifest_of};
use crate::util::clock::Clock;

#[derive(Default)]
pub(super) struct Registry(Mutex<State>);

#[derive(Default)]
struct State {
    images: BTreeMap<Digest, Stored>,
    names: BTreeMap<Digest, String>,
    log: Vec<(&'static str, Vec<String>)>,
    scripts: Vec<(&'static str, Digest, Script)>,
    failures: Vec<(&'static str, RangeInclusive<usize>, CallError)>,
    lost_answers: Vec<(&'static str, usize)>,
    hooks: Vec<(&'static str, usize, Hook)>,
    clock: Option<Clock>,
    delays: BTreeMap<&'static str, Duration>,
    jitter: Option<fastrand::Rng>,
    refuses_to_move_tags: bool,
}

/// What somebody else does right before a call.
type Hook = Box<dyn FnOnce(&Registry) + Send>;

struct Stored {
    image: Image,
    lists: BTreeSet<Digest>,
    bytes: String,
    /// Whether a listing misses it, as one that is made while images come and go may.
    is_unlisted: bool,
}

/// What happens to one image when a call names it.
#[derive(Clone, Copy)]
pub(super) enum Script {
    Refused(&'static str),
    /// In its first calls, ECR still counts the reference of an index that is gone.
    Lags {
        index: Digest,
        calls: usize,
    },
    Silence,
}

impl Registry {
    /// A registry with exactly what a plan was made from.
    pub(super) fn with(decisions: &[Decision]) -> Self {
        let registry = Self::default();
        for decision in decisions {
            registry.add(decision, &manifest_of(decision.image.digest));
        }
        for decision in decisions {
            for parent in &decision.image.parents {
                registry
                    .state(|state| state.images.get_mut(parent).unwrap().lists.insert(decision.image.digest));
            }
        }
        registry
    }

    /// Adds an image with these bytes.
    pub(super) fn add(&self, decision: &Decision, bytes: &str) {
        let image = Image {
            digest: decision.image.digest,
            pushed_at: decision.image.pushed_at,
            activated_at: decision.image.activated_at,
            pulled_at: decision.image.pulled_at,
            untagged_at: None,
            size_bytes: decision.image.size_bytes,
            tags: decision.image.tags.iter().map(|tag| tag.as_str().into()).collect(),
            status: ImageStatus::Active,
            shape: if decision.kind == Kind::Index { Shape::Index } else { Shape::Manifest },
            listed_type: ListedType::Unknown,
            subject: decision.image.subject,
            evidence: Evidence::Unread,
        };
        let stored = Stored { image, lists: BTreeSet::new(), bytes: bytes.to_owned(), is_unlisted: false };
        self.state(|state| state.images.insert(decision.image.digest, stored));
    }

    /// An index appears that the plan does not know, and lists these.
    pub(super) fn add_index(&self, name: &str, lists: &[&str]) {
        self.add(&index(name), &manifest_of(digest(name)));
        let lists = lists.iter().map(|name| digest(name)).collect();
        self.change(digest(name), |stored| stored.lists = lists);
    }

    /// Somebody else deletes an image.
    pub(super) fn lose(&self, name: &str) {
        self.state(|state| state.images.remove(&digest(name)));
    }

    /// Somebody else tags an image.
    pub(super) fn tag(&self, digest: Digest, tag: &str) {
        self.change(digest, |stored| stored.image.tags = [tag.into()].into());
    }

    /// Somebody else deletes an image and pushes it again.
    pub(super) fn push_again(&self, name: &str, at: Timestamp) {
        self.change(digest(name), |stored| stored.image.pushed_at = Some(at));
    }

    /// Somebody else restores an image from the archive.
    pub(super) fn activate(&self, name: &str, at: Timestamp) {
        self.change(digest(name), |stored| stored.image.activated_at = Some(at));
    }

    /// Listings miss an image that is there.
    pub(super) fn hide_from_listings(&self, name: &str) {
        self.change(digest(name), |stored| stored.is_unlisted = true);
    }

    /// Somebody else archives an image.
    pub(super) fn archive(&self, name: &str) {
        self.change(digest(name), |stored| stored.image.status = ImageStatus::Inactive);
    }

    /// Somebody else pulls an image.
    pub(super) fn pull(&self, name: &str, at: Timestamp) {
        self.change(digest(name), |stored| stored.image.pulled_at = Some(at));
    }

    /// From now on reads are recorded as pulls, by this clock.
    pub(super) fn record_pulls(&self, clock: Clock) {
        self.state(|state| state.clock = Some(clock));
    }

    fn change(&self, digest: Digest, change: impl FnOnce(&mut Stored)) {
        self.state(|state| change(state.images.get_mut(&digest).unwrap()));
    }

    /// From now on an operation does this when it names that image.
    pub(super) fn script(&self, operation: &'static str, digest: Digest, script: Script) {
        self.state(|state| state.scripts.push((operation, digest, script)));
    }

    /// This call of an operation, counted from 1, fails as a whole.
    pub(super) fn fail(&self, operation: &'static str, call: usize, code: &str) {
        self.fail_all(operation, call..=call, code);
    }

    /// These calls of an operation fail as a whole.
    pub(super) fn fail_all(&self, operation: &'static str, calls: RangeInclusive<usize>, code: &str) {
        self.state(|state| state.failures.push((operation, calls, failure(operation, code))));
    }

    /// This call of an operation is done, but its answer is lost.
    pub(super) fn lose_answer(&self, operation: &'static str, call: usize) {
        self.state(|state| state.lost_answers.push((operation, call)));
    }

    /// Somebody else does something right before this call of an operation.
    pub(super) fn before(
        &self,
        operation: &'static str,
        call: usize,
        hook: impl FnOnce(&Registry) + Send + 'static,
    ) {
        self.state(|state| state.hooks.push((operation, call, Box::new(hook))));
    }

    /// Every call of an operation takes so long.
    pub(super) fn delay(&self, operation: &'static str, seconds: u64) {
        self.state(|state| state.delays.insert(operation, Duration::from_secs(seconds)));
    }

    /// Each call takes a time of its own, of up to a second.
    pub(super) fn jitter(&self, seed: u64) {
        self.state(|state| state.jitter = Some(fastrand::Rng::with_seed(seed)));
    }

    /// The repository's tags are immutable.
    pub(super) fn never_move_tags(&self) {
        self.state(|state| state.refuses_to_move_tags = true);
    }

    /// Calls these images by name in the log, whatever their digests.
    pub(super) fn name(&self, digest: Digest, name: &str) {
        self.state(|state| state.names.insert(digest, name.to_owned()));
    }

    /// Every call so far: the operation and what it named, in the order of the names.
    pub(super) fn log(&self) -> Vec<String> {
        self.state(|state| state.log.iter().map(|(op, names)| format!("{op} {}", names.join(" "))).collect())
    }

    /// What calls of one operation named.
    pub(super) fn calls_of(&self, operation: &str) -> Vec<Vec<String>> {
        self.state(|state| {
            let calls = state.log.iter().filter(|(op, _)| *op == operation);
            calls.map(|(_, names)| names.clone()).collect()
        })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.state(|state| state.images.contains_key(&digest(name)))
    }

    /// Which image holds a tag.
    pub(super) fn holder(&self, tag: &str) -> Option<Digest> {
        self.state(|state| state.holder(tag))
    }

    fn state<T>(&self, with: impl FnOnce(&mut State) -> T) -> T {
        with(&mut self.0.lock().unwrap())
    }

    /// Writes a call down, lets its time pass, and fails it if that was asked for.
    async fn call(&self, operation: &'static str, mut names: Vec<String>) -> Result<(), CallError> {
        assert!((1..=MAX_IDS).contains(&names.len()), "{operation} names {} images", names.len());
        names.sort();
        let (error, hook) = self.state(|state| {
            state.log.push((operation, names));
            let call = state.log.iter().filter(|(op, _)| *op == operation).count();
            let mut failures = state.failures.iter();
            let error = failures.find(|(op, calls, _)| *op == operation && calls.contains(&call));
            let error = error.map(|(_, _, error)| error.clone());
            let hook = state.hooks.iter().position(|(op, number, _)| (*op, *number) == (operation, call));
            let hook = hook.map(|position| state.hooks.remove(position).2);
            (error, hook)
        });
        if let Some(hook) = hook {
            hook(self);
        }
        if let Some(delay) = self.state(|state| state.delays.get(operation).copied()) {
            tokio::time::sleep(delay).await;
        }
        let jitter = self.state(|state| state.jitter.as_mut().map(|rng| rng.u64(0..1000)));
        if let Some(milliseconds) = jitter {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        }
        error.map_or(Ok(()), Err)
    }

    /// The answer to the last call of an operation, unless it is lost.
    fn unless_lost<T>(&self, operation: &'static str, answer: T) -> Result<T, CallError> {
        let call = self.calls_of(operation).len();
        let is_lost = self.state(|state| state.lost_answers.contains(&(operation, call)));
        let lost = || CallError::of_kind(operation, CallErrorKind::NoResponse, "the test lost the answer");
        if is_lost { Err(lost()) } else { Ok(answer) }
    }

    fn named(&self, digests: &[Digest]) -> Vec<String> {
        self.state(|state| {
            let name = |digest| state.names.get(digest).cloned().unwrap_or_else(|| format!("{digest}"));
            digests.iter().map(name).collect()
        })
    }
}

/// ECR's refusal of what an index lists.
fn referenced(digest: Digest, index: Digest) -> Refusal {
    let reason = format!("Requested image referenced by manifest list: [{index}]");
    Refusal::new(digest, "ImageReferencedByManifestList", reason)
}

fn failure(operation: &'static str, code: &str) -> CallError {
    CallError::of_aws(operation, code, "the test says so")
}

impl State {
    fn holder(&self, tag: &str) -> Option<Digest> {
        let holds = |stored: &&Stored| stored.image.tags.iter().any(|held| **held == *tag);
        self.images.values().find(holds).map(|stored| stored.image.digest)
    }

    fn scripted(&self, operation: &str, digest: Digest) -> Option<Script> {
        let found = self.scripts.iter().find(|(op, of, _)| (*op, *of) == (operation, digest));
        found.map(|(_, _, script)| *script)
    }

    /// Sorts the images that a call names into those it answers for, those it refuses, and silence.
    fn answer<T>(
        &self,
        operation: &str,
        digests: &[Digest],
        answer: impl Fn(&Self, Digest) -> Result<T, &'static str>,
    ) -> BatchResponse<T> {
        let (mut done, mut refused) = (Vec::new(), Vec::new());
        for digest in digests.iter().copied() {
            let result = match self.scripted(operation, digest) {
                Some(Script::Silence) => continue,
                Some(Script::Refused(code)) => Err(code),
                Some(Script::Lags { index, calls }) if self.calls_about(operation, digest) <= calls => {
                    refused.push(referenced(digest, index));
                    continue;
                }
                Some(Script::Lags { .. }) | None => answer(self, digest),
            };
            match result {
                Ok(answer) => done.push(answer),
                Err("ImageReferencedByManifestList") if self.parent(digest).is_some() => {
                    refused.extend(self.parent(digest).map(|index| referenced(digest, index)));
                }
                Err(code) => {
                    refused.push(Refusal::new(digest, code, format!("because of {code}")));
                }
            }
        }
        BatchResponse { done, refused }
    }

    /// How many calls of an operation have named an image.
    fn calls_about(&self, operation: &str, digest: Digest) -> usize {
        let name = &self.names[&digest];
        self.log.iter().filter(|(op, names)| *op == operation && names.contains(name)).count()
    }

    /// An index that lists this image.
    fn parent(&self, child: Digest) -> Option<Digest> {
        self.images.values().find(|stored| stored.lists.contains(&child)).map(|stored| stored.image.digest)
    }

    fn record_pulls_of(&mut self, digests: &[Digest]) {
        let Some(clock) = self.clock else { return };
        for digest in digests {
            if let Some(stored) = self.images.get_mut(digest) {
                stored.image.pulled_at = Some(clock.now());
            }
        }
    }

    /// ECR looks at the state before the call: an index that goes in the same call still protects its children.
    fn may_go(&self, digest: Digest) -> Result<Digest, &'static str> {
        if !self.images.contains_key(&digest) {
            Err("ImageNotFound")
        } else if self.parent(digest).is_some() {
            Err("ImageReferencedByManifestList")
        } else {
            Ok(digest)
        }
    }
}

impl ReadRepository for Registry {
    async fn describe(&self, _: &str, digests: &[Digest]) -> Result<Vec<Image>, CallError> {
        self.call("describe", self.named(digests)).await?;
        let image = |state: &State, digest| match state.images.get(digest) {
            Some(stored) => Ok(stored.image.clone()),
            None => Err(CallError::of_aws(
                "DescribeImages",
                "ImageNotFoundException",
                format!("The image with imageId {{imageDigest:'{digest}'}} does not exist"),
            )),
        };
        self.state(|state| digests.iter().map(|digest| image(state, digest)).collect())
    }

    fn images<'a>(&'a self, _: &'a str) -> BoxStream<'a, Result<Vec<Image>, CallError>> {
        let page = async {
            self.call("list", vec!["all".to_owned()]).await?;
            Ok(self.state(|state| {
                let listed = state.images.values().filter(|stored| !stored.is_unlisted);
                listed.map(|stored| stored.image.clone()).collect()
            }))
        };
        stream::once(page).boxed()
    }

    fn manifests<'a>(&'a self, _: &'a str, digests: Vec<Digest>) -> BoxStream<'a, ManifestPart> {
        let part = async move {
            let manifest = |state: &State, digest| {
                let stored = state.images.get(&digest).ok_or("ImageNotFound")?;
                Ok(StoredManifest { digest, bytes: stored.bytes.clone(), media_type: None })
            };
            let response = self.call("read", self.named(&digests)).await;
            let response = response.map(|()| {
                self.state(|state| {
                    state.record_pulls_of(&digests);
                    state.answer("read", &digests, manifest)
                })
            });
            ManifestPart { digests, response }
        };
        stream::once(part).boxed()
    }

    async fn tag_holders(
        &self,
        _: &str,
        tags: &[String],
    ) -> Result<BTreeMap<String, Option<Digest>>, CallError> {
        self.call("holders", tags.to_vec()).await?;
        Ok(self.state(|state| {
            let told = tags.iter().filter(|tag| state.scripted("holders", digest(tag)).is_none());
            told.map(|tag| (tag.clone(), state.holder(tag))).collect()
        }))
    }
}

impl DeleteImages for Registry {
    fn max_attempts(&self) -> u32 {
        10
    }

    type Turn = ();

    async fn turn(&self) {}

    async fn delete(&self, (): (), _: &str, digests: &[Digest]) -> Result<BatchResponse<Digest>, CallError> {
        self.call("delete", self.named(digests)).await?;
        let answer = self.state(|state| {
            let mut answer = state.answer("delete", digests, State::may_go);
            answer.done.sort_unstable();
            state.images.retain(|digest, _| !answer.done.contains(digest));
            answer
        });
        self.unless_lost("delete", answer)
    }
}

impl TagImages for Registry {
    async fn put_tag(&self, _: &str, manifest: &StoredManifest, tag: &str) -> Result<TagWritten, CallError> {
        self.call("put", vec![tag.to_owned()]).await?;
        let written = self.state(|state| {
            assert_eq!(
                Digest::of(manifest.bytes.as_bytes()),
                manifest.digest,
                "PutImage would make another image"
            );
            let holder = state.holder(tag).filter(|holder| *holder != manifest.digest);
            if holder.is_some() && state.refuses_to_move_tags {
                return TagWritten::InUse;
            }
            for stored in state.images.values_mut() {
                let mut tags = stored.image.tags.to_vec();
                tags.retain(|held| **held != *tag);
                if stored.image.digest == manifest.digest {
                    tags.push(tag.into());
                }
                stored.image.tags = tags.into();
            }
            TagWritten::Done
        });
        self.unless_lost("put", written)
    }
}
