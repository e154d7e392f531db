//! Memory and backups in a bucket: of a function and of people, and when S3 fails.

use s3_test_server::{ACCESS_KEY, Fault, Operation, S3Server, SECRET_KEY};
use serde_json::json;

use crate::harness::{Repo, World, legacy, oci};

const BUCKET: &str = "ecr-janitor-state";

/// A world whose programs reach this bucket, as those of the stack that it is of.
fn world(server: &S3Server) -> World {
    World::new()
        .without("JANITOR_MEMORY_LOCATION")
        .without("JANITOR_BACKUP_KEEP")
        .deleting_superseded()
        .with("AWS_ENDPOINT_URL_S3", &server.endpoint())
        .with("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .with("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .with("JANITOR_STATE_BUCKET", BUCKET)
}

fn seeded(world: &World) -> Repo {
    let api = world.repository("team/api");
    api.push(1, oci(1), "live");
    api.orphans(60, legacy(2));
    api.push_untagged(100, oci(4));
    api
}

#[test]
fn people_share_what_the_function_keeps_and_undo_what_it_did() {
    let server = S3Server::start(BUCKET);
    let world = world(&server).with("JANITOR_MODE", "apply");
    let api = seeded(&world);
    let before = api.contents();
    let mut function = world.lambda();
    let report = function.report(&json!({}));
    let gone = api.lost_since(&before);
    assert_eq!((report.total("deleted"), gone.len()), (5, 5), "{gone:?}");
    let names: Vec<String> = server.bucket().objects().into_keys().collect();
    assert!(names.contains(&"memory/123456789012/us-east-1/team/api/_memory".to_owned()), "{names:?}");
    assert!(
        names.iter().any(|name| name.starts_with("backup/123456789012/us-east-1/team/api/_")),
        "{names:?}"
    );

    // The platform images of an index that is gone are looked at once.
    function.report(&json!({}));
    // As the outputs of the stack tell people to.
    let world = world
        .without("JANITOR_STATE_BUCKET")
        .config(&format!("memory.location = \"s3://{BUCKET}\"\nbackup.location = \"s3://{BUCKET}\""));
    world.ecr.reset_calls();
    assert_eq!(world.cli(&["plan"]).code, 0);
    assert_eq!(world.ecr.calls().get("BatchGetImage"), None, "what the function read is known");
    let run = report.0["run_id"].as_str().unwrap();
    assert!(world.cli(&["history"]).stdout.contains(run));
    let restored = world.cli(&["restore", "--run", run, "--yes"]);
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    assert!(before.keys().all(|digest| api.has(digest)));
}

#[test]
fn memory_out_of_reach_fails_no_run() {
    let server = S3Server::start(BUCKET);
    let world = world(&server).with("JANITOR_BACKUP_KEEP", "0d").with("AWS_MAX_ATTEMPTS", "1");
    let api = world.repository("team/api");
    let orphans = api.orphans(60, legacy(1));
    for operation in [Operation::Get, Operation::Put] {
        for _ in 0..9 {
            server.bucket().fault(operation, Fault::Refused(403, "AccessDenied", "Access Denied"));
        }
    }
    let report = world.apply();
    assert_eq!(api.count(&orphans), 0);
    let warning = "allow s3:GetObject and s3:ListBucket there to this role or user";
    let warnings = report.0["warnings"].as_array().unwrap();
    assert!(warnings.iter().any(|it| it.as_str().unwrap().contains(warning)), "{warnings:?}");
}

#[test]
fn what_cannot_be_backed_up_is_not_deleted() {
    let refused = Fault::Refused(403, "AccessDenied", "Access Denied");
    for fault in [refused, Fault::Unsent, Fault::Refused(500, "InternalError", "We encountered an error.")] {
        let server = S3Server::start(BUCKET);
        let world = world(&server).with("JANITOR_MEMORY_LOCATION", "none").with("AWS_MAX_ATTEMPTS", "1");
        let api = seeded(&world);
        let before = api.contents();
        (0..99).for_each(|_| server.bucket().fault(Operation::Put, fault.clone()));
        let report = world.apply_with(3);
        assert!(api.lost_since(&before).is_empty(), "{fault:?}");
        let codes = report.decisions(&api).iter().filter(|it| it["outcome"] == "failed");
        let codes: Vec<&str> = codes.map(|it| it["code"].as_str().unwrap()).collect();
        assert!(!codes.is_empty() && codes.iter().all(|code| *code == "backup-failed"), "{codes:?}");
    }
}

#[test]
fn a_lost_answer_is_no_lost_backup() {
    let server = S3Server::start(BUCKET);
    let world = world(&server).with("AWS_MAX_ATTEMPTS", "1");
    let api = seeded(&world);
    let before = api.contents();
    (0..9).for_each(|_| server.bucket().fault(Operation::Put, Fault::AnswerLost));
    let report = world.apply();
    assert_eq!(report.total("deleted"), 5);
    let restored = world.cli(&["restore", "--run", report.0["run_id"].as_str().unwrap(), "--yes"]);
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    assert!(before.keys().all(|digest| api.has(digest)));
}
