//! Logs: one flat JSON object a line on stdout, as CloudWatch and Lambda's own level filter read them.
//!
//! The runtime's default subscriber nests the fields, gives no timestamp (Lambda then takes every line for INFO)
//! and loses the request id above INFO; hence a layer of our own.

use std::io::Write as _;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

use crate::util::sanitize;

/// The format of log lines: `AWS_LAMBDA_LOG_FORMAT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A JSON object a line, the default.
    Json,
    /// For people.
    Text,
}

/// The receiver of log lines.
type Sink = Arc<dyn Fn(&str) + Send + Sync>;

/// The log. Cheap to clone; all clones share the fields that every line carries.
#[derive(Clone)]
pub struct Log {
    level: Level,
    format: Format,
    common: Arc<RwLock<Map<String, Value>>>,
    sink: Sink,
}

impl Log {
    /// Logs to stdout, with the level and format that Lambda sets in the environment.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let level = match variable("AWS_LAMBDA_LOG_LEVEL").unwrap_or_default().to_ascii_uppercase().as_str() {
            "TRACE" => Level::TRACE,
            "DEBUG" => Level::DEBUG,
            "WARN" => Level::WARN,
            "ERROR" | "FATAL" => Level::ERROR,
            _ => Level::INFO,
        };
        let text =
            variable("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("text"));
        let format = if text { Format::Text } else { Format::Json };
        Self::new(level, format, |line| {
            // A closed pipe is no reason to stop half-way through a plan.
            let _ = writeln!(std::io::stdout().lock(), "{line}");
        })
    }

    /// Logs to anything.
    pub fn new(level: Level, format: Format, sink: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { level, format, common: Arc::default(), sink: Arc::new(sink) }
    }

    /// Takes in what the program and its libraries log through `tracing`, for the rest of the process.
    pub fn install(&self) {
        let subscriber = tracing_subscriber::registry().with(self.clone());
        // Only a second call could fail, and then the first one holds.
        let _ = tracing::subscriber::set_global_default(subscriber);
    }

    /// Sets the fields that every line carries from now on, after `timestamp`, `level` and `message`.
    pub fn set_common(&self, fields: &impl Serialize) {
        *self.common.write().unwrap_or_else(PoisonError::into_inner) = object(fields);
    }

    /// Whether lines of this level are written.
    pub fn is_enabled(&self, level: Level) -> bool {
        level <= self.level
    }

    /// Writes one line with the fields of any serialisable object.
    pub fn line(&self, level: Level, message: &str, fields: &impl Serialize) {
        if self.is_enabled(level) {
            self.write(level, message, object(fields));
        }
    }

    /// Writes metrics in CloudWatch's embedded metric format. The log's level and format do not hold for them: they
    /// are always JSON, and at any level say that level, so that Lambda's own filter lets them through.
    pub fn metrics(&self, document: &impl Serialize) {
        let level = self.level.min(Level::INFO);
        let line = Value::Object(self.flat(level, "metrics", object(document)));
        (self.sink)(&sanitize::json(&line.to_string()));
    }

    fn write(&self, level: Level, message: &str, fields: Map<String, Value>) {
        let line = self.flat(level, message, fields);
        let text = match self.format {
            Format::Json => Value::Object(line).to_string(),
            Format::Text => text(&line),
        };
        (self.sink)(&sanitize::json(&text));
    }

    fn flat(&self, level: Level, message: &str, fields: Map<String, Value>) -> Map<String, Value> {
        let mut line = Map::new();
        line.insert("timestamp".into(), format!("{:.3}", Timestamp::now()).into());
        line.insert("level".into(), level.as_str().into());
        line.insert("message".into(), message.into());
        line.extend(self.common.read().unwrap_or_else(PoisonError::into_inner).clone());
        for (name, value) in fields {
            line.entry(name).or_insert(value);
        }
        line
    }
}

impl<S: Subscriber> Layer<S> for Log {
    /// Admits libraries from ERROR on only: their warnings are long, the errors of calls say the same in a line, and
    /// may quote anything. The Lambda runtime is left out: it would repeat what the function logged of its failure.
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let is_from = |name: &str| metadata.target().starts_with(name);
        let ours = is_from(env!("CARGO_CRATE_NAME"));
        !is_from("lambda_runtime") && *metadata.level() <= if ours { self.level } else { Level::ERROR }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.write(*event.metadata().level(), &fields.message, fields.others);
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log")
            .field("level", &self.level)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn take(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            (name, value) => {
                self.others.insert(name.to_owned(), value);
            }
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.take(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.take(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.take(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.take(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.take(field, format!("{value:?}").into());
    }
}

fn object(fields: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(fields) {
        Ok(Value::Object(object)) => object,
        Ok(Value::Null) | Err(_) => Map::new(),
        Ok(other) => Map::from_iter([("value".to_owned(), other)]),
    }
}

/// `2026-11-23T03:00:00Z INFO message name=value`, the values as JSON so that no line can be broken or forged.
fn text(line: &Map<String, Value>) -> String {
    let said = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut text = format!("{} {} {}", said("timestamp"), said("level"), sanitize::line(&said("message")));
    for (name, value) in
        line.iter().filter(|(name, _)| !["timestamp", "level", "message"].contains(&name.as_str()))
    {
        text.push_str(&format!(" {name}={value}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;

    use super::*;

    fn captured(level: Level, format: Format, write: impl FnOnce(&Log)) -> Vec<String> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let log = Log::new(level, format, move |line| sink.lock().unwrap().push(line.to_owned()));
        log.set_common(&json!({"service": "ecr-janitor", "function_request_id": "r-1"}));
        let subscriber = tracing_subscriber::registry().with(log.clone());
        tracing::subscriber::with_default(subscriber, || write(&log));
        lines.lock().unwrap().clone()
    }

    #[test]
    fn lines_are_flat_with_time_level_and_request_id_at_every_level() {
        let lines = captured(Level::WARN, Format::Json, |log| {
            tracing::info!("too quiet");
            tracing::warn!(count = 3, name = "x", "careful");
            log.line(Level::ERROR, "decision", &json!({"digest": "d", "parents": ["p"], "level": "forged"}));
        });
        assert_eq!(lines.len(), 2);
        let first: Value = serde_json::from_str(&lines[0]).unwrap();
        assert!(first["timestamp"].as_str().unwrap().parse::<Timestamp>().is_ok());
        assert_eq!(
            (&first["level"], &first["message"], &first["count"], &first["function_request_id"]),
            (&json!("WARN"), &json!("careful"), &json!(3), &json!("r-1"))
        );
        let second: Value = serde_json::from_str(&lines[1]).unwrap();
        assert_eq!(second["level"], "ERROR");
        assert_eq!(second["parents"], json!(["p"]));
    }

    #[test]
    fn a_line_break_in_a_value_cannot_forge_a_line() {
        for format in [Format::Json, Format::Text] {
            let lines = captured(Level::INFO, format, |log| {
                tracing::info!(tag = "a\nb", "one\ntwo");
                log.line(Level::INFO, "x", &json!({"tag": "a\r\nb\u{2028}"}));
            });
            assert_eq!(lines.len(), 2);
            assert!(lines.iter().all(|line| !line.contains(['\n', '\r'])), "{lines:?}");
        }
    }

    #[test]
    fn lambda_s_settings_are_honoured() {
        let set = |level: &'static str, format: &'static str| {
            Log::from_environment(move |name| match name {
                "AWS_LAMBDA_LOG_LEVEL" => Some(level.into()),
                "AWS_LAMBDA_LOG_FORMAT" => Some(format.into()),
                _ => None,
            })
        };
        assert_eq!((set("warn", "Text").level, set("warn", "Text").format), (Level::WARN, Format::Text));
        assert_eq!((set("FATAL", "JSON").level, set("FATAL", "JSON").format), (Level::ERROR, Format::Json));
        let unset = Log::from_environment(|_| None);
        assert_eq!((unset.level, unset.format), (Level::INFO, Format::Json));
    }
}
