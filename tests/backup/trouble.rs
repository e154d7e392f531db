//! What goes wrong between the registry, the backup, and the way back.

use std::collections::BTreeMap;
use std::time::Duration;

use ecr_attestation_janitor::memory::restore::RestoreOutcome::{Failed, Impossible, Restored};
use ecr_attestation_janitor::memory::restore::Wanted;
use ecr_attestation_janitor::oci::digest::Digest;
use ecr_emulator::buildx::{Build, Form};
use ecr_emulator::{Fault, FaultRule, When};

use crate::world::{REPOSITORY, RUN, World, outcomes};

fn fault(operation: &str, when: When, fault: Fault) -> FaultRule {
    FaultRule { operation: operation.into(), repository: None, when, fault }
}

fn attestations(world: &World) -> Vec<String> {
    let build = Build::new(&["linux/amd64", "linux/arm64"]).form(Form::Oci);
    build.push_attestations_only(&world.emulator, REPOSITORY).unwrap()
}

#[tokio::test]
async fn a_download_that_breaks_off_is_made_again() {
    for broken in [
        Fault::Drop,
        Fault::Garbage,
        Fault::Unavailable,
        Fault::Cut,
        Fault::Trickle(Duration::from_millis(1)),
    ] {
        let world = World::new().await;
        let attestations = attestations(&world);
        world.emulator.fault(fault("GET /layers", When::Nth(1), broken.clone()));
        assert_eq!(world.back_up(&attestations).await, BTreeMap::new(), "{broken:?}");
        world.delete(&attestations);
        let done = world.restore_wanted(Wanted::Run(RUN.into()), false).await;
        assert_eq!(outcomes(&done), BTreeMap::from([(Restored, 2)]), "{broken:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_stored_is_named_and_the_rest_is_stored() {
    let world = World::new().await;
    let attestations = attestations(&world);
    // One whose statement ECR does not have.
    let statement = world.emulator.image(REPOSITORY, &attestations[0]).unwrap().manifest;
    let parsed: serde_json::Value = serde_json::from_str(&statement).unwrap();
    let lost = Digest::of(b"lost").to_string();
    let broken = statement.replace(parsed["layers"][0]["digest"].as_str().unwrap(), &lost);
    world.emulator.set_require_layers(false);
    let broken = world.emulator.put_image(REPOSITORY, &broken, None, None).unwrap();
    let attestations = vec![broken, attestations[0].clone(), attestations[1].clone()];
    let failed = world.back_up(&attestations).await;
    let first: Digest = attestations[0].parse().unwrap();
    assert_eq!(failed.keys().collect::<Vec<_>>(), [&first]);
    assert!(
        failed[&first].contains(&format!("its blob {lost} cannot be had: GetDownloadUrlForLayer")),
        "{failed:?}"
    );
    world.delete(&attestations);
    let done = world.restore(&attestations.iter().collect::<Vec<_>>(), false).await;
    assert_eq!(outcomes(&done), BTreeMap::from([(Restored, 2), (Impossible, 1)]));
}

#[tokio::test]
async fn without_the_permission_nothing_counts_as_stored() {
    let world = World::new().await;
    let attestations = attestations(&world);
    world.emulator.fault(fault("GetDownloadUrlForLayer", When::Always, Fault::AccessDenied));
    let failed = world.back_up(&attestations).await;
    assert_eq!(failed.len(), 2);
    assert!(failed.values().all(|why| why.contains("AccessDenied")), "{failed:?}");
    assert_eq!(world.archive().packs(None).await.unwrap(), []);
}

#[tokio::test]
async fn a_place_that_cannot_be_written_to_fails_every_image() {
    let world = World::new().await;
    let attestations = attestations(&world);
    std::fs::write(world.place.path().join("backup"), "no folder").unwrap();
    let failed = world.back_up(&attestations).await;
    assert_eq!(failed.len(), 2);
    assert!(failed.values().all(|why| why.contains("correct `location`")), "{failed:?}");
}

#[tokio::test]
async fn a_restore_that_is_cut_is_finished_by_the_next() {
    for operation in [
        "BatchCheckLayerAvailability",
        "InitiateLayerUpload",
        "UploadLayerPart",
        "CompleteLayerUpload",
        "PutImage",
    ] {
        for broken in [Fault::AccessDenied, Fault::DropAfter] {
            let world = World::new().await;
            let attestations = attestations(&world);
            let before = world.contents();
            assert_eq!(world.back_up(&attestations).await, BTreeMap::new());
            world.delete(&attestations);
            world.emulator.fault(fault(operation, When::Nth(1), broken.clone()));
            let first = world.restore_wanted(Wanted::Run(RUN.into()), false).await;
            let lost = first.iter().filter(|image| !image.outcome.is_there());
            for image in lost {
                assert_eq!(
                    (image.outcome, &broken),
                    (Failed, &Fault::AccessDenied),
                    "{operation}: {image:?}"
                );
                assert!(
                    image.detail.as_ref().unwrap().contains(&format!("allow ecr:{operation}")),
                    "{image:?}"
                );
            }
            world.restore_wanted(Wanted::Run(RUN.into()), false).await;
            assert_eq!(world.contents(), before, "{operation} {broken:?}");
        }
    }
}

#[tokio::test]
async fn quotas_and_missing_repositories_are_told() {
    let world = World::new().await;
    let attestations = attestations(&world);
    assert_eq!(world.back_up(&attestations).await, BTreeMap::new());
    world.delete(&attestations);
    world.emulator.set_image_limit(1);
    let done = world.restore_wanted(Wanted::Run(RUN.into()), false).await;
    assert_eq!(outcomes(&done), BTreeMap::from([(Restored, 1), (Impossible, 1)]));
    let told = done.iter().find_map(|image| image.detail.as_ref()).unwrap();
    assert!(told.contains("maximum allowed number of images"), "{told}");
}

#[tokio::test]
async fn a_damaged_object_is_told_and_the_others_are_restored() {
    use ecr_attestation_janitor::memory::restore::plan_restore;

    let world = World::new().await;
    let attestations = attestations(&world);
    assert_eq!(world.back_up(&attestations[..1]).await, BTreeMap::new());
    let backups = world.backups("20261127T000000Z-000000");
    assert_eq!(world.back_up_in(&backups, &attestations[1..]).await, BTreeMap::new());
    world.delete(&attestations);
    let folder = world.place.path().join("backup/123456789012/us-east-1/team/api");
    let object = std::fs::read_dir(&folder)
        .unwrap()
        .flatten()
        .find(|it| it.file_name().to_string_lossy().contains(RUN));
    let path = object.unwrap().path();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let archive = world.archive();
    let wanted = Wanted::Images(attestations.iter().map(|digest| digest.parse().unwrap()).collect());
    let plan = plan_restore(&archive, &world.ecr, &world.id(), &wanted).await.unwrap();
    assert_eq!(plan.damaged.len(), 1);
    assert!(plan.damaged[0].to_string().contains("cannot be used"), "{}", plan.damaged[0]);
    let done = plan.execute(&archive, &world.ecr, false, async || {}).await;
    assert_eq!(outcomes(&done), BTreeMap::from([(Restored, 1), (Impossible, 1)]));
}
