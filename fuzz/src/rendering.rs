//! Tables, explanations and logs: nobody's text forges a row, a line or a field.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ecr_attestation_janitor::cli::explain::explanation::{Explanation, Listing, Overview, Subject};
use ecr_attestation_janitor::cli::explain::inside::{Inside, Missing, Stated};
use ecr_attestation_janitor::cli::explain::text;
use ecr_attestation_janitor::config::policy::Action;
use ecr_attestation_janitor::config::{Config, Mode};
use ecr_attestation_janitor::oci::attestation::{Form, Kind};
use ecr_attestation_janitor::oci::digest::Digest;
use ecr_attestation_janitor::oci::statement::{BaseImage, Pipeline, Provenance, Sbom, Statement};
use ecr_attestation_janitor::render::summary;
use ecr_attestation_janitor::render::table::{self, Layout, Sort, Style};
use ecr_attestation_janitor::report::decision::Decision;
use ecr_attestation_janitor::report::outcome::OutcomeName as Outcome;
use ecr_attestation_janitor::report::plan::ImageFacts;
use ecr_attestation_janitor::report::reason::{Reason, State};
use ecr_attestation_janitor::report::{
    ApiUsage, Report, RepositoryReason, RepositoryReport, RepositoryStatus, RunFrame, RunIdentity,
};
use ecr_attestation_janitor::rules::explanation::{Change, Why};
use ecr_attestation_janitor::util::logging::{Format, Log};
use ecr_attestation_janitor::util::sanitize;
use jiff::Timestamp;
use serde_json::Value;
use tracing::Level;

use super::{assert_harmless, assert_line};

/// The bytes are texts, separated by U+001E: a name, a tag, a platform, a code, a detail.
pub fn run(bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(20_000)];
    let text = String::from_utf8_lossy(bytes);
    let mut texts = text.split('\u{1e}').map(str::to_owned);
    let hostile: [String; 5] = std::array::from_fn(|_| texts.next().unwrap_or_default());
    let benign = hostile.clone().map(|text| if text.is_empty() { text } else { "x".to_owned() });
    same_shape(&tables(&report(&hostile)), &tables(&report(&benign)));
    same_shape(&explanations(&hostile), &explanations(&benign));
    log(&hostile);
    json(&report(&hostile));
}

/// As many lines with their text as without, and all of them harmless.
fn same_shape(hostile: &[String], benign: &[String]) {
    for (hostile, benign) in hostile.iter().zip(benign) {
        assert_harmless(hostile);
        assert_eq!(hostile.lines().count(), benign.lines().count(), "{hostile}");
    }
}

fn tables(report: &Report) -> Vec<String> {
    // Wide enough for any text to stand in one line.
    let layout = |style| Layout { style, width: 60_000, details: true, sort: Sort::Attestations };
    let coloured = table::report(report, &layout(Style::Coloured));
    let colours = [31, 32, 33].map(|colour| format!("\u{1b}[38;5;{}m", colour - 22));
    let bare = colours.iter().fold(coloured, |text, colour| text.replace(colour, ""));
    let bare = bare.replace("\u{1b}[39m", "").replace("\u{1b}[0m", "");
    vec![table::report(report, &layout(Style::Plain)), summary::text(report), bare]
}

fn decision(name: &str, outcome: Outcome, texts: &[String; 5]) -> Decision {
    let [_, tag, platform, code, detail] = texts.clone();
    let failed = outcome == Outcome::Failed;
    Decision {
        kind: Kind::Attestation,
        form: Some(Form::Oci),
        state: Some(State::Orphaned),
        action: Action::Tag,
        outcome,
        code: failed.then_some(code.into()),
        detail: failed.then_some(detail.into()),
        new_tag: Some(tag.clone()),
        image: ImageFacts {
            digest: Digest::of(name.as_bytes()),
            reason: Reason::Orphaned,
            because: vec![tag.clone()],
            untagged_at: None,
            parents: Vec::new(),
            subject: Some(Digest::of(b"subject")),
            platform: Some(platform),
            tags: vec![tag],
            size_bytes: 1,
            pushed_at: None,
            activated_at: None,
            pulled_at: None,
        },
    }
}

fn report(texts: &[String; 5]) -> Report {
    let [name, .., detail] = texts;
    let failed = (name.clone(), RepositoryReason::IndexUnreadable, Some(detail.clone()));
    let failed = RepositoryReport::skipped(failed.0, failed.1, failed.2);
    let decisions = vec![decision("a", Outcome::Failed, texts), decision("b", Outcome::Planned, texts)];
    let done = RepositoryReport { status: RepositoryStatus::Done, reason: None, decisions, ..failed.clone() };
    let run = RunIdentity::new(&Config::default(), "us-east-1", Timestamp::UNIX_EPOCH, name);
    let frame = RunFrame::new(run, Mode::Plan, Timestamp::UNIX_EPOCH, ApiUsage::default());
    Report::new(frame, vec![failed, done])
}

fn why(text: &str) -> Why {
    Why {
        action: Action::Keep,
        reason: Some(Reason::NotAnAttestation),
        because: vec![text.to_owned()],
        sentence: text.to_owned(),
        what_would_change: vec![Change::event(text)],
        state: None,
        may_be_listed: true,
    }
}

/// A statement whose every text is one that somebody else wrote.
fn hostile_statement(code: &str, detail: &str) -> Statement {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let mut provenance = Provenance::default();
    provenance.builder = text(detail);
    provenance.workflow = text(detail);
    provenance.source = text(code);
    provenance.revision = text(detail);
    provenance.entry_point = text(code);
    provenance.build_args = vec![detail.to_owned(); 9];
    provenance.base_images = vec![BaseImage { name: code.to_owned(), digest: text(detail) }];
    let (tools, packages) = (vec![detail.to_owned()], Some(1));
    let sbom = Sbom { format: code.to_owned(), name: text(detail), tools, packages };
    let (provenance, sbom) = (Some(provenance), Some(sbom));
    Statement { predicate_type: text(detail), is_signed: true, provenance, sbom }
}

fn inside(statement: &Statement, platform: &str, detail: &str) -> Inside {
    let (digest, statement) = (Digest::of(b"it"), statement.clone());
    let pipeline = Pipeline::of(std::slice::from_ref(&statement));
    let predicate_type = Some(detail.to_owned());
    Inside {
        attestation: Some(digest),
        platform: Some(platform.to_owned()),
        more_attestations: 1,
        pipeline: Some(pipeline),
        statements: vec![Stated { digest, statement }],
        unread: vec![Missing { digest, size_bytes: Some(1), predicate_type, detail: detail.to_owned() }],
        detail: Some(detail.to_owned()),
    }
}

fn explanations(texts: &[String; 5]) -> Vec<String> {
    let [name, tag, platform, code, detail] = texts.clone();
    let digest = Digest::of(b"it");
    let listing =
        Listing { index: digest, tags: vec![tag.clone()], tags_above: vec![tag.clone()], pushed_at: None };
    let explanation = |kind: Kind| Explanation {
        asked_tag: None,
        repository: name.clone(),
        digest,
        tags: vec![tag.clone(), tag.clone()],
        kind,
        form: None,
        state: None,
        predicate_types: vec![detail.clone(), code.clone()],
        subject: Some(Subject { digest, is_present: false }),
        platform: Some(platform.clone()),
        listed_by: None,
        may_be_listed_by_others: true,
        lists: None,
        referrers: vec![digest],
        media_type: Some(code.clone()),
        artifact_type: Some(detail.clone()),
        is_active: true,
        pushed_at: None,
        pulled_at: None,
        pulled_by_others_at: None,
        size_bytes: 1,
        why: why(&detail),
        repository_skipped: Some(detail.clone()),
        inside: None,
        advice: None,
    };
    let overview = Overview {
        repository: name.clone(),
        images: 1,
        kinds: BTreeMap::from([(Kind::Image, 1)]),
        attestations: BTreeMap::new(),
        attestations_of_the_last_30_days: 0,
        pending: 0,
        advice: None,
    };
    let listed = Explanation { listed_by: Some(vec![listing]), ..explanation(Kind::Attestation) };
    let mut stated = explanation(Kind::Referrer);
    stated.add_inside(Some(inside(&hostile_statement(&code, &detail), &platform, &detail)));
    let all =
        [stated, listed, explanation(Kind::Image), explanation(Kind::Artifact), explanation(Kind::Index)];
    all.iter().map(text::image).chain([text::overview(&overview)]).collect()
}

fn log(texts: &[String; 5]) {
    for format in [Format::Json, Format::Text] {
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let sink = Arc::clone(&lines);
        let log = Log::new(Level::INFO, format, move |line| sink.lock().unwrap().push(line.to_owned()));
        log.set_common(&serde_json::json!({"function_request_id": texts[0]}));
        let decision = decision("a", Outcome::Failed, texts);
        log.line(Level::INFO, &texts[4], &decision);
        let lines = lines.lock().unwrap();
        assert_eq!(lines.len(), 1);
        assert_harmless(&lines[0]);
        assert!(!lines[0].contains('\n'));
        if format == Format::Json {
            let line: Value = serde_json::from_str(&lines[0]).unwrap();
            let expected: Value = serde_json::to_value(&decision).unwrap();
            for (key, value) in expected.as_object().unwrap() {
                assert_eq!(&line[key], value, "{key}");
            }
            assert_eq!((&line["message"], &line["level"]), (&texts[4].as_str().into(), &"INFO".into()));
        }
    }
    assert_line(&sanitize::line(&texts.concat()));
}

/// JSON for people's terminals has the same values as JSON for programs.
fn json(report: &Report) {
    let text = serde_json::to_string_pretty(report).unwrap();
    let shown = sanitize::json(&text);
    assert_harmless(&shown);
    let values: [Value; 2] = [&text, &*shown].map(|text| serde_json::from_str(text).unwrap());
    assert_eq!(values[0], values[1]);
}
