//! The part without any reading: how long the rules take over one large repository.

use std::time::{Duration, Instant};

use ecr_attestation_janitor::config::policy::Policy;
use ecr_attestation_janitor::inventory::{Evidence, Image, ImageIndex, ImageStatus, Inventory};
use ecr_attestation_janitor::oci::attestation::listed_type;
use ecr_attestation_janitor::oci::digest::Digest;
use ecr_attestation_janitor::oci::manifest::Manifest;
use ecr_attestation_janitor::oci::media_type::{Shape, shape};
use ecr_attestation_janitor::rules::judge;
use ecr_emulator::ImageView;
use jiff::Timestamp;
use serde::Serialize;

use crate::Result;
use crate::world::{self, Workflow};

/// Microseconds an image of the repository, the best of a few rounds.
#[derive(Debug, Serialize)]
pub(crate) struct Pure {
    pub(crate) images: usize,
    /// Sorting the listing.
    pub(crate) listing_us: f64,
    /// Hashing and parsing what is read: the indexes and the candidates.
    pub(crate) bytes_us: f64,
    /// Sorting the edges.
    pub(crate) link_us: f64,
    /// The rules.
    pub(crate) judge_us: f64,
}

const ROUNDS: usize = 5;

/// Measures over one repository of so many images.
pub(crate) fn measure(images: usize) -> Result<Pure> {
    let emulator = world::registry(1, images, Workflow::Matrix)?;
    let views = emulator.images(&world::name(0));
    drop(emulator);
    let listing = views.iter().map(listed).collect::<Result<Vec<Image>>>()?;
    let (policy, now) = (Policy::default(), Timestamp::now());
    let mut best = [Duration::MAX; 4];
    for _ in 0..ROUNDS {
        let listing = listing.clone();
        let (mut inventory, to_list) = timed(|| Inventory::new(listing));
        let (read, to_read) = timed(|| read(&mut inventory, &views, |image| image.shape == Shape::Index));
        read?;
        let ((), to_link) = timed(|| inventory.link());
        let verdicts = judge(&inventory, &policy, now);
        let wanted = |position: ImageIndex| verdicts[position].wants_read(inventory.image(position).evidence);
        let unread: Vec<bool> = inventory.positions().map(wanted).collect();
        let (read, to_read_more) = timed(|| read_all(&mut inventory, &views, &unread));
        read?;
        inventory.link();
        let (_, to_judge) = timed(|| judge(&inventory, &policy, now));
        let times = [to_list, to_read + to_read_more, to_link, to_judge];
        best = std::array::from_fn(|at| best[at].min(times[at]));
    }
    let [listing_us, bytes_us, link_us, judge_us] = best.map(|time| time.as_secs_f64() * 1e6 / images as f64);
    Ok(Pure { images, listing_us, bytes_us, link_us, judge_us })
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let result = work();
    (result, started.elapsed())
}

/// Takes in the bytes of the images that are wanted. The views are in the order of the digests, as positions are.
fn read(inventory: &mut Inventory, views: &[ImageView], wanted: impl Fn(&Image) -> bool) -> Result<()> {
    let wanted: Vec<bool> = inventory.images().iter().map(wanted).collect();
    read_all(inventory, views, &wanted)
}

fn read_all(inventory: &mut Inventory, views: &[ImageView], wanted: &[bool]) -> Result<()> {
    for ((position, view), _) in inventory.positions().zip(views).zip(wanted).filter(|(_, wanted)| **wanted) {
        let bytes = view.manifest.as_bytes();
        if Digest::of(bytes) != inventory.image(position).digest {
            return Err(format!("{} has other bytes", view.digest).into());
        }
        inventory.add_bytes(position, bytes)?;
    }
    Ok(())
}

/// An image as the listing shows it.
fn listed(view: &ImageView) -> Result<Image> {
    let manifest = Manifest::parse(view.manifest.as_bytes())?;
    let config = manifest.config.as_ref().and_then(|config| config.media_type.as_deref());
    let subject = manifest.subject_digest();
    Ok(Image {
        digest: view.digest.parse()?,
        pushed_at: view.pushed_at_ms.map(Timestamp::from_millisecond).transpose()?,
        activated_at: None,
        pulled_at: None,
        untagged_at: None,
        size_bytes: view.manifest.len() as u64,
        tags: view.tags.iter().map(|tag| tag.as_str().into()).collect(),
        status: ImageStatus::Active,
        shape: shape(Some(&view.media_type)),
        listed_type: listed_type(manifest.artifact_type.as_deref().or(config), subject.is_some()),
        subject,
        evidence: Evidence::Unread,
    })
}
