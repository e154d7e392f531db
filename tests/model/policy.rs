//! A policy as a user writes it: words and hours.

use std::fmt::Write as _;

/// The values of all keys.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Policy {
    pub(crate) preset: &'static str,
    pub(crate) grace_period: i64,
    pub(crate) orphaned: &'static str,
    pub(crate) orphaned_with_subject: &'static str,
    pub(crate) superseded: &'static str,
    pub(crate) superseded_after: i64,
    pub(crate) superseded_since: &'static str,
    pub(crate) superseded_images: &'static str,
    pub(crate) superseded_without_tags: &'static str,
    pub(crate) referrers: &'static str,
    pub(crate) keep_pulled_within: i64,
    pub(crate) attached: &'static str,
    pub(crate) replicated: &'static str,
    pub(crate) tag_template: &'static str,
}

/// How many keys there are.
const KEYS: usize = 14;

/// A set of keys: a bit each, in the order of the fields.
pub(crate) type Keys = u16;

/// Every key.
pub(crate) const ALL_KEYS: Keys = (1 << KEYS) - 1;

/// `janitor.toml`: some keys of a policy, perhaps an override of some, and the limits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Setting {
    pub(crate) policy: Policy,
    /// The keys that the file gives.
    pub(crate) given: Keys,
    /// The keys that the override of the repository gives, and their values.
    pub(crate) overridden: Option<(Keys, Policy)>,
    pub(crate) max_deletions: u64,
    pub(crate) max_images_share: f64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            preset: "orphans",
            grace_period: 48,
            orphaned: "delete",
            orphaned_with_subject: "keep",
            superseded: "keep",
            superseded_after: 30 * 24,
            superseded_since: "untagged",
            superseded_images: "keep",
            superseded_without_tags: "keep",
            referrers: "hold",
            keep_pulled_within: 90 * 24,
            attached: "keep",
            replicated: "keep",
            tag_template: "attestation-{platform}-{digest}",
        }
    }
}

impl Policy {
    /// Everything that can be deleted is, but for referrers.
    pub(crate) fn deletes() -> Self {
        Self {
            superseded: "delete",
            superseded_since: "push",
            superseded_images: "delete",
            superseded_without_tags: "delete",
            orphaned_with_subject: "delete",
            ..Self::default()
        }
    }

    /// The defaults under a preset.
    fn of_preset(preset: &'static str) -> Self {
        let orphans = Self::default();
        match preset {
            "recommended" => Self {
                preset,
                superseded: "delete",
                superseded_images: "delete",
                referrers: "follow",
                ..orphans
            },
            _ => orphans,
        }
    }

    fn lines(&self) -> [String; KEYS] {
        [
            format!("preset = \"{}\"", self.preset),
            format!("grace_period = \"{}h\"", self.grace_period),
            format!("orphaned = \"{}\"", self.orphaned),
            format!("orphaned_with_subject = \"{}\"", self.orphaned_with_subject),
            format!("superseded = \"{}\"", self.superseded),
            format!("superseded_after = \"{}h\"", self.superseded_after),
            format!("superseded_since = \"{}\"", self.superseded_since),
            format!("superseded_images = \"{}\"", self.superseded_images),
            format!("superseded_without_tags = \"{}\"", self.superseded_without_tags),
            format!("referrers = \"{}\"", self.referrers),
            format!("keep_pulled_within = \"{}h\"", self.keep_pulled_within),
            format!("attached = \"{}\"", self.attached),
            format!("replicated = \"{}\"", self.replicated),
            format!("tag_template = \"{}\"", self.tag_template),
        ]
    }

    /// The lines of some keys.
    fn toml(&self, keys: Keys) -> String {
        let lines = (0..).zip(self.lines()).filter(|(key, _)| keys & (1 << key) != 0);
        lines.map(|(_, line)| line + "\n").collect()
    }

    /// Takes the values of some keys from another policy.
    fn take(&mut self, keys: Keys, other: &Self) {
        let other = other.clone();
        for key in (0..KEYS).filter(|key| keys & (1 << key) != 0) {
            match key {
                0 => self.preset = other.preset,
                1 => self.grace_period = other.grace_period,
                2 => self.orphaned = other.orphaned,
                3 => self.orphaned_with_subject = other.orphaned_with_subject,
                4 => self.superseded = other.superseded,
                5 => self.superseded_after = other.superseded_after,
                6 => self.superseded_since = other.superseded_since,
                7 => self.superseded_images = other.superseded_images,
                8 => self.superseded_without_tags = other.superseded_without_tags,
                9 => self.referrers = other.referrers,
                10 => self.keep_pulled_within = other.keep_pulled_within,
                11 => self.attached = other.attached,
                12 => self.replicated = other.replicated,
                _ => self.tag_template = other.tag_template,
            }
        }
    }
}

impl From<Policy> for Setting {
    fn from(policy: Policy) -> Self {
        Self { policy, given: ALL_KEYS, overridden: None, max_deletions: 1_000_000, max_images_share: 1.0 }
    }
}

impl Setting {
    /// The file.
    pub(crate) fn toml(&self, repository: &str) -> String {
        let mut toml = format!("[policy]\n{}", self.policy.toml(self.given));
        let (most, share) = (self.max_deletions, self.max_images_share);
        let _ = write!(toml, "[limits]\nmax_deletions = {most}\nmax_images_share = {share:?}\n");
        if let Some((keys, policy)) = &self.overridden {
            let keys = policy.toml(*keys);
            let _ = write!(toml, "[[override]]\nrepositories = [\"{repository}\"]\n{keys}");
        }
        toml
    }

    /// What holds in the repository: the preset in force, under every key that is given anywhere.
    pub(crate) fn effective(&self) -> Policy {
        const PRESET: Keys = 1;
        let mut named = Policy::default();
        named.take(self.given & PRESET, &self.policy);
        if let Some((keys, other)) = &self.overridden {
            named.take(keys & PRESET, other);
        }
        let mut effective = Policy::of_preset(named.preset);
        effective.take(self.given & !PRESET, &self.policy);
        if let Some((keys, other)) = &self.overridden {
            effective.take(keys & !PRESET, other);
        }
        effective
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
