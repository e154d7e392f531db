//! Reads a repository: the listing, the indexes, then whatever the rules need before their verdicts can stand.

use std::collections::HashMap;

use futures::TryStreamExt as _;
use futures::stream::{self, BoxStream, StreamExt as _};

use super::Skipped;
use super::large::{LargeRepositories, LargeTurn};
use super::recall::Recall;
use super::surroundings::Surroundings;
use crate::config::policy::Policy;
use crate::inventory::{Evidence, Image, ImageIndex, ImageStatus, Inventory, PerImage, Problem};
use crate::memory::repository::ManifestFact;
use crate::oci::attestation::{Kind, ListedType};
use crate::oci::digest::Digest;
use crate::oci::manifest::Malformed;
use crate::oci::media_type::Shape;
use crate::registry::{
    BatchResponse, CallError, CallErrorKind, MAX_IDS, ManifestPart, ReadRepository, Refusal, StoredManifest,
    presence,
};
use crate::report::RepositoryReason;
use crate::rules::judge;
use crate::rules::reads::{self, Purpose};
use crate::rules::verdict::Verdict;
use crate::util::deadline::{Deadline, DeadlineExceeded};
use crate::util::memory;

/// Batches of one repository that are read at once. What ECR takes limits the calls.
const READS_AT_ONCE: usize = 64;
/// Calls that may fail as a whole before nothing more is read in a repository.
const MAX_FAILED_CALLS: usize = 3;
/// The memory that the listing of one repository may take in a small function: several times what ECR's quota of images
/// needs. Anybody who may push to a repository may give its images very many tags.
const LEAST_LISTING_BYTES: usize = 64 * 1024 * 1024;
/// The most images on a page of a listing: one with fewer is the last, or its images have very many tags.
const PAGE: usize = 1000;
/// Manifests kept in memory for tagging; beyond this they are read again when their turn comes.
const KEPT_BYTES: usize = 16 * 1024 * 1024;

/// A repository, read as far as its verdicts need.
#[derive(Debug)]
pub struct Collected {
    /// The inventory.
    pub inventory: Inventory,
    /// A verdict for each position.
    pub verdicts: PerImage<Verdict>,
    /// The bytes of what is to be tagged, as far as they were kept.
    pub manifests: HashMap<Digest, StoredManifest>,
    /// While it is in memory.
    _turn: LargeTurn,
}

/// Reads one repository and judges it.
pub async fn collect(
    registry: &impl ReadRepository,
    repository: &str,
    policy: &Policy,
    surroundings: &Surroundings,
    recall: &mut Recall,
    large: &LargeRepositories,
    deadline: &Deadline,
) -> Result<Collected, Skipped> {
    let now = recall.now;
    let mut reader = Collector {
        registry,
        repository,
        deadline,
        keeps: policy.tags(),
        inventory: Inventory::default(),
        manifests: HashMap::new(),
        kept_bytes: 0,
        failed_calls: 0,
        unconfirmed: Vec::new(),
        recall,
    };
    let turn = reader.list(large).await?;
    reader.recall.begin(&mut reader.inventory, policy)?;
    surroundings.note(repository, &mut reader.inventory);
    reader.read_indexes().await?;
    loop {
        reader.recall.note_departed(&mut reader.inventory);
        reader.inventory.link();
        let verdicts = judge(&reader.inventory, policy, now);
        let unread: Vec<(ImageIndex, Purpose)> =
            reads::wanted(&reader.inventory, policy, &verdicts).collect();
        if unread.is_empty() {
            if reader.confirm_facts(&verdicts).await? {
                continue;
            }
            return Ok(Collected {
                inventory: reader.inventory,
                verdicts,
                manifests: reader.manifests,
                _turn: turn,
            });
        }
        let unknown = reader.take_facts(policy, unread);
        reader.read_candidates(&unknown).await?;
    }
}

/// The memory that an image of a listing takes.
fn bytes_of(image: &Image) -> usize {
    const ALLOCATION: usize = 24;
    size_of::<Image>() + image.tags.iter().map(|tag| tag.len() + ALLOCATION).sum::<usize>()
}

/// Makes room for so many more, and some: twice as much, as vectors grow, may be more than there is.
fn make_room(images: &mut Vec<Image>, more: usize) {
    if images.capacity() - images.len() < more {
        images.reserve_exact(more.max(images.len() / 8));
    }
}

/// The memory that the listing of one repository may take.
fn most_listing_bytes() -> usize {
    LEAST_LISTING_BYTES.max(memory::of_this_process() / 4)
}

fn too_many_tags(most: usize) -> Skipped {
    let most = most / (1024 * 1024);
    let detail = format!(
        "its images and their tags take more than {most} MiB of memory, which is all that one repository may have; delete tags that nobody needs"
    );
    Skipped { reason: RepositoryReason::ListingIncomplete, detail }
}

struct Collector<'a, R> {
    registry: &'a R,
    repository: &'a str,
    deadline: &'a Deadline,
    keeps: bool,
    inventory: Inventory,
    manifests: HashMap<Digest, StoredManifest>,
    kept_bytes: usize,
    failed_calls: usize,
    unconfirmed: Vec<Unconfirmed>,
    recall: &'a mut Recall,
}

/// A manifest of which memory alone says what it refers to.
#[derive(Debug)]
struct Unconfirmed {
    index: ImageIndex,
    purpose: Purpose,
    listed_subject: Option<Digest>,
}

impl<R: ReadRepository> Collector<'_, R> {
    fn evidence(&self, position: ImageIndex) -> Evidence {
        self.inventory.image(position).evidence
    }

    /// Lists the repository in one stream: two streams by tag status could both miss an index that loses its tag in
    /// between, and then its children would look orphaned.
    async fn list(&mut self, large: &LargeRepositories) -> Result<LargeTurn, Skipped> {
        let failed = |error: CallError| Skipped::after(&error, RepositoryReason::ListingIncomplete);
        let mut turn = LargeTurn::default();
        let mut images: Vec<Image> = Vec::new();
        let (mut bytes, most) = (0, most_listing_bytes());
        let mut pages = self.registry.images(self.repository);
        loop {
            self.check_time()?;
            match self.deadline.call(pages.try_next()).await.map_err(failed)? {
                Some(page) => {
                    bytes += page.iter().map(bytes_of).sum::<usize>();
                    if bytes > most {
                        return Err(too_many_tags(most));
                    }
                    let is_full = page.len() >= PAGE;
                    make_room(&mut images, page.len());
                    images.extend(page);
                    if is_full {
                        large.wait(&mut turn, images.len(), self.deadline).await.map_err(failed)?;
                    }
                }
                None => break,
            }
        }
        images.shrink_to_fit();
        self.inventory = Inventory::new(images);
        Ok(turn)
    }

    /// Every index, and whatever might be one, as far as earlier runs do not know it. One that cannot be read could list
    /// whatever is not much older than itself.
    async fn read_indexes(&mut self) -> Result<(), Skipped> {
        let is_unknown = |p: &ImageIndex| {
            let image = self.inventory.image(*p);
            matches!(image.shape, Shape::Index | Shape::Unknown) && image.evidence == Evidence::Unread
        };
        let indexes: Vec<ImageIndex> = self.inventory.positions().filter(is_unknown).collect();
        let mut vanished = Vec::new();
        self.read(&indexes, true, |reader, index, manifest| match manifest {
            Ok(manifest) => reader.take(index, manifest),
            Err(problem) if *problem.code == *"ImageNotFound" => vanished.push(index),
            Err(problem) => reader.inventory.add_problem(index, Evidence::Unreadable, problem),
        })
        .await?;
        self.check_vanished(&vanished).await?;
        self.check_push_times(&indexes)
    }

    /// An index that was listed and cannot be found any more is no parent; one that is still listed is unreadable.
    async fn check_vanished(&mut self, vanished: &[ImageIndex]) -> Result<(), Skipped> {
        for batch in vanished.chunks(MAX_IDS) {
            let digests = self.digests(batch);
            let call = presence::look(self.registry, self.repository, &digests);
            match self.deadline.call(call).await {
                Ok(presence) => {
                    for position in batch {
                        let is_gone = presence.gone.contains(&self.inventory.image(*position).digest);
                        self.note_vanished(*position, is_gone);
                    }
                }
                Err(error) => self.note_failure(&digests, &error, true)?,
            }
        }
        Ok(())
    }

    fn note_vanished(&mut self, position: ImageIndex, is_gone: bool) {
        let (evidence, detail) = if is_gone {
            (Evidence::Gone, "it was deleted meanwhile")
        } else {
            (
                Evidence::Unreadable,
                "BatchGetImage does not find it, but DescribeImages does not say that it is gone",
            )
        };
        self.inventory.add_problem(position, evidence, Problem::new("ImageNotFound", detail));
    }

    /// An unreadable index of unknown age could list anything.
    fn check_push_times(&self, positions: &[ImageIndex]) -> Result<(), Skipped> {
        let unbounded = positions.iter().find(|p| {
            self.inventory.is_unreadable_index(**p) && self.inventory.image(**p).aged_from().is_none()
        });
        unbounded.map_or(Ok(()), |position| Err(self.bad_index(*position)))
    }

    /// Reads what memory alone has spoken for so far, once a plan deletes what a referrer could hold: whoever can write
    /// to the memory must not be able to hide one. False if there is nothing to read.
    async fn confirm_facts(&mut self, verdicts: &PerImage<Verdict>) -> Result<bool, Skipped> {
        let deletes = verdicts.iter().any(|(_, verdict)| verdict.is_deletion());
        if !deletes || self.unconfirmed.is_empty() {
            return Ok(false);
        }
        let facts = std::mem::take(&mut self.unconfirmed);
        for fact in &facts {
            self.inventory.forget_fact(fact.index, fact.listed_subject);
        }
        let wanted: Vec<(ImageIndex, Purpose)> =
            facts.iter().map(|fact| (fact.index, fact.purpose)).collect();
        self.read_candidates(&wanted).await?;
        Ok(true)
    }

    /// Takes what earlier runs proved of these images; what they did not is left to be read.
    fn take_facts(
        &mut self,
        policy: &Policy,
        wanted: Vec<(ImageIndex, Purpose)>,
    ) -> Vec<(ImageIndex, Purpose)> {
        let mut unknown = Vec::new();
        for (index, purpose) in wanted {
            // What is to be tagged needs its bytes, and an image of unknown shape may be an index.
            let image = self.inventory.image(index);
            let is_usable = |fact: &ManifestFact| {
                // Bytes and listing name one subject: a fact with another is not of these bytes.
                let agrees = image.subject.is_none() || image.subject == fact.subject;
                agrees && !self.keeps && image.shape != Shape::Unknown
            };
            let fact = self.recall.fact(image.digest).filter(is_usable);
            let Some(ManifestFact { classified, subject }) = fact else {
                unknown.push((index, purpose));
                continue;
            };
            // An index goes for the sake of an attestation that it lists: memory alone must not make it one.
            let makes_an_attestation = classified.kind == Kind::Attestation
                && image.listed_type != ListedType::Attestation
                && !self.inventory.parents(index).is_empty();
            if makes_an_attestation || reads::hides_its_subject(&self.inventory, policy, index) {
                let listed_subject = self.inventory.image(index).subject;
                self.unconfirmed.push(Unconfirmed { index, purpose, listed_subject });
            }
            let evidence = match purpose {
                Purpose::SubjectAlone => Evidence::Seen(classified),
                Purpose::Proof | Purpose::Subject => Evidence::Read(classified),
            };
            self.inventory.add_fact(index, evidence, subject);
        }
        unknown
    }

    async fn read_candidates(&mut self, wanted: &[(ImageIndex, Purpose)]) -> Result<(), Skipped> {
        let purposes: HashMap<ImageIndex, Purpose> = wanted.iter().copied().collect();
        let positions: Vec<ImageIndex> = wanted.iter().map(|(position, _)| *position).collect();
        self.read(&positions, false, |reader, index, manifest| match (manifest, purposes.get(&index)) {
            (Ok(manifest), Some(Purpose::SubjectAlone)) => {
                let added = reader.inventory.add_subject(index, manifest.bytes.as_bytes());
                reader.note_malformed(index, added);
                reader.recall.note_read(&reader.inventory, index, manifest.bytes.as_bytes());
            }
            (Ok(manifest), _) => reader.take(index, manifest),
            (Err(problem), purpose) => {
                let is_active = reader.inventory.image(index).status == ImageStatus::Active;
                let is_for_proof = purpose == Some(&Purpose::Proof);
                let is_kept_anyway = purpose == Some(&Purpose::SubjectAlone) || !is_active;
                let is_withheld = !is_for_proof && is_kept_anyway;
                let evidence = if is_withheld { Evidence::Withheld } else { Evidence::Unreadable };
                reader.inventory.add_problem(index, evidence, problem);
            }
        })
        .await?;
        self.check_push_times(&positions)
    }

    /// Reads these images and hands each on. After calls that fail as a whole the rest is not asked for: a repository
    /// that cannot be read costs a few calls, not one for each hundred images.
    async fn read(
        &mut self,
        positions: &[ImageIndex],
        are_indexes: bool,
        mut hand_on: impl FnMut(&mut Self, ImageIndex, Result<StoredManifest, Problem>),
    ) -> Result<(), Skipped> {
        let mut parts = self.fetch(positions);
        let mut last_failure = None;
        while self.failed_calls < MAX_FAILED_CALLS {
            let Some(ManifestPart { digests, response }) = parts.next().await else { return Ok(()) };
            match response {
                Ok(response) => {
                    for (index, manifest) in self.match_up(&digests, response) {
                        hand_on(self, index, manifest);
                    }
                }
                Err(error) => {
                    self.note_failure(&digests, &error, are_indexes)?;
                    last_failure = Some(error);
                }
            }
        }
        drop(parts);
        let why = last_failure.map_or_else(|| "calls failed before".to_owned(), |error| error.to_string());
        let problem =
            Problem::new("not-attempted", format!("it was not asked for after others failed: {why}"));
        for position in positions {
            if self.evidence(*position) == Evidence::Unread {
                self.inventory.add_problem(*position, Evidence::CallFailed, problem.clone());
            }
        }
        Ok(())
    }

    /// Takes note of a call that failed as a whole, unless nothing can be done in the repository after it.
    fn note_failure(
        &mut self,
        digests: &[Digest],
        error: &CallError,
        are_indexes: bool,
    ) -> Result<(), Skipped> {
        let evidence = match error.kind {
            CallErrorKind::RepositoryNotFound | CallErrorKind::DeadlineExceeded => {
                return Err(Skipped::after(error, RepositoryReason::RepositoryGone));
            }
            CallErrorKind::AccessDenied if are_indexes => {
                return Err(Skipped::after(error, RepositoryReason::IndexUnreadable));
            }
            // It is about one image, which is too large.
            CallErrorKind::ResponseTooLarge => Evidence::Unreadable,
            CallErrorKind::AccessDenied => {
                self.failed_calls = MAX_FAILED_CALLS;
                Evidence::CallFailed
            }
            _ => {
                self.failed_calls += 1;
                Evidence::CallFailed
            }
        };
        let problem = Problem::new(error.code.clone(), error.to_string());
        for position in
            digests.iter().filter_map(|digest| self.inventory.position(*digest)).collect::<Vec<_>>()
        {
            self.inventory.add_problem(position, evidence, problem.clone());
        }
        Ok(())
    }

    /// The manifests of these images, batch by batch, a few batches at once. Beyond the deadline the parts that are
    /// left fail without a call.
    fn fetch<'s>(&self, images: &[ImageIndex]) -> BoxStream<'s, ManifestPart>
    where
        Self: 's,
    {
        let (registry, repository, deadline) = (self.registry, self.repository, self.deadline);
        let batches: Vec<Vec<Digest>> = images.chunks(MAX_IDS).map(|batch| self.digests(batch)).collect();
        let parts = move |batch: Vec<Digest>| {
            let parts = registry.manifests(repository, batch.clone());
            stream::unfold((parts, batch), move |(mut parts, batch)| async move {
                let response = if deadline.may_start_planning() {
                    deadline.call(async { Ok(parts.next().await) }).await
                } else {
                    Err(CallError::from(DeadlineExceeded))
                };
                match response {
                    Ok(part) => part.map(|part| (part, (parts, batch))),
                    Err(_) if batch.is_empty() => None,
                    Err(error) => {
                        let late = ManifestPart { digests: batch, response: Err(error) };
                        Some((late, (stream::empty().boxed(), Vec::new())))
                    }
                }
            })
            .boxed()
        };
        stream::iter(batches).map(parts).flatten_unordered(READS_AT_ONCE).boxed()
    }

    /// Pairs each image with its bytes, checked against its digest, or with the reason why there are none.
    fn match_up(
        &self,
        digests: &[Digest],
        response: BatchResponse<StoredManifest>,
    ) -> Vec<(ImageIndex, Result<StoredManifest, Problem>)> {
        let mut found: HashMap<Digest, StoredManifest> =
            response.done.into_iter().map(|manifest| (manifest.digest, manifest)).collect();
        let refused: HashMap<Digest, Problem> =
            response.refused.iter().map(|refusal| (refusal.digest, refused(refusal))).collect();
        let missing = || Problem::new("no-answer", "BatchGetImage did not mention it");
        let pair = |digest: &Digest| {
            let manifest = match found.remove(digest) {
                Some(manifest) => verified(manifest),
                None => Err(refused.get(digest).cloned().unwrap_or_else(missing)),
            };
            Some((self.inventory.position(*digest)?, manifest))
        };
        digests.iter().filter_map(pair).collect()
    }

    fn take(&mut self, position: ImageIndex, manifest: StoredManifest) {
        let added = self.inventory.add_bytes(position, manifest.bytes.as_bytes());
        self.note_malformed(position, added);
        self.recall.note_read(&self.inventory, position, manifest.bytes.as_bytes());
        let may_be_tagged = matches!(self.evidence(position).kind(), Some(Kind::Attestation | Kind::Suspect));
        if self.keeps && may_be_tagged && self.kept_bytes + manifest.bytes.len() <= KEPT_BYTES {
            self.kept_bytes += manifest.bytes.len();
            self.manifests.insert(manifest.digest, manifest);
        }
    }

    /// Takes note that an index cannot be understood.
    fn note_malformed(&mut self, position: ImageIndex, added: Result<(), Malformed>) {
        if let Err(malformed) = added {
            let problem = Problem::new("malformed", malformed.to_string());
            self.inventory.add_problem(position, Evidence::Unreadable, problem);
        }
    }

    fn digests(&self, positions: &[ImageIndex]) -> Vec<Digest> {
        positions.iter().map(|position| self.inventory.image(*position).digest).collect()
    }

    fn bad_index(&self, position: ImageIndex) -> Skipped {
        let digest = self.inventory.image(position).digest;
        let problem = self.inventory.problem(position).map_or("", |problem| &problem.detail);
        Skipped {
            reason: RepositoryReason::IndexUnreadable,
            detail: format!(
                "{digest} may be an index and cannot be used: {problem}; ECR does not say when it was pushed, so that it could list anything, and nothing here is touched. Restore it if it is archived, or delete it if it is not needed"
            ),
        }
    }

    fn check_time(&self) -> Result<(), Skipped> {
        if self.deadline.may_start_planning() { Ok(()) } else { Err(Skipped::out_of_time()) }
    }
}

fn refused(refusal: &Refusal) -> Problem {
    let Refusal { code, reason, .. } = refusal;
    Problem::new(code.as_str(), format!("BatchGetImage: {code}: {reason}"))
}

/// Bytes that do not hash to the digest they were asked for are never trusted.
pub fn verified(manifest: StoredManifest) -> Result<StoredManifest, Problem> {
    let actual = Digest::of(manifest.bytes.as_bytes());
    if actual == manifest.digest {
        Ok(manifest)
    } else {
        Err(Problem::new(
            "digest-mismatch",
            format!("BatchGetImage gave bytes for it whose sha256 is {actual}"),
        ))
    }
}

#[cfg(test)]
mod tests;
