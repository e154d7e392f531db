//! The proof of a deletion by its bytes, and its backup.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::registry::Script::{Refused, Silence};
use super::*;
use crate::memory::BackupImage;
use crate::oci::attestation::Form;
use OutcomeName::{ChangedSincePlan, Deleted, Failed, HeldBack};

/// A backup that writes down what it stores, and cannot store some.
#[derive(Default)]
struct Backups {
    stored: Mutex<Vec<(Digest, Kind)>>,
    impossible: Vec<Digest>,
}

impl BackUpImages for Backups {
    async fn back_up(&self, repository: &str, images: &[BackupImage<'_>]) -> BTreeMap<Digest, String> {
        assert_eq!(repository, "r");
        for image in images {
            assert_eq!(Digest::of(image.manifest.bytes.as_bytes()), image.manifest.digest);
            self.stored.lock().unwrap().push((image.manifest.digest, image.kind));
        }
        self.impossible.iter().map(|digest| (*digest, "the disk is full".into())).collect()
    }

    async fn conclude(&self, _: &[(&str, u64)]) -> Option<String> {
        None
    }
}

async fn applied_with(
    registry: &Registry,
    backups: &impl BackUpImages,
    decisions: Vec<Decision>,
) -> RepositoryReport {
    let images = decisions.len() as u64;
    let ready = Ready { plan: plan("r", images, decisions), ..Ready::default() };
    executed(registry, backups, ready, &Deadline::default(), &Nobody).await
}

#[tokio::test]
async fn every_image_is_backed_up_before_its_deletion() {
    let decisions = vec![attestation("a").under(&["i"]), index("i"), image("p").under(&["i"])];
    let registry = Registry::with(&decisions);
    let backups = Backups::default();
    let report = applied_with(&registry, &backups, decisions).await;
    assert_eq!(report.counts.deleted, 3);
    let stored = [("i", Kind::Index), ("a", Kind::Attestation), ("p", Kind::Image)];
    assert_eq!(*backups.stored.lock().unwrap(), stored.map(|(name, kind)| (digest(name), kind)));
}

#[tokio::test]
async fn what_cannot_be_stored_is_not_deleted() {
    let decisions = vec![attestation("a"), attestation("b")];
    let registry = Registry::with(&decisions);
    let backups = Backups { impossible: vec![digest("b")], ..Backups::default() };
    let report = applied_with(&registry, &backups, decisions).await;
    assert_eq!(outcomes(&report, ["a", "b"]), [Deleted, Failed]);
    assert_eq!(code(&report, "b"), "backup-failed");
    assert!(after(&report, "b").detail.as_ref().unwrap().contains("the disk is full"));
    assert!(registry.has("b"));
}

#[tokio::test]
async fn what_cannot_be_stored_holds_back_what_it_lists() {
    let decisions = vec![index("i"), attestation("a").under(&["i"])];
    let registry = Registry::with(&decisions);
    let backups = Backups { impossible: vec![digest("i")], ..Backups::default() };
    let report = applied_with(&registry, &backups, decisions).await;
    assert_eq!(outcomes(&report, ["i", "a"]), [Failed, HeldBack]);
    assert_eq!(registry.calls_of("delete").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_backup_that_hangs_deletes_nothing() {
    struct Hangs;
    impl BackUpImages for Hangs {
        async fn back_up(&self, _: &str, _: &[BackupImage<'_>]) -> BTreeMap<Digest, String> {
            std::future::pending().await
        }

        async fn conclude(&self, _: &[(&str, u64)]) -> Option<String> {
            None
        }
    }
    let decisions = vec![attestation("a")];
    let registry = Registry::with(&decisions);
    let ready = Ready { plan: plan("r", 1, decisions), ..Ready::default() };
    let deadline = Deadline::after(std::time::Duration::from_secs(100), true);
    let report = executed(&registry, &Hangs, ready, &deadline, &Nobody).await;
    assert_eq!((after(&report, "a").outcome, registry.has("a")), (OutcomeName::Deadline, true));
}

#[tokio::test]
async fn bytes_that_prove_something_else_delete_nothing() {
    for (claimed, names) in
        [(attestation as fn(&str) -> Decision, ["i", "p"]), (index, ["a", "p"]), (image, ["a", "i"])]
    {
        for name in names {
            let decisions = vec![claimed(name)];
            let registry = Registry::with(&decisions);
            let report = applied_with(&registry, &NoBackups, decisions).await;
            assert_eq!((after(&report, name).outcome, code(&report, name)), (Failed, "not-proven"), "{name}");
            assert!(registry.has(name) && registry.calls_of("delete").is_empty());
        }
    }
}

#[tokio::test]
async fn another_form_than_planned_deletes_nothing() {
    for form in [Form::Oci, Form::ByParent, Form::Unread] {
        let decisions = vec![attestation("a").with(|it| it.form = Some(form))];
        let registry = Registry::with(&decisions);
        let report = applied_with(&registry, &NoBackups, decisions).await;
        assert_eq!((after(&report, "a").outcome, code(&report, "a")), (Failed, "not-proven"), "{form:?}");
    }
}

#[tokio::test]
async fn bytes_that_do_not_hash_to_their_digest_delete_nothing() {
    let decisions = vec![attestation("a"), attestation("b")];
    let registry = Registry::with(&decisions);
    registry.add(&decisions[0], "{}");
    let report = applied_with(&registry, &NoBackups, decisions).await;
    assert_eq!(outcomes(&report, ["a", "b"]), [Failed, Deleted]);
    assert_eq!(code(&report, "a"), "digest-mismatch");
}

#[tokio::test]
async fn what_cannot_be_read_is_looked_at_and_stays() {
    let decisions = vec![attestation("a"), attestation("b"), attestation("o"), attestation("x")];
    let registry = Registry::with(&decisions);
    registry.script("read", digest("a"), Refused("KmsError"));
    registry.script("read", digest("b"), Silence);
    registry.archive("o");
    registry.script("read", digest("o"), Refused("ImageInaccessible"));
    let report = applied_with(&registry, &NoBackups, decisions).await;
    assert_eq!(outcomes(&report, ["a", "b", "o", "x"]), [Failed, Failed, ChangedSincePlan, Deleted]);
    assert_eq!((code(&report, "a"), code(&report, "b")), ("KmsError", "no-answer"));
}

#[tokio::test]
async fn a_read_that_fails_as_a_whole_deletes_nothing() {
    let decisions = vec![attestation("a")];
    let registry = Registry::with(&decisions);
    registry.fail("read", 1, "ServerException");
    let report = applied_with(&registry, &NoBackups, decisions).await;
    assert_eq!((after(&report, "a").outcome, code(&report, "a")), (Failed, "ServerException"));
    assert_eq!(registry.log().len(), 1);
}

#[tokio::test]
async fn outcomes_are_told_as_ecr_answers() {
    #[derive(Default)]
    struct Told(Mutex<Vec<(Digest, OutcomeName, usize)>>, Registry);
    impl Observer for Told {
        fn decided(&self, repository: &str, step: &crate::report::plan::Step, outcome: &Outcome) {
            assert_eq!(repository, "r");
            let calls = self.1.calls_of("delete").len();
            self.0.lock().unwrap().push((step.image().digest, outcome.name(), calls));
        }
    }
    let decisions = vec![attestation("a").under(&["i"]), index("i"), attestation("o")];
    let told = Told(Mutex::default(), Registry::with(&decisions));
    told.1.tag(digest("o"), "v1");
    let ready = Ready { plan: plan("r", 3, decisions), ..Ready::default() };
    executed(&told.1, &NoBackups, ready, &Deadline::default(), &told).await;
    let expected = [("i", Deleted, 1), ("a", Deleted, 2), ("o", ChangedSincePlan, 2)];
    assert_eq!(*told.0.lock().unwrap(), expected.map(|(name, it, calls)| (digest(name), it, calls)));
}
