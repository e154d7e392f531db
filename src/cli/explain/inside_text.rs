//! The inside of an attestation in plain text.

use std::fmt::Write as _;

use jiff::{SpanRound, Timestamp, Unit};

use super::inside::{Inside, Missing, Stated};
use crate::oci::statement::{BaseImage, Mode, Provenance, Sbom};
use crate::render::words::{counted, size};
use crate::util::sanitize;

/// More base images, build arguments or tools than this are counted, not named.
const NAMED: usize = 8;

/// The section "Inside".
pub fn section(it: &Inside) -> String {
    let mut text = format!("Inside          {}\n", heading(it));
    if let Some(detail) = &it.detail {
        let _ = writeln!(text, "Not read        {}", sanitize::line(detail));
    }
    it.statements.iter().for_each(|stated| statement(&mut text, stated));
    it.unread.iter().for_each(|missing| {
        let _ = writeln!(text, "Not read        {}", unread(missing));
    });
    text
}

fn heading(it: &Inside) -> String {
    let Some(attestation) = it.attestation else { return "no statement could be read".to_owned() };
    let about = match &it.platform {
        Some(platform) => format!(" about the {} image", sanitize::line(platform)),
        None => String::new(),
    };
    let more = match it.more_attestations {
        0 => String::new(),
        more => format!(
            ", and {} more that {} not read",
            counted(more, "attestation"),
            if more == 1 { "was" } else { "were" }
        ),
    };
    let statements = it.statements.len() + it.unread.len();
    format!("{}{about} in {attestation}{more}", counted(statements, "statement"))
}

fn statement(text: &mut String, Stated { statement, .. }: &Stated) {
    let kind = statement.predicate_type.as_deref().unwrap_or("a document of no stated type");
    let signed = if statement.is_signed { ", signed (the signature was not verified)" } else { "" };
    let mode = match statement.provenance.as_ref().and_then(|it| it.mode) {
        Some(Mode::Min) => ", mode=min",
        Some(Mode::Max) => ", mode=max",
        None => "",
    };
    row(text, "States", &format!("{}{mode}{signed}", sanitize::line(kind)));
    if let Some(it) = &statement.provenance {
        provenance(text, it);
    }
    if let Some(it) = &statement.sbom {
        row(text, "  SBOM", &sbom(it));
    }
}

fn row(text: &mut String, label: &str, value: &str) {
    let _ = writeln!(text, "{label:<15} {value}");
}

fn provenance(text: &mut String, it: &Provenance) {
    let mut told = |label: &str, value: Option<String>| {
        if let Some(value) = value {
            row(text, label, &sanitize::line(&value));
        }
    };
    told(
        "  Built by",
        Some(it.builder.clone().unwrap_or_else(|| "a builder that does not name itself".into())),
    );
    told("  Run", it.invocation.clone().filter(|run| Some(run) != it.builder.as_ref()));
    told("  Workflow", it.workflow.clone());
    told("  Source", Some(source(it)));
    told("  Defined by", it.entry_point.clone());
    told("  Base images", (!it.base_images.is_empty()).then(|| named(&it.base_images, base_image)));
    told("  Built", built(it));
    let args = format!("{} (values are not shown)", named(&it.build_args, String::clone));
    told("  Build args", (!it.build_args.is_empty()).then_some(args));
    told("  Left out", left_out(it));
}

fn source(it: &Provenance) -> String {
    match (&it.source, &it.revision) {
        (Some(source), Some(revision)) => format!("{source} at {revision}"),
        (Some(source), None) => source.clone(),
        (None, Some(revision)) => format!("not stated, at {revision}"),
        (None, None) => "not stated".to_owned(),
    }
}

fn base_image(it: &BaseImage) -> String {
    match &it.digest {
        Some(digest) => format!("{} ({})", it.name, digest.get(..19).unwrap_or(digest)),
        None => it.name.clone(),
    }
}

fn named<T>(all: &[T], name: impl Fn(&T) -> String) -> String {
    let names: Vec<String> = all.iter().take(NAMED).map(name).collect();
    match all.len().saturating_sub(NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

fn built(it: &Provenance) -> Option<String> {
    let started = it.started_at?;
    let Some(finished) = it.finished_at.filter(|finished| *finished >= started) else {
        return Some(format!("{started:.0}"));
    };
    Some(format!("{started:.0}, within {}", duration(started, finished)))
}

fn duration(from: Timestamp, until: Timestamp) -> String {
    let round = SpanRound::new().smallest(Unit::Second).largest(Unit::Hour);
    let span = from.until(until).ok().and_then(|span| span.round(round).ok());
    span.map_or_else(
        || "an unknown time".to_owned(),
        |span| match span.is_zero() {
            true => "a second".to_owned(),
            false => format!("{span:#}"),
        },
    )
}

fn left_out(it: &Provenance) -> Option<String> {
    let complete = it.complete?;
    let parts = [(complete.parameters, "parameters"), (complete.materials, "inputs")];
    let missing: Vec<&str> = parts.iter().filter(|(is_whole, _)| !is_whole).map(|(_, name)| *name).collect();
    (!missing.is_empty()).then(|| format!("some {}, as the builder says", missing.join(" and ")))
}

fn sbom(it: &Sbom) -> String {
    let packages = it.packages.map(|count| format!(", {}", counted(count, "package"))).unwrap_or_default();
    let tools =
        if it.tools.is_empty() { String::new() } else { format!(" by {}", named(&it.tools, String::clone)) };
    sanitize::line(&format!("{}{tools}{packages}", it.format))
}

fn unread(it: &Missing) -> String {
    let kind = it.predicate_type.as_deref().unwrap_or("a statement of no stated type");
    let bytes = it.size_bytes.map(|bytes| format!(" ({})", size(bytes))).unwrap_or_default();
    sanitize::line(&format!("{kind}{bytes}: {}", it.detail))
}
