//! Reads a repository: the listing, the indexes, then whatever the rules need before their verdicts can stand.

use std::collections::HashMap;

use futures::TryStreamExt as _;
use futures::stream::{self, BoxStream, StreamExt as _};
use jiff::Timestamp;

use super::Skipped;
use crate::config::policy::Policy;
use crate::inventory::{Evidence, ImageIndex, Inventory, PerImage, Problem};
use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::oci::manifest::Malformed;
use crate::oci::media_type::Shape;
use crate::registry::{
    BatchResponse, CallError, CallErrorKind, MAX_IDS, ManifestPart, ReadRepository, Refusal, StoredManifest,
    presence,
};
use crate::report::RepositoryReason;
use crate::rules::judge;
use crate::rules::verdict::Verdict;
use crate::util::deadline::{Deadline, DeadlineExceeded};

/// Calls in flight within one repository, while reading.
const READS_AT_ONCE: usize = 4;
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
}

/// Reads one repository and judges it.
pub async fn collect(
    registry: &impl ReadRepository,
    repository: &str,
    policy: &Policy,
    now: Timestamp,
    deadline: &Deadline,
) -> Result<Collected, Skipped> {
    let mut reader = Collector {
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
        let unread: Vec<ImageIndex> =
            reader.inventory.positions().filter(|p| verdicts[*p].wants_read(reader.evidence(*p))).collect();
        if unread.is_empty() {
            return Ok(Collected { inventory: reader.inventory, verdicts, manifests: reader.manifests });
        }
        reader.read_candidates(&unread).await?;
    }
}

struct Collector<'a, R> {
    registry: &'a R,
    repository: &'a str,
    deadline: &'a Deadline,
    keeps: bool,
    inventory: Inventory,
    manifests: HashMap<Digest, StoredManifest>,
    kept_bytes: usize,
}

impl<R: ReadRepository> Collector<'_, R> {
    fn evidence(&self, position: ImageIndex) -> Evidence {
        self.inventory.image(position).evidence
    }

    /// Lists the repository in one stream: two streams by tag status could both miss an index that loses its tag in
    /// between, and then its children would look orphaned.
    async fn list(&mut self) -> Result<(), Skipped> {
        let mut images = Vec::new();
        let mut pages = self.registry.images(self.repository);
        loop {
            self.check_time()?;
            let page = self.deadline.call(pages.try_next()).await;
            match page.map_err(|error| Skipped::after(&error, RepositoryReason::ListingIncomplete))? {
                Some(page) => images.extend(page),
                None => break,
            }
        }
        images.shrink_to_fit();
        self.inventory = Inventory::new(images);
        Ok(())
    }

    /// Every index, and whatever might be one.
    async fn read_indexes(&mut self) -> Result<(), Skipped> {
        let might_be =
            |p: &ImageIndex| matches!(self.inventory.image(*p).shape, Shape::Index | Shape::Unknown);
        let indexes: Vec<ImageIndex> = self.inventory.positions().filter(might_be).collect();
        let mut vanished = Vec::new();
        let mut parts = self.fetch(&indexes);
        while let Some(ManifestPart { digests, response }) = parts.next().await {
            let response =
                response.map_err(|error| Skipped::after(&error, RepositoryReason::IndexUnreadable))?;
            for (position, manifest) in self.match_up(&digests, response) {
                match manifest {
                    Ok(manifest) => {
                        self.take(position, manifest).map_err(|e| self.bad_index(position, &e.to_string()))?
                    }
                    Err(problem) if *problem.code == *"ImageNotFound" => vanished.push(position),
                    Err(problem) => return Err(self.bad_index(position, &problem.detail)),
                }
            }
        }
        drop(parts);
        self.check_vanished(&vanished).await
    }

    /// An index that was listed and cannot be found any more is no parent; one that is still listed is unreadable.
    async fn check_vanished(&mut self, vanished: &[ImageIndex]) -> Result<(), Skipped> {
        for batch in vanished.chunks(MAX_IDS) {
            let digests = self.digests(batch);
            let call = presence::look(self.registry, self.repository, &digests);
            let presence = self.deadline.call(call).await;
            let presence =
                presence.map_err(|error| Skipped::after(&error, RepositoryReason::IndexUnreadable))?;
            let is_left = |p: &&ImageIndex| !presence.gone.contains(&self.inventory.image(**p).digest);
            if let Some(position) = batch.iter().find(is_left) {
                let problem =
                    "BatchGetImage does not find it, but DescribeImages does not say that it is gone";
                return Err(self.bad_index(*position, problem));
            }
            for position in batch {
                let problem = Problem::new("ImageNotFound", "it was deleted meanwhile");
                self.inventory.add_problem(*position, Evidence::Gone, problem);
            }
        }
        Ok(())
    }

    async fn read_candidates(&mut self, candidates: &[ImageIndex]) -> Result<(), Skipped> {
        let mut parts = self.fetch(candidates);
        while let Some(ManifestPart { digests, response }) = parts.next().await {
            match response {
                Ok(response) => {
                    for (index, manifest) in self.match_up(&digests, response) {
                        match manifest {
                            Ok(manifest) => self
                                .take(index, manifest)
                                .map_err(|malformed| self.bad_index(index, &malformed.to_string()))?,
                            Err(problem) => self.inventory.add_problem(index, Evidence::Unreadable, problem),
                        }
                    }
                }
                Err(error)
                    if matches!(
                        error.kind,
                        CallErrorKind::RepositoryNotFound | CallErrorKind::DeadlineExceeded
                    ) =>
                {
                    return Err(Skipped::after(&error, RepositoryReason::RepositoryGone));
                }
                Err(error) => {
                    let problem = Problem::new(error.code.clone(), error.to_string());
                    for digest in digests {
                        let Some(index) = self.inventory.position(digest) else { continue };
                        self.inventory.add_problem(index, Evidence::CallFailed, problem.clone());
                    }
                }
            }
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

    fn take(&mut self, position: ImageIndex, manifest: StoredManifest) -> Result<(), Malformed> {
        self.inventory.add_bytes(position, manifest.bytes.as_bytes())?;
        let may_be_tagged = matches!(self.evidence(position).kind(), Some(Kind::Attestation | Kind::Suspect));
        if self.keeps && may_be_tagged && self.kept_bytes + manifest.bytes.len() <= KEPT_BYTES {
            self.kept_bytes += manifest.bytes.len();
            self.manifests.insert(manifest.digest, manifest);
        }
        Ok(())
    }

    fn digests(&self, positions: &[ImageIndex]) -> Vec<Digest> {
        positions.iter().map(|position| self.inventory.image(*position).digest).collect()
    }

    fn bad_index(&self, position: ImageIndex, problem: &str) -> Skipped {
        let digest = self.inventory.image(position).digest;
        Skipped {
            reason: RepositoryReason::IndexUnreadable,
            detail: format!(
                "{digest} may be an index and cannot be used: {problem}; what it lists is unknown, so nothing here is touched. Restore it if it is archived, or delete it if it is not needed"
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
