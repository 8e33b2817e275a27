//! The lists and maps that a request gives with nothing in them.
//!
//! They are written and stored as if they were absent, and most strategies see no difference either (`Semantic.DeepEqual`). A few
//! compare with `reflect.DeepEqual`, to which a list without items is another value than no list.

use holm_schema::{DataType, Type};
use serde_json::Value;

use crate::kind::{ResourceKind, TypeSchema};

/// Where an accepted object had empty lists and maps, as JSON pointers. What is stored never has any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Emptied(Vec<String>);

impl Emptied {
    /// What an object brings, outside of its metadata.
    pub fn of(resource: &ResourceKind, object: &Value) -> Self {
        let mut found = Vec::new();
        if let (TypeSchema::BuiltIn { schema, .. }, Some(fields)) = (&resource.schema, object.as_object()) {
            for (name, value) in fields.iter().filter(|(name, _)| *name != "metadata") {
                if let Some(property) = schema.property(name) {
                    collect(value, property, format!("/{name}"), &mut found);
                }
            }
        }
        Self(found)
    }

    /// Counts what is above a place, such as `data/key`, as given empty: bytes that are null are other bytes than those of no length.
    pub fn add(&mut self, place: &str) {
        if let Some((above, _)) = place.split_once('/') {
            self.0.push(format!("/{above}"));
        }
    }

    /// Whether this place was given empty.
    pub fn has(&self, pointer: &str) -> bool {
        self.0.iter().any(|found| found == pointer)
    }

    /// Whether something below this place was given empty, but for one field of it, which defaults fill.
    pub fn has_below(&self, place: &str, but: &str) -> bool {
        let below = |found: &str| found.strip_prefix(place).is_some_and(|rest| rest.starts_with('/') && rest != but);
        self.0.iter().any(|found| below(found))
    }
}

fn collect(value: &Value, kind: Type<'_>, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Array(items) if items.is_empty() => found.push(pointer),
        Value::Array(items) => {
            let Some(kind) = kind.items() else { return };
            for (position, item) in items.iter().enumerate() {
                collect(item, kind, format!("{pointer}/{position}"), found);
            }
        }
        Value::Object(fields) => match kind.values() {
            Some(_) if fields.is_empty() => found.push(pointer),
            Some(values) => {
                fields.iter().for_each(|(name, value)| collect(value, values, format!("{pointer}/{name}"), found));
            }
            None if kind.data_type() == DataType::Object => {
                for (name, value) in fields {
                    if let Some(property) = kind.property(name) {
                        collect(value, property, format!("{pointer}/{name}"), found);
                    }
                }
            }
            None => {}
        },
        _ => {}
    }
}
