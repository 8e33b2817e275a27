//! What an apply would change of the record that the server keeps of our fields, beside any value.

use serde_json::{Map, Value};

use crate::fields;
use crate::plan::{FieldChange, Shown};
use holm_core::path::FieldPath;

/// Whether an apply would change which fields are ours, although no value changes. The server records an empty map only when it
/// is applied to an object that has it, which is no difference.
pub(super) fn ownership_differs(declared: &Value, live: &Value, after: &Value, manager: &str) -> bool {
    if fields::has_created_entry(live, manager) {
        return true;
    }
    match (fields::applied_by(live, manager), fields::applied_by(after, manager)) {
        (Some(before), Some(after)) => without_empty(declared, before) != without_empty(declared, after),
        (before, after) => before != after,
    }
}

/// The change of the version in which our fields are recorded, which must be one that the server serves.
pub(super) fn version_change(live: &Value, after: &Value, manager: &str) -> Option<FieldChange> {
    let (before, after) = (fields::applied_version(live, manager)?, fields::applied_version(after, manager)?);
    let shown = |version: &str| Shown::Value(Value::from(version));
    let path = FieldPath::of(["apiVersion"]);
    (before != after).then(|| FieldChange { path, before: shown(before), after: shown(after), drift: None })
}

/// A set of fields without those that are declared as empty maps.
fn without_empty(declared: &Value, set: &Map<String, Value>) -> Map<String, Value> {
    let mut left = Map::new();
    for (element, child) in set {
        let value = element.strip_prefix("f:").and_then(|name| declared.get(name));
        match (value, child.as_object()) {
            (Some(Value::Object(fields)), Some(child)) if fields.is_empty() && child.is_empty() => {}
            (Some(value), Some(child)) => {
                left.insert(element.clone(), Value::Object(without_empty(value, child)));
            }
            _ => {
                let item = element.strip_prefix("k:").and_then(|keys| item_of(declared, keys));
                let child = match (item, child.as_object()) {
                    (Some(item), Some(child)) => Value::Object(without_empty(item, child)),
                    _ => child.clone(),
                };
                left.insert(element.clone(), child);
            }
        }
    }
    left
}

/// The declared item of these keys. One that leaves a key with a default out is found by the others.
fn item_of<'v>(declared: &'v Value, keys: &str) -> Option<&'v Value> {
    let keys: Map<String, Value> = serde_json::from_str(keys).ok()?;
    let is_it = |item: &&Value| keys.iter().all(|(key, value)| item.get(key).is_none_or(|declared| declared == value));
    declared.as_array()?.iter().find(is_it)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(fields: Value) -> Value {
        json!({"metadata": {"managedFields": [
            {"manager": "ours", "operation": "Apply", "apiVersion": "g/v1", "fieldsV1": fields}]}})
    }

    #[test]
    fn an_empty_map_is_no_difference_of_ownership() {
        let declared = json!({"spec": {"template": {}, "containers": [{"name": "a", "resources": {}}]}});
        let item = |fields: Value| json!({"f:spec": {"f:containers": {"k:{\"name\":\"a\"}": fields}}});
        let before = object(item(json!({".": {}, "f:name": {}})));
        let after = object(item(json!({".": {}, "f:name": {}, "f:resources": {}})));
        assert!(!ownership_differs(&declared, &before, &after, "ours"));
        let more = object(item(json!({".": {}, "f:name": {}, "f:image": {}})));
        assert!(ownership_differs(&declared, &before, &more, "ours"));
        // A map that is owned as a whole is another thing.
        let declared = json!({"spec": {"selector": {"app": "a"}}});
        let whole = object(json!({"f:spec": {"f:selector": {}}}));
        assert!(ownership_differs(&declared, &object(json!({"f:spec": {}})), &whole, "ours"));
    }

    #[test]
    fn another_version_of_the_record_is_a_change() {
        let before = object(json!({"f:spec": {}}));
        let mut after = before.clone();
        assert_eq!(version_change(&before, &after, "ours"), None);
        after["metadata"]["managedFields"][0]["apiVersion"] = json!("g/v2");
        let change = version_change(&before, &after, "ours").expect("it is another one");
        assert_eq!((change.before, change.after), (Shown::Value(json!("g/v1")), Shown::Value(json!("g/v2"))));
        assert_eq!(version_change(&before, &after, "theirs"), None);
    }
}
