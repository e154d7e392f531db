//! What the Lambda function may be invoked with. An event can only narrow what is configured.

use serde::Deserialize;
use serde_json::Value;

use crate::config::Mode;
use crate::config::pattern::Patterns;
use crate::config::target::{is_account_id, is_region};
use crate::fleet::unit::Step;
use crate::registry::RegistryPlace;
use crate::util::sanitize;

/// An event that was understood.
#[derive(Debug)]
pub enum Event {
    /// One run.
    Run(RunEvent),
    /// A batch of queued messages, each of which names a repository.
    Queue(Vec<Message>),
    /// A step of a fleet's run.
    Fleet(Step),
    /// An image was deleted, by the janitor perhaps: no reason to run. What it left behind is found by the schedule.
    Deletion,
}

/// What a run is asked for.
#[derive(Debug, Default)]
pub struct RunEvent {
    /// The mode, if it is given.
    pub mode: Option<Mode>,
    /// Only these repositories.
    pub narrow: Option<Patterns>,
    /// The registry that the event is about, if it says so.
    pub place: Option<RegistryPlace>,
    /// Whether it is the plan of a run that will apply: what it sees of tags is what the next run compares with.
    pub precedes_apply: bool,
    /// The repositories whose loss of tags is accepted.
    pub accept_tag_loss: Vec<String>,
    /// The answer that is wanted.
    pub answer: AnswerForm,
}

/// The forms of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AnswerForm {
    /// The whole report, for somebody who asked by hand.
    #[default]
    Report,
    /// The short form, for whatever is behind a schedule or a rule.
    Short,
}

/// One message of a queue.
#[derive(Debug)]
pub struct Message {
    /// SQS's id: what the answer names if the message should come again.
    pub id: String,
    /// The repository that the message is about; none if it tells of a deletion.
    pub repository: Result<Option<String>, BadEvent>,
    /// The registry that it is about, if it says so.
    pub place: Option<RegistryPlace>,
}

/// An event that was not understood. Nothing was touched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the event is not one of ours: {0}; nothing was touched. Accepted are EventBridge schedules, `ECR Image Action` events (directly or from SQS), the steps of a fleet, and {{\"mode\": \"plan\", \"repositories\": [\"team/*\"]}} with both keys and \"accept_tag_loss\" optional"
)]
pub struct BadEvent(String);

impl BadEvent {
    /// What is said of an event may quote it, and stands in the log and the answer.
    fn new(problem: impl ToString) -> Self {
        Self(sanitize::cut(&problem.to_string(), LONGEST_PROBLEM))
    }
}

/// In characters.
const LONGEST_PROBLEM: usize = 300;

/// A run by hand. All keys are optional.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Manual {
    /// `plan`, where the function is configured to apply; nothing else is of use.
    mode: Option<Mode>,
    /// Only these of the configured repositories.
    #[cfg_attr(test, schemars(with = "Option<Patterns>"))]
    repositories: Option<Vec<String>>,
    /// Go on in these repositories although most of their tags have vanished since the last run.
    accept_tag_loss: Option<Vec<String>>,
}

/// The key of the events by which a state machine runs a fleet of registries.
const FLEET: &str = "fleet";

/// Understands an event, or says why not.
pub fn parse(event: &Value) -> Result<Event, BadEvent> {
    let object = event.as_object().ok_or_else(|| BadEvent::new("it is not a JSON object"))?;
    if object.contains_key("Records") {
        return queue(event);
    }
    if object.contains_key(FLEET) {
        return Step::deserialize(event).map(Event::Fleet).map_err(BadEvent::new);
    }
    if !object.contains_key("source") && !object.contains_key("detail-type") {
        return manual(event).map(Event::Run);
    }
    match (text(event, "source"), text(event, "detail-type")) {
        ("aws.events" | "aws.scheduler", "Scheduled Event") => scheduled(event).map(Event::Run),
        ("aws.ecr", "ECR Image Action") => {
            let Some(repository) = image_action(event)? else { return Ok(Event::Deletion) };
            let narrow = Patterns::new([repository]).map_err(BadEvent::new)?;
            Ok(Event::Run(RunEvent {
                narrow: Some(narrow),
                place: place_of(event),
                answer: AnswerForm::Short,
                ..RunEvent::default()
            }))
        }
        (source, kind) => Err(BadEvent::new(format!("source {source:?} with detail-type {kind:?}"))),
    }
}

fn manual(event: &Value) -> Result<RunEvent, BadEvent> {
    let manual = Manual::deserialize(event).map_err(BadEvent::new)?;
    let narrow = manual.repositories.map(Patterns::new).transpose().map_err(BadEvent::new)?;
    let accept_tag_loss = manual.accept_tag_loss.unwrap_or_default();
    Ok(RunEvent { mode: manual.mode, narrow, accept_tag_loss, ..RunEvent::default() })
}

/// A schedule runs what is configured. Its `detail` is an object, or (EventBridge Scheduler) an object as text; if
/// somebody put something there, it is read as a manual event.
fn scheduled(event: &Value) -> Result<RunEvent, BadEvent> {
    let run = match event.get("detail") {
        None | Some(Value::Null) => RunEvent::default(),
        Some(Value::String(text)) if text.trim().is_empty() => RunEvent::default(),
        Some(Value::String(text)) => {
            let detail: Value = serde_json::from_str(text)
                .map_err(|error| BadEvent::new(format!("its detail is no JSON: {error}")))?;
            manual(&detail)?
        }
        Some(detail) => manual(detail)?,
    };
    Ok(RunEvent { answer: AnswerForm::Short, ..run })
}

/// The repository of an `ECR Image Action` event: a name, not a pattern. None if the action is a deletion.
fn image_action(event: &Value) -> Result<Option<String>, BadEvent> {
    let detail = event.get("detail").unwrap_or(&Value::Null);
    let name = text(detail, "repository-name");
    if name.is_empty() || name.contains(['*', '?']) {
        return Err(BadEvent::new("an ECR Image Action without a repository-name in its detail"));
    }
    Patterns::new([name]).map_err(BadEvent::new)?;
    Ok((text(detail, "action-type") != "DELETE").then(|| name.to_owned()))
}

fn queue(event: &Value) -> Result<Event, BadEvent> {
    let records =
        event.get("Records").and_then(Value::as_array).ok_or_else(|| BadEvent::new("Records is no list"))?;
    let messages = records.iter().map(|record| {
        if text(record, "eventSource") != "aws:sqs" || text(record, "messageId").is_empty() {
            return Err(BadEvent::new("a record that does not come from SQS"));
        }
        let body = serde_json::from_str(text(record, "body")).unwrap_or(Value::Null);
        let is_ours = text(&body, "source") == "aws.ecr" && text(&body, "detail-type") == "ECR Image Action";
        let repository = if is_ours {
            image_action(&body)
        } else {
            Err(BadEvent::new("an SQS message that is no ECR Image Action"))
        };
        Ok(Message { id: text(record, "messageId").to_owned(), repository, place: place_of(&body) })
    });
    messages.collect::<Result<_, _>>().map(Event::Queue)
}

/// The registry in which something happened, as EventBridge says it.
fn place_of(event: &Value) -> Option<RegistryPlace> {
    let (account, region) = (text(event, "account"), text(event, "region"));
    let is_told = is_account_id(account) && is_region(region);
    is_told.then(|| RegistryPlace { account: account.to_owned(), region: region.to_owned() })
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(event: Value) -> RunEvent {
        match parse(&event) {
            Ok(Event::Run(ask)) => ask,
            other => panic!("{event} -> {other:?}"),
        }
    }

    #[test]
    fn the_events_that_ship_are_understood_but_for_the_bad_one() {
        let parsed = |text: &str| parse(&serde_json::from_str(text).unwrap());
        assert!(matches!(
            parsed(include_str!("../../events/scheduled.json")),
            Ok(Event::Run(RunEvent { mode: None, narrow: None, answer: AnswerForm::Short, .. }))
        ));
        assert!(matches!(
            parsed(include_str!("../../events/manual-plan.json")),
            Ok(Event::Run(RunEvent { mode: Some(Mode::Plan), narrow: None, answer: AnswerForm::Report, .. }))
        ));
        assert!(matches!(
            parsed(include_str!("../../events/manual-narrowed.json")),
            Ok(Event::Run(RunEvent { narrow: Some(_), answer: AnswerForm::Report, .. }))
        ));
        assert!(matches!(
            parsed(include_str!("../../events/ecr-image-action.json")),
            Ok(Event::Run(RunEvent { narrow: Some(_), answer: AnswerForm::Short, .. }))
        ));
        assert!(matches!(parsed(include_str!("../../events/ecr-deletion.json")), Ok(Event::Deletion)));
        let Ok(Event::Queue(messages)) = parsed(include_str!("../../events/sqs-image-actions.json")) else {
            panic!()
        };
        assert!(messages.iter().all(|message| message.repository == Ok(Some("team/api".into()))));
        let bad = parsed(include_str!("../../events/bad.json")).unwrap_err().to_string();
        assert!(bad.contains("unknown field `repository`"), "{bad}");
    }

    #[test]
    fn schedules_run_what_is_configured() {
        for detail in [json!({}), json!("{}"), json!(""), json!(null)] {
            for source in ["aws.events", "aws.scheduler"] {
                let ask = run(
                    json!({"source": source, "detail-type": "Scheduled Event", "detail": detail, "id": "1"}),
                );
                assert!(ask.mode.is_none() && ask.narrow.is_none());
            }
        }
        let ask = run(
            json!({"source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": "{\"mode\":\"plan\"}"}),
        );
        assert_eq!((ask.mode, ask.answer), (Some(Mode::Plan), AnswerForm::Short));
    }

    #[test]
    fn an_image_action_names_its_repository() {
        let event = json!({"source": "aws.ecr", "detail-type": "ECR Image Action",
            "detail": {"result": "SUCCESS", "action-type": "PUSH", "repository-name": "team/api", "image-tag": "v1"}});
        let narrow = run(event).narrow.unwrap();
        assert!(narrow.matches("team/api") && !narrow.matches("team/apis"));
    }

    #[test]
    fn a_deletion_starts_no_run() {
        let event = |action: &str| {
            json!({"source": "aws.ecr", "detail-type": "ECR Image Action",
                "detail": {"result": "SUCCESS", "action-type": action, "repository-name": "team/api"}})
        };
        assert!(matches!(parse(&event("DELETE")), Ok(Event::Deletion)));
        assert!(matches!(parse(&event("PUSH")), Ok(Event::Run(_))));
        let record = |action: &str| json!({"messageId": action, "eventSource": "aws:sqs", "body": event(action).to_string()});
        let batch = parse(&json!({"Records": [record("DELETE"), record("PUSH")]}));
        let Ok(Event::Queue(messages)) = batch else { panic!("not a queue") };
        let repositories: Vec<_> = messages.into_iter().map(|message| message.repository).collect();
        assert_eq!(repositories, [Ok(None), Ok(Some("team/api".into()))]);
    }

    #[test]
    fn manual_events_narrow() {
        let ask = run(json!({"mode": "plan", "repositories": ["team/api", "team/web-*"]}));
        assert_eq!(ask.mode, Some(Mode::Plan));
        assert!(ask.narrow.unwrap().matches("team/web-1"));
        assert!(run(json!({})).narrow.is_none());
        assert!(run(json!({"repositories": []})).narrow.unwrap().is_empty());
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        for (event, part) in [
            (json!(null), "not a JSON object"),
            (json!([]), "not a JSON object"),
            (json!("plan"), "not a JSON object"),
            (json!({"mod": "plan"}), "mod"),
            (json!({"mode": "delete"}), "delete"),
            (json!({"repositories": "team/api"}), "team/api"),
            (json!({"repositories": ["Team"]}), "Team"),
            (json!({"mode": "plan", "force": true}), "force"),
            (json!({"fleet": "run", "target": 1}), "target"),
            (json!({"fleet": "walk"}), "walk"),
            (json!({"source": "aws.s3", "detail-type": "Object Created"}), "aws.s3"),
            (json!({"detail-type": "Scheduled Event"}), "Scheduled Event"),
            (json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": "{"}), "no JSON"),
            (json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {"x": 1}}), "x"),
            (
                json!({"source": "aws.ecr", "detail-type": "ECR Image Action", "detail": {}}),
                "repository-name",
            ),
            (
                json!({"source": "aws.ecr", "detail-type": "ECR Image Action", "detail": {"repository-name": "*"}}),
                "repository-name",
            ),
            (json!({"Records": {}}), "no list"),
            (json!({"Records": [{"eventSource": "aws:s3", "messageId": "1"}]}), "SQS"),
        ] {
            let error = parse(&event).map(|_| ()).expect_err(&event.to_string()).to_string();
            assert!(error.contains(part), "{event} -> {error}");
            assert!(!error.contains('\n'));
        }
    }

    #[test]
    fn what_is_wrong_with_an_event_is_told_in_a_short_line() {
        let hostile = "\n\u{1b}[2K\u{202e}".repeat(100_000);
        for event in [
            json!({ hostile.as_str(): 1 }),
            json!({"mode": hostile}),
            json!({"repositories": [hostile]}),
            json!({"repositories": hostile}),
            json!({"source": hostile, "detail-type": hostile}),
            json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": hostile}),
        ] {
            let error = parse(&event).unwrap_err().to_string();
            assert!(error.len() < 5000, "{}", error.len());
            assert_eq!(error, sanitize::line(&error));
        }
    }

    #[test]
    fn one_bad_message_does_not_spoil_the_batch() {
        let body = json!({"source": "aws.ecr", "detail-type": "ECR Image Action", "detail": {"repository-name": "a"}});
        let record = |id: &str, body: &str| json!({"messageId": id, "eventSource": "aws:sqs", "body": body});
        let scan = json!({"source": "aws.ecr", "detail-type": "ECR Image Scan", "detail": body["detail"]});
        let forged = json!({"source": "my.own", "detail-type": "ECR Image Action", "detail": body["detail"]});
        let bodies = [&body.to_string(), "nonsense", "{}", &scan.to_string(), &forged.to_string()];
        let records: Vec<Value> =
            bodies.iter().zip(1..).map(|(body, id)| record(&format!("{id}"), body)).collect();
        let event = json!({"Records": records});
        let Ok(Event::Queue(messages)) = parse(&event) else { panic!("not a queue") };
        let repositories: Vec<_> = messages.iter().map(|m| (m.id.as_str(), m.repository.is_ok())).collect();
        assert_eq!(repositories, [("1", true), ("2", false), ("3", false), ("4", false), ("5", false)]);
    }
}
