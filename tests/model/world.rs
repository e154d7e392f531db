//! A repository as it can be written down in a few lines, and brought to life in an embedded ECR.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use ecr_attestation_janitor::memory::memories::Memories;
use ecr_attestation_janitor::memory::store::folder::Folder;
use ecr_emulator::{Emulator, ImageView, Status};
use serde_json::json;
use tempfile::TempDir;

use crate::manifests;
use crate::policy::Setting;

/// The repository that everything happens in.
pub(crate) const NAME: &str = "team/api";
/// One hour, in milliseconds.
pub(crate) const HOUR: i64 = 3_600_000;

/// The grain of time here, in milliseconds: JSON's floating-point seconds hold an eighth of a second exactly.
pub(crate) const TICK: i64 = 125;

/// A repository, the policy for it, the time, and what its registry is like.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) items: Vec<Item>,
    pub(crate) setting: Setting,
    /// Unix milliseconds.
    pub(crate) now: i64,
    /// Whether BatchGetImage gives what is archived.
    pub(crate) reads_archived: bool,
    /// Whether reading counts as a pull.
    pub(crate) pulls_count: bool,
    /// Whether tags cannot be moved.
    pub(crate) immutable: bool,
    /// Whether a replication rule carries deletions elsewhere.
    pub(crate) replicates: bool,
    /// Whether a source of images in use cannot be read.
    pub(crate) lacks_source: bool,
    /// Whether the listing does not show what images refer to.
    pub(crate) hides_subjects: bool,
    /// How many images a page of the listing has.
    pub(crate) page: usize,
}

/// An image. Numbers are those of earlier ones: nobody can name a digest before there are bytes.
#[derive(Clone)]
pub(crate) struct Item {
    pub(crate) what: What,
    /// What it attests or refers to.
    pub(crate) about: Option<About>,
    /// Of an index: what it lists.
    pub(crate) lists: Vec<(usize, Said)>,
    pub(crate) tags: Vec<TagOf>,
    pub(crate) age: Age,
    /// When it was restored from the archive.
    pub(crate) activated: Option<Age>,
    pub(crate) pulled: Pulled,
    pub(crate) status: Status,
    /// The listing does not give its media types.
    pub(crate) untyped: bool,
    /// BatchGetImage gives other bytes.
    pub(crate) corrupt: bool,
    /// Something runs it by its digest.
    pub(crate) runs: bool,
    /// Somebody deleted it, unless an index held it.
    pub(crate) removed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    It(usize),
    /// Something that was never in this repository.
    Missing,
}

/// What is pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Image,
    DockerImage,
    /// An image without layers.
    Scratch,
    Legacy,
    /// A legacy attestation with two statements.
    LegacyTwo,
    Oci,
    /// In-toto statements of docker/attest: only a parent can prove them.
    Signed,
    /// In-toto statements under an artifact type of their own.
    Statement,
    /// Says that it is an attestation, but its configuration is not the empty one.
    Odd,
    /// A file system layer among the statements.
    Mixed,
    Signature,
    Chart,
    Cache,
    Soci,
    Index,
    List,
}

/// How an index describes a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// As its own tool does.
    Natural,
    Bare,
    Unknown,
    Claimed,
    ClaimedOf(usize),
    ClaimedArtifact,
    Platform,
    HalfPlatform,
    PlatformArtifact,
    SociArtifact,
    ClaimedPlatform,
    Builder,
    ClaimedOther,
}

/// A tag that somebody gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TagOf {
    User(u8),
    /// As the current template makes it.
    Own,
    /// As another template made it.
    Older,
    /// As the current template makes it for another image.
    OwnOf(usize),
    /// With what stands before and behind the digest.
    Cosign(usize, &'static str, &'static str),
}

/// How long ago it was pushed: at an edge of a period ([`TICK`]s off), or far from any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    Old,
    Grace(i64),
    After(i64),
    Now,
    Future,
    Unknown,
}

/// When it was pulled last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pulled {
    Never,
    Lately,
    Edge(i64),
    LongAgo,
}

impl What {
    pub(crate) fn is_index(self) -> bool {
        matches!(self, Self::Index | Self::List)
    }

    pub(crate) fn is_image(self) -> bool {
        matches!(self, Self::Image | Self::DockerImage | Self::Scratch)
    }
}

impl Item {
    /// Old, untagged, active, never pulled.
    pub(crate) fn new(what: What) -> Self {
        Self {
            what,
            about: None,
            lists: Vec::new(),
            tags: Vec::new(),
            age: Age::Old,
            activated: None,
            pulled: Pulled::Never,
            status: Status::Active,
            untyped: false,
            corrupt: false,
            runs: false,
            removed: false,
        }
    }
}

/// All images by digest, without the times of pulls.
pub(crate) type Contents = BTreeMap<String, ImageView>;

/// A world that lives: an embedded ECR with one repository.
pub(crate) struct Stage {
    pub(crate) emulator: Emulator,
    /// The digests of the items.
    pub(crate) digests: Vec<String>,
    /// What the listing is silent about.
    pub(crate) untyped: BTreeSet<String>,
    /// What BatchGetImage gives wrong bytes for.
    pub(crate) corrupt: BTreeSet<String>,
    /// What runs remember, where they do.
    pub(crate) memory: Option<Memory>,
}

/// A place for what runs remember, and everything that was here when one of them began.
pub(crate) struct Memory {
    pub(crate) memories: Memories,
    pub(crate) ever: RefCell<Contents>,
    /// Somebody else writes there, whatever he likes.
    pub(crate) is_forged: bool,
    _folder: TempDir,
}

impl Memory {
    fn new(is_forged: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Folder::new(folder.path()));
        let memories = Memories::new(store, "123456789012", "us-east-1");
        Self { memories, ever: RefCell::default(), is_forged, _folder: folder }
    }
}

impl World {
    /// With the mildest registry.
    pub(crate) fn new(items: Vec<Item>, setting: impl Into<Setting>) -> Self {
        Self {
            items,
            setting: setting.into(),
            now: 1_700_000_000_000,
            reads_archived: false,
            pulls_count: false,
            immutable: false,
            replicates: false,
            lacks_source: false,
            hides_subjects: false,
            page: 1000,
        }
    }

    /// Pushes everything in its order, then lets time and people do the rest.
    pub(crate) fn stage(&self) -> Stage {
        let emulator = Emulator::new();
        emulator.set_clock(Some(self.now));
        emulator.set_pull_time_updates(self.pulls_count);
        emulator.set_referrer_limit(100_000);
        emulator.set_hide_subjects(self.hides_subjects);
        if self.replicates {
            replicate_deletions(&emulator);
        }
        emulator.create_repository(NAME).unwrap();
        let mut stage = Stage {
            emulator,
            digests: Vec::new(),
            untyped: BTreeSet::new(),
            corrupt: BTreeSet::new(),
            memory: None,
        };
        for (number, item) in self.items.iter().enumerate() {
            self.push(&mut stage, number, item);
        }
        for (_, digest) in self.items.iter().zip(&stage.digests).rev().filter(|(item, _)| item.removed) {
            delete(&stage.emulator, digest);
        }
        if self.immutable {
            set_mutability(&stage.emulator, "IMMUTABLE");
        }
        stage
    }

    fn push(&self, stage: &mut Stage, number: usize, item: &Item) {
        let (bytes, media_type) = manifests::write(self, &stage.digests, number);
        manifests::declare_blobs(&stage.emulator, &bytes);
        let digest = stage.emulator.put_image(NAME, &bytes, Some(media_type), None).unwrap();
        for tag in &item.tags {
            let tag = self.tag(*tag, &stage.digests, &digest);
            // Whoever had the tag has lost it.
            let _ = stage.emulator.put_image(NAME, &bytes, Some(media_type), Some(&tag));
        }
        let emulator = &stage.emulator;
        emulator.set_pushed_at(NAME, &digest, self.pushed_at(item.age));
        emulator.set_pulled_at(NAME, &digest, self.pulled_at(item.pulled));
        if item.status != Status::Active {
            emulator.set_status(NAME, &digest, item.status);
        }
        if let Some(at) = item.activated.and_then(|age| self.pushed_at(age)) {
            emulator.set_activated_at(NAME, &digest, Some(at));
        }
        if item.untyped {
            emulator.hide_media_types(NAME, &digest);
            stage.untyped.insert(digest.clone());
        }
        if item.corrupt {
            emulator.corrupt_manifest(NAME, &digest, &format!("{bytes} "));
            stage.corrupt.insert(digest.clone());
        }
        stage.digests.push(digest);
    }

    fn tag(&self, tag: TagOf, digests: &[String], own: &str) -> String {
        let template = self.setting.effective().tag_template;
        let made = |template: &str, digest: &str| {
            let short = &digest["sha256:".len()..][..12];
            template
                .replace("{digest}", short)
                .replace("{platform}", "linux-amd64")
                .replace("{subject}", "none")
        };
        let other = |number: usize| digests.get(number).map_or(own, String::as_str);
        match tag {
            TagOf::User(number) => format!("v{number}"),
            TagOf::Own => made(template, own),
            TagOf::Older => made("older.{platform}.{digest}", own),
            // The platform is as the janitor writes it where it knows none.
            TagOf::OwnOf(number) => made(&template.replace("{platform}", "unknown"), other(number)),
            TagOf::Cosign(number, head, end) => format!("{head}{}{end}", other(number).replace(':', "-")),
        }
    }

    fn pushed_at(&self, age: Age) -> Option<i64> {
        let policy = self.setting.effective();
        let ago = match age {
            Age::Old => 400 * 24 * HOUR,
            Age::Grace(off) => policy.grace_period * HOUR + off * TICK,
            Age::After(off) => policy.superseded_after.max(policy.grace_period) * HOUR + off * TICK,
            Age::Now => 0,
            Age::Future => -HOUR,
            Age::Unknown => return None,
        };
        Some(self.now - ago)
    }

    fn pulled_at(&self, pulled: Pulled) -> Option<i64> {
        let ago = match pulled {
            Pulled::Never => return None,
            Pulled::Lately => HOUR / 2,
            Pulled::Edge(off) => self.setting.effective().keep_pulled_within * HOUR + off * TICK,
            Pulled::LongAgo => 399 * 24 * HOUR,
        };
        Some(self.now - ago)
    }
}

impl Stage {
    /// The same, where runs remember.
    pub(crate) fn remembering(self) -> Self {
        Self { memory: Some(Memory::new(false)), ..self }
    }

    /// The same, where somebody else can write to the memory.
    pub(crate) fn with_forged_memory(self) -> Self {
        Self { memory: Some(Memory::new(true)), ..self }
    }

    pub(crate) fn memories(&self) -> Memories {
        self.memory.as_ref().map_or_else(Memories::none, |memory| memory.memories.clone())
    }

    /// The digests of what runs.
    pub(crate) fn running(&self, world: &World) -> BTreeSet<String> {
        let items = world.items.iter().zip(&self.digests);
        items.filter(|(item, _)| item.runs).map(|(_, digest)| digest.clone()).collect()
    }

    /// What people call an image: the number of its item.
    pub(crate) fn name(&self, digest: &str) -> String {
        match self.digests.iter().position(|known| known == digest) {
            Some(number) => format!("#{number}"),
            None => digest.chars().take(19).collect(),
        }
    }

    /// A text with the numbers of the items in the place of their digests.
    pub(crate) fn named(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (number, digest) in self.digests.iter().enumerate() {
            text = text.replace(digest, &format!("#{number}"));
        }
        text
    }

    /// Everything that is there, without the times of pulls.
    pub(crate) fn contents(&self) -> Contents {
        let images = self.emulator.images(NAME).into_iter();
        images.map(|it| (it.digest.clone(), ImageView { pulled_at_ms: None, ..it })).collect()
    }
}

/// Somebody tries to delete an image.
pub(crate) fn delete(emulator: &Emulator, digest: &str) {
    let request = json!({"repositoryName": NAME, "imageIds": [{"imageDigest": digest}]});
    let _ = emulator.call("BatchDeleteImage", request);
}

/// The registry carries the deletions in the repository to another Region.
fn replicate_deletions(emulator: &Emulator) {
    let account = emulator.home().account;
    let rule = json!({
        "destinations": [{"region": "eu-west-1", "registryId": account}],
        "repositoryFilters": [{"filter": "team/", "filterType": "PREFIX_MATCH"}],
        "deleteReplication": {"enabled": true},
    });
    let request = json!({"replicationConfiguration": {"rules": [rule]}});
    emulator.call("PutReplicationConfiguration", request).unwrap();
}

/// Somebody decides whether tags can move.
pub(crate) fn set_mutability(emulator: &Emulator, setting: &str) {
    let request = json!({"repositoryName": NAME, "imageTagMutability": setting});
    let _ = emulator.call("PutImageTagMutability", request);
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "World, at {}:", self.now)?;
        for (number, item) in self.items.iter().enumerate() {
            writeln!(f, "  #{number} {item:?}")?;
        }
        for (is_so, what) in [
            (self.reads_archived, "archived images can be read"),
            (self.pulls_count, "reading counts as a pull"),
            (self.immutable, "tags are immutable"),
            (self.replicates, "deletions are replicated"),
            (self.lacks_source, "a source of images in use cannot be read"),
            (self.hides_subjects, "the listing shows no subjects"),
        ] {
            if is_so {
                writeln!(f, "  {what}")?;
            }
        }
        writeln!(f, "  pages of {}", self.page)?;
        write!(f, "{}", self.setting.toml(NAME))
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.what)?;
        match self.about {
            Some(About::It(number)) => write!(f, " about #{number}")?,
            Some(About::Missing) => write!(f, " about something missing")?,
            None => {}
        }
        let listed = |(number, said): &(usize, Said)| match said {
            Said::Natural => format!("#{number}"),
            Said::ClaimedOf(of) => format!("#{number} as attestation of #{of}"),
            said => format!("#{number} as {said:?}"),
        };
        if self.what.is_index() {
            write!(f, " of [{}]", self.lists.iter().map(listed).collect::<Vec<_>>().join(", "))?;
        }
        for tag in &self.tags {
            write!(f, ", tag {tag:?}")?;
        }
        for (is_said, text) in [
            (self.age != Age::Old, format!("age {:?}", self.age)),
            (self.activated.is_some(), format!("activated {:?}", self.activated)),
            (self.pulled != Pulled::Never, format!("pulled {:?}", self.pulled)),
            (self.status != Status::Active, format!("{:?}", self.status)),
            (self.untyped, "untyped".into()),
            (self.corrupt, "corrupt".into()),
            (self.runs, "runs".into()),
            (self.removed, "removed".into()),
        ] {
            if is_said {
                write!(f, ", {text}")?;
            }
        }
        Ok(())
    }
}
