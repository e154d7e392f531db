//! The document: its numbered promises and the examples below them.

/// What is wrong, and where.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) promise: usize,
    pub(super) line: usize,
    pub(super) text: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "docs/SEMANTICS.md:{}: promise {}: {}", self.line, self.promise, self.text)
    }
}

/// An example: its lines with their numbers. What stands before the first promise belongs to promise 0.
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
    let mut lines = (1..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        if let Some(kind) = line.strip_prefix("```") {
            let block: Vec<_> = lines.by_ref().take_while(|(_, line)| *line != "```").collect();
            if kind == "example" {
                document.examples.push(Example { promise: document.promise.0, line: number, lines: block });
            }
        } else if let Some(rest) = line.strip_prefix("**")
            && let Some((digits, _)) = rest.split_once(".**")
        {
            document.begin(number, digits);
        }
    }
    document.end();
    document
}

impl Document<'_> {
    fn begin(&mut self, line: usize, digits: &str) {
        self.end();
        self.promise = (self.promise.0 + 1, line);
        if digits != self.promise.0.to_string() {
            self.complain(format!("it is numbered {digits}"));
        }
    }

    fn end(&mut self) {
        let has_one = self.examples.last().is_some_and(|example| example.promise == self.promise.0);
        if !has_one && self.promise.0 > 0 {
            self.complain("it has no example".to_owned());
        }
    }

    fn complain(&mut self, text: String) {
        let (promise, line) = self.promise;
        self.problems.push(Problem { promise, line, text });
    }
}
