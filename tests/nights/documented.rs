//! The tables in docs/RELIABILITY.md, between two comments each.

use std::fs;
use std::path::Path;

/// Compares a block with what it should be, or writes it.
pub(crate) fn check(name: &str, text: &str, writes: bool) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/RELIABILITY.md");
    let page = fs::read_to_string(&path).expect("docs/RELIABILITY.md");
    let (begin, end) = (format!("<!-- nights: {name} -->\n"), "<!-- nights: end -->");
    let (before, rest) = page.split_once(&begin).expect("the block's first comment");
    let (block, after) = rest.split_once(end).expect("the block's last comment");
    let wanted = format!("\n{}\n\n", text.trim_end());
    if block == wanted {
        return None;
    }
    if writes {
        fs::write(&path, format!("{before}{begin}{wanted}{end}{after}")).expect("docs/RELIABILITY.md");
        return None;
    }
    Some(format!(
        "docs/RELIABILITY.md has other figures ({name}); if the new ones are right, run \
         `cargo test --test nights -- --write`{}",
        if name == "long" { " with `--long`" } else { "" }
    ))
}
