//! The public evidence for a claim about ECR, and its sources.

use std::fmt::{self, Display};

/// How well a claim is known, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Seen on real ECR by others, or stated by AWS for exactly this case.
    Confirmed(&'static [Source]),
    /// Stated by AWS in documentation or the service model.
    Documented(&'static [Source]),
    /// Backed by public evidence that is indirect, partial or not known to come from real ECR.
    Supported {
        /// The evidence.
        by: &'static [Source],
        /// What goes wrong if the claim is false.
        if_wrong: &'static str,
    },
    /// Without public evidence.
    Open {
        /// What goes wrong if the claim is false.
        if_wrong: &'static str,
    },
    /// Contradicted by public evidence; kept in the list so that nobody builds on it again.
    Refuted {
        /// The evidence.
        by: &'static [Source],
        /// What holds instead.
        fact: &'static str,
    },
}

/// One public source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Its strength.
    pub strength: Strength,
    reference: Reference,
}

/// What a source consists of, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Printed output or a wire capture of real ECR.
    Output,
    /// AWS documentation or the service model.
    Documentation,
    /// Tests or code that others wrote against ECR.
    Tests,
    /// Statements of users.
    Report,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reference {
    /// `owner/repository#number` on GitHub.
    Thread(&'static str),
    /// A page of the ECR user guide.
    Guide { title: &'static str, page: &'static str },
    /// An operation or type in the ECR API reference.
    Api(&'static str),
    /// Any other page.
    Page { title: &'static str, url: &'static str },
    /// A test of LocalStack's ECR.
    LocalStack(&'static str),
    /// A source without a stable address.
    Text(&'static str),
}

impl Evidence {
    /// The status in one word.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Confirmed(_) => "confirmed",
            Self::Documented(_) => "documented",
            Self::Supported { .. } => "supported",
            Self::Open { .. } => "open",
            Self::Refuted { .. } => "refuted",
        }
    }

    /// Whether the janitor may build on the claim.
    pub fn is_known(&self) -> bool {
        matches!(self, Self::Confirmed(_) | Self::Documented(_))
    }

    /// The sources.
    pub fn sources(&self) -> &'static [Source] {
        match self {
            Self::Confirmed(by)
            | Self::Documented(by)
            | Self::Supported { by, .. }
            | Self::Refuted { by, .. } => by,
            Self::Open { .. } => &[],
        }
    }
}

impl Source {
    /// Output of real ECR in a GitHub thread, given as `owner/repository#number`.
    pub(crate) const fn output(thread: &'static str) -> Self {
        Self { strength: Strength::Output, reference: Reference::Thread(thread) }
    }

    /// Output of real ECR on another page.
    pub(crate) const fn output_at(title: &'static str, url: &'static str) -> Self {
        Self { strength: Strength::Output, reference: Reference::Page { title, url } }
    }

    /// Output of real ECR without a stable address.
    pub(crate) const fn output_text(text: &'static str) -> Self {
        Self { strength: Strength::Output, reference: Reference::Text(text) }
    }

    /// A page of the ECR user guide.
    pub(crate) const fn guide(title: &'static str, page: &'static str) -> Self {
        Self { strength: Strength::Documentation, reference: Reference::Guide { title, page } }
    }

    /// An operation or type in the ECR API reference.
    pub(crate) const fn api(name: &'static str) -> Self {
        Self { strength: Strength::Documentation, reference: Reference::Api(name) }
    }

    /// Another page of AWS documentation.
    pub(crate) const fn docs(title: &'static str, url: &'static str) -> Self {
        Self { strength: Strength::Documentation, reference: Reference::Page { title, url } }
    }

    /// Tests or code of others in a GitHub thread.
    pub(crate) const fn tests(thread: &'static str) -> Self {
        Self { strength: Strength::Tests, reference: Reference::Thread(thread) }
    }

    /// Tests or code of others without a stable address.
    pub(crate) const fn tests_text(text: &'static str) -> Self {
        Self { strength: Strength::Tests, reference: Reference::Text(text) }
    }

    /// A test of LocalStack's ECR. None of them is marked as validated on AWS.
    pub(crate) const fn localstack(test: &'static str) -> Self {
        Self { strength: Strength::Tests, reference: Reference::LocalStack(test) }
    }

    /// Statements of users in a GitHub thread.
    pub(crate) const fn report(thread: &'static str) -> Self {
        Self { strength: Strength::Report, reference: Reference::Thread(thread) }
    }

    /// Statements of users on another page.
    pub(crate) const fn report_at(title: &'static str, url: &'static str) -> Self {
        Self { strength: Strength::Report, reference: Reference::Page { title, url } }
    }
}

impl Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Output => "output of real ECR",
            Self::Documentation => "AWS documentation",
            Self::Tests => "tests or code of others",
            Self::Report => "reports of users",
        })
    }
}

/// The reference as a Markdown link.
impl Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ECR: &str = "https://docs.aws.amazon.com/AmazonECR/latest";
        match self.reference {
            Reference::Thread(thread) => {
                let (repository, number) = thread.split_once('#').unwrap_or((thread, ""));
                write!(f, "[{thread}](https://github.com/{repository}/issues/{number})")
            }
            Reference::Guide { title, page } => write!(f, "[{title}]({ECR}/userguide/{page}.html)"),
            Reference::Api(name) => write!(f, "[{name}]({ECR}/APIReference/API_{name}.html)"),
            Reference::Page { title, url } => write!(f, "[{title}]({url})"),
            Reference::LocalStack(test) => {
                write!(f, "LocalStack's `{test}` (not marked as validated on AWS)")
            }
            Reference::Text(text) => f.write_str(text),
        }
    }
}
