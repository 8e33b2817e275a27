//! Field sets by the elements of `FieldsV1`.

use serde_json::{Map, Value};

use crate::fields;
use holm_core::path::{FieldPath, Segment};

/// What a set holds at these elements.
pub(super) fn at<'s>(set: &'s Map<String, Value>, elements: &[String]) -> Option<&'s Map<String, Value>> {
    elements.iter().try_fold(set, |node, element| node.get(element)?.as_object())
}

/// Takes what a set holds at these elements out of it, with the parents that are empty then.
pub(super) fn remove(set: &mut Map<String, Value>, elements: &[String]) -> Option<Value> {
    let (first, rest) = elements.split_first()?;
    if rest.is_empty() {
        return set.remove(first);
    }
    let node = set.get_mut(first)?.as_object_mut()?;
    let removed = remove(node, rest)?;
    if node.is_empty() {
        set.remove(first);
    }
    Some(removed)
}

/// Adds a set to another at these elements.
pub(super) fn insert(set: &mut Map<String, Value>, elements: &[String], added: Value) {
    let Some((first, rest)) = elements.split_first() else {
        if let Value::Object(added) = added {
            merge(set, added);
        }
        return;
    };
    let node = set.entry(first.clone()).or_insert_with(|| Value::Object(Map::new()));
    if let Some(node) = node.as_object_mut() {
        insert(node, rest, added);
    }
}

fn merge(set: &mut Map<String, Value>, added: Map<String, Value>) {
    for (element, child) in added {
        let node = set.entry(element).or_insert_with(|| Value::Object(Map::new()));
        if let (Some(node), Value::Object(child)) = (node.as_object_mut(), child) {
            merge(node, child);
        }
    }
}

/// The set of a whole value, whose lists are owned as they are.
pub(super) fn of_value(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let children = fields.iter().map(|(name, value)| (format!("f:{name}"), of_value(value)));
            Value::Object([(".".to_owned(), Value::Object(Map::new()))].into_iter().chain(children).collect())
        }
        _ => Value::Object(Map::new()),
    }
}

/// The path of a field for a reader.
pub(super) fn path_of(elements: &[String]) -> FieldPath {
    elements.iter().filter_map(|element| fields::segment_of(element)).collect()
}

/// The element of a list's item that has these fields as keys.
pub(super) fn item_element(item: &Value, keys: &[String]) -> Option<String> {
    let keys: Option<Map<String, Value>> = keys.iter().map(|key| Some((key.clone(), item.get(key)?.clone()))).collect();
    Some(format!("k:{}", Value::Object(keys?)))
}

/// The declared value that an element leads to.
pub(super) fn declared_at<'v>(declared: &'v Value, element: &str) -> Option<&'v Value> {
    let segment = fields::segment_of(element)?;
    let value = match &segment {
        Segment::Field(name) => declared.get(name)?,
        Segment::Index(index) => declared.get(index)?,
        Segment::Item(_) | Segment::Member(_) => {
            declared.as_array()?.iter().find(|item| fields::declares(item, &segment))?
        }
    };
    (!value.is_null()).then_some(value)
}
