//! JSON patches as an API server applies them.
//!
//! From `gopkg.in/evanphx/json-patch.v4`, `patch.go`, which departs from RFC 6902: replacing a field that is not there adds it, and
//! testing one that is not there for null succeeds, and an operation without a value has null.

use serde_json::{Value, json};

use crate::go;
use crate::storable::{self, is_deeper};

/// How many bytes all that a patch copies may have as JSON. A real server takes its limit of a body (`JSONPatchMaxCopyBytes` in
/// `k8s.io/apiserver`, `pkg/server/config.go`).
const MAX_COPIED: usize = 3 * 1024 * 1024;

/// How deep an object may be nested between two operations. What is stored is less deep.
const MAX_DEPTH: usize = 4 * storable::MAX_DEPTH;

/// Applies the operations in their order.
pub(super) fn apply(object: &mut Value, operations: &[Value]) -> Result<(), Rejected> {
    let mut copied = 0_usize;
    for operation in operations {
        let Some(operation) = as_applied(object, operation) else { continue };
        let text = |field: &str| operation.get(field).and_then(Value::as_str).unwrap_or_default();
        let placed = match text("op") {
            "copy" | "move" => object.pointer(text("from")),
            _ => operation.get("value"),
        };
        if text("op") == "copy" {
            copied = copied.saturating_add(placed.map_or(0, |value| go::json(value).len()));
        }
        let depth = text("path").matches('/').count();
        let is_deep = depth > MAX_DEPTH || placed.is_some_and(|value| is_deeper(value, MAX_DEPTH - depth));
        if copied > MAX_COPIED || is_deep {
            return Err(Rejected);
        }
        let patch: json_patch::Patch = serde_json::from_value(json!([operation])).map_err(|_| Rejected)?;
        json_patch::patch(object, &patch).map_err(|_| Rejected)?;
    }
    Ok(())
}

/// A patch with an operation that is none, or that cannot be done.
#[derive(Debug)]
pub(super) struct Rejected;

/// The operation in the words of RFC 6902; nothing if there is nothing to do.
fn as_applied(object: &Value, operation: &Value) -> Option<Value> {
    let mut applied = operation.as_object()?.clone();
    let path = operation.get("path").and_then(Value::as_str).unwrap_or_default();
    let parent = path.rsplit_once('/').and_then(|(parent, _)| object.pointer(parent));
    let missing = parent.is_some_and(Value::is_object) && object.pointer(path).is_none();
    let kind = operation.get("op").and_then(Value::as_str).unwrap_or_default();
    if matches!(kind, "add" | "replace" | "test") {
        // No value is null.
        applied.entry("value").or_insert(Value::Null);
    }
    match kind {
        "replace" if missing => {
            applied.insert("op".to_owned(), json!("add"));
        }
        "test" if missing && applied.get("value").is_none_or(Value::is_null) => return None,
        _ => {}
    }
    Some(Value::Object(applied))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_not_there_can_be_replaced_and_tested_for_null() {
        let mut object = json!({"a": {}});
        let patch = json!([
            {"op": "replace", "path": "/a/b", "value": 1},
            {"op": "test", "path": "/a/c", "value": null},
            {"op": "add", "path": "/a/d"},
        ]);
        apply(&mut object, patch.as_array().unwrap()).unwrap();
        assert_eq!(object, json!({"a": {"b": 1, "d": null}}));
        for refused in [
            json!([{"op": "remove", "path": "/a/c"}]),
            json!([{"op": "replace", "path": "/x/y", "value": 1}]),
            json!([{"op": "test", "path": "/a/c", "value": 1}]),
        ] {
            assert!(apply(&mut object, refused.as_array().unwrap()).is_err(), "{refused}");
        }
    }

    #[test]
    fn copies_are_limited_by_their_size_and_their_depth() {
        let doubling = |times: usize| {
            let start = json!({"op": "add", "path": "/x", "value": ["y".repeat(1000)]});
            let copies = std::iter::repeat_n(json!({"op": "copy", "from": "/x", "path": "/x/-"}), times);
            std::iter::once(start).chain(copies).collect::<Vec<Value>>()
        };
        assert!(apply(&mut json!({}), &doubling(11)).is_ok());
        assert!(apply(&mut json!({}), &doubling(12)).is_err());
        // Each copy puts the whole into itself.
        let nesting = |times: usize| {
            let start = json!({"op": "add", "path": "/x", "value": {}});
            let copies = (0..times).map(|_| json!({"op": "copy", "from": "/x", "path": "/x/x"}));
            std::iter::once(start).chain(copies).collect::<Vec<Value>>()
        };
        assert!(apply(&mut json!({}), &nesting(400)).is_ok());
        assert!(apply(&mut json!({}), &nesting(500)).is_err());
    }
}
