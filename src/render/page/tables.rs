//! Texts and kinds of decision of a page, each once: rows have their numbers.

use std::collections::HashMap;

use serde::Serialize;

use crate::config::policy::Action;
use crate::oci::attestation::{Form, Kind};
use crate::report::decision::Decision;
use crate::report::outcome::OutcomeName;
use crate::report::reason::{Reason, State};
use crate::util::sanitize;

/// What many decisions have in common.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Class {
    kind: Kind,
    form: Option<Form>,
    state: Option<State>,
    action: Action,
    outcome: OutcomeName,
    reason: Reason,
}

/// Texts and classes, each once.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) texts: Vec<String>,
    pub(super) classes: Vec<Class>,
    numbers: HashMap<String, usize>,
}

impl Tables {
    /// The number of a text, which may come from anywhere.
    pub(super) fn text(&mut self, text: &str) -> usize {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.texts.len();
        self.texts.push(sanitize::line(text));
        self.numbers.insert(text.to_owned(), number);
        number
    }

    /// The number of the class of a decision.
    pub(super) fn class(&mut self, row: &Decision) -> usize {
        let Decision { kind, form, state, action, outcome, .. } = *row;
        let class = Class { kind, form, state, action, outcome, reason: row.image.reason };
        // There are a few dozen at most.
        self.classes.iter().position(|it| *it == class).unwrap_or_else(|| {
            self.classes.push(class);
            self.classes.len() - 1
        })
    }
}
