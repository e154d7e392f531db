//! Reading a repository: the listing, the indexes, then whatever the rules want to see before they can stand.

use std::collections::HashMap;

use futures::stream::{self, Stream, StreamExt as _};
use jiff::Timestamp;

use crate::config::policy::Policy;
use crate::executor::recheck;
use crate::inventory::{Evidence, Inventory, Position, Problem};
use crate::oci::digest::Digest;
use crate::oci::manifest::Malformed;
use crate::oci::media_type::Shape;
use crate::registry::pagination::Tokens;
use crate::registry::{BatchAnswer, CallError, MAX_IDS, Read, StoredManifest};
use crate::report::RepositoryReason;
use crate::rules::judge;
use crate::rules::verdict::Verdict;
use crate::util::deadline::Deadline;

/// Calls in flight within one repository, while reading.
const READS_AT_ONCE: usize = 4;
/// Manifests kept in memory for tagging; beyond this they are read again when their turn comes.
const KEPT_BYTES: usize = 16 * 1024 * 1024;

/// A repository, read as far as its verdicts need.
#[derive(Debug)]
pub struct Surveyed {
    /// The inventory.
    pub inventory: Inventory,
    /// A verdict for each position.
    pub verdicts: Vec<Verdict>,
    /// The bytes of what is to be tagged, as far as they were kept.
    pub manifests: HashMap<Digest, StoredManifest>,
}

/// The repository is left alone as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandsOff {
    /// Why.
    pub reason: RepositoryReason,
    /// The same in a sentence.
    pub detail: String,
}

/// Reads one repository and judges it.
pub async fn survey(
    registry: &impl Read,
    repository: &str,
    policy: &Policy,
    now: Timestamp,
    deadline: &Deadline,
) -> Result<Surveyed, HandsOff> {
    let mut reader = Reader {
        registry,
        repository,
        deadline,
        keeps: policy.tags(),
        inventory: Inventory::default(),
        manifests: HashMap::new(),
        kept_bytes: 0,
    };
    reader.list().await?;
    reader.read_indexes().await?;
    loop {
        reader.inventory.link();
        let verdicts = judge(&reader.inventory, policy, now);
        let unread: Vec<Position> = reader
            .inventory
            .positions()
            .filter(|p| verdicts[*p as usize].wants_read(reader.evidence(*p)))
            .collect();
        if unread.is_empty() {
            return Ok(Surveyed { inventory: reader.inventory, verdicts, manifests: reader.manifests });
        }
        reader.read_candidates(&unread).await?;
    }
}

struct Reader<'a, R> {
    registry: &'a R,
    repository: &'a str,
    deadline: &'a Deadline,
    keeps: bool,
    inventory: Inventory,
    manifests: HashMap<Digest, StoredManifest>,
    kept_bytes: usize,
}

type Batch = (Vec<Position>, Vec<Digest>);
type Answer = Result<BatchAnswer<StoredManifest>, CallError>;

impl<R: Read> Reader<'_, R> {
    fn evidence(&self, position: Position) -> Evidence {
        self.inventory.image(position).evidence
    }

    /// One stream over everything: two streams by tag status could both miss an index that loses its tag in
    /// between, and then its children would look orphaned.
    async fn list(&mut self) -> Result<(), HandsOff> {
        let mut images = Vec::new();
        let (mut tokens, mut next) = (Tokens::default(), None);
        let incomplete = |error: CallError| HandsOff::after(&error, RepositoryReason::ListingIncomplete);
        loop {
            self.check_time()?;
            let call = self.registry.image_page(self.repository, next);
            let page = self.deadline.wait(call).await.map_err(|_| HandsOff::out_of_time())?;
            let page = page.map_err(incomplete)?;
            images.extend(page.images);
            next = tokens.follow("DescribeImages", page.next).map_err(incomplete)?;
            if next.is_none() {
                images.shrink_to_fit();
                self.inventory = Inventory::new(images);
                return Ok(());
            }
        }
    }

    /// Every index, and whatever might be one.
    async fn read_indexes(&mut self) -> Result<(), HandsOff> {
        let might_be = |p: &Position| matches!(self.inventory.image(*p).shape, Shape::Index | Shape::Unknown);
        let indexes: Vec<Position> = self.inventory.positions().filter(might_be).collect();
        let mut vanished = Vec::new();
        let mut batches = self.fetch(&indexes)?;
        while let Some((batch, answer)) = batches.next().await {
            let answer =
                answer?.map_err(|error| HandsOff::after(&error, RepositoryReason::IndexUnreadable))?;
            for (position, manifest) in self.match_up(&batch, answer) {
                match manifest {
                    Ok(manifest) => {
                        self.take(position, manifest).map_err(|e| self.bad_index(position, &e.to_string()))?
                    }
                    Err(problem) if problem.code == "ImageNotFound" => vanished.push(position),
                    Err(problem) => return Err(self.bad_index(position, &problem.detail)),
                }
            }
        }
        drop(batches);
        self.check_vanished(&vanished).await
    }

    /// An index that was listed and cannot be found any more is no parent; one that is still listed is unreadable.
    async fn check_vanished(&mut self, vanished: &[Position]) -> Result<(), HandsOff> {
        for batch in vanished.chunks(MAX_IDS) {
            let digests = self.digests(batch);
            let call = recheck::look(self.registry, self.repository, &digests);
            let presence = self.deadline.wait(call).await.map_err(|_| HandsOff::out_of_time())?;
            let presence =
                presence.map_err(|error| HandsOff::after(&error, RepositoryReason::IndexUnreadable))?;
            let is_left = |p: &&Position| !presence.gone.contains(&self.inventory.image(**p).digest);
            if let Some(position) = batch.iter().find(is_left) {
                let problem =
                    "BatchGetImage does not find it, but DescribeImages does not say that it is gone";
                return Err(self.bad_index(*position, problem));
            }
            for position in batch {
                let problem =
                    Problem { code: "ImageNotFound".into(), detail: "it was deleted meanwhile".into() };
                self.inventory.add_problem(*position, Evidence::Gone, problem);
            }
        }
        Ok(())
    }

    async fn read_candidates(&mut self, positions: &[Position]) -> Result<(), HandsOff> {
        let mut batches = self.fetch(positions)?;
        while let Some((batch, answer)) = batches.next().await {
            match answer? {
                Ok(answer) => {
                    for (position, manifest) in self.match_up(&batch, answer) {
                        match manifest {
                            Ok(manifest) => {
                                self.take(position, manifest)
                                    .map_err(|e| self.bad_index(position, &e.to_string()))?;
                            }
                            Err(problem) => {
                                self.inventory.add_problem(position, Evidence::Unreadable, problem)
                            }
                        }
                    }
                }
                Err(error) if error.is_repository_gone() => {
                    return Err(HandsOff::after(&error, RepositoryReason::RepositoryGone));
                }
                Err(error) => {
                    for position in batch {
                        let problem = Problem { code: error.code.clone(), detail: error.to_string() };
                        self.inventory.add_problem(position, Evidence::CallFailed, problem);
                    }
                }
            }
        }
        Ok(())
    }

    /// Fetches the manifests of these images, batch by batch, a few batches at once.
    fn fetch<'s>(
        &self,
        positions: &[Position],
    ) -> Result<impl Stream<Item = (Vec<Position>, Result<Answer, HandsOff>)> + Unpin + Send + 's, HandsOff>
    where
        Self: 's,
    {
        self.check_time()?;
        let (registry, repository, deadline) = (self.registry, self.repository, *self.deadline);
        let batches: Vec<Batch> =
            positions.chunks(MAX_IDS).map(|batch| (batch.to_vec(), self.digests(batch))).collect();
        let read = move |(batch, digests): Batch| async move {
            if deadline.is_near_for_planning() {
                return (batch, Err(HandsOff::out_of_time()));
            }
            let answer = deadline.wait(registry.manifests(repository, &digests)).await;
            (batch, answer.map_err(|_| HandsOff::out_of_time()))
        };
        // A batch whose answer is too large is halved, and its parts are read one after the other.
        let parts = move |batch: Batch| {
            Box::pin(stream::unfold(vec![batch], move |mut parts| async move {
                loop {
                    let part = parts.pop()?;
                    let halves = halves(&part);
                    match read(part).await {
                        (_, Ok(Err(error))) if error.is_answer_too_large() && halves.len() > 1 => {
                            parts.extend(halves);
                        }
                        done => return Some((done, parts)),
                    }
                }
            }))
        };
        Ok(Box::pin(stream::iter(batches).map(parts).flatten_unordered(READS_AT_ONCE)))
    }

    /// Pairs each image with its bytes, checked against its digest, or with the reason why there are none.
    fn match_up(
        &self,
        batch: &[Position],
        answer: BatchAnswer<StoredManifest>,
    ) -> Vec<(Position, Result<StoredManifest, Problem>)> {
        let mut found: HashMap<Digest, StoredManifest> =
            answer.done.into_iter().map(|m| (m.digest, m)).collect();
        let refused: HashMap<Digest, Problem> = answer
            .refused
            .into_iter()
            .map(|r| {
                (
                    r.digest,
                    Problem { detail: format!("BatchGetImage: {}: {}", r.code, r.reason), code: r.code },
                )
            })
            .collect();
        batch
            .iter()
            .map(|position| {
                let digest = self.inventory.image(*position).digest;
                let manifest = match found.remove(&digest) {
                    Some(manifest) => verified(manifest),
                    None => Err(refused.get(&digest).cloned().unwrap_or_else(|| Problem {
                        code: "NoAnswer".into(),
                        detail: "BatchGetImage said nothing of it".into(),
                    })),
                };
                (*position, manifest)
            })
            .collect()
    }

    fn take(&mut self, position: Position, manifest: StoredManifest) -> Result<(), Malformed> {
        self.inventory.add_bytes(position, manifest.bytes.as_bytes())?;
        let may_be_tagged =
            matches!(self.evidence(position), Evidence::Attestation(_) | Evidence::Suspect { .. });
        if self.keeps && may_be_tagged && self.kept_bytes + manifest.bytes.len() <= KEPT_BYTES {
            self.kept_bytes += manifest.bytes.len();
            self.manifests.insert(manifest.digest, manifest);
        }
        Ok(())
    }

    fn digests(&self, positions: &[Position]) -> Vec<Digest> {
        positions.iter().map(|position| self.inventory.image(*position).digest).collect()
    }

    fn bad_index(&self, position: Position, problem: &str) -> HandsOff {
        let digest = self.inventory.image(position).digest;
        HandsOff {
            reason: RepositoryReason::IndexUnreadable,
            detail: format!(
                "{digest} may be an index and cannot be used: {problem}; what it lists is unknown, so nothing here is touched. Restore it if it is archived, or delete it if it is not needed"
            ),
        }
    }

    fn check_time(&self) -> Result<(), HandsOff> {
        if self.deadline.is_near_for_planning() { Err(HandsOff::out_of_time()) } else { Ok(()) }
    }
}

fn halves((batch, digests): &Batch) -> Vec<Batch> {
    let half = batch.len().div_ceil(2);
    let parts = batch.chunks(half).zip(digests.chunks(half));
    parts.map(|(batch, digests)| (batch.to_vec(), digests.to_vec())).collect()
}

/// Bytes that do not hash to the digest they were asked for are never trusted.
pub fn verified(manifest: StoredManifest) -> Result<StoredManifest, Problem> {
    let actual = Digest::of(manifest.bytes.as_bytes());
    if actual == manifest.digest {
        Ok(manifest)
    } else {
        Err(Problem {
            code: "DigestMismatch".into(),
            detail: format!("BatchGetImage gave bytes for it whose sha256 is {actual}"),
        })
    }
}

impl HandsOff {
    /// There was no time left.
    pub fn out_of_time() -> Self {
        let detail = "there was no time left for it; the next run goes on".into();
        Self { reason: RepositoryReason::Deadline, detail }
    }

    /// A call failed, and without its answer nothing in the repository can be touched.
    pub fn after(error: &CallError, otherwise: RepositoryReason) -> Self {
        let (reason, remedy) = if error.is_access_denied() {
            let remedy = format!("; allow ecr:{} on this repository, or exclude it", error.operation);
            (RepositoryReason::AccessDenied, remedy)
        } else if error.is_repository_gone() {
            (RepositoryReason::RepositoryGone, String::new())
        } else {
            (otherwise, String::new())
        };
        Self { reason, detail: format!("{error}{remedy}") }
    }
}

#[cfg(test)]
mod tests;
