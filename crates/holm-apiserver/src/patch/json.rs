//! JSON patches as an API server applies them.
//!
//! From `gopkg.in/evanphx/json-patch.v4`, `patch.go`, which departs from RFC 6902: replacing a field that is not there adds it, and
//! testing one that is not there for null succeeds.

use json_patch::PatchError;
use serde_json::{Value, json};

/// Applies the operations in their order.
pub(super) fn apply(object: &mut Value, operations: &Value) -> Result<(), PatchError> {
    for operation in operations.as_array().into_iter().flatten() {
        let Some(operation) = as_applied(object, operation) else { continue };
        if let Ok(patch) = serde_json::from_value::<json_patch::Patch>(json!([operation])) {
            json_patch::patch(object, &patch)?;
        }
    }
    Ok(())
}

/// The operation in the words of RFC 6902; nothing if there is nothing to do.
fn as_applied(object: &Value, operation: &Value) -> Option<Value> {
    let path = operation.get("path").and_then(Value::as_str).unwrap_or_default();
    let parent = path.rsplit_once('/').and_then(|(parent, _)| object.pointer(parent));
    let missing = parent.is_some_and(Value::is_object) && object.pointer(path).is_none();
    match operation.get("op").and_then(Value::as_str) {
        Some("replace") if missing => {
            let mut added = operation.clone();
            added["op"] = json!("add");
            Some(added)
        }
        Some("test") if missing && operation.get("value").is_none_or(Value::is_null) => None,
        _ => Some(operation.clone()),
    }
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
        ]);
        apply(&mut object, &patch).unwrap();
        assert_eq!(object, json!({"a": {"b": 1}}));
        for refused in [
            json!([{"op": "remove", "path": "/a/c"}]),
            json!([{"op": "replace", "path": "/x/y", "value": 1}]),
            json!([{"op": "test", "path": "/a/c", "value": 1}]),
        ] {
            assert!(apply(&mut object, &refused).is_err(), "{refused}");
        }
    }
}
