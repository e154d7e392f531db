//! A run, or one image, as one file that a browser shows: its data, and a script that draws them.
//!
//! The file asks nobody for anything, and its content security policy allows no more than its own script and style, by
//! their hashes. Data is JSON in which nothing can end its element, and the script makes text nodes of it, never markup.

mod document;
mod graph;
mod rows;
mod segments;
mod tables;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::summary;
use crate::oci::digest::Digest;
use crate::report::{Report, RepositoryReport, RunIdentity};
use crate::util::sanitize;
use document::{Document, Size};
pub use document::{Past, PastRun};

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");

/// The script, in the order of its parts.
const SCRIPT: [&str; 10] = [
    include_str!("script/elements.js"),
    include_str!("script/words.js"),
    include_str!("script/graph.js"),
    include_str!("script/drawing.js"),
    include_str!("script/run.js"),
    include_str!("script/sources.js"),
    include_str!("script/list.js"),
    include_str!("script/repository.js"),
    include_str!("script/note.js"),
    include_str!("script/main.js"),
];

/// The data of a page stay below this, so that the file stays below 5 MB.
const MOST_BYTES: usize = 4_700_000;

/// The page of a run.
pub fn run(report: &Report, past: Option<&Past>) -> serde_json::Result<String> {
    let decisions: usize = report.repositories.iter().map(|it| it.decisions.len()).sum();
    let data = fitting(decisions, |size| Document::of_run(report, past, size))?;
    let title = format!("{} of {}", report.mode.word(), summary::place(&report.run));
    Ok(file(&title, &summary::text(report), &data))
}

/// The page of one image and what is around it.
pub fn image(
    run: &RunIdentity,
    around: &RepositoryReport,
    focus: Digest,
    text: &str,
) -> serde_json::Result<String> {
    let data = fitting(around.decisions.len(), |size| Document::of_image(run, around, (focus, text), size))?;
    let title = format!("{}@{}", around.name, focus);
    Ok(file(&title, text, &data))
}

/// The data with as many decisions one by one as there is room for.
fn fitting<'a>(decisions: usize, document: impl Fn(Size) -> Document<'a>) -> serde_json::Result<String> {
    let mut size = Size::of(decisions);
    loop {
        let data = json(&document(size))?;
        match size.smaller(data.len(), MOST_BYTES) {
            Some(smaller) => size = smaller,
            None => return Ok(data),
        }
    }
}

fn file(title: &str, text: &str, data: &str) -> String {
    let script = format!("\"use strict\";\n(() => {{\n{}}})();\n", SCRIPT.join("\n"));
    let parts = [
        ("TITLE", escaped(&sanitize::line(title))),
        ("TEXT", escaped(&sanitize::lines(text))),
        ("STYLE_HASH", hash(STYLE)),
        ("SCRIPT_HASH", hash(&script)),
        ("STYLE", STYLE.to_owned()),
        ("SCRIPT", script),
        ("DATA", data.to_owned()),
    ];
    filled(TEMPLATE, &parts)
}

/// The template with its placeholders replaced, once: nothing that is put in is looked at again.
fn filled(template: &str, parts: &[(&str, String)]) -> String {
    let mut text =
        String::with_capacity(template.len() + parts.iter().map(|(_, part)| part.len()).sum::<usize>());
    for (position, piece) in template.split('@').enumerate() {
        let part = parts.iter().find(|(name, _)| position % 2 == 1 && *name == piece);
        text.push_str(part.map_or(piece, |(_, part)| part));
    }
    text
}

/// JSON for an element of a page: nothing in it can end the element, or begin one.
fn json(value: &impl Serialize) -> serde_json::Result<String> {
    let mut text = String::new();
    // Outside of strings JSON has none of these.
    for character in serde_json::to_string(value)?.chars() {
        match character {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            other => text.push(other),
        }
    }
    Ok(text)
}

/// Text for HTML.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// A source of a content security policy.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

#[cfg(test)]
mod tests;
