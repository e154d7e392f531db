//! The document: its numbered promises and the examples below them.

/// What is wrong, and where; in the order of the lines.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Problem {
    pub(super) line: usize,
    pub(super) promise: usize,
    pub(super) text: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "docs/SEMANTICS.md:{}: promise {}: {}", self.line, self.promise, self.text)
    }
}

/// An example, with the numbers of its lines. What stands before the first promise belongs to promise 0.
pub(super) struct Example<'a> {
    pub(super) promise: usize,
    pub(super) line: usize,
    pub(super) lines: Vec<(usize, &'a str)>,
}

/// A document, as far as it could be understood.
#[derive(Default)]
pub(super) struct Document<'a> {
    pub(super) examples: Vec<Example<'a>>,
    pub(super) problems: Vec<Problem>,
    /// The number and the line of the last promise.
    promise: (usize, usize),
}

/// Reads a document. A promise begins with its number, `**7.**`; an example is a block fenced as `example`.
pub(super) fn read(text: &str) -> Document<'_> {
    let mut document = Document::default();
    let mut block: Option<Example<'_>> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let fence = line.strip_prefix("```");
        match (&mut block, fence) {
            (Some(example), None) => example.lines.push((number, line)),
            (Some(_), Some(_)) => document.examples.extend(block.take()),
            (None, Some(kind)) => {
                if kind != "example" {
                    document.complain(number, format!("a block of the kind {kind:?} is not run"));
                }
                block = Some(Example { promise: document.promise.0, line: number, lines: Vec::new() });
            }
            (None, None) => {
                let start = line.strip_prefix("**").and_then(|rest| rest.split_once(".**"));
                start.into_iter().for_each(|(digits, _)| document.begin(number, digits));
            }
        }
    }
    if let Some(example) = block {
        document.complain(example.line, "its block does not end".to_owned());
    }
    document.end();
    document
}

impl Document<'_> {
    /// The number of the last promise.
    pub(super) fn last_promise(&self) -> usize {
        self.promise.0
    }

    fn begin(&mut self, line: usize, digits: &str) {
        self.end();
        self.promise = (self.promise.0 + 1, line);
        if digits != self.promise.0.to_string() {
            self.complain(line, format!("it is numbered {digits}"));
        }
    }

    fn end(&mut self) {
        let has_one = self.examples.last().is_some_and(|example| example.promise == self.promise.0);
        if !has_one && self.promise.0 > 0 {
            self.complain(self.promise.1, "it has no example".to_owned());
        }
    }

    fn complain(&mut self, line: usize, text: String) {
        self.problems.push(Problem { promise: self.promise.0, line, text });
    }
}
