//! Removing fields from a value, and extracting them. From `typed/remove.go`.

use serde_json::{Map as Object, Value};

use super::item::element_of;
use super::{Shape, Walk};
use crate::definition::Relationship;
use crate::field_set::FieldSet;
use crate::path::PathElement;
use crate::schema::{List, Map, Schema, TypeId};

/// The value without the items and what is below them. A map or list of which nothing is left becomes null.
pub(super) fn remove(schema: &Schema, kind: TypeId, value: &Value, items: &FieldSet) -> Value {
    Selection { schema, extract: false }.value(kind, value, items)
}

/// Only the items, with what leads to them.
pub(super) fn extract(schema: &Schema, kind: TypeId, value: &Value, items: &FieldSet) -> Value {
    Selection { schema, extract: true }.value(kind, value, items)
}

#[derive(Clone, Copy)]
struct Selection<'s> {
    schema: &'s Schema,
    extract: bool,
}

impl Selection<'_> {
    fn value(self, kind: TypeId, value: &Value, items: &FieldSet) -> Value {
        match Shape::of(self.schema.atom(kind), Some(value)).walk() {
            Walk::Scalar(_) => value.clone(),
            Walk::Map(map) => match value {
                Value::Object(fields) if !fields.is_empty() && map.relationship != Relationship::Atomic => {
                    self.map(map, fields, items)
                }
                Value::Object(_) if self.extract => value.clone(),
                _ => Value::Null,
            },
            Walk::List(list) => match value {
                Value::Array(elements) if !elements.is_empty() && list.relationship != Relationship::Atomic => {
                    self.list(list, elements, items)
                }
                Value::Array(_) if self.extract => value.clone(),
                _ => Value::Null,
            },
            Walk::Nothing => Value::Null,
        }
    }

    fn map(self, map: &Map, fields: &Object<String, Value>, items: &FieldSet) -> Value {
        let mut kept = Object::new();
        for (name, value) in fields {
            let declared = map.field(name);
            let kind = declared.map(|field| field.kind).or(map.element);
            let element =
                declared.map_or_else(|| PathElement::field(name), |field| PathElement::Field(field.name.clone()));
            let (member, below) = (items.contains(std::slice::from_ref(&element)), items.below(&element));
            let value = match (member, below, kind) {
                (true, ..) if !self.extract => continue,
                // Kubernetes looks for the set of the parent inside the extracted field, which keeps a leaf whole.
                (true, _, Some(kind)) => self.value(kind, value, items),
                (false, Some(below), Some(kind)) => self.value(kind, value, below),
                _ if self.extract => continue,
                _ => value.clone(),
            };
            kept.insert(name.clone(), value);
        }
        if kept.is_empty() { Value::Null } else { Value::Object(kept) }
    }

    fn list(self, list: &List, elements: &[Value], items: &FieldSet) -> Value {
        let mut kept = Vec::with_capacity(elements.len());
        for item in elements {
            // The value has been validated, so every item has an element.
            let Ok(element) = element_of(list, item) else { continue };
            let (member, below) = (items.contains(std::slice::from_ref(&element)), items.below(&element));
            match below {
                _ if member && !self.extract => {}
                Some(below) => kept.push(self.value(list.element, item, below)),
                None if member || !self.extract => kept.push(item.clone()),
                None => {}
            }
        }
        if kept.is_empty() { Value::Null } else { Value::Array(kept) }
    }
}
