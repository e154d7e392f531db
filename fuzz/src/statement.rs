//! Statements: whatever a layer holds, what is kept of it is bounded, harmless, and without the values of build arguments.

use ecr_attestation_janitor::cli::explain::inside::{Inside, Stated};
use ecr_attestation_janitor::cli::explain::inside_text;
use ecr_attestation_janitor::oci::digest::Digest;
use ecr_attestation_janitor::oci::statement::{Pipeline, Statement, statement_layers};
use serde_json::Value;

use super::{assert_harmless, assert_line};

/// More than the facts of any statement take.
const MOST_KEPT: usize = 300_000;

/// The bytes are a layer's, or a manifest's.
pub fn run(bytes: &[u8]) {
    assert!(statement_layers(bytes).len() <= 20);
    let statement = match Statement::parse(bytes) {
        Ok(statement) => statement,
        Err(unreadable) => return assert_line(&unreadable.to_string()),
    };
    let kept = serde_json::to_string(&statement).expect("facts are JSON");
    assert!(kept.len() < MOST_KEPT, "{} bytes", kept.len());
    let pipeline = Pipeline::of(std::slice::from_ref(&statement));
    assert!(pipeline.name().len() < 20_000);
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    for value in serde_json::from_slice(bytes).iter().flat_map(build_arg_values) {
        // A value that stands elsewhere too may be kept from there.
        if value.len() >= 12 && text.matches(&value).count() == 1 {
            assert!(!kept.contains(&value), "{value:?} is in {kept}");
        }
    }
    let stated = Stated { digest: Digest::of(bytes), statement };
    assert_harmless(&inside_text::section(&Inside { statements: vec![stated], ..Inside::default() }));
}

/// The values of build arguments, wherever the versions of the predicate have them.
fn build_arg_values(document: &Value) -> Vec<String> {
    let places = [
        "/predicate/invocation/parameters/args",
        "/predicate/buildDefinition/externalParameters/request/args",
    ];
    let objects = places.iter().filter_map(|place| document.pointer(place)?.as_object());
    let args = objects.flatten().filter(|(name, _)| name.starts_with("build-arg:"));
    args.filter_map(|(_, value)| value.as_str().map(str::to_owned)).collect()
}
