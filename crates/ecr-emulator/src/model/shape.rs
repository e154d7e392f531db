//! The kinds of values that a request has.

use super::pattern::Pattern;

/// A member of a structure.
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) required: bool,
    pub(super) shape: Shape,
}

/// The type of a value, with inclusive bounds.
pub(super) enum Shape {
    Text {
        min: usize,
        max: usize,
        pattern: Option<&'static Pattern>,
    },
    OneOf(&'static [&'static str]),
    Integer {
        min: i64,
        max: i64,
    },
    Flag,
    /// Bytes in base64. The operation decodes them, and looks at their number.
    Blob,
    List {
        min: usize,
        max: usize,
        of: &'static Shape,
    },
    Structure(&'static [Member]),
}

pub(super) const ANY: usize = usize::MAX;

pub(super) const fn must(name: &'static str, shape: Shape) -> Member {
    Member { name, required: true, shape }
}

pub(super) const fn may(name: &'static str, shape: Shape) -> Member {
    Member { name, required: false, shape }
}

pub(super) const fn text(min: usize, max: usize) -> Shape {
    Shape::Text { min, max, pattern: None }
}

pub(super) const fn like(min: usize, max: usize, pattern: &'static Pattern) -> Shape {
    Shape::Text { min, max, pattern: Some(pattern) }
}

pub(super) const fn list(min: usize, max: usize, of: &'static Shape) -> Shape {
    Shape::List { min, max, of }
}
