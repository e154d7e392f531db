//! Carrying out a restore: blobs, then manifests, level by level.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _};

use super::{RestoreOutcome, RestorePlan, RestoredImage};
use crate::memory::backup::{Archive, Archived, Contents, EMPTY};
use crate::memory::store::Key;
use crate::oci::digest::Digest;
use crate::registry::restore::{MAX_LAYERS, ManifestPut, RestoreImages};
use crate::registry::{CallError, CallErrorKind, ReadRepository, StoredManifest, TagImages, TagWritten};

/// Images that are written at once. PutImage has a rate of its own.
const WRITES_AT_ONCE: usize = 8;
/// Uploads of one blob, each from its beginning.
const UPLOADS: u32 = 3;

impl RestorePlan {
    /// Puts the images back, with their former tags if that is wanted and no other image has them. Waits for its turn
    /// before each PutImage.
    pub async fn execute<R: ReadRepository + RestoreImages + TagImages>(
        mut self,
        archive: &Archive,
        registry: &R,
        with_tags: bool,
        turn: impl AsyncFn(),
    ) -> Vec<RestoredImage> {
        let levels = std::mem::take(&mut self.levels);
        for level in levels {
            for (key, digests) in self.by_object(level) {
                let work = Work { plan: &self, archive, registry, turn: &turn };
                let done = work.restore(&key, &digests).await;
                let there = done.iter().filter(|image| image.outcome.is_there()).map(|image| image.digest);
                self.there.extend(there);
                self.settled.extend(done);
            }
        }
        if with_tags {
            self.write_tags(registry, &turn).await;
        }
        self.settled.sort_by_key(|image| image.digest);
        self.settled
    }

    fn by_object(&self, level: Vec<Digest>) -> BTreeMap<Key, Vec<Digest>> {
        let mut objects: BTreeMap<Key, Vec<Digest>> = BTreeMap::new();
        for digest in level {
            objects.entry(self.images[&digest].key.clone()).or_default().push(digest);
        }
        objects
    }

    async fn write_tags<R: ReadRepository + RestoreImages + TagImages>(
        &mut self,
        registry: &R,
        turn: &impl AsyncFn(),
    ) {
        let mut settled = std::mem::take(&mut self.settled);
        for image in settled.iter_mut().filter(|image| image.outcome.is_there()) {
            if let Err(error) = self.write_tags_of(image, registry, turn).await {
                let detail = format!("it is there, but not all of its tags: {}", error.with_remedy());
                (image.outcome, image.detail) = (RestoreOutcome::Failed, Some(detail));
            }
        }
        self.settled = settled;
    }

    /// Writes the tags that no image has. In a repository of mutable tags, PutImage would move one without a word.
    async fn write_tags_of<R: ReadRepository + TagImages>(
        &self,
        image: &mut RestoredImage,
        registry: &R,
        turn: &impl AsyncFn(),
    ) -> Result<(), CallError> {
        let Some(archived) = self.images.get(&image.digest).filter(|it| !it.image.tags.is_empty()) else {
            return Ok(());
        };
        let name = &self.repository.name;
        let holders = registry.tag_holders(name, &archived.image.tags).await?;
        let mut manifests = registry.manifests(name, vec![image.digest]);
        let manifest = match manifests.next().await.map(|part| part.response) {
            Some(Ok(response)) => response.done.into_iter().find(|it| it.digest == image.digest),
            Some(Err(error)) => return Err(error),
            None => None,
        };
        for tag in &archived.image.tags {
            let is_own = holders.get(tag) == Some(&Some(image.digest));
            let is_free = holders.get(tag) == Some(&None);
            let written = match &manifest {
                Some(manifest) if is_free => {
                    turn().await;
                    registry.put_tag(name, manifest, tag).await? == TagWritten::Done
                }
                _ => false,
            };
            if is_own || written { image.tags.push(tag.clone()) } else { image.tags_in_use.push(tag.clone()) }
        }
        Ok(())
    }
}

/// Restoring images of one object of the backup.
struct Work<'a, R, T> {
    plan: &'a RestorePlan,
    archive: &'a Archive,
    registry: &'a R,
    turn: &'a T,
}

/// Why an image was not restored.
enum Failure {
    Impossible(String),
    Call(CallError),
    Other(String),
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let never =
            ["LimitExceededException", "LayersNotFoundException", "ReferencedImagesNotFoundException"];
        if never.contains(&error.code.as_str()) {
            Self::Impossible(error.to_string())
        } else if error.kind == CallErrorKind::RepositoryNotFound {
            Self::Impossible("its repository no longer exists; create it first".to_owned())
        } else {
            Self::Call(error)
        }
    }
}

impl<R: RestoreImages, T: AsyncFn()> Work<'_, R, T> {
    async fn restore(&self, key: &Key, digests: &[Digest]) -> Vec<RestoredImage> {
        let contents = match self.archive.contents(key).await {
            Ok(contents) => contents,
            Err(error) => return self.settle_all(digests, |_| Err(Failure::Other(error.to_string()))),
        };
        let missing = match self.missing_blobs(digests).await {
            Ok(missing) => missing,
            Err(error) => return self.settle_all(digests, |_| Err(Failure::from(error.clone()))),
        };
        let (contents, missing) = (&contents, &missing);
        let put =
            |digest: Digest| async move { self.settle(digest, self.put(digest, contents, missing).await) };
        stream::iter(digests.iter().copied()).map(put).buffer_unordered(WRITES_AT_ONCE).collect().await
    }

    /// The blobs of these images that the repository does not have.
    async fn missing_blobs(&self, digests: &[Digest]) -> Result<BTreeSet<Digest>, CallError> {
        let blobs: BTreeSet<Digest> =
            digests.iter().flat_map(|it| &self.archived(*it).needs.blobs).copied().collect();
        let blobs: Vec<Digest> = blobs.into_iter().collect();
        let mut missing = BTreeSet::new();
        for batch in blobs.chunks(MAX_LAYERS) {
            missing.extend(self.registry.missing_blobs(&self.plan.repository.name, batch).await?);
        }
        Ok(missing)
    }

    async fn put(
        &self,
        digest: Digest,
        contents: &Contents,
        missing: &BTreeSet<Digest>,
    ) -> Result<ManifestPut, Failure> {
        let archived = self.archived(digest);
        if let Some(child) = archived.needs.children.iter().find(|child| !self.plan.there.contains(child)) {
            let failed = |it: &&RestoredImage| it.digest == *child && it.outcome == RestoreOutcome::Failed;
            return Err(match self.plan.settled.iter().find(failed) {
                Some(_) => Failure::Other(format!(
                    "it lists {child}, which could not be restored; run restore again"
                )),
                None => {
                    Failure::Impossible(format!("it lists {child}, which is gone and cannot be restored"))
                }
            });
        }
        let bytes = contents.get(digest).and_then(|bytes| String::from_utf8(bytes).ok());
        let bytes =
            bytes.ok_or_else(|| Failure::Impossible("its bytes in the backup are damaged".to_owned()))?;
        let mut uploads = Vec::new();
        for blob in archived.needs.blobs.iter().filter(|blob| missing.contains(blob)) {
            uploads.push((*blob, self.blob(*blob, contents).await?));
        }
        for (blob, bytes) in uploads {
            self.upload(blob, &bytes).await?;
        }
        (self.turn)().await;
        let manifest = StoredManifest { digest, bytes, media_type: archived.image.media_type.clone() };
        Ok(self.registry.put_manifest(&self.plan.repository.name, &manifest).await?)
    }

    /// The bytes of a blob that the repository does not have any more.
    async fn blob(&self, digest: Digest, contents: &Contents) -> Result<Vec<u8>, Failure> {
        if digest == Digest::of(EMPTY) {
            return Ok(EMPTY.to_vec());
        }
        if let Some(bytes) = contents.get(digest) {
            return Ok(bytes);
        }
        let elsewhere = match contents.elsewhere(digest) {
            Some(key) => self
                .archive
                .contents(&key)
                .await
                .map_err(|error| Failure::Other(error.to_string()))?
                .get(digest),
            None => None,
        };
        elsewhere.ok_or_else(|| {
            let detail = format!("neither the registry nor the backup has its blob {digest} any more");
            Failure::Impossible(detail)
        })
    }

    /// An upload that broke off cannot be continued: it begins anew.
    async fn upload(&self, digest: Digest, bytes: &[u8]) -> Result<(), CallError> {
        let name = &self.plan.repository.name;
        for _ in 1..UPLOADS {
            match self.registry.upload_blob(name, digest, bytes).await {
                Err(error)
                    if error.is_transient()
                        || error.code.contains("Upload")
                        || error.code.contains("LayerPart") => {}
                done => return done,
            }
        }
        self.registry.upload_blob(name, digest, bytes).await
    }

    fn archived(&self, digest: Digest) -> &Archived {
        &self.plan.images[&digest]
    }

    fn settle_all(
        &self,
        digests: &[Digest],
        result: impl Fn(Digest) -> Result<ManifestPut, Failure>,
    ) -> Vec<RestoredImage> {
        digests.iter().map(|digest| self.settle(*digest, result(*digest))).collect()
    }

    fn settle(&self, digest: Digest, result: Result<ManifestPut, Failure>) -> RestoredImage {
        let (outcome, detail) = match result {
            Ok(ManifestPut::Stored) => (RestoreOutcome::Restored, None),
            Ok(ManifestPut::Existed) => (RestoreOutcome::AlreadyThere, None),
            Err(Failure::Impossible(why)) => (RestoreOutcome::Impossible, Some(why)),
            Err(Failure::Call(error)) => (RestoreOutcome::Failed, Some(error.with_remedy())),
            Err(Failure::Other(why)) => (RestoreOutcome::Failed, Some(why)),
        };
        RestoredImage::new(digest, Some(self.archived(digest).image.kind), outcome, detail)
    }
}
