//! Field sets recorded under an older schema. From `typed/reconcile_schema.go`.
//!
//! A list or map that was granular and is atomic now is owned as a whole by everybody who owned a part of it. The other
//! direction is not adapted: a set with the whole list stays as it is.

use crate::definition::Relationship;
use crate::field_set::FieldSet;
use crate::path::PathElement;
use crate::schema::{List, Map, Schema, TypeId};

/// The adapted set; none if nothing has to change.
pub(super) fn reconcile(schema: &Schema, kind: TypeId, fields: &FieldSet) -> Option<FieldSet> {
    let mut walk = Reconciliation { schema, path: Vec::new(), atomic: FieldSet::new() };
    walk.fields(kind, Some(fields), false);
    if walk.atomic.is_empty() {
        return None;
    }
    Some(fields.recursive_difference(&walk.atomic).union(&walk.atomic))
}

struct Reconciliation<'s> {
    schema: &'s Schema,
    path: Vec<PathElement>,
    /// The paths that have become atomic: removed with all below them, then added as leaves.
    atomic: FieldSet,
}

impl Reconciliation<'_> {
    /// `is_leaf` tells that the path is a member without children, as an atomic value is.
    fn fields(&mut self, kind: TypeId, fields: Option<&FieldSet>, is_leaf: bool) {
        let atom = self.schema.atom(kind);
        if let Some(map) = &atom.map {
            self.map(map, fields, is_leaf);
        } else if let (None, Some(list)) = (atom.scalar, &atom.list) {
            self.list(list, fields, is_leaf);
        }
    }

    fn map(&mut self, map: &Map, fields: Option<&FieldSet>, is_leaf: bool) {
        if map.free_form {
            return;
        }
        if !is_leaf && map.relationship == Relationship::Atomic {
            if fields.is_some_and(|fields| !fields.is_empty()) {
                self.atomic.insert(&self.path);
            }
            return;
        }
        for node in fields.into_iter().flat_map(|fields| &fields.nodes) {
            let kind = match &node.element {
                PathElement::Field(name) => map.kind_of(name),
                _ => map.element,
            };
            // A field that the schema does not declare any more is left alone.
            let Some(kind) = kind else { continue };
            self.below(&node.element, kind, &node.children);
        }
    }

    fn list(&mut self, list: &List, fields: Option<&FieldSet>, is_leaf: bool) {
        if !is_leaf && list.relationship == Relationship::Atomic {
            self.atomic.insert(&self.path);
            return;
        }
        for node in fields.into_iter().flat_map(|fields| &fields.nodes) {
            self.below(&node.element, list.element, &node.children);
        }
    }

    fn below(&mut self, element: &PathElement, kind: TypeId, children: &FieldSet) {
        self.path.push(element.clone());
        // Every node of a set is a member or has children.
        self.fields(kind, Some(children).filter(|children| !children.is_empty()), children.is_empty());
        self.path.pop();
    }
}
