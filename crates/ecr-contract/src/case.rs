//! A claim about ECR, its evidence and its check.

use std::pin::Pin;

use crate::error::CaseError;
use crate::evidence::Evidence;
use crate::target::Target;

/// One claim about ECR.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Its name, in kebab-case.
    pub id: &'static str,
    /// The claim in one sentence.
    pub claim: &'static str,
    /// The public evidence for it or against it.
    pub evidence: Evidence,
    /// How the janitor works so that nothing irreversible rests on the claim.
    pub safeguard: &'static str,
    /// The check.
    pub check: Check,
}

/// An asynchronous check whose future can be spawned.
pub type Check = fn(Target) -> Pin<Box<dyn Future<Output = Finding> + Send>>;

/// The result of a check, with what was seen or why nothing could be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The claim holds.
    Confirmed(String),
    /// The claim does not hold.
    Refuted(String),
    /// This run cannot decide.
    NotTestable(String),
}

/// The outcome of a check; after an error the claim is neither confirmed nor refuted.
pub type Finding = Result<Verdict, CaseError>;

/// Cases about one subject.
#[derive(Debug, Clone, Copy)]
pub struct Topic {
    /// The heading.
    pub title: &'static str,
    /// The cases, in the order in which they run.
    pub cases: &'static [Case],
}

impl Verdict {
    /// The verdict in one word or two.
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

/// Confirmed if the claim holds, else refuted.
pub(crate) fn judge(holds: bool, seen: impl ToString) -> Finding {
    let seen = seen.to_string();
    Ok(if holds { Verdict::Confirmed(seen) } else { Verdict::Refuted(seen) })
}

/// Confirmed if the claim was seen to hold, else undecided: one run without it proves nothing.
pub(crate) fn judge_if_seen(holds: bool, seen: impl ToString) -> Finding {
    let seen = seen.to_string();
    Ok(if holds { Verdict::Confirmed(seen) } else { Verdict::NotTestable(seen) })
}

/// Not testable, with the reason.
pub(crate) fn not_testable(why: impl ToString) -> Finding {
    Ok(Verdict::NotTestable(why.to_string()))
}

/// Makes a check from an `async fn` that takes a target.
macro_rules! check {
    ($function:path) => {
        |target| Box::pin($function(target))
    };
}

/// Makes the check of a case that no run can test.
macro_rules! untestable {
    ($why:literal) => {
        |_| Box::pin(std::future::ready($crate::case::not_testable($why)))
    };
}

pub(crate) use {check, untestable};
