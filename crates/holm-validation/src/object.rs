//! The metadata of an object in JSON: short ways to read and write it.

pub use holm_values::json::{at, at_mut, remove as remove_at, set as set_at, text as text_at};
use serde_json::{Map, Value, json};

/// Returns a metadata field.
pub fn metadata<'a>(object: &'a Value, field: &str) -> Option<&'a Value> {
    object.get("metadata")?.get(field).filter(|value| !value.is_null())
}

/// Returns a metadata field that is a text; empty if there is none.
pub fn metadata_text<'a>(object: &'a Value, field: &str) -> &'a str {
    metadata(object, field).and_then(Value::as_str).unwrap_or_default()
}

/// Sets a metadata field.
pub fn set_metadata(object: &mut Value, field: &str, value: Value) {
    if let Some(metadata) = child_map(object, "metadata") {
        metadata.insert(field.to_owned(), value);
    }
}

/// Removes a metadata field.
pub fn remove_metadata(object: &mut Value, field: &str) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove(field);
    }
}

/// Returns the name; empty if there is none.
pub fn name(object: &Value) -> &str {
    metadata_text(object, "name")
}

/// Returns the namespace; empty if there is none.
pub fn namespace(object: &Value) -> &str {
    metadata_text(object, "namespace")
}

/// Returns the uid, if there is one.
pub fn uid(object: &Value) -> Option<&str> {
    metadata(object, "uid")?.as_str().filter(|uid| !uid.is_empty())
}

/// Returns the generation; 0 if there is none.
pub fn generation(object: &Value) -> i64 {
    metadata(object, "generation").and_then(Value::as_i64).unwrap_or_default()
}

/// Returns whether the object is being deleted.
pub fn is_deleting(object: &Value) -> bool {
    metadata(object, "deletionTimestamp").is_some()
}

/// Returns the owner references.
pub fn owners(object: &Value) -> impl Iterator<Item = &Value> {
    metadata(object, "ownerReferences").and_then(Value::as_array).into_iter().flatten()
}

/// Returns the uids of the owners.
pub fn owner_uids(object: &Value) -> impl Iterator<Item = &str> {
    owners(object).filter_map(|owner| owner.get("uid")?.as_str())
}

/// Returns the finalizers.
pub fn finalizers(object: &Value) -> Vec<String> {
    texts(metadata(object, "finalizers"))
}

/// Sets the finalizers.
pub fn set_finalizers(object: &mut Value, finalizers: &[String]) {
    if finalizers.is_empty() {
        remove_metadata(object, "finalizers");
    } else {
        set_metadata(object, "finalizers", json!(finalizers));
    }
}

/// Adds a finalizer, if it is not there.
pub fn add_finalizer(object: &mut Value, finalizer: &str) {
    let mut all = finalizers(object);
    if !all.iter().any(|found| found == finalizer) {
        all.push(finalizer.to_owned());
        set_finalizers(object, &all);
    }
}

/// Removes a finalizer.
pub fn remove_finalizer(object: &mut Value, finalizer: &str) {
    let all: Vec<String> = finalizers(object).into_iter().filter(|found| found != finalizer).collect();
    set_finalizers(object, &all);
}

/// Returns the value of an annotation, if it is a text.
pub fn annotation<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    metadata(object, "annotations")?.get(name)?.as_str()
}

/// Returns the texts of a list.
pub fn texts(list: Option<&Value>) -> Vec<String> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Drops lists that are empty or null, wherever they are, so that objects can be compared as a Go program compares them.
pub fn remove_empty_lists(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty()));
            fields.values_mut().for_each(remove_empty_lists);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_empty_lists),
        _ => {}
    }
}

/// Copies the value at a path from one object to another: also that it is absent.
pub fn copy_at(from: &Value, to: &mut Value, path: &[&str]) {
    match at(from, path) {
        Some(value) => set_at(to, path, value.clone()),
        None => {
            remove_at(to, path);
        }
    }
}

/// Returns the map in a field, made if it is not there.
pub fn child_map<'a>(object: &'a mut Value, field: &str) -> Option<&'a mut Map<String, Value>> {
    as_map(as_map(object)?.entry(field.to_owned()).or_insert(Value::Null))
}

/// Returns a map for writing: null becomes an empty one, and of anything else there is none.
pub fn as_map(value: &mut Value) -> Option<&mut Map<String, Value>> {
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}
