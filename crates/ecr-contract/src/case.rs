//! A belief and how to check it.

use std::pin::Pin;

use crate::target::Target;
use crate::trouble::Trouble;

/// One belief about ECR.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Its name, in kebab-case.
    pub id: &'static str,
    /// The belief in one sentence.
    pub belief: &'static str,
    /// How well it is known.
    pub mark: Mark,
    /// What the janitor does with it, and why nothing irreversible happens if it is wrong.
    pub if_wrong: &'static str,
    /// Tries it out.
    pub check: Check,
}

/// A check, with a future that can be spawned.
pub type Check = fn(Target) -> Pin<Box<dyn Future<Output = Finding> + Send>>;

/// How well a belief is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// AWS says so, or several people saw it on real accounts.
    Documented,
    /// Inferred, or from one weak source.
    Unverified,
}

/// What trying it showed. Each says what was seen, or why nothing could be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is as believed.
    Confirmed(String),
    /// It is not.
    Refuted(String),
    /// This run cannot tell.
    NotTestable(String),
}

/// What a check comes to. With trouble the belief is neither confirmed nor refuted.
pub type Finding = Result<Verdict, Trouble>;

/// Cases that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Topic {
    /// A heading.
    pub title: &'static str,
    /// In the order in which they run.
    pub cases: &'static [Case],
}

impl Case {
    pub(crate) const fn documented(
        id: &'static str,
        belief: &'static str,
        if_wrong: &'static str,
        check: Check,
    ) -> Self {
        Self { id, belief, mark: Mark::Documented, if_wrong, check }
    }

    pub(crate) const fn unverified(
        id: &'static str,
        belief: &'static str,
        if_wrong: &'static str,
        check: Check,
    ) -> Self {
        Self { id, belief, mark: Mark::Unverified, if_wrong, check }
    }
}

impl Mark {
    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Unverified => "unverified",
        }
    }
}

impl Verdict {
    /// In one word or two.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Confirmed(_) => "confirmed",
            Self::Refuted(_) => "REFUTED",
            Self::NotTestable(_) => "not testable",
        }
    }

    /// What was seen, or why nothing could be.
    pub fn seen(&self) -> &str {
        match self {
            Self::Confirmed(seen) | Self::Refuted(seen) | Self::NotTestable(seen) => seen,
        }
    }
}

/// Confirmed if it holds, else refuted; by what was seen.
pub(crate) fn judge(holds: bool, seen: impl ToString) -> Finding {
    let seen = seen.to_string();
    Ok(if holds { Verdict::Confirmed(seen) } else { Verdict::Refuted(seen) })
}

/// Nothing to be seen here, and why.
pub(crate) fn not_testable(why: impl ToString) -> Finding {
    Ok(Verdict::NotTestable(why.to_string()))
}

/// A check from an `async fn` that takes a target.
macro_rules! check {
    ($function:path) => {
        |target| Box::pin($function(target))
    };
}

/// A check that no run can make.
macro_rules! beyond {
    ($why:literal) => {
        |_| Box::pin(std::future::ready($crate::case::not_testable($why)))
    };
}

pub(crate) use {beyond, check};
