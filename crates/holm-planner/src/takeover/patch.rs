//! The change of the record of ownership, as a JSON patch.

use serde_json::{Map, Value, json};

use super::{Taken, is_a_persons_tool, is_a_stack, sets};

/// Returns the JSON patch that makes the fields ours alone; none where they are already. It names uid and resourceVersion, so
/// that it fails where the object was written since, and changes no value.
pub fn patch(live: &Value, taken: &[Taken], manager: &str, api_version: &str) -> Option<Value> {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    let mut entries: Vec<Value> = entries.cloned().unwrap_or_default();
    let before = entries.clone();
    let text = |entry: &Value, field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut ours: Map<String, Value> = Map::new();
    for taken in taken {
        let Some(value) = taken.path.get(live) else { continue };
        let mut set = Value::Null;
        for entry in &mut entries {
            let (name, operation) = (text(entry, "manager"), text(entry, "operation"));
            let is_tool = operation == "Update" && is_a_persons_tool(&name);
            let is_former = operation == "Apply" && name != manager && is_a_stack(&name);
            let is_takeable = text(entry, "subresource").is_empty() && (is_tool || is_former);
            if let Some(fields) = entry.get_mut("fieldsV1").and_then(Value::as_object_mut).filter(|_| is_takeable)
                && let Some(removed) = sets::remove(fields, &taken.elements)
            {
                set = removed;
            }
        }
        if set.is_null() {
            set = sets::of_value(value);
        }
        sets::insert(&mut ours, &taken.elements, set);
    }
    let is_empty = |entry: &Value| entry.get("fieldsV1").and_then(Value::as_object).is_some_and(Map::is_empty);
    entries.retain(|entry| !is_empty(entry));
    let is_ours = |entry: &Value| {
        text(entry, "manager") == manager
            && text(entry, "operation") == "Apply"
            && text(entry, "subresource").is_empty()
    };
    if ours.is_empty() {
        return None;
    }
    match entries.iter_mut().find(|entry| is_ours(entry)) {
        Some(entry) => {
            if let Some(fields) = entry.get_mut("fieldsV1").and_then(Value::as_object_mut) {
                sets::insert(fields, &[], Value::Object(ours));
            }
        }
        None => entries.push(json!({
            "manager": manager, "operation": "Apply", "apiVersion": api_version, "fieldsType": "FieldsV1", "fieldsV1": ours,
        })),
    }
    if entries == before {
        return None;
    }
    let (version, uid) = (live.pointer("/metadata/resourceVersion")?, live.pointer("/metadata/uid")?);
    Some(json!([
        {"op": "test", "path": "/metadata/uid", "value": uid},
        {"op": "replace", "path": "/metadata/managedFields", "value": entries},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
    ]))
}
