//! What can be stored: no object that could not be read back, and no more objects than there is room for.
//!
//! A real API server reads JSON down to 10,000 levels and has the room of its etcd. Here every reader of an object is bounded by
//! what [`serde_json`] reads, which is 127 levels: the file of the cluster, and clients, which get objects inside of lists, events and
//! tables.

use serde_json::Value;

use crate::error::ApiError;
use crate::state::State;

/// How deep an object may be nested, with its managed fields. A list, the event of a watch and a table add up to three levels.
pub(crate) const MAX_DEPTH: usize = 120;

/// How many bytes all objects together may have as JSON: a quarter of the 2 GiB that an etcd has by default. Objects in memory take
/// several times as much.
pub(crate) const ROOM: u64 = 512 << 20;

/// What is left beyond [`ROOM`] for changes of objects that are there: a status, a finalizer, the time of a deletion.
const ROOM_FOR_CHANGES: u64 = ROOM / 8;

impl State {
    /// Checks that an object can be stored and read back. `before` is what it takes the place of.
    pub fn check_storable(&self, object: &Value, before: Option<&Value>) -> Result<(), ApiError> {
        if is_deeper(object, MAX_DEPTH) {
            let text = format!(
                "the object is nested too deeply: the embedded API server stores at most {MAX_DEPTH} levels, \
                 metadata.managedFields included"
            );
            return Err(ApiError::bad_request(text));
        }
        let room = if before.is_some() { ROOM + ROOM_FOR_CHANGES } else { ROOM };
        let (old, new) = (before.map(size).unwrap_or_default(), size(object));
        if new > old && self.store.size() + (new - old) > room {
            let text =
                format!("the embedded cluster is full: it holds {} MiB of objects at most; delete some", ROOM >> 20);
            return Err(ApiError::internal(text));
        }
        Ok(())
    }
}

/// Whether a value is nested deeper than so many levels. A text or number has none.
pub(crate) fn is_deeper(value: &Value, levels: usize) -> bool {
    let mut inner: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(fields) => Box::new(fields.values()),
        _ => return false,
    };
    levels == 0 || inner.any(|value| is_deeper(value, levels - 1))
}

/// About how many bytes a value has as JSON.
pub(crate) fn size(value: &Value) -> u64 {
    let length = |text: &str| text.len() as u64 + 3;
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 8,
        Value::String(text) => length(text),
        Value::Array(items) => 2 + items.iter().map(size).sum::<u64>(),
        Value::Object(fields) => 2 + fields.iter().map(|(name, value)| length(name) + 1 + size(value)).sum::<u64>(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_depth_counts_objects_and_lists() {
        for (value, depth) in [(json!(1), 0), (json!({}), 1), (json!([[], {"a": 1}]), 2), (json!({"a": {"b": [1]}}), 3)]
        {
            assert!(!is_deeper(&value, depth), "{value}");
            assert!(depth == 0 || is_deeper(&value, depth - 1), "{value}");
        }
    }

    #[test]
    fn the_size_is_about_that_of_the_text() {
        let value =
            json!({"name": "x".repeat(1000), "list": vec![json!({"port": 8080, "on": true}); 100], "none": null});
        let (about, exact) = (size(&value), value.to_string().len() as u64);
        assert!(about.abs_diff(exact) * 5 < exact, "{about} {exact}");
    }
}
