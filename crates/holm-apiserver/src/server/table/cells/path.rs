//! The cells of custom columns: values at simple paths.

use holm_values::Timestamp;
use serde_json::{Value, json};

use super::human;
use crate::object::text_at;

/// The cell of a custom column: the value at a simple path, such as `.spec.replicas` or `.status.conditions[?(@.type=="Ready")].status`.
pub(in crate::server::table) fn by_path(object: &Value, path: &str, kind: &str, now: Timestamp) -> Value {
    let Some(found) = follow(object, path) else { return Value::Null };
    match (kind, found) {
        ("date", Value::String(time)) => json!(age(time, now)),
        ("string", Value::String(text)) => json!(text),
        ("string", other) => json!(other.to_string()),
        (_, other) => other.clone(),
    }
}

fn follow<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let mut value = object;
    let mut rest = path.trim_start_matches('.');
    while !rest.is_empty() {
        if let Some(filter) = rest.strip_prefix("[?(@.") {
            let (condition, after) = filter.split_once(")]")?;
            let (field, wanted) = condition.split_once("==")?;
            let wanted = wanted.trim().trim_matches(['"', '\'']);
            value = value.as_array()?.iter().find(|item| text_at(item, &[field.trim()]) == wanted)?;
            rest = after.trim_start_matches('.');
        } else if let Some(index) = rest.strip_prefix('[') {
            let (position, after) = index.split_once(']')?;
            value = match position.parse::<usize>() {
                Ok(position) => value.get(position)?,
                Err(_) => value.get(position.trim_matches(['"', '\'']))?,
            };
            rest = after.trim_start_matches('.');
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            value = value.get(rest.get(..end)?.replace('\\', ""))?;
            rest = rest.get(end..)?.trim_start_matches('.');
        }
    }
    (!value.is_null()).then_some(value)
}

fn age(time: &str, now: Timestamp) -> String {
    time.parse::<Timestamp>().map_or_else(|_| "<unknown>".to_owned(), |time| human(now.0 - time.0))
}
