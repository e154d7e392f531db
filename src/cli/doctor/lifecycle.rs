//! Lifecycle rules that count the janitor's own tags: a tag that it writes would push out an image of the user's.

use futures::stream::{self, StreamExt as _};
use serde_json::Value;
use wildmatch::WildMatch;

use super::check::Check;
use crate::cli::session::Session;
use crate::config::tag_template::Template;
use crate::oci::digest::Digest;
use crate::planner::selection::Selection;
use crate::registry::CallError;
use crate::registry::inspection::InspectRegistry as _;
use crate::render::words::counted;
use crate::util::sanitize;
use crate::util::shell::quoted;

const SUBJECT: &str = "Lifecycle";
const AT_ONCE: usize = 4;
/// More repositories than this are counted, not named.
const NAMED: usize = 3;

pub(super) async fn look(session: &Session, selection: &Selection) -> Check {
    let config = &session.config;
    let selected = selection.repositories.iter().filter(|it| it.skip.is_none()).map(|it| it.name.as_str());
    let tagging: Vec<&str> = selected.filter(|name| config.policy_of(name).tags()).collect();
    if tagging.is_empty() {
        return Check::ok(SUBJECT, "not relevant: this configuration writes no tags");
    }
    let answers: Vec<(&str, Result<Option<String>, CallError>)> = stream::iter(tagging.iter().copied())
        .map(|name| async move { (name, session.deadline.call(session.ecr.lifecycle_policy(name)).await) })
        .buffered(AT_ONCE)
        .collect()
        .await;
    judge(&answers, |name| config.policy_of(name).tag_template)
}

fn judge(
    answers: &[(&str, Result<Option<String>, CallError>)],
    template: impl Fn(&str) -> Template,
) -> Check {
    let mut counting = Vec::new();
    let mut unknown = Vec::new();
    for (name, answer) in answers {
        match answer {
            Ok(None) => {}
            Ok(Some(policy)) if counts(policy, &template(name)) => counting.push(*name),
            Ok(Some(_)) => {}
            Err(error) => unknown.push(error),
        }
    }
    if let Some(first) = counting.first() {
        let text = format!(
            "a lifecycle rule counts the tags that this policy writes, so that each of them expires one of your images, in {}: select by tagPatternList or tagPrefixList in the rule, or set the policy to keep instead of tag",
            named(&counting)
        );
        let command = format!("aws ecr get-lifecycle-policy --repository-name {}", quoted(first));
        return Check::warn(SUBJECT, text).fixed_by(command);
    }
    match unknown.first() {
        None => Check::ok(SUBJECT, "no lifecycle rule counts the tags that this configuration writes"),
        Some(error) => {
            let many = counted(unknown.len(), "repository");
            Check::warn(SUBJECT, sanitize::line(&format!("not checked in {many}: {error}")))
        }
    }
}

fn named(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(NAMED).map(|name| sanitize::line(name)).collect();
    match names.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Whether a rule of this policy expires images by number, and a tag of the template makes an image one of them.
fn counts(policy: &str, template: &Template) -> bool {
    let Ok(policy) = serde_json::from_str::<Value>(policy) else { return true };
    let tag = template.render(Digest::of(b""), Some("linux-amd64"), None);
    policy["rules"].as_array().is_none_or(|rules| rules.iter().any(|rule| rule_counts(rule, &tag)))
}

fn rule_counts(rule: &Value, tag: &str) -> bool {
    let selection = &rule["selection"];
    if selection["countType"] != "imageCountMoreThan" {
        return false;
    }
    let list = |key: &str| {
        let items = selection[key].as_array().cloned().unwrap_or_default();
        items.into_iter().filter_map(|it| it.as_str().map(str::to_owned)).collect::<Vec<String>>()
    };
    match selection["tagStatus"].as_str() {
        Some("untagged") => false,
        // Images below an index that stays are not counted by such a rule, tagged or not: what is tagged may be.
        Some("any") | None => true,
        Some(_) => {
            let prefixes = list("tagPrefixList");
            let patterns = list("tagPatternList");
            let is_any = prefixes.is_empty() && patterns.is_empty();
            is_any
                || prefixes.iter().any(|prefix| tag.starts_with(prefix.as_str()))
                || patterns.iter().any(|pattern| WildMatch::new(pattern).matches(tag))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn counting(selection: Value) -> bool {
        let policy =
            json!({"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]});
        counts(&policy.to_string(), &"attestation-{platform}-{digest}".parse().unwrap())
    }

    #[test]
    fn a_rule_counts_if_it_goes_by_number_and_takes_the_tags() {
        const MORE_THAN: &str = "imageCountMoreThan";
        for (selection, expected) in [
            (json!({"tagStatus": "any", "countType": MORE_THAN}), true),
            (json!({"tagStatus": "untagged", "countType": MORE_THAN}), false),
            (json!({"tagStatus": "any", "countType": "sinceImagePushed"}), false),
            (json!({"tagStatus": "tagged", "tagPrefixList": ["v"], "countType": MORE_THAN}), false),
            (json!({"tagStatus": "tagged", "tagPrefixList": ["v", "att"], "countType": MORE_THAN}), true),
            (json!({"tagStatus": "tagged", "tagPatternList": ["*"], "countType": MORE_THAN}), true),
            (json!({"tagStatus": "tagged", "tagPatternList": ["*amd64*"], "countType": MORE_THAN}), true),
            (json!({"tagStatus": "tagged", "tagPatternList": ["prod-*"], "countType": MORE_THAN}), false),
        ] {
            assert_eq!(counting(selection.clone()), expected, "{selection}");
        }
    }

    #[test]
    fn a_policy_that_cannot_be_understood_may_count() {
        let template = "a-{digest}".parse().unwrap();
        for policy in ["", "[]", "{\"rules\": 1}"] {
            assert!(counts(policy, &template), "{policy}");
        }
    }

    #[test]
    fn repositories_that_count_are_named_and_those_that_refuse_are_counted() {
        let by_number = r#"{"rules":[{"selection":{"tagStatus":"any","countType":"imageCountMoreThan"}}]}"#;
        let denied = || CallError::of_aws("GetLifecyclePolicy", "AccessDeniedException", "no");
        let template = |_: &str| "a-{digest}".parse().unwrap();
        let check =
            judge(&[("a", Ok(None)), ("b", Ok(Some(by_number.into()))), ("c", Err(denied()))], template);
        assert!(check.text.contains("in b:") && check.command.unwrap().ends_with("--repository-name b"));
        let check = judge(&[("a", Ok(None)), ("c", Err(denied()))], template);
        assert!(check.text.starts_with("not checked in 1 repository: GetLifecyclePolicy"), "{}", check.text);
        assert_eq!(judge(&[("a", Ok(None))], template).status, crate::cli::doctor::check::Status::Ok);
    }
}
