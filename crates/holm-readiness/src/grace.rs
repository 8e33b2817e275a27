//! Custom resources whose status nobody writes: what tells them from those whose controller is slow.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::custom::says_something;
use super::object::{flag, items, text};

/// How long the status of a custom resource is waited for, from the last change of its specification.
pub const STATUS_GRACE: Duration = Duration::from_secs(15);

/// Returns when an object's specification changed last, as its managedFields tell; when it was made, where they tell nothing.
pub fn last_change(object: &Value) -> Option<Timestamp> {
    let entries = items(object, "/metadata/managedFields").iter();
    let changes = entries.filter(|entry| text(entry, "/subresource").is_none() && is_about_more_than_metadata(entry));
    let times = changes.filter_map(|entry| text(entry, "/time")?.parse::<Timestamp>().ok());
    times.max().or_else(|| text(object, "/metadata/creationTimestamp")?.parse().ok())
}

fn is_about_more_than_metadata(entry: &Value) -> bool {
    let fields = entry.get("fieldsV1").and_then(Value::as_object);
    fields.is_none_or(|fields| fields.keys().any(|field| field != "f:metadata" && field != "f:status"))
}

/// Returns whether an object has a status that says anything.
pub fn reports_status(object: &Value) -> bool {
    object.get("status").is_some_and(says_something)
}

/// Returns whether the schema of a definition keeps any status of one of its versions: without a property `status` the server
/// drops what a controller writes, unless unknown fields are preserved. None where the definition has no such version.
pub fn can_report_status(definition: &Value, version: &str) -> Option<bool> {
    if flag(definition, "/spec/preserveUnknownFields") {
        return Some(true);
    }
    let versions = items(definition, "/spec/versions");
    let version = versions.iter().find(|found| text(found, "/name") == Some(version))?;
    let schema = version.pointer("/schema/openAPIV3Schema")?;
    if preserves(schema) {
        return Some(true);
    }
    let Some(status) = schema.pointer("/properties/status") else { return Some(false) };
    let holds =
        |field: &str| status.get(field).is_some_and(|value| says_something(value) || *value == Value::Bool(true));
    Some(preserves(status) || holds("properties") || holds("additionalProperties") || !is_object(status))
}

fn preserves(schema: &Value) -> bool {
    flag(schema, "/x-kubernetes-preserve-unknown-fields")
}

fn is_object(schema: &Value) -> bool {
    text(schema, "/type").is_none_or(|kind| kind == "object")
}
