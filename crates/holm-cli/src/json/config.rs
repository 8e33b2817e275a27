//! The configuration of a stack.

use serde::Serialize;
use serde_json::Value;

use super::{Form, document};
use crate::render::config::Row;

#[derive(Serialize)]
struct ConfigDocument<'a> {
    schema: &'static str,
    stack: &'a str,
    values: Vec<ValueDocument<'a>>,
}

#[derive(Serialize)]
struct ValueDocument<'a> {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a Value>,
    secret: bool,
    from: &'a str,
}

impl<'a> From<&'a Row> for ValueDocument<'a> {
    fn from(row: &'a Row) -> Self {
        Self { key: row.key.to_string(), value: row.value.as_ref(), secret: row.is_secret, from: &row.from }
    }
}

/// All values of a stack: `holm.config/v1`.
pub fn values(stack: &str, rows: &[Row]) -> String {
    let values = rows.iter().map(ValueDocument::from).collect();
    document(&ConfigDocument { schema: "holm.config/v1", stack, values }, Form::Indented)
}

/// One value, as JSON.
pub fn value(value: &Value) -> String {
    document(value, Form::Line)
}

/// The JSON Schema of the file.
pub fn schema(schema: &Value) -> String {
    document(schema, Form::Indented)
}
