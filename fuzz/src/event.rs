//! Events: whatever is asked, it is less than what is configured.

use std::collections::BTreeMap;

use ecr_attestation_janitor::config::pattern::Patterns;
use ecr_attestation_janitor::config::{Mode, Select};
use ecr_attestation_janitor::lambda::event::{Event, parse};
use ecr_attestation_janitor::planner::selection::{Selected, select};
use ecr_attestation_janitor::report::RepositoryReason;
use ecr_in_process::Reply;
use serde_json::{Value, json};

use super::{assert_line, in_process};

const REPOSITORIES: [&str; 6] = ["hub/nginx", "prod/api", "team/api", "team/secret", "team/web", "x"];

/// The bytes are a JSON event.
pub fn run(bytes: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Value>(bytes) else { return };
    match parse(&event) {
        Err(bad) => assert_line(&bad.to_string()),
        Ok(Event::Deletion) => {}
        // A list of units is made of such events.
        Ok(Event::Fleet(step)) => {
            let again = parse(&serde_json::to_value(&step).unwrap());
            assert!(matches!(again, Ok(Event::Fleet(it)) if it == step), "{step:?}");
        }
        Ok(Event::Run(ask)) => {
            assert!(ask.mode != Some(Mode::Apply) || event.to_string().contains("apply"));
            let Some(narrow) = &ask.narrow else { return };
            let configured = selected(None);
            for chosen in selected(Some(narrow)) {
                assert!(configured.contains(&chosen), "{chosen:?}");
                assert_ne!(chosen.skip, Some(RepositoryReason::NotSelected));
            }
        }
        Ok(Event::Queue(messages)) => {
            let text = event.to_string();
            for message in messages {
                assert!(!message.id.is_empty());
                match message.repository {
                    Ok(None) => {}
                    Ok(Some(name)) => assert!(!name.contains(['*', '?']) && text.contains(&name), "{name}"),
                    Err(bad) => assert_line(&bad.to_string()),
                }
            }
        }
    }
}

/// What a configuration selects of a registry, narrowed.
fn selected(narrow: Option<&Patterns>) -> Vec<Selected> {
    let configured = Select {
        repositories: Patterns::new(["team/*", "hub/*"]).unwrap(),
        exclude: Patterns::new(["team/secret"]).unwrap(),
        require_tag: BTreeMap::new(),
    };
    let ecr = in_process::ecr(|operation, _| match operation {
        "DescribeRepositories" => {
            let repositories = REPOSITORIES.map(|name| json!({"repositoryName": name, "registryId": "1"}));
            Reply::ok(json!({ "repositories": repositories }).to_string())
        }
        _ => Reply::ok(json!({"pullThroughCacheRules": [{"ecrRepositoryPrefix": "hub"}]}).to_string()),
    });
    in_process::wait(select(&ecr, &configured, narrow)).unwrap().repositories
}
