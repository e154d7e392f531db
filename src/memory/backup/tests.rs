//! Backups in a place that fails, of blobs that fail.

use std::sync::Mutex;

use jiff::SignedDuration;

use super::*;
use crate::memory::store::Operation::{Get, List, Put};
use crate::memory::store::StoreErrorKind;
use crate::memory::store::fake::{FakeStore, Fault};
use crate::oci::attestation::Kind;
use crate::registry::{CallError, CallErrorKind, StoredManifest};

const RUN: &str = "20261126T153638Z-0a1b2c";

/// Blobs whose bytes are known by their digest.
#[derive(Debug, Default, Clone)]
struct FakeBlobs {
    blobs: Arc<Mutex<HashMap<Digest, Vec<u8>>>>,
    reads: Arc<Mutex<Vec<Digest>>>,
}

impl FakeBlobs {
    fn add(&self, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        self.blobs.lock().unwrap().insert(digest, bytes.to_vec());
        digest
    }
}

impl ReadBlobs for FakeBlobs {
    async fn blob(&self, _: &str, digest: Digest, _: u64) -> Result<Vec<u8>, CallError> {
        self.reads.lock().unwrap().push(digest);
        let bytes = self.blobs.lock().unwrap().get(&digest).cloned();
        bytes.ok_or_else(|| CallError::of_kind("GetDownloadUrlForLayer", CallErrorKind::Other, "why"))
    }
}

fn backups(store: &Arc<FakeStore>, blobs: &FakeBlobs) -> Backups<FakeBlobs> {
    let run = BackupRun { run_id: RUN.into(), registry: "1".into(), region: "eu".into() };
    Backups::new(store.clone(), blobs.clone(), run, 4)
}

fn manifest(text: &str) -> StoredManifest {
    let media_type = Some("application/vnd.oci.image.manifest.v1+json".into());
    StoredManifest { digest: Digest::of(text.as_bytes()), bytes: text.into(), media_type }
}

/// A manifest with these blobs, of these sizes.
fn with_blobs(config: (Digest, u64), layers: &[(Digest, u64)]) -> StoredManifest {
    let descriptor = |(digest, size): &(Digest, u64)| format!(r#"{{"digest":"{digest}","size":{size}}}"#);
    let layers: Vec<_> = layers.iter().map(descriptor).collect();
    manifest(&format!(r#"{{"config":{},"layers":[{}]}}"#, descriptor(&config), layers.join(",")))
}

fn image(manifest: &StoredManifest, kind: Kind) -> BackupImage<'_> {
    BackupImage { manifest, kind, tags: &[], pushed_at: None, loses_images: false }
}

fn id() -> RepositoryId {
    RepositoryId { registry: "1".into(), region: "eu".into(), name: "team/api".into() }
}

#[tokio::test]
async fn of_an_attestation_everything_is_stored_but_the_empty_configuration() {
    let (store, blobs) = (Arc::new(FakeStore::default()), FakeBlobs::default());
    let (one, two) = (blobs.add(b"one"), blobs.add(b"two"));
    let attestation = with_blobs((Digest::of(EMPTY), 2), &[(one, 3), (two, 3), (one, 3)]);
    let failed = backups(&store, &blobs).back_up("team/api", &[image(&attestation, Kind::Attestation)]).await;
    assert_eq!(failed, BTreeMap::new());
    let mut read = blobs.reads.lock().unwrap().clone();
    read.sort_unstable();
    let mut wanted = vec![one, two];
    wanted.sort_unstable();
    assert_eq!(read, wanted);
    let archive = Archive::new(store);
    let archived = &archive.catalog(&id()).await.unwrap().images[&attestation.digest];
    assert_eq!((archived.image.restorable, archived.image.size_bytes), (Restorable::Fully, 11));
    let contents = archive.contents(&archived.key).await.unwrap();
    assert_eq!(contents.get(attestation.digest).unwrap(), attestation.bytes.as_bytes());
    assert_eq!([contents.get(one).unwrap(), contents.get(two).unwrap()], [b"one", b"two"]);
}

#[tokio::test]
async fn what_is_stored_depends_on_what_it_is() {
    let (store, blobs) = (Arc::new(FakeStore::default()), FakeBlobs::default());
    let (config, layer) = (blobs.add(b"config"), blobs.add(b"layer"));
    let small = with_blobs((config, 6), &[(layer, 5)]);
    let large = with_blobs((config, 6), &[(layer, SMALL)]);
    let unknown = manifest(&small.bytes.replace(r#","size":5"#, ""));
    let index = manifest(r#"{"manifests":[]}"#);
    let odd = manifest("no JSON");
    const SMALL: u64 = 1024 * 1024;
    for (manifest, kind, reads, restorable) in [
        (&small, Kind::Attestation, 2, Restorable::Fully),
        (&unknown, Kind::Attestation, 2, Restorable::Fully),
        (&small, Kind::Signature, 2, Restorable::Fully),
        (&small, Kind::Referrer, 2, Restorable::Fully),
        (&large, Kind::SociIndex, 0, Restorable::ManifestOnly),
        (&unknown, Kind::Signature, 0, Restorable::ManifestOnly),
        (&small, Kind::Image, 0, Restorable::ManifestOnly),
        (&index, Kind::Index, 0, Restorable::Fully),
        (&odd, Kind::Unknown, 0, Restorable::Fully),
    ] {
        blobs.reads.lock().unwrap().clear();
        let backups = backups(&store, &blobs);
        assert_eq!(backups.back_up("team/api", &[image(manifest, kind)]).await, BTreeMap::new(), "{kind:?}");
        assert_eq!(blobs.reads.lock().unwrap().len(), reads, "{kind:?} {}", manifest.bytes);
        let catalog = Archive::new(store.clone()).catalog(&id()).await.unwrap();
        assert_eq!(catalog.images[&manifest.digest].image.restorable, restorable, "{kind:?}");
    }
    let with_its_images = BackupImage { loses_images: true, ..image(&index, Kind::Index) };
    assert_eq!(backups(&store, &blobs).back_up("team/web", &[with_its_images]).await, BTreeMap::new());
    let web = RepositoryId { name: "team/web".into(), ..id() };
    let catalog = Archive::new(store.clone()).catalog(&web).await.unwrap();
    assert_eq!(catalog.images[&index.digest].image.restorable, Restorable::ManifestOnly);
}

#[tokio::test]
async fn an_attestation_whose_blobs_cannot_all_be_stored_is_named() {
    let (store, blobs) = (Arc::new(FakeStore::default()), FakeBlobs::default());
    let whole = with_blobs((Digest::of(EMPTY), 2), &[(blobs.add(b"one"), 3)]);
    let lost = with_blobs((Digest::of(EMPTY), 2), &[(Digest::of(b"lost"), 4)]);
    let huge = with_blobs((Digest::of(EMPTY), 2), &[(Digest::of(b"huge"), u64::MAX)]);
    let odd = manifest(&whole.bytes.replace("sha256:", "sha512:"));
    let forged = StoredManifest { bytes: "{}".into(), ..whole.clone() };
    let images = [&whole, &lost, &huge, &odd].map(|manifest| image(manifest, Kind::Attestation));
    let backups = backups(&store, &blobs);
    let failed = backups.back_up("team/api", &images).await;
    assert_eq!(
        failed.keys().copied().collect::<BTreeSet<_>>(),
        BTreeSet::from([lost.digest, huge.digest, odd.digest])
    );
    for (manifest, told) in
        [(&lost, "cannot be had: GetDownload"), (&huge, "48 MiB"), (&odd, "no usable digest")]
    {
        assert!(failed[&manifest.digest].contains(told), "{failed:?}");
    }
    let failed = backups.back_up("team/api", &[image(&forged, Kind::Attestation)]).await;
    assert_eq!(failed[&whole.digest], "its bytes do not have its digest");
    let catalog = Archive::new(store).catalog(&id()).await.unwrap();
    assert_eq!(catalog.images.keys().collect::<Vec<_>>(), [&whole.digest]);
}

#[tokio::test]
async fn a_failure_at_any_write_leaves_nothing_that_counts_as_stored_and_is_not() {
    for broken in [Fault::Fails(StoreErrorKind::Unreachable), Fault::AnswerLost] {
        let (store, blobs) = (Arc::new(FakeStore::default()), FakeBlobs::default());
        // Each image is an object of its own.
        let large: Vec<_> = (0..4).map(|nth| manifest(&format!("{nth} {}", "x".repeat(5_000_000)))).collect();
        let images: Vec<_> = large.iter().map(|manifest| image(manifest, Kind::Unknown)).collect();
        store.fault(Put, broken);
        let failed = backups(&store, &blobs).back_up("team/api", &images).await;
        assert_eq!(failed.keys().collect::<Vec<_>>(), [&large[0].digest]);
        assert_eq!(store.calls(Put), 4);
        let catalog = Archive::new(store).catalog(&id()).await.unwrap();
        assert!(large[1..].iter().all(|manifest| catalog.images.contains_key(&manifest.digest)));
    }
}

#[tokio::test]
async fn an_object_is_never_written_over() {
    let (store, blobs) = (Arc::new(FakeStore::default()), FakeBlobs::default());
    let manifests = ["one", "two"].map(manifest);
    for manifest in &manifests {
        let backups = backups(&store, &blobs);
        assert_eq!(backups.back_up("team/api", &[image(manifest, Kind::Unknown)]).await, BTreeMap::new());
    }
    let catalog = Archive::new(store).catalog(&id()).await.unwrap();
    assert_eq!(catalog.images.len(), 2);
}

#[tokio::test]
async fn the_history_tells_what_runs_did_even_if_they_were_cut() {
    let (store, blobs) = (Arc::new(FakeStore::default()), FakeBlobs::default());
    let (one, two) = (with_blobs((Digest::of(b"config"), 7), &[]), manifest("two"));
    let backups = backups(&store, &blobs);
    let images = [image(&one, Kind::Image), image(&two, Kind::Unknown)];
    assert_eq!(backups.back_up("team/api", &images).await, BTreeMap::new());
    let keep = SignedDuration::from_hours(24);
    let archive = Archive::new(store.clone());
    let backed_up = Tally { images: 2, fully_restorable: 1, bytes: 7 };
    let cut = RepositoryHistory { name: "team/api".into(), deleted: None, deleted_bytes: None, backed_up };
    let run = archive.history(keep).await.unwrap().remove(0);
    assert_eq!((run.finished_at, run.repositories), (None, vec![cut]));
    assert_eq!(run.restorable_until, "2026-11-27T15:36:38Z".parse().ok());
    backups.finish([("team/api", 7)]).await.unwrap();
    let run = archive.history(keep).await.unwrap().remove(0);
    let told =
        RepositoryHistory { name: "team/api".into(), deleted: Some(1), deleted_bytes: Some(7), backed_up };
    assert_eq!((run.run_id.as_str(), run.repositories), (RUN, vec![told]));
    assert!(run.finished_at.is_some());
    assert_eq!((store.calls(List), store.calls(Get)), (2, 2), "one object for a run that ended");
}

#[tokio::test]
async fn only_what_is_old_and_the_janitors_is_removed() {
    let (store, blobs) = (Arc::new(FakeStore::default()), FakeBlobs::default());
    let backups = backups(&store, &blobs);
    assert_eq!(backups.back_up("team/api", &[image(&manifest("it"), Kind::Unknown)]).await, BTreeMap::new());
    backups.finish([]).await.unwrap();
    store.set("backup/notes", b"mine");
    let others = [
        "backup/2/eu/team/api/_20200101T000000Z-0a1b2c-00000.json.gz",
        "backup/1/us/_runs/20200101T000000Z-0a1b2c.json.gz",
        "backup/1/eu/my/_es-1.json.gz",
    ];
    others.iter().for_each(|other| store.set(other, b"of another account, another Region, or of somebody"));
    store.set("memory/1/eu/team/api/_memory", b"memory");
    let archive = Archive::new(store.clone());
    let keep = SignedDuration::from_hours(30 * 24);
    let at = |time: &str| time.parse().unwrap();
    assert_eq!(archive.prune(("1", "eu"), keep, at("2026-12-27T15:00:00Z")).await, Ok(0));
    assert_eq!(archive.prune(("1", "eu"), keep, at("2026-12-27T16:00:00Z")).await, Ok(2));
    assert_eq!(store.state().len(), 5);
}

#[tokio::test]
async fn one_object_that_is_of_no_use_hides_no_other_run() {
    let (store, blobs) = (Arc::new(FakeStore::default()), FakeBlobs::default());
    let backups = backups(&store, &blobs);
    assert_eq!(backups.back_up("team/api", &[image(&manifest("it"), Kind::Unknown)]).await, BTreeMap::new());
    backups.finish([]).await.unwrap();
    store.set("backup/1/eu/_runs/20200101T000000Z-0a1b2c.json.gz", b"junk");
    store.set("backup/1/eu/team/web/_20200102T000000Z-0a1b2c-00000.json.gz", b"junk");
    let runs = Archive::new(store.clone()).history(SignedDuration::from_hours(24)).await.unwrap();
    let damaged: Vec<bool> = runs.iter().map(|run| run.damaged.is_some()).collect();
    assert_eq!(damaged, [false, true, true]);
}

#[tokio::test]
async fn what_a_run_stored_and_is_lost_is_counted() {
    let (store, blobs) = (Arc::new(FakeStore::default()), FakeBlobs::default());
    let backups = backups(&store, &blobs);
    assert_eq!(backups.back_up("team/api", &[image(&manifest("it"), Kind::Unknown)]).await, BTreeMap::new());
    let archive = Archive::new(store.clone());
    assert_eq!(archive.loss(&id(), RUN, 0).await, None, "a run that was cut wrote down nothing");
    backups.finish([]).await.unwrap();
    assert_eq!(archive.loss(&id(), RUN, 1).await, None);
    let told = archive.loss(&id(), RUN, 0).await.unwrap().to_string();
    assert!(told.contains("1 of the 1 images that it stored of team/api"), "{told}");
}

#[tokio::test]
async fn of_runs_within_one_second_the_one_that_ended_last_comes_first() {
    let (store, blobs) = (Arc::new(FakeStore::default()), FakeBlobs::default());
    let mut ids = Vec::new();
    // By their ids alone, which end by chance, the order would be another one.
    for (nth, end) in [(1, "ffffff"), (2, "000000"), (3, "888888")] {
        let run_id = format!("20261126T153638Z-{end}");
        let run = BackupRun { run_id: run_id.clone(), registry: "1".into(), region: "eu".into() };
        let backups = Backups::new(store.clone(), blobs.clone(), run, 4);
        let manifest = manifest(&format!("it-{nth}"));
        assert_eq!(backups.back_up("team/api", &[image(&manifest, Kind::Unknown)]).await, BTreeMap::new());
        backups.finish([]).await.unwrap();
        ids.insert(0, run_id);
    }
    let runs = Archive::new(store.clone()).history(SignedDuration::from_hours(24)).await.unwrap();
    let found: Vec<&str> = runs.iter().map(|run| run.run_id.as_str()).collect();
    assert_eq!(found, ids);
}
