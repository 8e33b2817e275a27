//! Reading fields of objects whose shape is not known to be right.

use serde_json::Value;

use crate::path::FieldPath;
use crate::references::item_segment;
use crate::resource::UNKNOWN;

/// The text of a field; none where it is absent, no text, or not known yet.
pub(super) fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field).and_then(Value::as_str).filter(|text| *text != UNKNOWN)
}

/// Whether a field is absent or empty, and will stay so.
pub(super) fn is_absent(value: &Value, field: &str) -> bool {
    match value.get(field) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(Value::Bool(_) | Value::Number(_)) => false,
    }
}

/// Whether a field is there, though it may be empty.
pub(super) fn is_present(value: &Value, field: &str) -> bool {
    value.get(field).is_some_and(|value| !value.is_null())
}

/// Whether the value comes later.
pub(super) fn is_unknown(value: &Value) -> bool {
    value.as_str() == Some(UNKNOWN)
}

/// The items of a list with their paths, where `path` is that of `value`.
pub(super) fn items<'v>(value: &'v Value, field: &str, path: &FieldPath) -> Vec<(FieldPath, &'v Value)> {
    let items = value.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let list = path.field(field);
    items.iter().enumerate().map(|(index, item)| (list.join(item_segment(items, index)), item)).collect()
}

/// The entries of a map.
pub(super) fn entries<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = (&'v str, &'v Value)> {
    value.get(field).and_then(Value::as_object).into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

/// What a value is, for messages.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
