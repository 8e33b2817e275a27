//! One value laid over another. From `typed/merge.go`.

use std::collections::VecDeque;

use serde_json::{Map as Object, Value};

use super::item::{Index, element_of};
use super::validate::scalar_problem;
use super::{Shape, Walk, below, items, problem};
use crate::definition::Relationship;
use crate::error::{ValidationError, ValidationErrors};
use crate::path::PathElement;
use crate::schema::{List, Map, Scalar, Schema, TypeId};

pub(super) fn merge(schema: &Schema, kind: TypeId, left: &Value, right: &Value) -> Result<Value, ValidationErrors> {
    let merged = Merge { schema }.values(kind, Some(left), Some(right)).map_err(ValidationErrors)?;
    Ok(merged.unwrap_or_default())
}

/// The merged value; none if neither side leaves anything.
type Merged = Result<Option<Value>, Vec<ValidationError>>;

#[derive(Clone, Copy)]
struct Merge<'s> {
    schema: &'s Schema,
}

impl Merge<'_> {
    fn values(self, kind: TypeId, left: Option<&Value>, right: Option<&Value>) -> Merged {
        // Both values have been validated, so a value that only one side has comes out as it is.
        let (Some(left_value), Some(right_value)) = (left, right) else { return Ok(left.or(right).cloned()) };
        let atom = self.schema.atom(kind);
        let (left_shape, right_shape) = (Shape::of(atom, Some(left_value)), Shape::of(atom, Some(right_value)));
        if !left_shape.same_alternatives(right_shape) {
            // The value changes its kind: what the left side holds is checked, and the right side decides.
            self.walk(left_shape, left, right)?;
        }
        self.walk(right_shape, left, right)
    }

    fn walk(self, shape: Shape<'_>, left: Option<&Value>, right: Option<&Value>) -> Merged {
        match shape.walk() {
            Walk::Map(map) => self.maps(map, left, right),
            Walk::List(list) => self.lists(list, left, right),
            Walk::Scalar(scalar) => scalars(scalar, left, right),
            Walk::Nothing => Err(problem("schema error: invalid atom: inlined".to_owned()).0),
        }
    }

    fn maps(self, map: &Map, left: Option<&Value>, right: Option<&Value>) -> Merged {
        let (left_map, right_map) = (left.and_then(Value::as_object), right.and_then(Value::as_object));
        let is_empty = |side: Option<&Object<String, Value>>| side.is_none_or(Object::is_empty);
        // Two empty maps are a leaf, which keeps null and `{}` apart.
        if map.relationship == Relationship::Atomic || (is_empty(left_map) && is_empty(right_map)) {
            return Ok(leaf(left, right));
        }
        let mut merged = Object::new();
        let mut errors = Vec::new();
        let left_fields = left_map.into_iter().flatten().map(|(name, value)| (name, Some(value)));
        let new_fields =
            right_map.into_iter().flatten().filter(|(name, _)| !left_map.is_some_and(|map| map.contains_key(*name)));
        for (name, left) in left_fields.chain(new_fields.map(|(name, _)| (name, None))) {
            let right = right_map.and_then(|fields| fields.get(name));
            let Some(kind) = map.kind_of(name) else { continue };
            match self.values(kind, left, right) {
                Ok(Some(value)) => drop(merged.insert(name.clone(), value)),
                Ok(None) => {}
                Err(inner) => below(&PathElement::field(name), inner, &mut errors),
            }
        }
        finish(merged.is_empty(), || Value::Object(merged), errors)
    }

    fn lists(self, list: &List, left: Option<&Value>, right: Option<&Value>) -> Merged {
        let (left_items, right_items) = (items(left).unwrap_or_default(), items(right).unwrap_or_default());
        // Two empty lists are a leaf, which keeps null and `[]` apart.
        if list.relationship == Relationship::Atomic || (left_items.is_empty() && right_items.is_empty()) {
            return Ok(leaf(left, right));
        }
        let mut errors = Vec::new();
        let right_side = Side::index(list, right_items, false, &mut errors);
        let left_side = Side::index(list, left_items, true, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        let merged = self.ordered_items(list, &left_side, &right_side);
        finish(merged.is_empty(), || Value::Array(merged), errors)
    }

    /// Interleaves the items of both sides. Items that both have come in the order of the right side; items of the left side
    /// keep their place between them.
    fn ordered_items(self, list: &List, left: &Side<'_>, right: &Side<'_>) -> Vec<Value> {
        let mut merged = Vec::with_capacity(left.elements.len().max(right.elements.len()));
        // Errors inside an item cannot occur, as both sides have been validated; the server drops them as well.
        let mut take = |left: Option<&Value>, right: Option<&Value>| {
            merged.extend(self.values(list.element, left, right).unwrap_or_default());
        };
        let mut shared: VecDeque<&PathElement> =
            right.elements.iter().filter(|element| left.observed.get(element).is_some()).collect();
        let mut next_shared = shared.pop_front();
        let mut taken: Index<()> = Index::with_capacity(right.elements.len());
        let (mut left_position, mut right_position) = (0, 0);
        loop {
            let (left_element, right_element) = (left.elements.get(left_position), right.elements.get(right_position));
            if let (Some(element), Some(right_element)) = (left_element, right_element) {
                if element == right_element {
                    taken.insert(element, ());
                    take(left.value(element), right.value(element));
                    left_position += 1;
                    right_position += 1;
                    next_shared = shared.pop_front();
                    continue;
                }
                if right.observed.get(element).is_some() && next_shared.is_some_and(|next| next != element) {
                    // Both sides have it, but it is not its turn yet.
                    left_position += 1;
                    continue;
                }
            }
            if let Some(element) = left_element {
                if right.observed.get(element).is_none() {
                    // By position, because a repeated item has no value of its own in the index.
                    take(left.items.get(left_position), None);
                    left_position += 1;
                    continue;
                }
                if taken.get(element).is_some() {
                    left_position += 1;
                }
            }
            if let Some(element) = right_element {
                taken.insert(element, ());
                take(left.value(element), right.value(element));
                right_position += 1;
                if next_shared == Some(element) {
                    next_shared = shared.pop_front();
                }
            }
            if left_position >= left.elements.len() && right_position >= right.elements.len() {
                return merged;
            }
        }
    }
}

/// One list with its items by path element.
struct Side<'v> {
    items: &'v [Value],
    elements: Vec<PathElement>,
    observed: Index<&'v Value>,
}

/// What stands for an item that occurs more than once: repeated items are not merged.
static REPEATED: Value = Value::Null;

impl<'v> Side<'v> {
    fn index(list: &List, items: &'v [Value], duplicates: bool, errors: &mut Vec<ValidationError>) -> Self {
        let mut elements = Vec::with_capacity(items.len());
        let mut observed: Index<&'v Value> = Index::with_capacity(items.len());
        for (position, item) in items.iter().enumerate() {
            let element = match element_of(list, item) {
                Ok(element) => element,
                Err(text) => {
                    errors.extend(problem(format!("element {position}: {text}")).0);
                    continue;
                }
            };
            match observed.get_mut(&element) {
                None => drop(observed.insert(&element, item)),
                Some(slot) if duplicates => *slot = &REPEATED,
                Some(_) => {
                    errors.extend(problem(format!("duplicate entries for key {element}")).0);
                    continue;
                }
            }
            elements.push(element);
        }
        Self { items, elements, observed }
    }

    fn value(&self, element: &PathElement) -> Option<&'v Value> {
        self.observed.get(element).copied()
    }
}

fn scalars(scalar: Scalar, left: Option<&Value>, right: Option<&Value>) -> Merged {
    // It is enough that one side is a valid scalar: the other may be what the value was before it changed its kind.
    match (scalar_problem(scalar, left, "lhs: "), scalar_problem(scalar, right, "rhs: ")) {
        (Some(left), Some(right)) => Err([problem(left).0, problem(right).0].concat()),
        _ => Ok(leaf(left, right)),
    }
}

fn leaf(left: Option<&Value>, right: Option<&Value>) -> Option<Value> {
    right.or(left).cloned()
}

fn finish(is_empty: bool, merged: impl FnOnce() -> Value, errors: Vec<ValidationError>) -> Merged {
    if errors.is_empty() { Ok((!is_empty).then(merged)) } else { Err(errors) }
}
