//! What the writer of a definition should know although nothing is wrong.
//!
//! From `k8s.io/apiextensions-apiserver`, `pkg/registry/customresourcedefinition/strategy.go`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::definition::versions;
use super::format::is_known;
use crate::object::{at, text_at};

/// What is new in a definition, and should not be there.
pub(crate) fn definition_warnings(object: &Value, live: Option<&Value>, warnings: &mut Vec<String>) {
    let (before, after) = (live.map(Found::of).unwrap_or_default(), Found::of(object));
    let formats = after.formats.iter().filter(|format| !before.formats.contains(format));
    warnings.extend(formats.map(|format| format!("unrecognized format {format:?}")));
    let sets = after.sets.difference(&before.sets);
    warnings.extend(sets.map(|kind| {
        format!(
            "x-kubernetes-list-type: set for items of type {kind:?} is not supported by server-side apply or CEL validation rules"
        )
    }));
}

#[derive(Default)]
struct Found {
    /// Formats that Kubernetes does not know, and passes over.
    formats: Vec<String>,
    /// The types of the items of sets that are no scalars.
    sets: BTreeSet<String>,
}

impl Found {
    fn of(definition: &Value) -> Self {
        let mut found = Self::default();
        for schema in versions(definition).filter_map(|version| at(version, &["schema", "openAPIV3Schema"])) {
            found.look_into(schema);
        }
        found
    }

    fn look_into(&mut self, schema: &Value) {
        let (format, kind) = (text_at(schema, &["format"]), text_at(schema, &["type"]));
        let types: &[&str] = if kind.is_empty() { &[] } else { &[kind] };
        if !format.is_empty() && !is_known(format, types) {
            self.formats.push(format.to_owned());
        }
        let of_items = text_at(schema, &["items", "type"]);
        if text_at(schema, &["x-kubernetes-list-type"]) == "set" && matches!(of_items, "object" | "array") {
            self.sets.insert(of_items.to_owned());
        }
        let below = ["items", "additionalProperties", "not"].into_iter().filter_map(|word| schema.get(word));
        below.for_each(|schema| self.look_into(schema));
        for word in ["allOf", "anyOf", "oneOf"] {
            schema.get(word).and_then(Value::as_array).into_iter().flatten().for_each(|part| self.look_into(part));
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        properties.into_iter().flatten().for_each(|(_, schema)| self.look_into(schema));
    }
}
