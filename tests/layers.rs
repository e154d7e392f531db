//! The rooms of `src/` against the table in docs/ARCHITECTURE.md.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A room of the table with the rooms that it may use, in the order of the table.
fn documented() -> Vec<(String, BTreeSet<String>)> {
    let text = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    let (_, table) = text.split_once("| room | contents | may use |\n|---|---|---|\n").unwrap();
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<String>>();
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let [room, _, uses] = cells[..] else { panic!("three cells: {row}") };
        (quoted(room).remove(0), quoted(uses).into_iter().collect())
    })
    .collect()
}

/// The rooms with the rooms that their files name, tests and what only they use left out.
fn used() -> BTreeMap<String, BTreeSet<String>> {
    let folders = fs::read_dir(root().join("src")).unwrap().map(|entry| entry.unwrap().path());
    let rooms = folders.filter(|path| path.is_dir() && !path.ends_with("bin") && !path.ends_with("testing"));
    rooms
        .map(|path| {
            let room = path.file_name().unwrap().to_string_lossy().into_owned();
            let texts = sources(&path).into_iter().map(|file| production(&fs::read_to_string(file).unwrap()));
            let mut uses: BTreeSet<String> = texts.flat_map(|text| named(&text)).collect();
            uses.remove(&room);
            (room, uses)
        })
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Rust files of a folder, without modules of tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().is_some_and(|name| name == "tests") {
            continue;
        } else if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// A file without comments, and up to its module of tests, which comes last.
fn production(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The first segments of all paths that begin with `crate::`, those in braces included.
fn named(text: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut rooms = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(group) => rooms.extend(members(group).map(|member| word(member.trim_start()))),
            None => drop(rooms.insert(word(rest))),
        }
    }
    rooms
}

/// The members of a group up to its closing brace, without what stands in inner braces.
fn members(group: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    let end = group.find(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        depth < 0
    });
    let mut depth = 0;
    group[..end.unwrap()].split(move |c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        depth == 0 && c == ','
    })
}

#[test]
fn rooms_use_only_what_the_architecture_allows() {
    let (documented, used) = (documented(), used());
    let listed: BTreeSet<&String> = documented.iter().map(|(room, _)| room).collect();
    assert_eq!(listed, used.keys().collect(), "the table in docs/ARCHITECTURE.md has one row for each room");
    for (room, allowed) in &documented {
        let more: Vec<&String> = used[room].difference(allowed).collect();
        assert!(more.is_empty(), "{room} uses {more:?}, which docs/ARCHITECTURE.md does not allow");
    }
}

#[test]
fn rooms_use_only_rooms_above_them_in_the_table() {
    let mut above = BTreeSet::new();
    for (room, allowed) in documented() {
        assert!(allowed.is_subset(&above), "{room} uses a room below it in docs/ARCHITECTURE.md");
        above.insert(room);
    }
}

#[test]
fn the_decision_is_pure() {
    const IMPURE: [&str; 8] =
        ["::now()", "Instant", "SystemTime", "aws_", "print!(", "println!(", "std::env", "std::fs"];
    for room in ["oci", "inventory", "report", "rules"] {
        for file in sources(&root().join("src").join(room)) {
            let text = production(&fs::read_to_string(&file).unwrap());
            let found: Vec<&&str> = IMPURE.iter().filter(|word| text.contains(**word)).collect();
            assert!(found.is_empty(), "{}: {found:?}", file.display());
        }
    }
}

#[test]
fn imports_are_found_however_they_are_written() {
    let found = |text: &str| named(text).into_iter().collect::<Vec<String>>().join(" ");
    assert_eq!(found("use crate::oci::digest::Digest;"), "oci");
    assert_eq!(found("use crate::{config::Mode, report::{self, Counts}, rules};"), "config report rules");
    assert_eq!(found("let x = crate::util::plain(1) + crate::registry::MAX_IDS;"), "registry util");
    assert_eq!(
        found(&production("// crate::cli\nuse crate::oci::x;\n#[cfg(test)]\nmod tests {\nuse crate::cli;")),
        "oci"
    );
}
