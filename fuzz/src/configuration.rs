//! The configuration: what is accepted stays within its bounds.

use ecr_attestation_janitor::config::policy::{Action, Preset, Referrers};
use ecr_attestation_janitor::config::{Concurrency, Config, Environment, Mode};
use ecr_attestation_janitor::oci::digest::Digest;
use ecr_attestation_janitor::util::sanitize;
use jiff::SignedDuration;

use super::assert_line;

/// The bytes are a file; after a NUL come lines `NAME=value` of the environment.
pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (file, environment) = text.split_once('\0').unwrap_or((&text, ""));
    let variables = environment.lines().filter_map(|line| line.split_once('='));
    let environment: Environment = variables.map(|(name, value)| (name.into(), value.into())).collect();
    let config = match Config::parse(file, &environment) {
        Ok(config) => config,
        Err(error) => return sanitize::lines(&error.to_string()).lines().for_each(assert_line),
    };
    assert_line(&config.describe());
    assert!(config.mode == Mode::Plan || text.contains("apply"));
    for share in [config.limits.max_images_share, config.limits.max_tag_loss] {
        assert!((0.0..=1.0).contains(&share));
    }
    assert!((1..=Concurrency::MOST).contains(&config.limits.concurrency.repositories()));
    assert!(!config.backup.keep.is_negative());
    assert!(!config.select.repositories.is_empty());
    for repository in ["team/api", "prod/api", "a", ""] {
        let policy = config.policy_of(repository);
        assert!(policy.grace_period >= SignedDuration::from_hours(1));
        assert_ne!(policy.attached, Action::Delete);
        assert!(policy.orphaned == Action::Delete || text.contains("orphaned") || text.contains("ORPHANED"));
        let is_recommended = text.contains("recommended");
        let is_asked = |key| is_recommended || text.to_lowercase().contains(key);
        assert!(policy.superseded == Action::Keep || is_asked("superseded"));
        assert!(policy.superseded_images == Action::Keep || is_asked("superseded_images"));
        assert!(policy.referrers == Referrers::Hold || is_asked("referrers"));
        assert!(policy.preset == Preset::Orphans || is_recommended);
        for action in [policy.orphaned_with_subject, policy.superseded_without_tags, policy.replicated] {
            assert!(action != Action::Tag && (action == Action::Keep || text.contains("delete")));
        }
        assert_eq!(config.policy_under(policy.preset, repository), policy);
        let tag = policy.tag_template.render(Digest::of(b""), Some("linux-arm64"), None);
        assert!((1..=128).contains(&tag.len()) && policy.tag_template.is_own(&tag, Digest::of(b"")), "{tag}");
        assert!(tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)), "{tag}");
    }
}
