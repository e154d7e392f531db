use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::Value;

use super::*;
use crate::config::Mode;
use crate::config::policy::Preset;
use crate::oci::attestation::Kind;
use crate::report::counts::{Going, WhatIf};
use crate::report::decision::Decision;
use crate::report::outcome::OutcomeName::{Failed, LimitReached};
use crate::report::reason::{Reason, State};
use crate::report::testing::decisions::{With as _, attestation, digest, image, index, repository, time};
use crate::report::testing::reports::report;

/// The data within a page.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once(r#"<script type="application/json" id="data">"#).unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

/// Leaves a page where the tests with a browser find it.
fn leave(name: &str, page: &str) {
    if let Some(folder) = std::env::var_os("PAGES") {
        std::fs::write(std::path::Path::new(&folder).join(name), page).unwrap();
    }
}

const HOSTILE: &str =
    "</script><img src=x onerror=\"document.title='owned'\">'\"&<!--]]>\u{2028}\u{202e}${x}`{{y}}";

/// A run with something of everything in a repository of a hostile name.
fn hostile() -> Report {
    let because = |name: &str| vec![digest(name).to_string(), HOSTILE.to_owned()];
    let rows = vec![
        attestation("a").under(&["i"]).of("p").kept().with(|it| {
            (it.image.because, it.state) = (because("i"), Some(State::Attached));
            it.image.reason = Reason::Attached;
            it.image.platform = Some(HOSTILE.to_owned());
        }),
        attestation("b").to_be_tagged(HOSTILE),
        attestation("c").came_out(Failed).with(|it| {
            it.detail = Some(HOSTILE.into());
            it.code = Some(HOSTILE.into());
        }),
        index("j").came_out(LimitReached).with(|it| it.image.tags = vec![HOSTILE.to_owned()]),
    ];
    let mut repository = repository(HOSTILE, 9, rows);
    repository.detail = Some(HOSTILE.to_owned());
    let mut report = report(Mode::Plan, vec![repository]);
    report.warnings = vec![HOSTILE.to_owned()];
    report.run.configuration = HOSTILE.to_owned();
    report.run.region = HOSTILE.to_owned();
    report.run.account = Some(HOSTILE.to_owned());
    report
}

#[test]
fn nothing_that_others_wrote_becomes_markup() {
    let past =
        PastRun { run_id: sanitize::line(HOSTILE), started_at: time(0), deleted: Some(3), bytes: Some(9) };
    let page = run(&hostile(), Some(&Past { runs: vec![past], older: 0 })).unwrap();
    leave("hostile.html", &page);
    assert_eq!(page.matches("<img").count(), 0);
    assert_eq!(page.matches("</script>").count(), 2, "the data's and the script's own");
    assert!(!page.contains('\u{202e}') && !page.contains('\u{2028}'));
    let data = data(&page);
    let name = data["repositories"][0]["name"].as_str().unwrap();
    assert!(name.starts_with("</script><img src=x onerror="), "{name}");
    assert!(data["texts"].as_array().unwrap().iter().any(|text| text == name));
    let image = super::image(&hostile().run, &hostile().repositories[0], digest("a"), HOSTILE).unwrap();
    assert_eq!((image.matches("<img").count(), image.matches("</script>").count()), (0, 2));
}

#[test]
fn the_policy_of_a_page_allows_its_own_script_and_style_alone() {
    let page = run(&report(Mode::Plan, vec![]), None).unwrap();
    let within =
        |begin: &str, end: &str| page.split_once(begin).unwrap().1.split_once(end).unwrap().0.to_owned();
    let policy = within("Content-Security-Policy\" content=\"", "\"");
    let (script, style) = (within("</script>\n<script>", "</script>"), within("<style>", "</style>"));
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'",
            hash(&script),
            hash(&style)
        )
    );
    assert_eq!(
        page.matches("http://").count(),
        page.matches("http://www.w3.org/2000/svg").count(),
        "no address"
    );
    assert_eq!(page.matches("https://").count(), 0);
    assert!(!page.contains('@') || !page.contains("@DATA@"));
    for forbidden in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("]
    {
        assert!(!script.contains(forbidden), "{forbidden}");
    }
}

/// A hundred thousand decisions in three hundred repositories, one of them with nearly half of all.
fn large() -> Report {
    let attached = |at: usize, build: usize| {
        let (index, subject) = (format!("i{build}"), format!("p{at}"));
        attestation(&format!("a{at}")).under(&[&index]).of(&subject).kept().with(|it| {
            it.state = Some(State::Attached);
            it.image.reason = Reason::Attached;
            it.image.because = vec![digest(&index).to_string(), format!("v1.{build}")];
            it.image.platform = Some(["linux-amd64", "linux-arm64-v8"][at % 2].to_owned());
            (it.image.size_bytes, it.image.pushed_at) = (8_000 + at as u64, Some(time(-60 * at as i64)));
        })
    };
    let orphan = |at: usize| attestation(&format!("o{at}")).of(&format!("p{at}"));
    let repositories = (0..300).map(|number| {
        let many = if number == 7 { 40_000 } else { 200 };
        let rows = (0..many).map(|at| if at % 4 == 0 { orphan(at) } else { attached(at, at / 2) });
        let mut rows: Vec<Decision> = rows.collect();
        rows.extend((0..(if number == 7 { 100 } else { 1 })).flat_map(|at| {
            let name = format!("j{at}");
            [index(&name), image(&format!("q{at}")).under(&[&name])]
        }));
        let total = rows.len() as u64;
        let mut report = repository(&format!("team-{}/service-{number}", number % 12), total * 2, rows);
        let counts = report.counts.inventory.as_mut().unwrap();
        counts.not_attestations = BTreeMap::from([(Kind::Image, total / 2), (Kind::Index, total / 2)]);
        counts.attestations.total = many as u64;
        counts.attestations.by_state =
            BTreeMap::from([(State::Attached, many as u64 * 3 / 4), (State::Orphaned, many as u64 / 4)]);
        report
    });
    let mut report = report(Mode::Plan, repositories.collect());
    let going = |bytes| Going { attestations: 25_000, indexes: 400, images: 400, bytes, ..Going::default() };
    let what_if =
        |preset, bytes| WhatIf { preset, now: going(bytes), later: going(bytes * 2), unless_pulled: None };
    report.what_if = vec![what_if(Preset::Orphans, 1_000_000), what_if(Preset::Recommended, 9_000_000)];
    report
}

#[test]
fn a_hundred_thousand_decisions_fit_and_none_is_lost() {
    let report = large();
    let all: usize = report.repositories.iter().map(|it| it.decisions.len()).sum();
    assert!(all >= 100_000, "{all}");
    let begin = Instant::now();
    let page = run(&report, None).unwrap();
    leave("large.html", &page);
    assert!(page.len() < 5_000_000, "{} bytes", page.len());
    let data = data(&page);
    let (drawn, folded) = (data["drawn"].as_u64().unwrap(), data["folded"].as_u64().unwrap());
    assert_eq!(drawn + folded, all as u64);
    let mut seen = [0, 0];
    for repository in data["repositories"].as_array().unwrap() {
        seen[0] += repository["graph"]["class"].as_array().unwrap().len() as u64;
        let counted = repository["folded"].as_array().unwrap();
        seen[1] += counted.iter().map(|it| it[1].as_u64().unwrap()).sum::<u64>();
    }
    assert_eq!(seen, [drawn, folded]);
    assert!(
        drawn > 30_000,
        "{drawn} of {all} are drawn, in {} bytes, after {:?}",
        page.len(),
        begin.elapsed()
    );
    let changes = report
        .repositories
        .iter()
        .flat_map(|it| &it.decisions)
        .filter(|row| row.action != crate::config::policy::Action::Keep);
    assert!(drawn >= changes.count() as u64, "what changes comes first");
}

#[test]
fn digests_are_whole_where_there_is_room() {
    let page = run(&report(Mode::Plan, vec![repository("r", 1, vec![attestation("a")])]), None).unwrap();
    assert!(page.contains(&digest("a").hex()));
}

#[test]
fn a_page_of_one_image_points_at_it() {
    let around = repository("team/api", 9, vec![attestation("a").under(&["i"]), index("i")]);
    let page =
        super::image(&report(Mode::Plan, vec![]).run, &around, digest("a"), "What it is  <b>").unwrap();
    let data = data(&page);
    assert_eq!(data["focus"], digest("a").hex());
    assert_eq!((&data["mode"], &data["explanation"]), (&"explain".into(), &"What it is  <b>".into()));
    assert!(page.contains("<pre>What it is  &lt;b&gt;</pre>"));
}
