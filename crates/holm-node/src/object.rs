//! Objects in JSON: short ways to read them.

pub(crate) use holm_values::json::{at, flag as is_true, int as number, items as list, text};
use holm_values::{MicroTime, Timestamp};
use serde_json::Value;

/// The texts of the list at a path.
pub(crate) fn texts<'a>(object: &'a Value, path: &[&str]) -> impl Iterator<Item = &'a str> {
    list(object, path).filter_map(Value::as_str)
}

pub(crate) fn name(object: &Value) -> &str {
    text(object, &["metadata", "name"])
}

pub(crate) fn namespace(object: &Value) -> &str {
    text(object, &["metadata", "namespace"])
}

pub(crate) fn uid(object: &Value) -> &str {
    text(object, &["metadata", "uid"])
}

/// Versions of objects are comparable numbers since Kubernetes 1.35 (KEP-5504).
pub(crate) fn version(object: &Value) -> u64 {
    text(object, &["metadata", "resourceVersion"]).parse().unwrap_or_default()
}

pub(crate) fn annotation<'a>(object: &'a Value, key: &str) -> &'a str {
    text(object, &["metadata", "annotations", key])
}

pub(crate) fn is_deleting(object: &Value) -> bool {
    at(object, &["metadata", "deletionTimestamp"]).is_some()
}

pub(crate) fn has_finalizers(object: &Value) -> bool {
    list(object, &["metadata", "finalizers"]).next().is_some()
}

/// The status of a condition; empty if there is no such condition.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    list(object, &["status", "conditions"]).find(|condition| text(condition, &["type"]) == kind)
}

/// A time as objects have it, in whole seconds.
pub(crate) fn timestamp(milliseconds: i64) -> String {
    Timestamp(milliseconds.div_euclid(1000)).to_string()
}

/// A time in microseconds, as leases and the scheduler's events have it.
pub(crate) fn micro_timestamp(milliseconds: i64) -> String {
    MicroTime(milliseconds.saturating_mul(1000)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_kubernetes_writes_them() {
        assert_eq!(timestamp(1_764_101_902_345), "2025-11-25T20:18:22Z");
        assert_eq!(micro_timestamp(1_764_101_902_345), "2025-11-25T20:18:22.345000Z");
    }
}
