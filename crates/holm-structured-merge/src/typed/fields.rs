//! The set of leaves and list items that a value mentions. From `typed/tofieldset.go`.

use serde_json::Value;

use super::item::{Index, element_of};
use super::{Shape, Walk};
use crate::definition::Relationship;
use crate::field_set::{FieldSet, Node};
use crate::path::PathElement;
use crate::schema::{List, Map, Schema, TypeId};

pub(super) fn field_set(schema: &Schema, kind: TypeId, value: &Value) -> FieldSet {
    Collector { schema }.value(kind, value).0
}

#[derive(Clone, Copy)]
struct Collector<'s> {
    schema: &'s Schema,
}

impl Collector<'_> {
    /// The set below a value, and whether the value itself is a leaf.
    fn value(self, kind: TypeId, value: &Value) -> (FieldSet, bool) {
        match Shape::of(self.schema.atom(kind), Some(value)).walk() {
            Walk::Scalar(_) => (FieldSet::new(), true),
            Walk::Map(map) if map.relationship == Relationship::Atomic => (FieldSet::new(), true),
            Walk::List(list) if list.relationship == Relationship::Atomic => (FieldSet::new(), true),
            Walk::Map(map) => (self.map(map, value), false),
            Walk::List(list) => (self.list(list, value), false),
            Walk::Nothing => (FieldSet::new(), false),
        }
    }

    fn map(self, map: &Map, value: &Value) -> FieldSet {
        let Value::Object(fields) = value else { return FieldSet::new() };
        let mut nodes = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            let declared = map.field(name);
            let Some(kind) = declared.map(|field| field.kind).or(map.element) else { continue };
            let (children, leaf) = self.value(kind, value);
            // The entries of a free map are items of their own, and so is everything that is null or an empty map.
            let empty = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
            let element =
                declared.map_or_else(|| PathElement::field(name), |field| PathElement::Field(field.name.clone()));
            nodes.push(Node { element, member: leaf || empty || declared.is_none(), children });
        }
        FieldSet::from_nodes(nodes)
    }

    fn list(self, list: &List, value: &Value) -> FieldSet {
        let Value::Array(items) = value else { return FieldSet::new() };
        let mut nodes: Vec<Node> = Vec::with_capacity(items.len());
        // The position of the node of each item; a repeated item is owned as one leaf.
        let mut seen: Index<usize> = Index::with_capacity(items.len());
        for item in items {
            // The value has been validated, so every item has an element.
            let Ok(element) = element_of(list, item) else { continue };
            if let Some(node) = seen.get(&element).and_then(|first| nodes.get_mut(*first)) {
                node.children = FieldSet::new();
                continue;
            }
            seen.insert(&element, nodes.len());
            let (children, _) = self.value(list.element, item);
            nodes.push(Node { element, member: true, children });
        }
        FieldSet::from_nodes(nodes)
    }
}
