//! Values together with their type, and what can be asked of them.
//!
//! The walks over values are in the submodules: [validation](self::validate), the [field set](self::fields) of a value, the
//! [merge](self::merge) of two values, their [comparison](self::compare), and the [removal](self::remove) or extraction of
//! fields. From `structured-merge-diff/v6`, package `typed`.

mod compare;
mod fields;
mod item;
mod merge;
mod reconcile;
mod remove;
mod validate;

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use crate::error::{ValidationError, ValidationErrors};
use crate::field_set::FieldSet;
use crate::path::PathElement;
use crate::schema::{Atom, List, Map, ObjectType, Scalar, Schema};

pub use compare::Comparison;

/// Whether an associative list may hold several items with the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// Live objects may: an old version of the API may have let them in.
    Allowed,
    /// Applied configurations may not.
    Refused,
}

/// A value that fits its type.
#[derive(Clone, Debug)]
pub struct TypedValue<'a> {
    value: Cow<'a, Value>,
    kind: ObjectType,
}

impl ObjectType {
    /// Checks that `value` is of this type.
    ///
    /// # Errors
    /// With every place where it is not, such as fields that are not declared.
    pub fn typed<'a>(&self, value: Cow<'a, Value>, duplicates: Duplicates) -> Result<TypedValue<'a>, ValidationErrors> {
        validate::validate(&self.schema, self.kind, &value, duplicates)?;
        Ok(TypedValue { value, kind: self.clone() })
    }
}

impl<'a> TypedValue<'a> {
    /// The value.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The value, copied only if it was borrowed.
    #[must_use]
    pub fn into_value(self) -> Value {
        self.value.into_owned()
    }

    /// The type.
    #[must_use]
    pub fn kind(&self) -> &ObjectType {
        &self.kind
    }

    /// Every leaf and every list item that the value mentions.
    #[must_use]
    pub fn field_set(&self) -> FieldSet {
        fields::field_set(&self.kind.schema, self.kind.kind, &self.value)
    }

    /// This value with everything that `other` says laid over it. Nothing is removed; where both name a leaf, `other` wins;
    /// list items come in the order of this value unless `other` brings its own.
    ///
    /// # Errors
    /// If the types differ, or `other` repeats an item of an associative list.
    pub fn merge(&self, other: &TypedValue<'_>) -> Result<TypedValue<'a>, ValidationErrors> {
        self.same_type(other)?;
        let merged = merge::merge(&self.kind.schema, self.kind.kind, &self.value, &other.value)?;
        Ok(TypedValue { value: Cow::Owned(merged), kind: self.kind.clone() })
    }

    /// The fields that `other` adds, changes and removes.
    ///
    /// # Errors
    /// If the types differ.
    pub fn compare(&self, other: &TypedValue<'_>) -> Result<Comparison, ValidationErrors> {
        self.same_type(other)?;
        compare::compare(&self.kind.schema, self.kind.kind, &self.value, &other.value)
    }

    /// This value without the fields and items of the set, and without what is below them.
    #[must_use]
    pub fn remove_items(&self, items: &FieldSet) -> TypedValue<'a> {
        if items.is_empty() {
            return self.clone();
        }
        let value = remove::remove(&self.kind.schema, self.kind.kind, &self.value, items);
        TypedValue { value: Cow::Owned(value), kind: self.kind.clone() }
    }

    /// Only the fields and items of the set, with the maps and lists that lead to them.
    #[must_use]
    pub fn extract_items(&self, items: &FieldSet) -> TypedValue<'a> {
        let value = remove::extract(&self.kind.schema, self.kind.kind, &self.value, items);
        TypedValue { value: Cow::Owned(value), kind: self.kind.clone() }
    }

    /// Adapts a set that was recorded under an older schema: a list or map that has become atomic is owned as a whole by
    /// whoever owned a part of it. `None` if there is nothing to adapt.
    #[must_use]
    pub fn reconcile(&self, fields: &FieldSet) -> Option<FieldSet> {
        reconcile::reconcile(&self.kind.schema, self.kind.kind, fields)
    }

    fn same_type(&self, other: &TypedValue<'_>) -> Result<(), ValidationErrors> {
        if !Arc::ptr_eq(&self.kind.schema, &other.kind.schema) {
            return Err(problem("expected objects with types from the same schema".to_owned()));
        }
        if self.kind.kind == other.kind.kind {
            return Ok(());
        }
        Err(problem(format!(
            "expected objects of the same type, but got {:?} and {:?}",
            self.kind.kind, other.kind.kind
        )))
    }
}

/// The alternatives of a type that a value leaves open.
#[derive(Clone, Copy)]
struct Shape<'s> {
    scalar: Option<Scalar>,
    list: Option<&'s List>,
    map: Option<&'s Map>,
}

/// The alternative that decides how a value is walked.
enum Walk<'s> {
    Map(&'s Map),
    Scalar(Scalar),
    List(&'s List),
    /// The type accepts nothing.
    Nothing,
}

impl<'s> Shape<'s> {
    /// Narrows the type to the alternative of the value. Null, an absent value and a value of no alternative narrow nothing;
    /// the last is found by the validation.
    fn of(atom: &'s Atom, value: Option<&Value>) -> Self {
        let nothing = Self { scalar: None, list: None, map: None };
        let all = Self { scalar: atom.scalar, list: atom.list.as_ref(), map: atom.map.as_ref() };
        match value {
            Some(Value::Number(_) | Value::String(_) | Value::Bool(_)) if all.scalar.is_some() => {
                Self { scalar: all.scalar, ..nothing }
            }
            Some(Value::Array(_)) if all.list.is_some() => Self { list: all.list, ..nothing },
            Some(Value::Object(_)) if all.map.is_some() => Self { map: all.map, ..nothing },
            _ => all,
        }
    }

    /// Maps go before scalars and scalars before lists.
    fn walk(self) -> Walk<'s> {
        match (self.map, self.scalar, self.list) {
            (Some(map), _, _) => Walk::Map(map),
            (None, Some(scalar), _) => Walk::Scalar(scalar),
            (None, None, Some(list)) => Walk::List(list),
            (None, None, None) => Walk::Nothing,
        }
    }

    /// Whether two narrowings of the same type left the same alternatives.
    fn same_alternatives(self, other: Self) -> bool {
        self.scalar.is_some() == other.scalar.is_some()
            && self.list.is_some() == other.list.is_some()
            && self.map.is_some() == other.map.is_some()
    }
}

/// The elements of a list; null and everything that is no list have none, and are told apart by `None`.
fn items(value: Option<&Value>) -> Option<&[Value]> {
    value.and_then(Value::as_array).map(Vec::as_slice)
}

fn problem(message: String) -> ValidationErrors {
    ValidationErrors(vec![ValidationError { path: String::new(), message }])
}

/// Puts `element` before the path of every error.
fn below(element: &PathElement, errors: Vec<ValidationError>, all: &mut Vec<ValidationError>) {
    all.extend(errors.into_iter().map(|error| ValidationError { path: format!("{element}{}", error.path), ..error }));
}

/// Whether two object types share their schema and their type.
impl PartialEq for ObjectType {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.schema, &other.schema) && self.kind == other.kind
    }
}

impl AsRef<Schema> for ObjectType {
    fn as_ref(&self) -> &Schema {
        &self.schema
    }
}
