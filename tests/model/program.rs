//! The real program over HTTP, through the AWS SDK, says and does what the library does through the door: so what is
//! shown here in process is shown of the program.

use std::process::Command;

use proptest::prelude::*;
use serde_json::Value;

use crate::run::applies;
use crate::world::{Age, NAME, Pulled, Stage, World};

/// The program takes the machine's time, and an edge that is a millisecond wide would not wait for it.
fn without_edges(mut world: World) -> World {
    for item in &mut world.items {
        for age in item.activated.iter_mut().chain([&mut item.age]) {
            if matches!(age, Age::Grace(_) | Age::After(_)) {
                *age = Age::Old;
            }
        }
        if matches!(item.pulled, Pulled::Edge(_)) {
            item.pulled = Pulled::Never;
        }
    }
    // The program has no source for what runs here.
    world.items.iter_mut().for_each(|item| item.runs = false);
    world.lacks_source = false;
    // In whole seconds: through the SDK's floating-point numbers a millisecond may be lost.
    World { now: jiff::Timestamp::now().as_second() * 1000, reads_archived: false, ..world }
}

/// Applies over HTTP; gives what was decided and what came of it.
fn applies_over_http(world: &World, stage: &Stage) -> Vec<Value> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = runtime.block_on(stage.emulator.serve(([127, 0, 0, 1], 0).into())).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("janitor.toml"), world.setting.toml(NAME)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ecr-janitor"))
        .args(["apply", "--yes", "--output", "json"])
        .current_dir(folder.path())
        .env_clear()
        .env("AWS_ENDPOINT_URL", server.url())
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "nobody")
        .env("AWS_SECRET_ACCESS_KEY", "nothing")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("JANITOR_MEMORY_LOCATION", "none")
        .env("JANITOR_BACKUP_KEEP", "0d")
        .output()
        .unwrap();
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    decisions(&report)
}

fn decisions(report: &Value) -> Vec<Value> {
    report["repositories"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|it| it["decisions"].as_array().unwrap())
        .cloned()
        .collect()
}

proptest! {
    #![proptest_config(crate::config(100))]

    #[test]
    fn the_program_does_over_http_what_the_library_does_in_process(world in crate::generate::world(1..8)) {
        let world = without_edges(world);
        let (here, there) = (world.stage(), world.stage());
        let ran = applies(&world, &here);
        let over_http = applies_over_http(&world, &there);
        prop_assert_eq!(decisions(&ran.report.unwrap()), over_http);
        prop_assert_eq!(here.contents(), there.contents());
    }
}
