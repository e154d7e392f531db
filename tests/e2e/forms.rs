//! The forms of output beside the table: a page, Markdown, a few lines, and the schemas of JSON.

use serde_json::Value;

use crate::harness::{World, legacy};

/// The data within a page.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once(r#"<script type="application/json" id="data">"#).unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn a_page_has_every_decision_of_the_report() {
    let world = World::new().with_state();
    let busy = world.busy("team/api");
    let report = world.cli(&["plan", "--output", "json"]).report(0);
    let outcome = world.cli(&["plan", "--output", "html"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let page = data(&outcome.stdout);
    let digests = page["repositories"][0]["graph"]["digests"].as_str().unwrap();
    for decision in report.decisions(&busy.repo) {
        let hex = decision["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        assert!(digests.contains(hex), "{decision}");
    }
    assert_eq!(page["drawn"], report.decisions(&busy.repo).len());
    assert_eq!(page["totals"]["planned"], report.0["totals"]["planned"]);
    // The tag of what holds an attestation comes from what its reason rests on.
    let texts = page["texts"].as_array().unwrap();
    assert!(["v1", "v2", "main"].iter().all(|tag| texts.iter().any(|text| text == tag)), "{texts:?}");
    assert_eq!(page["trend"]["runs"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_page_of_an_apply_shows_the_runs_before_it() {
    let world = World::new().with_state();
    world.busy("team/api");
    let first = world.cli(&["apply", "--yes", "--max-deletions", "1", "--output", "json"]).report(0);
    let page = data(&world.cli(&["apply", "--yes", "--output", "html"]).stdout);
    assert_eq!(page["mode"], "apply");
    let runs = page["trend"]["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1, "not itself: {runs:?}");
    assert_eq!(
        (&runs[0]["run_id"], &runs[0]["deleted"]),
        (&first.0["run_id"], &first.0["totals"]["deleted"])
    );
}

#[test]
fn a_page_of_an_image_has_what_is_around_it() {
    let world = World::new();
    let busy = world.busy("team/api");
    let explained = world.cli(&["explain", "team/api:v1", "--output", "html"]);
    assert_eq!(explained.code, 0, "{explained:?}");
    let page = data(&explained.stdout);
    assert_eq!(format!("sha256:{}", page["focus"].as_str().unwrap()), busy.live_oci.root);
    let digests = page["repositories"][0]["graph"]["digests"].as_str().unwrap();
    let around = busy.live_oci.platforms.iter().chain([&busy.notation, &busy.cosign_bundle]);
    for near in around {
        assert!(digests.contains(near.strip_prefix("sha256:").unwrap()), "{near}");
    }
    assert!(
        !digests.contains(busy.chart.strip_prefix("sha256:").unwrap()),
        "the chart has nothing to do with it"
    );
    let table = world.cli(&["explain", "team/api:v1"]).stdout;
    let first = table.lines().next().unwrap();
    assert!(page["explanation"].as_str().unwrap().starts_with(first), "{first}");
    world
        .cli(&["explain", "team/api", "--output", "html"])
        .refused(2, &["plan --repository team/api --output html"]);
}

#[test]
fn markdown_and_the_short_form_tell_the_same_numbers() {
    let world = World::new();
    world.busy("team/api");
    let report = world.cli(&["plan", "--output", "json"]).report(0);
    let planned = report.total("planned");
    let markdown = world.cli(&["plan", "--output", "markdown"]);
    assert_eq!(markdown.code, 0, "{markdown:?}");
    assert!(markdown.stdout.contains(&format!("| {planned} planned |")), "{}", markdown.stdout);
    assert!(markdown.stdout.contains("<details><summary><code>team/api</code>"), "{}", markdown.stdout);
    assert_eq!(markdown.stdout.matches("| planned | orphaned |").count() as u64, planned);
    let summary = world.cli(&["apply", "--yes", "--output", "summary"]);
    assert_eq!(summary.code, 0, "{summary:?}");
    assert!(
        summary.stdout.starts_with("apply in account 123456789012, Region us-east-1"),
        "{}",
        summary.stdout
    );
    assert!(summary.stdout.contains(&format!("apply: {planned} deleted")), "{}", summary.stdout);
}

#[test]
fn forms_that_a_command_does_not_have_are_refused_before_anything_is_called() {
    let world = World::new();
    world.repository("team/api").orphans(60, legacy(1));
    for arguments in [
        &["history", "--output", "html"][..],
        &["explain", "team/api:v1", "--output", "markdown"],
        &["restore", "--run", "x", "--yes", "--output", "summary"],
    ] {
        world.cli(arguments).refused(2, &["--output", arguments.last().unwrap()]);
    }
    assert!(world.ecr.calls().is_empty());
}

#[test]
fn schemas_are_printed() {
    let world = World::new();
    for (name, title) in [
        ("report", "Report of ecr-janitor"),
        ("plan", "Plan file of ecr-janitor"),
        ("config", "Configuration of ecr-janitor (janitor.toml)"),
        ("event", "Events of the ecr-janitor function"),
    ] {
        let schema = world.cli(&["schema", name]).json();
        assert_eq!(
            (&schema["title"], &schema["$schema"]),
            (&title.into(), &"https://json-schema.org/draft/2020-12/schema".into())
        );
    }
    assert_eq!(world.cli(&["schema", "plans"]).code, 2);
}
