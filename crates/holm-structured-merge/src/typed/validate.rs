//! Whether a value fits its type. From `typed/validate.go`.

use serde_json::Value;

use super::item::{Index, element_of};
use super::{Duplicates, Shape, Walk, below};
use crate::definition::Relationship;
use crate::error::{ValidationError, ValidationErrors};
use crate::path::PathElement;
use crate::schema::{List, Map, Scalar, Schema, TypeId};
use crate::text::{Plain, Source, go_type};

pub(super) fn validate(
    schema: &Schema,
    kind: TypeId,
    value: &Value,
    duplicates: Duplicates,
) -> Result<(), ValidationErrors> {
    let errors = Validation { schema, duplicates }.value(kind, value);
    if errors.is_empty() { Ok(()) } else { Err(ValidationErrors(errors)) }
}

/// The text of a scalar that does not fit; null and an absent value always fit.
pub(super) fn scalar_problem(scalar: Scalar, value: Option<&Value>, prefix: &str) -> Option<String> {
    let value = value.filter(|value| !value.is_null())?;
    let fits = match scalar {
        Scalar::Numeric => value.is_number(),
        Scalar::String => value.is_string(),
        Scalar::Boolean => value.is_boolean(),
        Scalar::Untyped => !value.is_array() && !value.is_object(),
    };
    if fits {
        return None;
    }
    // The server prints values in the notation of Go, with the names of its own types.
    Some(match scalar {
        Scalar::Numeric => format!("{prefix}expected numeric (int or float), got {}", go_type(value)),
        Scalar::String => {
            format!("{prefix}expected string, got &value.valueUnstructured{{Value:{}}}", Source(value))
        }
        Scalar::Boolean => format!("{prefix}expected boolean, got &{{{}}}", Plain(value)),
        Scalar::Untyped => format!("{prefix}expected any scalar, got &{{{}}}", Plain(value)),
    })
}

#[derive(Clone, Copy)]
struct Validation<'s> {
    schema: &'s Schema,
    duplicates: Duplicates,
}

impl Validation<'_> {
    fn value(self, kind: TypeId, value: &Value) -> Vec<ValidationError> {
        match Shape::of(self.schema.atom(kind), Some(value)).walk() {
            Walk::Map(map) => self.map(map, value),
            Walk::List(list) => self.list(list, value),
            Walk::Scalar(scalar) => scalar_problem(scalar, Some(value), "").map(error).into_iter().collect(),
            Walk::Nothing => vec![error("schema error: invalid atom: inlined".to_owned())],
        }
    }

    fn map(self, map: &Map, value: &Value) -> Vec<ValidationError> {
        let fields = match value {
            Value::Object(fields) => fields,
            Value::Null => return Vec::new(),
            other => return vec![error(format!("expected map, got &{{{}}}", Plain(other)))],
        };
        let mut errors = Vec::new();
        for (name, value) in fields {
            let Some(kind) = map.kind_of(name) else {
                // The first field that is not declared ends the look at this map.
                let message = "field not declared in schema".to_owned();
                errors.push(ValidationError { path: format!(".{name}"), message });
                break;
            };
            let inner = self.value(kind, value);
            if !inner.is_empty() {
                below(&PathElement::field(name), inner, &mut errors);
            }
        }
        errors
    }

    fn list(self, list: &List, value: &Value) -> Vec<ValidationError> {
        let items = match value {
            Value::Array(items) => items,
            Value::Null => return Vec::new(),
            other => return vec![error(format!("expected list, got &{{{}}}", Plain(other)))],
        };
        let mut errors = Vec::new();
        let mut seen = Index::with_capacity(items.len());
        for (position, item) in items.iter().enumerate() {
            let element = if list.relationship == Relationship::Associative {
                match element_of(list, item) {
                    Ok(element) => {
                        let repeated = seen.insert(&element, ()).is_some();
                        if repeated && self.duplicates == Duplicates::Refused {
                            errors.push(error(format!("duplicate entries for key {element}")));
                        }
                        Some(element)
                    }
                    Err(problem) => {
                        // Nothing below an item without a path can be reported.
                        errors.push(error(format!("element {position}: {problem}")));
                        return errors;
                    }
                }
            } else {
                None
            };
            let inner = self.value(list.element, item);
            if !inner.is_empty() {
                // A list that does not fit in memory has no position beyond i64.
                let element = element.unwrap_or(PathElement::Index(i64::try_from(position).unwrap_or(i64::MAX)));
                below(&element, inner, &mut errors);
            }
        }
        errors
    }
}

fn error(message: String) -> ValidationError {
    ValidationError { path: String::new(), message }
}
