//! Sets and lists that are maps: every item is there once.
//!
//! From `k8s.io/apiextensions-apiserver`, `pkg/apiserver/schema/listtype`.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::field_error::FieldError;

/// What is there twice, in the whole object.
pub(super) fn check(value: &Value, schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    match value {
        Value::Array(items) => {
            match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
                Some("set") => unique(items.iter().cloned(), path, errors),
                Some("map") => keyed(items, schema, path, errors),
                _ => {}
            }
            if let Some(schema) = schema.get("items") {
                for (position, item) in items.iter().enumerate() {
                    check(item, schema, &format!("{path}[{position}]"), errors);
                }
            }
        }
        Value::Object(fields) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let additional = schema.get("additionalProperties").filter(|additional| additional.is_object());
            for (name, value) in fields {
                if let Some(schema) = properties.and_then(|properties| properties.get(name)) {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    check(value, schema, &path, errors);
                } else if let Some(schema) = additional {
                    check(value, schema, &format!("{path}[{name}]"), errors);
                }
            }
        }
        _ => {}
    }
}

fn keyed(items: &[Value], schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let wrong = items.iter().enumerate().find(|(_, item)| !item.is_null() && !item.is_object());
    if let Some((position, item)) = wrong {
        let detail = "must be an object for an array of list-type map";
        errors.push(FieldError::invalid(format!("{path}[{position}]"), item.clone(), detail));
        return;
    }
    unique(items.iter().map(|item| identity(item, schema)), path, errors);
}

/// The item of before of which an item is the new form: in a list that is a map, the one with its keys; in others none.
pub(super) fn old_item<'a>(schema: &Value, live: &'a Value, item: &Value) -> Option<&'a Value> {
    if schema.get("x-kubernetes-list-type").and_then(Value::as_str) != Some("map") {
        return None;
    }
    let wanted = identity(item, schema);
    live.as_array()?.iter().find(|old| identity(old, schema) == wanted)
}

/// The keys of an item of a list that is a map, with their values.
fn identity(item: &Value, schema: &Value) -> Value {
    let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
    let keys = keys.into_iter().flatten().filter_map(Value::as_str);
    keys.filter_map(|key| Some((key.to_owned(), item.get(key)?.clone()))).collect::<Map<_, _>>().into()
}

/// The second of what is there twice or more often is told.
fn unique(identities: impl Iterator<Item = Value>, path: &str, errors: &mut Vec<FieldError>) {
    let (mut seen, mut told) = (HashSet::new(), HashSet::new());
    for (position, identity) in identities.enumerate() {
        let text = identity.to_string();
        if !seen.insert(text.clone()) && told.insert(text) {
            errors.push(FieldError::duplicate(format!("{path}[{position}]"), identity));
        }
    }
}
