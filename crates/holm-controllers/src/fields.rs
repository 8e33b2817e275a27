//! Short ways to read and write objects in JSON. Paths are JSON pointers: `/spec/replicas`.

use holm_apiserver::Timestamp;
use holm_values::Selector;
pub(crate) use holm_values::json::{at, flag, int, items, map, remove, set, text};
use serde_json::{Value, json};

use crate::kind::Kind;

/// The number at a path; zero if there is none, as Go has it.
pub(crate) fn count(object: &Value, path: &str) -> i64 {
    int(object, path).unwrap_or_default()
}

/// The texts of the list at a path.
pub(crate) fn texts(object: &Value, path: &str) -> Vec<String> {
    items(object, path).filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The texts of the map at a path, by their names.
pub(crate) fn pairs<'a>(object: &'a Value, path: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let pairs = map(object, path).into_iter().flatten();
    pairs.map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()))
}

/// The selector at a path. None, and one that cannot be read, selects nothing.
pub(crate) fn selector_at(object: &Value, path: &str) -> Selector {
    Selector::of(at(object, path)).unwrap_or_else(|_| Selector::nothing())
}

pub(crate) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

pub(crate) fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

pub(crate) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

pub(crate) fn generation(object: &Value) -> i64 {
    count(object, "/metadata/generation")
}

pub(crate) fn created(object: &Value) -> &str {
    text(object, "/metadata/creationTimestamp")
}

pub(crate) fn is_deleting(object: &Value) -> bool {
    at(object, "/metadata/deletionTimestamp").is_some()
}

pub(crate) fn label<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    map(object, "/metadata/labels")?.get(name)?.as_str()
}

pub(crate) fn annotation<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    map(object, "/metadata/annotations")?.get(name)?.as_str()
}

/// Sets an annotation, and says whether that changed something.
pub(crate) fn annotate(object: &mut Value, name: &str, value: &str) -> bool {
    if annotation(object, name) == Some(value) {
        return false;
    }
    set(object, &format!("/metadata/annotations/{}", name.replace('~', "~0").replace('/', "~1")), value);
    true
}

/// Sets a label.
pub(crate) fn set_label(object: &mut Value, name: &str, value: &str) {
    set(object, &format!("/metadata/labels/{}", name.replace('~', "~0").replace('/', "~1")), value);
}

/// The owner that controls an object.
pub(crate) fn controller(object: &Value) -> Option<&Value> {
    items(object, "/metadata/ownerReferences").find(|owner| flag(owner, "/controller"))
}

/// The uid of the owner that controls an object.
pub(crate) fn controller_uid(object: &Value) -> Option<&str> {
    controller(object).map(|owner| text(owner, "/uid"))
}

/// Whether `owner` controls the object.
pub(crate) fn is_controlled_by(object: &Value, owner: &Value) -> bool {
    controller_uid(object).is_some_and(|found| found == uid(owner))
}

/// The reference by which an owner controls its objects.
pub(crate) fn controller_reference(owner: &Value, kind: Kind) -> Value {
    json!({
        "apiVersion": kind.api_version(), "kind": kind.name(), "name": name(owner), "uid": uid(owner),
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// A condition of an object's status.
pub(crate) fn condition<'a>(object: &'a Value, condition: &str) -> Option<&'a Value> {
    items(object, "/status/conditions").find(|found| text(found, "/type") == condition)
}

/// Whether a condition of an object's status is true.
pub(crate) fn is_true(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|found| text(found, "/status") == "True")
}

/// Reads a time; in seconds since 1970.
pub(crate) fn seconds(time: &str) -> Option<i64> {
    time.parse::<Timestamp>().ok().map(|time| time.0)
}

/// A status without the fields that Go leaves out: zeros, empty texts and lists, and nothing.
pub(crate) fn without_empty(mut status: Value) -> Value {
    if let Some(fields) = status.as_object_mut() {
        fields.retain(|_, value| match value {
            Value::Null => false,
            Value::Number(number) => number.as_i64() != Some(0),
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Bool(_) | Value::Object(_) => true,
        });
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_set_and_removed_by_their_path() {
        let mut object = json!({"metadata": {"name": "a"}});
        set(&mut object, "/metadata/annotations/example.org~1x", "1");
        assert_eq!(annotation(&object, "example.org/x"), Some("1"));
        assert!(!annotate(&mut object, "example.org/x", "1"));
        assert!(annotate(&mut object, "example.org/x", "2"));
        remove(&mut object, "/metadata/annotations/example.org~1x");
        assert_eq!(object, json!({"metadata": {"name": "a", "annotations": {}}}));
    }
}
