//! What makes a Secret different: its values leave the declared object, and are sent as `data`.
//!
//! `stringData` is write-only: under server-side apply, a key that leaves it stays in `data` for ever
//! (kubernetes/kubernetes#108008), so a declaration's `stringData` is turned into `data` here.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::id::ResourceId;
use crate::input::{Input, Transform};
use crate::path::FieldPath;
use crate::sensitive::Sensitive;

/// Moves the values of a Secret out of its object: `data` as it is (base64), `stringData` encoded, and inputs that were
/// given for `stringData` likewise.
pub(crate) fn lift_values(id: &ResourceId, object: &mut Value, inputs: &mut BTreeMap<FieldPath, Input>) {
    if !is_secret(id) {
        return;
    }
    let Some(fields) = object.as_object_mut() else { return };
    let data = FieldPath::of(["data"]);
    for (section, is_encoded) in [("data", true), ("stringData", false)] {
        let Some(Value::Object(entries)) = fields.remove(section) else { continue };
        let mut misfits = serde_json::Map::new();
        for (key, value) in entries {
            let Value::String(text) = value else {
                // Stays to be reported: such a Secret is never sent.
                misfits.insert(key, value);
                continue;
            };
            let input = Input::Sensitive(Sensitive::new(text));
            inputs.insert(data.field(&key), if is_encoded { input } else { input.base64() });
        }
        if misfits.values().any(|value| !value.is_null()) {
            fields.insert(section.to_owned(), Value::Object(misfits));
        }
    }
    let strings = FieldPath::of(["stringData"]);
    let moved: Vec<FieldPath> = inputs.keys().filter(|path| path.starts_with(&strings)).cloned().collect();
    for path in moved {
        if let (Some(input), Some(last)) = (inputs.remove(&path), path.segments().last()) {
            inputs.insert(data.join(last.clone()), input.base64());
        }
    }
}

/// Whether this is a core Secret.
pub fn is_secret(id: &ResourceId) -> bool {
    id.is("", "Secret")
}

/// The name of the generated value that is the whole of this Secret entry.
pub(crate) fn generated_home(id: &ResourceId, path: &FieldPath, input: &Input) -> Option<String> {
    let Input::Transformed(inner, Transform::Base64) = input else { return None };
    let Input::Generated(generated) = inner.as_ref() else { return None };
    (is_secret(id) && path.starts_with(&FieldPath::of(["data"]))).then(|| generated.name.clone())
}

/// The decoded values of a live Secret, as far as they are text; others in base64.
pub fn values(object: &Value) -> Vec<String> {
    let entries = object.get("data").and_then(Value::as_object);
    entries
        .into_iter()
        .flat_map(|entries| entries.values())
        .filter_map(Value::as_str)
        .map(|encoded| Transform::Base64Decode.apply(encoded).unwrap_or_else(|_| encoded.to_owned()))
        .collect()
}
