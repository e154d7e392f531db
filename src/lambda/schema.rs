//! The JSON Schema of the events that the function takes.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::event::Manual;
use crate::fleet::unit::Step;

/// An event of the function.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "a description")]
enum Event {
    Manual(Manual),
    Schedule(Schedule),
    ImageAction(ImageAction),
    Queue(Queue),
    Fleet(Step),
}

/// A schedule or a rule of EventBridge: it runs what is configured.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "a description")]
struct Schedule {
    /// What sent it.
    source: Scheduler,
    /// What it is.
    #[schemars(rename = "detail-type")]
    detail_type: ScheduledEvent,
    /// What narrows the run, if anything.
    #[schemars(default)]
    detail: Option<Detail>,
}

#[derive(JsonSchema)]
#[allow(dead_code, reason = "a description")]
enum Scheduler {
    #[schemars(rename = "aws.events")]
    Events,
    #[schemars(rename = "aws.scheduler")]
    Scheduler,
}

#[derive(JsonSchema)]
#[allow(dead_code, reason = "a description")]
enum ScheduledEvent {
    #[schemars(rename = "Scheduled Event")]
    Only,
}

/// The same keys as a run by hand, as an object or (EventBridge Scheduler) as a text.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "a description")]
enum Detail {
    Object(Manual),
    Text(String),
}

/// EventBridge's `ECR Image Action`: only the repository that it names is worked on.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "a description")]
struct ImageAction {
    /// What sent it.
    source: Registry,
    /// What it is.
    #[schemars(rename = "detail-type")]
    detail_type: ImageActionEvent,
    /// What happened to which image.
    detail: Action,
}

#[derive(JsonSchema)]
#[allow(dead_code, reason = "a description")]
enum Registry {
    #[schemars(rename = "aws.ecr")]
    Only,
}

#[derive(JsonSchema)]
#[allow(dead_code, reason = "a description")]
enum ImageActionEvent {
    #[schemars(rename = "ECR Image Action")]
    Only,
}

#[derive(JsonSchema)]
#[allow(dead_code, reason = "a description")]
struct Action {
    /// A name, not a pattern.
    #[schemars(rename = "repository-name", regex(pattern = "^[a-z0-9._/-]{1,256}$"))]
    repository_name: String,
    /// `DELETE` starts no run.
    #[schemars(rename = "action-type", default)]
    action_type: Option<String>,
}

/// A batch of SQS messages, each with an `ECR Image Action` as its body.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "a description")]
struct Queue {
    /// The messages.
    #[schemars(rename = "Records")]
    records: Vec<Record>,
}

#[derive(JsonSchema)]
#[allow(dead_code, reason = "a description")]
struct Record {
    /// The name of the message in the answer, if it should come again.
    #[schemars(rename = "messageId", length(min = 1))]
    message_id: String,
    /// What sent it.
    #[schemars(rename = "eventSource")]
    event_source: Sqs,
    /// JSON. A body of another kind is reported as a bad message, and does not spoil the batch.
    #[schemars(default)]
    body: Option<String>,
}

#[derive(JsonSchema)]
#[allow(dead_code, reason = "a description")]
enum Sqs {
    #[schemars(rename = "aws:sqs")]
    Only,
}

/// The schema of all events.
pub(crate) fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
    let mut schema = generator.into_root_schema_for::<Event>().to_value();
    schema["title"] = json!("Events of the ecr-janitor function");
    schema
}
