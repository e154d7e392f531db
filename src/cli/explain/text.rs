//! Explanations in sentences.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::explanation::{AskedTag, Explanation, Listing, Overview};
use super::inside_text;
use crate::config::policy::Action;
use crate::oci::attestation::{Form, Kind};
use crate::oci::digest::Digest;
use crate::render::words::{counted, size};
use crate::rules::explanation::Change;
use crate::util::sanitize;

/// The explanation of one image.
pub fn image(it: &Explanation) -> String {
    let mut text = format!("{}@{}\n\n", sanitize::line(&it.repository), it.digest);
    let _ = writeln!(text, "What it is      {}", what(it));
    if it.kind == Kind::Attestation || it.subject.is_some() {
        let label = if it.kind == Kind::Attestation { "Attests" } else { "Refers to" };
        let _ = writeln!(text, "{label:<15} {}", subject(it));
    }
    let _ = writeln!(text, "Listed by       {}", listings(it));
    if !it.tags.is_empty() {
        let _ = writeln!(text, "Tags            {}", sanitize::line(&it.tags.join(", ")));
    }
    if let Some(note) = it.asked_tag.as_ref().and_then(|asked| moved_tag(asked, it.digest)) {
        let _ = writeln!(text, "{:16}{note}", "");
    }
    if !it.referrers.is_empty() {
        let digests: Vec<String> = it.referrers.iter().map(crate::oci::digest::Digest::short).collect();
        let _ = writeln!(text, "Referred to by  {}", digests.join(", "));
    }
    let _ = writeln!(text, "Pushed          {}", time(it.pushed_at, "at an unknown time"));
    let _ = writeln!(text, "Last pulled     {}", pulled(it));
    let _ = writeln!(
        text,
        "Size            {}{}",
        size(it.size_bytes),
        if it.is_active { "" } else { ", archived" }
    );
    if let Some(inside) = &it.inside {
        let _ = write!(text, "\n{}", inside_text::section(inside));
    }
    let _ = writeln!(text, "\nWhat the policy does with it: {}", decision(it));
    if let Some(reason) = it.why.reason {
        let _ = writeln!(text, "More of that    docs/REASONS.md#{}", <&str>::from(reason));
    }
    let matters = |change: &&Change| change.then.is_none_or(|then| then.action != it.why.action);
    let mut changes = it.why.what_would_change.iter().filter(matters).peekable();
    if changes.peek().is_some() {
        let _ = writeln!(text, "\nWhat would change that:");
    }
    for change in changes {
        let _ = writeln!(text, "  {}", sanitize::line(&change.sentence));
    }
    if let Some(advice) = &it.advice {
        let _ = writeln!(text, "\n{advice}");
    }
    text
}

/// The last pull, told apart from the janitor's own reads.
fn pulled(it: &Explanation) -> String {
    let read = it.pulled_at.filter(|_| it.pulled_at != it.pulled_by_others_at);
    let own = read.map(|at| format!(" (and read by the janitor at {at:.0})")).unwrap_or_default();
    format!("{}{own}", time(it.pulled_by_others_at, "never, as far as ECR recorded"))
}

/// Where the tag is that was asked for beside the digest, if not at that image.
fn moved_tag(asked: &AskedTag, digest: Digest) -> Option<String> {
    let tag = sanitize::line(&asked.tag);
    match asked.names {
        Some(names) if names == digest => None,
        Some(names) => Some(format!("The tag {tag} names {names} now")),
        None => Some(format!("No image has the tag {tag} now")),
    }
}

/// The explanation of a repository.
pub fn overview(it: &Overview) -> String {
    let mut text = format!("{}: {}\n\n", sanitize::line(&it.repository), counted(it.images, "image"));
    for (kind, count) in &it.kinds {
        let _ = writeln!(text, "{count:>8}  {:<12} {}", <&str>::from(kind), meaning(*kind));
    }
    for (state, count) in &it.attestations {
        let verb = if *count == 1 { "is" } else { "are" };
        let _ = writeln!(text, "{count:>8}  of the attestations {verb} {}", <&str>::from(state));
    }
    let _ = writeln!(
        text,
        "\n{} of the attestations are of the last 30 days. The policy would change {} now: see `ecr-janitor plan`.",
        it.attestations_of_the_last_30_days,
        counted(it.pending, "image")
    );
    if it.advice.is_some() {
        let name = sanitize::line(&it.repository);
        let _ = writeln!(text, "`ecr-janitor sources {name}` shows which pipelines make them.");
    }
    if let Some(advice) = &it.advice {
        let _ = writeln!(text, "\n{advice}");
    }
    text
}

fn what(it: &Explanation) -> String {
    match it.kind {
        Kind::Attestation => {
            let stated = if it.predicate_types.is_empty() {
                String::new()
            } else {
                format!(": {}", sanitize::line(&it.predicate_types.join(", ")))
            };
            format!("a BuildKit attestation{}{stated}", form(it.form))
        }
        Kind::Image => format!(
            "a platform image{}",
            it.platform.as_ref().map(|p| format!(" for {}", sanitize::line(p))).unwrap_or_default()
        ),
        Kind::Index => {
            let lists = it.lists.as_ref();
            let count = |of: fn(&super::explanation::Lists) -> usize| lists.map_or(0, of);
            format!(
                "an index (multi-platform image) that lists {}, {} and {}",
                counted(count(|l| l.images), "image"),
                counted(count(|l| l.attestations), "attestation"),
                counted(count(|l| l.indexes), "further index")
            )
        }
        other => {
            let of_type =
                it.artifact_type.as_deref().map(|t| format!(" ({})", sanitize::line(t))).unwrap_or_default();
            format!("{}{of_type}", meaning(other))
        }
    }
}

/// The kinds in a few words.
fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::Attestation => "provenance or SBOM that docker buildx stored beside an image",
        Kind::Suspect => "looks like a BuildKit attestation, but nothing proves it: never touched",
        Kind::Index => "a multi-platform image, or an image with its attestations",
        Kind::Image => "a platform image",
        Kind::Referrer => "an artifact that refers to another image and is not a BuildKit attestation",
        Kind::Signature => "a signature, or an attestation made by a signing tool such as cosign or Notation",
        Kind::SociIndex => "a SOCI index, with which AWS Fargate starts images lazily",
        Kind::Cache => "a BuildKit build cache",
        Kind::Chart => "a Helm chart",
        Kind::Artifact => "some other OCI artifact",
        Kind::Unknown => "something whose manifest is not understood",
        Kind::Unread => "kept whatever it is, so not read",
    }
}

fn form(form: Option<Form>) -> &'static str {
    match form {
        Some(Form::Oci) => " (OCI-artifact form, BuildKit 0.32 and later)",
        Some(Form::Legacy) => " (legacy form, BuildKit before 0.32)",
        Some(Form::ByParent) => " (proven by the index that lists it)",
        Some(Form::Unread) | None => "",
    }
}

fn subject(it: &Explanation) -> String {
    match &it.subject {
        None if it.may_be_listed_by_others => {
            "unknown: the manifest does not say, and not every index here can be read".into()
        }
        None => "unknown: the manifest does not say, and no index lists it".into(),
        Some(subject) => {
            let platform = it
                .platform
                .as_ref()
                .map(|platform| format!("the {} image ", sanitize::line(platform)))
                .unwrap_or_default();
            let there = if subject.is_present { "" } else { ", which is not in this repository any more" };
            format!("{platform}{}{there}", subject.digest)
        }
    }
}

fn listings(it: &Explanation) -> String {
    let Some(listings) = &it.listed_by else { return "unknown: not every index here can be read".into() };
    if listings.is_empty() {
        return "no index in this repository".into();
    }
    let one = |listing: &Listing| {
        let tags = if listing.tags.is_empty() {
            "untagged".to_owned()
        } else {
            format!("tagged {}", sanitize::line(&listing.tags.join(", ")))
        };
        let above = if listing.tags_above.is_empty() {
            String::new()
        } else {
            format!(", within indexes tagged {}", sanitize::line(&listing.tags_above.join(", ")))
        };
        format!("{} ({tags}{above}, pushed {})", listing.index, time(listing.pushed_at, "at an unknown time"))
    };
    let mut lines: Vec<String> = listings.iter().map(one).collect();
    if it.may_be_listed_by_others {
        lines.push("and perhaps others: not every index here can be read".into());
    }
    lines.join("\n                ")
}

fn decision(it: &Explanation) -> String {
    let why = &it.why;
    let sentence = sanitize::line(&why.sentence);
    let does = match why.action {
        Action::Keep => "keeps it",
        Action::Tag => "tags it",
        Action::Delete => "deletes it",
    };
    match (&it.repository_skipped, why.reason) {
        (Some(skipped), None) => {
            format!("nothing, as with everything in this repository ({})", sanitize::line(skipped))
        }
        (Some(skipped), Some(reason)) => format!(
            "nothing, as with everything in this repository ({}); else {} it would be, because {sentence}.",
            sanitize::line(skipped),
            <&str>::from(reason)
        ),
        (None, Some(reason)) => format!("{does} ({}), because {sentence}.", <&str>::from(reason)),
        (None, None) => format!("{does}, because {sentence}."),
    }
}

fn time(at: Option<Timestamp>, otherwise: &str) -> String {
    at.map_or_else(|| otherwise.to_owned(), |at| format!("{at:.0}"))
}
