use clap::ValueEnum as _;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::*;
use crate::config::Mode;
use crate::planner::plan_file::SavedPlan;
use crate::report::Report;
use crate::report::fleet::FleetReport;
use crate::report::testing::decisions::{With as _, attestation, index, repository};
use crate::report::testing::reports::{OUTCOMES, report};

#[path = "../../../tests/support/schema.rs"]
mod checker;

use checker::problem;

/// The schema of what serde writes of a type.
fn written<T: JsonSchema>(title: &str) -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    schema["title"] = json!(title);
    schema
}

fn made(document: Document) -> Value {
    match document {
        Document::Report => written::<Report>("Report of ecr-janitor"),
        Document::Fleet => written::<FleetReport>("Report of ecr-janitor on several registries"),
        Document::Plan => written::<SavedPlan>("Plan file of ecr-janitor"),
        Document::Config => crate::config::schema::schema(),
        Document::Event => crate::lambda::schema::schema(),
    }
}

fn file(document: Document) -> Value {
    serde_json::from_str(document.schema()).unwrap()
}

/// After a change on purpose: `UPDATE_SCHEMAS=1 cargo test --lib schema`, twice.
#[test]
fn the_files_are_as_the_types_are() {
    for document in Document::value_variants() {
        // Links of the documentation of Rust are none elsewhere.
        let text =
            serde_json::to_string_pretty(&made(*document)).unwrap().replace("[`", "`").replace("`]", "`");
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            let name = document.to_possible_value().unwrap();
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas");
            std::fs::write(format!("{folder}/{}.json", name.get_name()), text + "\n").unwrap();
        } else {
            assert_eq!(
                document.schema(),
                text + "\n",
                "{document:?}: UPDATE_SCHEMAS=1 cargo test --lib schema"
            );
        }
    }
}

#[test]
fn reports_are_as_their_schema_says() {
    let schema = file(Document::Report);
    for mode in [Mode::Plan, Mode::Apply] {
        let rows = OUTCOMES.iter().map(|outcome| attestation(<&str>::from(outcome)).came_out(*outcome));
        let rows = rows.chain([index("i"), attestation("t").to_be_tagged("x").under(&["i"]).of("p")]);
        let report = serde_json::to_value(report(mode, vec![repository("r", 9, rows.collect())])).unwrap();
        assert_eq!(problem(&schema, &report), None);
        for (pointer, wrong) in [
            ("/schema_version", json!("2")),
            ("/started_at", json!("yesterday")),
            ("/totals/deleted", json!(-1)),
            ("/repositories/0/status", json!("gone")),
            ("/repositories/0/decisions/0/digest", json!("sha256:1")),
            ("/repositories/0/decisions/0/outcome", json!(null)),
        ] {
            let mut bad = report.clone();
            *bad.pointer_mut(pointer).unwrap() = wrong;
            assert!(problem(&schema, &bad).is_some(), "{pointer}");
        }
        let mut bad = report.clone();
        bad["repositories"][0].as_object_mut().unwrap().remove("decisions");
        assert!(problem(&schema, &bad).unwrap().contains("decisions"));
    }
}

#[test]
fn configurations_are_as_their_schema_says() {
    let schema = file(Document::Config);
    let parsed = |text: &str| toml::from_str::<Value>(text).unwrap();
    let shipped = include_str!("../../../janitor.toml");
    assert_eq!(problem(&schema, &parsed(shipped)), None);
    for (text, is_good) in [
        ("[policy]\npreset = 'recommended'\ngrace_period = '2d'", true),
        ("[limits]\nconcurrency = 'auto'\nmax_deletions = 0\nmax_tag_loss = 1", true),
        ("[[override]]\nrepositories = ['a/*']\norphaned = 'tag'", true),
        ("mode = 'delete'", false),
        ("[policy]\norphan = 'delete'", false),
        ("[policies]", false),
        ("[limits]\nconcurrency = 0", false),
        ("[limits]\nmax_images_share = 1.5", false),
        ("[select]\nrepositories = ['Team']", false),
        ("[select]\nrepositories = []", false),
        ("[[override]]\norphaned = 'tag'", false),
        ("[[override]]\nrepositories = ['a']\nmode = 'plan'", false),
        ("[policy]\ngrace_period = 48", false),
    ] {
        assert_eq!(problem(&schema, &parsed(text)).is_none(), is_good, "{text}");
        let read = crate::config::Config::parse(text, &std::collections::BTreeMap::new());
        assert_eq!(read.is_ok(), is_good, "{text}: {read:?}");
    }
}

#[test]
fn the_function_takes_the_events_of_the_schema_and_no_others() {
    let schema = file(Document::Event);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/events");
    let shipped = std::fs::read_dir(folder).unwrap().map(|entry| {
        serde_json::from_str::<Value>(&std::fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap()
    });
    let made = [
        json!({}),
        json!({"mode": "plan", "repositories": ["a", "b-*"], "accept_tag_loss": ["a"]}),
        json!({"mode": "delete"}),
        json!({"force": true}),
        json!({"repositories": ["Team"]}),
        json!([]),
        json!(null),
        json!({"source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": "{}"}),
        json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {"mode": "plan"}}),
        json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {"x": 1}}),
        json!({"source": "aws.s3", "detail-type": "Object Created"}),
        json!({"source": "aws.ecr", "detail-type": "ECR Image Action", "detail": {"repository-name": "a*"}}),
        json!({"source": "aws.ecr", "detail-type": "ECR Image Action", "detail": {}}),
        json!({"Records": [{"messageId": "1", "eventSource": "aws:s3", "body": ""}]}),
        json!({"Records": [{"messageId": "", "eventSource": "aws:sqs", "body": ""}]}),
        json!({"Records": {}}),
    ];
    let mut taken = 0;
    for event in shipped.chain(made) {
        let is_taken = crate::lambda::event::parse(&event).is_ok();
        assert_eq!(problem(&schema, &event).is_none(), is_taken, "{event}");
        taken += usize::from(is_taken);
    }
    assert!(taken >= 9, "{taken}");
}

#[test]
fn a_checker_that_does_not_know_a_word_says_so() {
    let wrong = std::panic::catch_unwind(|| problem(&json!({"kind": "string"}), &json!("")));
    assert!(wrong.is_err());
}
