//! What must hold whatever anybody writes into a registry, an event, a configuration or a plan file. Each target takes
//! any bytes, and panics if a promise is broken. libFuzzer runs them, and so does `tests/fuzz_corpus.rs`.

pub mod answers;
pub mod configuration;
pub mod event;
pub mod in_process;
pub mod manifest;
pub mod plan;
pub mod rendering;
pub mod repository;
pub mod statement;

/// A target: it takes any bytes.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: [(&str, Target); 8] = [
    ("answers", answers::run),
    ("configuration", configuration::run),
    ("event", event::run),
    ("manifest", manifest::run),
    ("plan", plan::run),
    ("rendering", rendering::run),
    ("repository", repository::run),
    ("statement", statement::run),
];

/// Demands that a terminal shows this text as it is: nothing in it moves the cursor, hides, or turns around.
pub fn assert_harmless(text: &str) {
    let is_harmful = |character: char| {
        (character.is_control() && character != '\n')
            || matches!(character,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
    };
    assert!(!text.contains(is_harmful), "{text:?}");
}

/// Demands that this text is one harmless line, and no longer than a log can take.
pub fn assert_line(text: &str) {
    assert_harmless(text);
    assert!(!text.contains('\n'), "{text:?}");
    assert!(text.len() < 30_000, "{} bytes", text.len());
}
