//! The cells of each kind's row, in the order of its columns.
//!
//! From `k8s.io/kubernetes`, `pkg/printers/internalversion/printers.go`.

mod cluster;
mod network;
mod path;
mod pod;
mod storage;
mod workload;

use holm_values::Timestamp;
use serde_json::{Value, json};

use crate::object::{self, at, text_at};

pub(in crate::server::table) use path::by_path;

/// An object of which a row is made.
#[derive(Clone, Copy)]
struct Shown<'a> {
    object: &'a Value,
    now: Timestamp,
    /// The name of the class that claims get which name none.
    default_class: Option<&'a str>,
}

/// The cells of a built-in object.
pub(super) fn row(resource: &str, object: &Value, default_class: Option<&str>, now: Timestamp) -> Vec<Value> {
    let shown = Shown { object, now, default_class };
    let own = [workload::cells, network::cells, storage::cells, cluster::cells];
    let found = own.into_iter().find_map(|cells| cells(resource, shown));
    found.unwrap_or_else(|| vec![shown.name(), shown.age()])
}

impl<'a> Shown<'a> {
    fn name(self) -> Value {
        json!(object::name(self.object))
    }

    /// How long ago the object was made.
    fn age(self) -> Value {
        json!(self.since(object::metadata_text(self.object, "creationTimestamp")))
    }

    fn created(self) -> Value {
        json!(object::metadata_text(self.object, "creationTimestamp"))
    }

    /// How long ago a time was.
    fn since(self, time: &str) -> String {
        time.parse::<Timestamp>().map_or_else(|_| "<unknown>".to_owned(), |time| human(self.now.0 - time.0))
    }

    fn text(self, path: &[&str]) -> &'a str {
        text_at(self.object, path)
    }

    /// A text as it is, empty if there is none.
    fn shown(self, path: &[&str]) -> Value {
        json!(self.text(path))
    }

    /// A text, or another one in its place.
    fn or(self, path: &[&str], other: &str) -> Value {
        json!(or(self.text(path), other))
    }

    fn number(self, path: &[&str]) -> i64 {
        at(self.object, path).and_then(Value::as_i64).unwrap_or_default()
    }

    fn flag(self, path: &[&str]) -> bool {
        at(self.object, path) == Some(&Value::Bool(true))
    }

    /// How many items or fields there are.
    fn count(self, path: &[&str]) -> usize {
        at(self.object, path).map_or(0, |found| {
            found.as_object().map_or_else(|| found.as_array().map_or(0, Vec::len), serde_json::Map::len)
        })
    }

    fn items(self, path: &[&str]) -> impl Iterator<Item = &'a Value> {
        at(self.object, path).and_then(Value::as_array).into_iter().flatten()
    }

    /// The status of a condition.
    fn condition(self, kind: &str) -> &'a str {
        let mut conditions = self.items(&["status", "conditions"]);
        conditions.find(|found| text_at(found, &["type"]) == kind).map_or("", |found| text_at(found, &["status"]))
    }

    fn is_deleting(self) -> bool {
        object::is_deleting(self.object)
    }

    /// The names of containers and their images.
    fn containers(self, spec: &[&str]) -> [Value; 2] {
        let containers: Vec<&Value> = at(self.object, spec)
            .and_then(|spec| at(spec, &["containers"])?.as_array())
            .into_iter()
            .flatten()
            .collect();
        ["name", "image"].map(|field| {
            json!(containers.iter().map(|container| text_at(container, &[field])).collect::<Vec<_>>().join(","))
        })
    }

    /// A label selector as people write it.
    fn selector(self, path: &[&str]) -> Value {
        let selector = at(self.object, path);
        let empty = selector.is_none_or(|selector| selector.as_object().is_some_and(serde_json::Map::is_empty));
        json!(if empty { "<none>".to_owned() } else { crate::write::scale::selector_text(selector) })
    }

    /// A map of labels.
    fn labels(self, path: &[&str]) -> Value {
        let labels = at(self.object, path).and_then(Value::as_object).into_iter().flatten();
        let texts: Vec<String> =
            labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
        json!(or(&texts.join(","), "<none>"))
    }
}

fn or(text: &str, other: &str) -> String {
    if text.is_empty() { other.to_owned() } else { text.to_owned() }
}

/// A number or a text, as either is written.
fn plain(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

/// From `k8s.io/apimachinery`, `pkg/util/duration/duration.go`.
fn human(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let with = |large: i64, unit: &str, small: i64, smaller: &str| {
        if small == 0 { format!("{large}{unit}") } else { format!("{large}{unit}{small}{smaller}") }
    };
    match () {
        () if seconds < 0 => "0s".to_owned(),
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => with(minutes, "m", seconds % 60, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => with(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 192 => with(days, "d", hours % 24, "h"),
        () if days < 730 => format!("{days}d"),
        () => with(days / 365, "y", days % 365, "d"),
    }
}
