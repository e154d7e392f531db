//! A policy as a user writes it: words and hours.

use std::fmt::Write as _;

/// The values of the nine keys.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Policy {
    pub(crate) grace_period: i64,
    pub(crate) orphaned: &'static str,
    pub(crate) orphaned_with_subject: &'static str,
    pub(crate) superseded: &'static str,
    pub(crate) superseded_after: i64,
    pub(crate) superseded_images: &'static str,
    pub(crate) keep_pulled_within: i64,
    pub(crate) attached: &'static str,
    pub(crate) tag_template: &'static str,
}

/// `janitor.toml`: a policy, perhaps an override of some of its keys, and the limits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Setting {
    pub(crate) policy: Policy,
    /// Which keys (a bit each) the override of the repository sets, and to what.
    pub(crate) overridden: Option<(u16, Policy)>,
    pub(crate) max_deletions: u64,
    pub(crate) max_images_share: f64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            grace_period: 48,
            orphaned: "delete",
            orphaned_with_subject: "keep",
            superseded: "keep",
            superseded_after: 30 * 24,
            superseded_images: "keep",
            keep_pulled_within: 90 * 24,
            attached: "keep",
            tag_template: "attestation-{platform}-{digest}",
        }
    }
}

impl Policy {
    /// Everything that can be deleted is.
    pub(crate) fn deletes() -> Self {
        Self {
            superseded: "delete",
            superseded_images: "delete",
            orphaned_with_subject: "delete",
            ..Self::default()
        }
    }

    fn lines(&self) -> [String; 9] {
        [
            format!("grace_period = \"{}h\"", self.grace_period),
            format!("orphaned = \"{}\"", self.orphaned),
            format!("orphaned_with_subject = \"{}\"", self.orphaned_with_subject),
            format!("superseded = \"{}\"", self.superseded),
            format!("superseded_after = \"{}h\"", self.superseded_after),
            format!("superseded_images = \"{}\"", self.superseded_images),
            format!("keep_pulled_within = \"{}h\"", self.keep_pulled_within),
            format!("attached = \"{}\"", self.attached),
            format!("tag_template = \"{}\"", self.tag_template),
        ]
    }
}

impl From<Policy> for Setting {
    fn from(policy: Policy) -> Self {
        Self { policy, overridden: None, max_deletions: 1_000_000, max_images_share: 1.0 }
    }
}

impl Setting {
    /// The file.
    pub(crate) fn toml(&self, repository: &str) -> String {
        let mut toml = format!("[policy]\n{}\n", self.policy.lines().join("\n"));
        let (most, share) = (self.max_deletions, self.max_images_share);
        let _ = write!(toml, "[limits]\nmax_deletions = {most}\nmax_images_share = {share:?}\n");
        if let Some((keys, policy)) = &self.overridden {
            let _ = write!(toml, "[[override]]\nrepositories = [\"{repository}\"]\n");
            for (_, line) in (0..).zip(policy.lines()).filter(|(bit, _)| keys & (1 << bit) != 0) {
                toml.push_str(&line);
                toml.push('\n');
            }
        }
        toml
    }

    /// What holds in the repository.
    pub(crate) fn effective(&self) -> Policy {
        let mut it = self.policy.clone();
        let Some((keys, other)) = &self.overridden else { return it };
        let set = |bit: u16| keys & (1 << bit) != 0;
        if set(0) {
            it.grace_period = other.grace_period;
        }
        if set(1) {
            it.orphaned = other.orphaned;
        }
        if set(2) {
            it.orphaned_with_subject = other.orphaned_with_subject;
        }
        if set(3) {
            it.superseded = other.superseded;
        }
        if set(4) {
            it.superseded_after = other.superseded_after;
        }
        if set(5) {
            it.superseded_images = other.superseded_images;
        }
        if set(6) {
            it.keep_pulled_within = other.keep_pulled_within;
        }
        if set(7) {
            it.attached = other.attached;
        }
        if set(8) {
            it.tag_template = other.tag_template;
        }
        it
    }
}

/// Whether a tag on an image is one that the template writes there: its own digest, and anything for the rest.
pub(crate) fn is_own_tag(template: &str, tag: &str, digest: &str) -> bool {
    let short = &digest["sha256:".len()..][..12];
    let pattern = template.replace("{digest}", short);
    let parts: Vec<&str> = pattern.split(['{', '}']).collect();
    // Every second part stood between braces, and may be anything.
    let literals: Vec<&str> = parts.iter().step_by(2).copied().collect();
    fits(tag, &literals)
}

fn fits(text: &str, literals: &[&str]) -> bool {
    match literals {
        [] => text.is_empty(),
        [only] => text == *only,
        [first, rest @ ..] => text.strip_prefix(first).is_some_and(|text| {
            (0..=text.len()).filter(|at| text.is_char_boundary(*at)).any(|at| fits(&text[at..], rest))
        }),
    }
}
