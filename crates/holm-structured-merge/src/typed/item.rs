//! How an item of an associative list is identified.

use std::sync::Arc;

use serde_json::Value;

use crate::definition::Relationship;
use crate::path::{KeyField, PathElement};
use crate::schema::List;

/// The path element of an item: its key fields, with the defaults of the schema for those that are absent, or its value in
/// a set.
///
/// The error is the text that Kubernetes reports behind `element N: `.
pub(super) fn element_of(list: &List, item: &Value) -> Result<PathElement, String> {
    if list.relationship != Relationship::Associative {
        return Err("invalid indexing of non-associative list".to_owned());
    }
    if list.keys.is_empty() { set_element(item) } else { keyed_element(list, item) }
}

fn keyed_element(list: &List, item: &Value) -> Result<PathElement, String> {
    let fields = match item {
        Value::Object(fields) => fields,
        Value::Null => return Err("associative list with keys may not have a null element".to_owned()),
        _ => return Err("associative list with keys may not have non-map elements".to_owned()),
    };
    // A key without a value and without a default is left out: such an item is another one than an item that has it.
    let key = list.keys.iter().filter_map(|key| {
        let value = fields.get(key.name.as_ref()).or(key.default.as_ref())?;
        Some(KeyField { name: Arc::clone(&key.name), value: value.clone() })
    });
    let key: Vec<KeyField> = key.collect();
    if key.is_empty() {
        let names: Vec<String> = list.keys.iter().map(|key| format!("{:?}", key.name)).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any \
             key fields)",
            names.join(" ")
        ));
    }
    Ok(PathElement::key(key))
}

fn set_element(item: &Value) -> Result<PathElement, String> {
    match item {
        Value::Object(_) => Err("associative list without keys has an element that's a map type".to_owned()),
        Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
        Value::Null => Err("associative list without keys has an element that's an explicit null".to_owned()),
        scalar => Ok(PathElement::value(scalar.clone())),
    }
}

/// Values by path element, sorted, for the few items of one list.
pub(super) struct Index<T> {
    entries: Vec<(PathElement, T)>,
}

impl<T> Index<T> {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { entries: Vec::with_capacity(capacity) }
    }

    pub(super) fn get(&self, element: &PathElement) -> Option<&T> {
        let found = self.entries.binary_search_by(|(candidate, _)| candidate.cmp(element)).ok()?;
        self.entries.get(found).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, element: &PathElement) -> Option<&mut T> {
        let found = self.entries.binary_search_by(|(candidate, _)| candidate.cmp(element)).ok()?;
        self.entries.get_mut(found).map(|(_, value)| value)
    }

    /// Adds a value and returns the one that was there.
    pub(super) fn insert(&mut self, element: &PathElement, value: T) -> Option<T> {
        match self.entries.binary_search_by(|(candidate, _)| candidate.cmp(element)) {
            // The search has just found the entry.
            Ok(found) => Some(std::mem::replace(&mut self.entries[found].1, value)),
            Err(place) => {
                self.entries.insert(place, (element.clone(), value));
                None
            }
        }
    }
}
