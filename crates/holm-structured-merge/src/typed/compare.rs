//! What one value adds to, changes in and removes from another. From `typed/compare.go`.

use serde_json::{Map as Object, Value};

use super::item::{Index, element_of};
use super::validate::scalar_problem;
use super::{Shape, Walk, items};
use crate::definition::Relationship;
use crate::error::{ValidationError, ValidationErrors};
use crate::field_set::FieldSet;
use crate::path::PathElement;
use crate::schema::{List, Map, Schema, TypeId};
use crate::value::equal;

/// The difference of two values. No field is in more than one of the sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Fields that only the first value has.
    pub removed: FieldSet,
    /// Fields that both have with different values.
    pub modified: FieldSet,
    /// Fields that only the second value has.
    pub added: FieldSet,
}

impl Comparison {
    /// Whether the values are the same.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.removed.is_empty() && self.modified.is_empty() && self.added.is_empty()
    }
}

pub(super) fn compare(
    schema: &Schema,
    kind: TypeId,
    left: &Value,
    right: &Value,
) -> Result<Comparison, ValidationErrors> {
    let mut walk = Compare { schema, path: Vec::new(), found: Comparison::default(), errors: Vec::new() };
    if !equal(left, right) {
        walk.values(kind, Some(left), Some(right));
    }
    if walk.errors.is_empty() { Ok(walk.found) } else { Err(ValidationErrors(walk.errors)) }
}

struct Compare<'s> {
    schema: &'s Schema,
    path: Vec<PathElement>,
    found: Comparison,
    errors: Vec<ValidationError>,
}

impl<'s> Compare<'s> {
    fn values(&mut self, kind: TypeId, left: Option<&Value>, right: Option<&Value>) {
        let schema = self.schema;
        let atom = schema.atom(kind);
        let (left_shape, right_shape) = (Shape::of(atom, left), Shape::of(atom, right));
        let was_leaf = if right.is_none() {
            self.walk(left_shape, left, right)
        } else if left.is_none() || left_shape.same_alternatives(right_shape) {
            self.walk(right_shape, left, right)
        } else {
            // The value changes its kind: what the old kind held is removed, what the new one holds is added.
            self.walk(left_shape, left, right);
            self.walk(right_shape, left, right)
        };
        if !was_leaf {
            // Maps and lists that appear or vanish are items of their own.
            match (left, right) {
                (None, _) => self.found.added.insert(&self.path),
                (_, None) => self.found.removed.insert(&self.path),
                _ => {}
            }
        }
    }

    /// Whether the values were compared as one leaf.
    fn walk(&mut self, shape: Shape<'s>, left: Option<&Value>, right: Option<&Value>) -> bool {
        match shape.walk() {
            Walk::Map(map) => self.maps(map, left, right),
            Walk::List(list) => self.lists(list, left, right),
            Walk::Scalar(scalar) => {
                let problems = (scalar_problem(scalar, left, "lhs: "), scalar_problem(scalar, right, "rhs: "));
                if let (Some(left), Some(right)) = problems {
                    self.error(left);
                    self.error(right);
                    return false;
                }
                self.leaf(left, right)
            }
            Walk::Nothing => {
                self.error("schema error: invalid atom: inlined".to_owned());
                false
            }
        }
    }

    fn leaf(&mut self, left: Option<&Value>, right: Option<&Value>) -> bool {
        match (left, right) {
            (None, _) => self.found.added.insert(&self.path),
            (_, None) => self.found.removed.insert(&self.path),
            (Some(left), Some(right)) if !equal(left, right) => self.found.modified.insert(&self.path),
            _ => {}
        }
        true
    }

    fn maps(&mut self, map: &Map, left: Option<&Value>, right: Option<&Value>) -> bool {
        let (left_map, right_map) = (left.and_then(Value::as_object), right.and_then(Value::as_object));
        let is_empty = |side: Option<&Object<String, Value>>| side.is_none_or(Object::is_empty);
        if map.relationship == Relationship::Atomic || (is_empty(left_map) && is_empty(right_map)) {
            return self.leaf(left, right);
        }
        for (name, left) in left_map.into_iter().flatten() {
            self.field(map, name, Some(left), right_map.and_then(|fields| fields.get(name)));
        }
        for (name, right) in right_map.into_iter().flatten() {
            if !left_map.is_some_and(|fields| fields.contains_key(name)) {
                self.field(map, name, None, Some(right));
            }
        }
        false
    }

    fn field(&mut self, map: &Map, name: &str, left: Option<&Value>, right: Option<&Value>) {
        if let (Some(left), Some(right)) = (left, right)
            && equal(left, right)
        {
            return;
        }
        let declared = map.field(name);
        let Some(kind) = declared.map(|field| field.kind).or(map.element) else { return };
        let element = declared.map_or_else(|| PathElement::field(name), |field| PathElement::Field(field.name.clone()));
        self.below(element, kind, left, right);
    }

    fn lists(&mut self, list: &List, left: Option<&Value>, right: Option<&Value>) -> bool {
        let (left_items, right_items) = (items(left).unwrap_or_default(), items(right).unwrap_or_default());
        if list.relationship == Relationship::Atomic || (left_items.is_empty() && right_items.is_empty()) {
            return self.leaf(left, right);
        }
        let mut elements: Vec<PathElement> = Vec::with_capacity(left_items.len().max(right_items.len()));
        let mut found: Index<(Vec<&Value>, Vec<&Value>)> = Index::with_capacity(left_items.len());
        let sides = left_items.iter().map(|item| (item, true)).chain(right_items.iter().map(|item| (item, false)));
        for (item, is_left) in sides {
            let element = match element_of(list, item) {
                Ok(element) => element,
                Err(text) => {
                    self.error(text);
                    continue;
                }
            };
            if found.get(&element).is_none() {
                found.insert(&element, (Vec::new(), Vec::new()));
                elements.push(element.clone());
            }
            if let Some((left, right)) = found.get_mut(&element) {
                if is_left { left.push(item) } else { right.push(item) }
            }
        }
        for element in elements {
            if let Some((left, right)) = found.get(&element) {
                self.item(list, element, left, right);
            }
        }
        false
    }

    /// Compares all items with one path element. Repeated items are one leaf.
    fn item(&mut self, list: &List, element: PathElement, left: &[&Value], right: &[&Value]) {
        match (left, right) {
            ([] | [_], [] | [_]) => {
                let (left, right) = (left.first().copied(), right.first().copied());
                if let (Some(left), Some(right)) = (left, right)
                    && equal(left, right)
                {
                    return;
                }
                self.below(element, list.element, left, right);
            }
            ([_, _, ..], [_, _, ..]) => {
                let same = left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right));
                if !same {
                    self.path.push(element);
                    self.found.modified.insert(&self.path);
                    self.path.pop();
                }
            }
            ([_, _, ..], _) => {
                if let Some(right) = right.first() {
                    self.below(element.clone(), list.element, None, Some(right));
                }
                self.path.push(element);
                self.found.removed.insert(&self.path);
                self.path.pop();
            }
            (_, [_, _, ..]) => {
                if let Some(left) = left.first() {
                    self.below(element.clone(), list.element, Some(left), None);
                }
                self.path.push(element);
                self.found.added.insert(&self.path);
                self.path.pop();
            }
        }
    }

    fn below(&mut self, element: PathElement, kind: TypeId, left: Option<&Value>, right: Option<&Value>) {
        self.path.push(element);
        self.values(kind, left, right);
        self.path.pop();
    }

    fn error(&mut self, message: String) {
        let path = self.path.iter().map(ToString::to_string).collect();
        self.errors.push(ValidationError { path, message });
    }
}
