//! Whole repositories of hostile manifests, listed and read through the SDK: nothing is changed that must not be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ecr_attestation_janitor::config::Config;
use ecr_attestation_janitor::config::policy::{Action, Policy, SupersededSince};
use ecr_attestation_janitor::oci::attestation::{Form, Kind};
use ecr_attestation_janitor::oci::digest::Digest;
use ecr_attestation_janitor::planner::collect::{Collected, collect};
use ecr_attestation_janitor::planner::large::LargeRepositories;
use ecr_attestation_janitor::planner::recall::Recall;
use ecr_attestation_janitor::planner::surroundings::Surroundings;
use ecr_attestation_janitor::planner::{RunRequest, Skipped};
use ecr_attestation_janitor::registry::ecr::Ecr;
use ecr_attestation_janitor::report::decision::Decision;
use ecr_attestation_janitor::rules::verdict::{Rows, expand};
use ecr_attestation_janitor::util::deadline::Deadline;
use ecr_in_process::Reply;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{assert_line, in_process, manifest};

const NOW: i64 = 1_700_000_000;
const DAY: i64 = 24 * 60 * 60;

/// A line of the input: flags, a space, a manifest.
struct Line {
    flags: String,
    bytes: String,
    json: Value,
    digest: String,
}

impl Line {
    fn is(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }

    fn children(&self) -> Vec<&str> {
        let list = self.json.get("manifests").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(|child| child.get("digest")?.as_str()).collect()
    }

    /// Whether it must hold its children: an index, whatever it is called.
    fn is_index(&self) -> bool {
        manifest::is_index(&self.json) || self.is('i')
    }

    fn subject(&self) -> Option<&str> {
        self.json.pointer("/subject/digest")?.as_str()
    }
}

/// The bytes are lines; `@0` in a manifest stands for the digest of the first line, and so on. The flags: `t` tagged,
/// `a` archived, `y` young, `u` of unknown age, `p` pulled lately, `x` read with other bytes, `n` not found,
/// `i` listed as an index, `m` listed without a media type.
pub fn run(bytes: &[u8]) {
    let lines = Arc::new(lines(&String::from_utf8_lossy(bytes)));
    let aggressive = Policy {
        grace_period: SignedDuration::from_hours(1),
        orphaned: Action::Delete,
        orphaned_with_subject: Action::Delete,
        superseded: Action::Delete,
        superseded_after: SignedDuration::from_hours(1),
        superseded_since: SupersededSince::Push,
        superseded_without_tags: Action::Delete,
        superseded_images: Action::Delete,
        keep_pulled_within: SignedDuration::from_hours(1),
        attached: Action::Tag,
        ..Config::default().policy_of("")
    };
    let cautious = Policy { orphaned: Action::Tag, superseded: Action::Tag, ..aggressive.clone() };
    for policy in [aggressive, cautious] {
        let decisions = decide(&lines, &policy);
        let deleted: BTreeSet<String> = decisions
            .iter()
            .filter(|decision| decision.action == Action::Delete)
            .map(|decision| decision.image.digest.to_string())
            .collect();
        for decision in decisions.iter().filter(|decision| decision.action != Action::Keep) {
            check(&lines, decision, &deleted);
        }
    }
}

fn lines(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for line in text.lines().take(12) {
        let (flags, manifest) = line.split_once(' ').unwrap_or(("", line));
        let mut bytes = manifest.to_owned();
        for (number, earlier) in lines.iter().enumerate().rev() {
            bytes = bytes.replace(&format!("@{number}"), &earlier.digest);
        }
        if bytes.len() > 100_000 {
            return lines;
        }
        let digest = Digest::of(bytes.as_bytes()).to_string();
        // What is no JSON has no children and no subject, and must not be changed.
        let json = serde_json::from_str(&bytes).unwrap_or_default();
        if lines.iter().all(|earlier| earlier.digest != digest) {
            lines.push(Line { flags: flags.to_owned(), bytes, json, digest });
        }
    }
    lines
}

fn decide(lines: &Arc<Vec<Line>>, policy: &Policy) -> Vec<Decision> {
    let known = Arc::clone(lines);
    let ecr = in_process::ecr(move |operation, request| match operation {
        "DescribeImages" => {
            let named = asked(request);
            let wanted = known.iter().filter(|line| named.is_empty() || named.contains(&line.digest));
            Reply::ok(json!({"imageDetails": wanted.map(listed).collect::<Vec<_>>()}).to_string())
        }
        _ => Reply::ok(read(&known, &asked(request)).to_string()),
    });
    let now = Timestamp::from_second(NOW).unwrap();
    match in_process::wait(collected(&ecr, policy, now)) {
        Ok(collected) => {
            let expanded = expand(&collected.inventory, policy, now, &collected.verdicts, Rows::All).unwrap();
            expanded.steps.into_iter().map(|step| Decision::of_step(step, None)).collect()
        }
        Err(skipped) => {
            assert_line(&skipped.detail);
            Vec::new()
        }
    }
}

async fn collected(ecr: &Ecr, policy: &Policy, now: Timestamp) -> Result<Collected, Skipped> {
    let request = RunRequest::new(now, Deadline::default());
    let mut recall = Recall::load(&request, &Config::default(), "team/api").await;
    let large = LargeRepositories::default();
    collect(ecr, "team/api", policy, &Surroundings::default(), &mut recall, &large, &Deadline::default())
        .await
}

fn asked(request: &Value) -> BTreeSet<String> {
    let ids = request.get("imageIds").and_then(Value::as_array);
    ids.into_iter().flatten().filter_map(|id| Some(id.get("imageDigest")?.as_str()?.to_owned())).collect()
}

fn listed(line: &Line) -> Value {
    let mut detail = json!({
        "imageDigest": line.digest,
        "imagePushedAt": if line.is('y') { NOW - 60 } else { NOW - 60 * DAY },
        "imageStatus": if line.is('a') { "ARCHIVED" } else { "ACTIVE" },
        "imageManifestMediaType": media_type(line),
    });
    if line.is('u') {
        detail["imagePushedAt"] = Value::Null;
    }
    if line.is('t') {
        detail["imageTags"] = json!(["v1"]);
    }
    if line.is('p') {
        detail["lastRecordedPullTime"] = json!(NOW - 60);
    }
    if line.is('m') {
        detail["imageManifestMediaType"] = Value::Null;
    }
    if let Some(subject) = line.subject() {
        detail["subjectManifestDigest"] = json!(subject);
    }
    detail
}

/// What ECR stores beside the bytes: here their own word for it, or else what they look like.
fn media_type(line: &Line) -> &str {
    match line.json.get("mediaType").and_then(Value::as_str) {
        _ if line.is_index() => "application/vnd.oci.image.index.v1+json",
        Some(own) => own,
        None => "application/vnd.oci.image.manifest.v1+json",
    }
}

fn read(lines: &[Line], asked: &BTreeSet<String>) -> Value {
    let wanted = || lines.iter().filter(|line| asked.contains(&line.digest));
    let image = |line: &Line| {
        let bytes = if line.is('x') { format!("{} ", line.bytes) } else { line.bytes.clone() };
        json!({"imageId": {"imageDigest": line.digest}, "imageManifest": bytes})
    };
    let failure =
        |line: &Line| json!({"imageId": {"imageDigest": line.digest}, "failureCode": "ImageNotFound"});
    json!({
        "images": wanted().filter(|line| !line.is('n')).map(image).collect::<Vec<_>>(),
        "failures": wanted().filter(|line| line.is('n')).map(failure).collect::<Vec<_>>(),
    })
}

/// The promises, without the janitor's own words for them.
fn check(lines: &[Line], decision: &Decision, deleted: &BTreeSet<String>) {
    let by_digest: BTreeMap<&str, &Line> = lines.iter().map(|line| (line.digest.as_str(), line)).collect();
    let digest = decision.image.digest.to_string();
    let line = by_digest[digest.as_str()];
    let story = || lines.iter().map(|it| format!("{} {}\n", it.flags, it.bytes)).collect::<String>();
    assert!(!line.flags.contains(['t', 'a', 'y', 'u', 'x', 'n']), "{decision:?}\n{}", story());
    let unreadable = |it: &&Line| it.is_index() && (it.is('x') || it.is('n'));
    assert!(!lines.iter().any(|it| unreadable(&it)), "an index cannot be read\n{}", story());
    let parents = || lines.iter().filter(|it| it.children().contains(&digest.as_str()));
    match decision.kind {
        Kind::Attestation if decision.form == Some(Form::ByParent) => {
            assert!(manifest::is_in_toto(line.json["layers"].as_array().unwrap()), "{}", story());
            assert!(parents().count() > 0, "{}", story());
        }
        Kind::Attestation => assert_eq!(manifest::form(&line.json), decision.form, "{}", story()),
        Kind::Index => assert!(manifest::is_index(&line.json), "{}", story()),
        Kind::Image => assert!(parents().count() > 0 && !manifest::is_index(&line.json), "{}", story()),
        other => panic!("{other:?} is never changed\n{}", story()),
    }
    if decision.action == Action::Tag {
        return assert_eq!(decision.kind, Kind::Attestation, "{}", story());
    }
    for parent in parents().filter(|parent| parent.digest != digest) {
        assert!(deleted.contains(&parent.digest), "{digest} is listed by what stays\n{}", story());
    }
    for referrer in lines.iter().filter(|it| it.subject() == Some(&digest) && it.digest != digest) {
        assert!(deleted.contains(&referrer.digest), "{digest} is referred to by what stays\n{}", story());
    }
    assert!(decision.new_tag.is_none(), "{}", story());
}
