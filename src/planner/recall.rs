//! Recalls what earlier runs learned of a repository, and remembers what this run learns.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{RunRequest, Skipped, sources};
use crate::config::Config;
use crate::config::policy::Policy;
use crate::inventory::{Evidence, ImageIndex, Inventory, PerImage};
use crate::memory::memories::{MemoryWarning, Remembered};
use crate::memory::repository::{KnownPipeline, ManifestFact, Reads, RepositoryMemory, Sight};
use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::oci::media_type::Shape;
use crate::report::RepositoryReason;
use crate::rules::tags::has_user_tag;
use crate::rules::verdict::Verdict;

/// The memory of a repository during a run.
#[derive(Debug)]
pub struct Recall {
    remembered: Remembered,
    is_on: bool,
    /// The largest loss of tags that does not stop the repository.
    max_tag_loss: f64,
    /// Whether somebody accepted a larger one.
    accepts_tag_loss: bool,
    /// The larger loss that was accepted.
    pub accepted_loss: Option<String>,
    /// Whether this run can act: then its tags are the baseline of `max_tag_loss`.
    acts: bool,
    pub(super) now: Timestamp,
    sights: Vec<Sight>,
    reads: Reads,
    facts: HashMap<Digest, ManifestFact>,
}

impl Recall {
    /// Loads the memory of a repository. What is wrong with it is a warning, never a failure.
    pub async fn load(request: &RunRequest, config: &Config, repository: &str) -> Self {
        let mut remembered = request.memories.load(repository).await;
        if let Some(ahead) = remembered.memory.ahead_of(request.now) {
            remembered.warning.get_or_insert(MemoryWarning {
                repository: repository.to_owned(),
                detail: format!(
                    "a run wrote it at {ahead:.0}, which is later than now: a clock is or was wrong, and what is superseded waits until then; correct the clock, or remove this memory"
                ),
            });
        }
        let accepted = request.accept_tag_loss.iter().any(|name| name == repository);
        Self {
            remembered,
            is_on: request.memories.is_on(),
            max_tag_loss: config.limits.max_tag_loss,
            accepts_tag_loss: accepted,
            accepted_loss: None,
            acts: request.acts,
            now: request.now,
            sights: Vec::new(),
            reads: Reads::default(),
            facts: HashMap::new(),
        }
    }

    /// Whether anything is remembered from run to run.
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// Adds to a listing what earlier runs learned: bytes of indexes, lost tags, pulls that were the janitor's own.
    pub fn begin(&mut self, inventory: &mut Inventory, policy: &Policy) -> Result<(), Skipped> {
        if !self.is_on {
            return Ok(());
        }
        self.sights = inventory.positions().map(|index| sight(inventory, policy, index)).collect();
        self.remembered.memory.conclude_deletion(&self.sights, self.now);
        self.check_tag_loss(policy)?;
        let memory = &self.remembered.memory;
        for (index, sight) in inventory.positions().zip(&self.sights) {
            let recalled = memory.recall(sight, self.now);
            inventory.recall(index, recalled.pulled_at, recalled.untagged_at);
            if recalled.left_behind.is_some_and(|left| left.as_platform_image) {
                inventory.recollection.stranded.insert(sight.digest);
            }
            self.facts.extend(recalled.fact.map(|fact| (sight.digest, fact)));
        }
        for (digest, bytes) in memory.index_bytes() {
            let Some(index) = inventory.position(digest) else { continue };
            if matches!(inventory.image(index).shape, Shape::Index | Shape::Unknown) {
                // Bytes that are no index after all leave the image unread.
                let _ = inventory.add_bytes(index, &bytes);
            }
        }
        Ok(())
    }

    fn check_tag_loss(&mut self, policy: &Policy) -> Result<(), Skipped> {
        let memory = &self.remembered.memory;
        let loss = memory.tag_loss(&self.sights, policy.superseded_after, self.now);
        if !loss.exceeds(self.max_tag_loss) {
            return Ok(());
        }
        let detail = format!(
            "{} of the {} images that had tags have lost all of them since the last run, more than max_tag_loss allows: nothing is written here. Look at what removed the tags; if it was meant, accept the loss with `--accept-tag-loss {}`",
            loss.lost,
            loss.tagged_before,
            memory.id().name
        );
        if self.accepts_tag_loss {
            self.accepted_loss = Some(detail);
            return Ok(());
        }
        Err(Skipped { reason: RepositoryReason::TagsVanished, detail })
    }

    /// What the bytes of a manifest proved in an earlier run.
    pub(super) fn fact(&self, digest: Digest) -> Option<ManifestFact> {
        self.facts.get(&digest).copied()
    }

    /// Takes note of bytes that were read and added to the inventory.
    pub fn note_read(&mut self, inventory: &Inventory, index: ImageIndex, bytes: &[u8]) {
        let image = inventory.image(index);
        match image.evidence {
            _ if !self.is_on => {}
            Evidence::Read(classified) if classified.kind == Kind::Index => {
                self.reads.add_index(image.digest, bytes);
            }
            Evidence::Read(classified) | Evidence::Seen(classified) => {
                self.reads.add_manifest(image.digest, ManifestFact { classified, subject: image.subject });
            }
            _ => {}
        }
    }

    /// Takes note of bytes that people asked for, after the rules had all that they wanted.
    pub fn note_read_by_hand(&mut self, inventory: &mut Inventory, index: ImageIndex, bytes: &[u8]) {
        if inventory.image(index).evidence.is_unread() && !inventory.is_index(index) {
            // Bytes that make no sense are told by whoever asked for them.
            let _ = inventory.add_bytes(index, bytes);
            inventory.link();
        }
        self.note_read(inventory, index, bytes);
    }

    /// The subjects that are not here any more, and were.
    pub(super) fn note_departed(&self, inventory: &mut Inventory) {
        let subjects = inventory.images().iter().filter_map(|image| image.subject);
        let missing = subjects.filter(|subject| inventory.position(*subject).is_none());
        let departed = missing.filter(|subject| self.remembered.memory.was_here(*subject)).collect();
        inventory.recollection.departed = departed;
    }

    /// The memory, as it is so far.
    pub fn memory(&self) -> &RepositoryMemory {
        &self.remembered.memory
    }

    /// Takes note of what has arrived, for people who want to know whether a change helped.
    pub fn note_arrivals(&mut self, inventory: &Inventory, verdicts: &PerImage<Verdict>) {
        if self.is_on {
            self.remembered.memory.note_arrivals(&sources::arrivals(inventory, verdicts));
        }
    }

    /// Takes note of the pipeline that made an attestation. Without a place for memories it is known to this run alone.
    pub fn learn_source(&mut self, attestation: Digest, known: &KnownPipeline) {
        self.remembered.memory.learn_source(attestation, known, self.now);
    }

    /// Saves what this run learned, as far as it saw the repository. The warning, if there is one, is for the run.
    pub async fn save(mut self, request: &RunRequest, inventory: Option<&Inventory>) -> Option<String> {
        let warning = self.remembered.warning.take();
        for sight in &mut self.sights {
            let known = inventory.and_then(|it| Some(it.image(it.position(sight.digest)?).subject));
            sight.subject = known.flatten().or(sight.subject);
        }
        if !self.sights.is_empty() {
            self.remembered.memory.observe(&self.sights, self.reads, self.now);
            if self.acts && inventory.is_some() {
                self.remembered.memory.accept_tags(&self.sights);
            }
        }
        let warning = request.memories.save(self.remembered).await.or(warning);
        warning.map(|warning| warning.to_string())
    }
}

fn sight(inventory: &Inventory, policy: &Policy, index: ImageIndex) -> Sight {
    let image = inventory.image(index);
    Sight {
        digest: image.digest,
        pushed_at: image.pushed_at,
        pulled_at: image.pulled_at,
        has_user_tag: has_user_tag(inventory, policy, index),
        subject: image.subject,
    }
}
