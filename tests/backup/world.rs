//! A registry, a folder for backups, and what the janitor's executor would do with both.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ecr::config::{Credentials, SharedCredentialsProvider};
use ecr_attestation_janitor::memory::backup::{Archive, BackupRun, Backups};
use ecr_attestation_janitor::memory::repository::RepositoryId;
use ecr_attestation_janitor::memory::restore::{RestoreOutcome, RestoredImage, Wanted, plan_restore};
use ecr_attestation_janitor::memory::store::folder::Folder;
use ecr_attestation_janitor::memory::{BackUpImages as _, BackupImage};
use ecr_attestation_janitor::oci::attestation::{Kind, classify};
use ecr_attestation_janitor::oci::digest::Digest;
use ecr_attestation_janitor::oci::manifest::Manifest;
use ecr_attestation_janitor::registry::StoredManifest;
use ecr_attestation_janitor::registry::ecr::Ecr;
use ecr_emulator::{Emulator, Server, UnreferencedLayers};
use serde_json::json;
use tempfile::TempDir;

pub(crate) const RUN: &str = "20261126T153638Z-0a1b2c";
pub(crate) const REPOSITORY: &str = "team/api";

pub(crate) struct World {
    pub(crate) emulator: Emulator,
    pub(crate) ecr: Ecr,
    pub(crate) place: TempDir,
    _server: Server,
}

/// Manifest bytes and media types by digest.
pub(crate) type Contents = BTreeMap<String, (String, String)>;

impl World {
    pub(crate) async fn new() -> Self {
        let emulator = Emulator::new();
        emulator.create_repository(REPOSITORY).unwrap();
        // Blobs go with the last manifest that needs them.
        emulator.set_unreferenced_layers(UnreferencedLayers::Dropped);
        let server = emulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
        let credentials = Credentials::new("x", "x", None, None, "test");
        let shared = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(server.url())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let ecr = Ecr::new(&shared).unwrap();
        Self { emulator, ecr, place: tempfile::tempdir().unwrap(), _server: server }
    }

    pub(crate) fn id(&self) -> RepositoryId {
        let Self { ecr, .. } = self;
        let region = ecr.region().to_owned();
        RepositoryId { registry: "123456789012".into(), region, name: REPOSITORY.into() }
    }

    pub(crate) fn archive(&self) -> Archive {
        Archive::new(Arc::new(Folder::new(self.place.path())))
    }

    pub(crate) fn backups(&self, run_id: &str) -> Backups<Ecr> {
        let RepositoryId { registry, region, .. } = self.id();
        let run = BackupRun { run_id: run_id.into(), registry, region };
        Backups::new(Arc::new(Folder::new(self.place.path())), self.ecr.clone(), run, 16)
    }

    pub(crate) fn contents(&self) -> Contents {
        let images = self.emulator.images(REPOSITORY).into_iter();
        images.map(|image| (image.digest, (image.manifest, image.media_type))).collect()
    }

    /// Stores images as a run does, right before it deletes them.
    pub(crate) async fn back_up(&self, digests: &[String]) -> BTreeMap<Digest, String> {
        self.back_up_in(&self.backups(RUN), digests).await
    }

    pub(crate) async fn back_up_in(
        &self,
        backups: &Backups<Ecr>,
        digests: &[String],
    ) -> BTreeMap<Digest, String> {
        let stored = |digest: &String| {
            let image = self.emulator.image(REPOSITORY, digest).unwrap();
            let digest = image.digest.parse().unwrap();
            let media_type = Some(image.media_type);
            (StoredManifest { digest, bytes: image.manifest, media_type }, image.tags)
        };
        let stored: Vec<_> = digests.iter().map(stored).collect();
        let image = |(manifest, tags): &'_ (StoredManifest, Vec<String>)| (manifest.clone(), tags.clone());
        let owned: Vec<_> = stored.iter().map(image).collect();
        let images: Vec<BackupImage<'_>> = owned
            .iter()
            .map(|(manifest, tags)| BackupImage {
                manifest,
                kind: kind(&manifest.bytes),
                tags,
                pushed_at: None,
                loses_images: false,
            })
            .collect();
        backups.back_up(REPOSITORY, &images).await
    }

    pub(crate) fn delete(&self, digests: &[String]) {
        let ids: Vec<_> = digests.iter().map(|digest| json!({"imageDigest": digest})).collect();
        let request = json!({"repositoryName": REPOSITORY, "imageIds": ids});
        let answer = self.emulator.call("BatchDeleteImage", request).unwrap();
        assert_eq!(answer["failures"], json!([]));
    }

    pub(crate) async fn restore(&self, digests: &[&String], with_tags: bool) -> Vec<RestoredImage> {
        let wanted = digests.iter().map(|digest| digest.parse().unwrap()).collect::<BTreeSet<Digest>>();
        self.restore_wanted(Wanted::Images(wanted), with_tags).await
    }

    pub(crate) async fn restore_wanted(&self, wanted: Wanted, with_tags: bool) -> Vec<RestoredImage> {
        let archive = self.archive();
        let plan = plan_restore(&archive, &self.ecr, &self.id(), &wanted).await.unwrap();
        assert!(plan.damaged.is_empty());
        plan.execute(&archive, &self.ecr, with_tags, async || {}).await
    }
}

pub(crate) fn kind(manifest: &str) -> Kind {
    classify(&Manifest::parse(manifest.as_bytes()).unwrap()).kind
}

/// How many images came out in each way.
pub(crate) fn outcomes(images: &[RestoredImage]) -> BTreeMap<RestoreOutcome, usize> {
    let mut outcomes = BTreeMap::new();
    images.iter().for_each(|image| *outcomes.entry(image.outcome).or_default() += 1);
    outcomes
}
