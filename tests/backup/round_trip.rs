//! What was deleted comes back as it was.

use std::collections::BTreeMap;

use ecr_attestation_janitor::memory::restore::RestoreOutcome::{AlreadyThere, Impossible, Restored};
use ecr_attestation_janitor::memory::restore::Wanted;
use ecr_emulator::UnreferencedLayers;
use ecr_emulator::buildx::{Build, Form};

use crate::world::{REPOSITORY, RUN, World, outcomes};

fn build(form: Form) -> Build {
    Build::new(&["linux/amd64", "linux/arm64"]).form(form).sbom(true)
}

#[tokio::test]
async fn attestations_and_indexes_come_back_byte_for_byte() {
    for form in [Form::Oci, Form::Legacy] {
        let world = World::new().await;
        let pushed = build(form).push(&world.emulator, REPOSITORY, None).unwrap();
        let before = world.contents();
        let index = std::slice::from_ref(&pushed.root);
        assert_eq!(world.back_up(index).await, BTreeMap::new());
        world.delete(index);
        assert_eq!(world.back_up(&pushed.attestations).await, BTreeMap::new());
        world.delete(&pushed.attestations);
        assert_eq!(world.contents().len(), 2, "the platform images");
        let done = world.restore(&[&pushed.root], false).await;
        assert_eq!(outcomes(&done), BTreeMap::from([(Restored, 3)]), "with what the index lists: {done:?}");
        assert_eq!(world.contents(), before);
        let again = world.restore_wanted(Wanted::Run(RUN.into()), false).await;
        assert_eq!(outcomes(&again), BTreeMap::from([(AlreadyThere, 3)]));
    }
}

#[tokio::test]
async fn a_platform_image_comes_back_while_the_registry_has_its_layers() {
    for (layers, outcome) in
        [(UnreferencedLayers::Downloadable, Restored), (UnreferencedLayers::Dropped, Impossible)]
    {
        let world = World::new().await;
        world.emulator.set_unreferenced_layers(layers);
        let pushed = build(Form::Oci).push(&world.emulator, REPOSITORY, Some("v1")).unwrap();
        let before = world.contents();
        for level in [vec![pushed.root.clone()], pushed.attestations.clone(), pushed.platforms.clone()] {
            assert_eq!(world.back_up(&level).await, BTreeMap::new());
            world.delete(&level);
        }
        let done = world.restore_wanted(Wanted::Run(RUN.into()), false).await;
        for image in &done {
            let is_attestation = pushed.attestations.contains(&image.digest.to_string());
            assert_eq!(image.outcome, if is_attestation { Restored } else { outcome }, "{image:?}");
            let told = image.detail.as_deref().unwrap_or_default();
            assert_eq!(told.is_empty(), image.outcome == Restored);
            if image.digest.to_string() == pushed.root && outcome == Impossible {
                assert!(told.contains("which is gone and cannot be restored"), "{told}");
            }
        }
        if outcome == Restored {
            assert_eq!(world.contents(), before);
        }
    }
}

#[tokio::test]
async fn tags_come_back_only_if_they_are_wanted_and_free() {
    let world = World::new().await;
    let other = build(Form::Oci).code(9).push(&world.emulator, REPOSITORY, Some("other")).unwrap();
    let pushed = build(Form::Oci).push(&world.emulator, REPOSITORY, Some("v1")).unwrap();
    let request = serde_json::json!({"repositoryName": REPOSITORY,
        "imageManifest": world.emulator.image(REPOSITORY, &pushed.root).unwrap().manifest, "imageTag": "v2"});
    world.emulator.call("PutImage", request).unwrap();
    let index = std::slice::from_ref(&pushed.root);
    assert_eq!(world.back_up(index).await, BTreeMap::new());
    world.delete(index);
    let manifest = world.emulator.image(REPOSITORY, &other.root).unwrap();
    let moved = (manifest.manifest.as_str(), Some(manifest.media_type.as_str()), Some("v2"));
    world.emulator.put_image(REPOSITORY, moved.0, moved.1, moved.2).unwrap();
    let done = world.restore(&[&pushed.root], false).await;
    assert_eq!((done[0].outcome, done[0].tags.len()), (Restored, 0));
    assert_eq!(world.emulator.digest_of_tag(REPOSITORY, "v1"), None);
    let done = world.restore(&[&pushed.root], true).await;
    assert_eq!(done[0].outcome, AlreadyThere);
    assert_eq!((done[0].tags.join(" "), done[0].tags_in_use.join(" ")), ("v1".into(), "v2".into()));
    assert_eq!(world.emulator.digest_of_tag(REPOSITORY, "v1"), Some(pushed.root));
    assert_eq!(world.emulator.digest_of_tag(REPOSITORY, "v2"), Some(other.root));
}

#[tokio::test]
async fn a_batch_is_one_object_and_a_blob_is_fetched_once_in_a_run() {
    let world = World::new().await;
    let mut attestations = Vec::new();
    for run in 0..20 {
        attestations
            .extend(build(Form::Oci).run(run).push(&world.emulator, REPOSITORY, None).unwrap().attestations);
    }
    world.emulator.reset_calls();
    let backups = world.backups(RUN);
    assert_eq!(world.back_up_in(&backups, &attestations).await, BTreeMap::new());
    let fetched = world.emulator.calls()["GetDownloadUrlForLayer"];
    assert_eq!(world.archive().packs(Some(RUN)).await.unwrap().len(), 1);
    assert_eq!(world.back_up_in(&backups, &attestations).await, BTreeMap::new());
    assert_eq!(world.emulator.calls()["GetDownloadUrlForLayer"], fetched, "nothing twice");
    assert_eq!(world.emulator.calls()["GET /layers"], fetched);
    assert!(world.emulator.in_flight_peak() <= 16);
    // The second object refers to the first.
    for image in
        world.emulator.images(REPOSITORY).iter().filter(|image| !attestations.contains(&image.digest))
    {
        world
            .emulator
            .call(
                "BatchDeleteImage",
                serde_json::json!({"repositoryName": REPOSITORY,
            "imageIds": [{"imageDigest": image.digest}]}),
            )
            .unwrap();
    }
    world.delete(&attestations);
    let wanted: Vec<&String> = attestations.iter().collect();
    let done = world.restore(&wanted, false).await;
    assert_eq!(outcomes(&done), BTreeMap::from([(Restored, attestations.len())]));
}
