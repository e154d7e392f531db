//! The configuration: what is accepted stays within its bounds.

use std::collections::BTreeMap;

use ecr_attestation_janitor::config::policy::Action;
use ecr_attestation_janitor::config::{Config, Mode};
use ecr_attestation_janitor::oci::digest::Digest;
use ecr_attestation_janitor::util::sanitize;
use jiff::SignedDuration;

use super::assert_line;

/// The bytes are a file; after a NUL come lines `NAME=value` of the environment.
pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (file, environment) = text.split_once('\0').unwrap_or((&text, ""));
    let variables = environment.lines().filter_map(|line| line.split_once('='));
    let environment: BTreeMap<String, String> =
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let config = match Config::parse(file, &environment) {
        Ok(config) => config,
        Err(error) => return assert_line(&sanitize::line(&error.to_string())),
    };
    assert!(config.mode == Mode::Plan || text.contains("apply"));
    assert!((0.0..=1.0).contains(&config.limits.max_deletions_share));
    assert!((1..=256).contains(&config.concurrency));
    assert!(!config.select.repositories.is_empty());
    for repository in ["team/api", "prod/api", "a", ""] {
        let policy = config.policy_of(repository);
        assert!(policy.grace_period >= SignedDuration::from_hours(1));
        assert_ne!(policy.attached, Action::Delete);
        assert!(policy.orphaned == Action::Delete || text.contains("orphaned") || text.contains("ORPHANED"));
        assert!(policy.superseded == Action::Keep || text.to_lowercase().contains("superseded"));
        let tag = policy.tag_template.render(Digest::of(b""), Some("linux-arm64"), None);
        assert!((1..=128).contains(&tag.len()) && policy.tag_template.is_own(&tag, Digest::of(b"")), "{tag}");
        assert!(tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)), "{tag}");
    }
}
