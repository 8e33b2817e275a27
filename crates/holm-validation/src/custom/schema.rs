//! Structural schemas: pruning and defaulting.
//!
//! From `k8s.io/apiextensions-apiserver`, `pkg/apiserver/schema/{pruning,defaulting}`.

use serde_json::Value;

use crate::decode::{self, Mismatch};

/// The type of metadata.
const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// Fields that every object has, and whose types are not the schema's business.
pub(super) const ROOT: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Checks that the metadata are those of an object.
pub(super) fn check_metadata(object: &Value) -> Result<(), Mismatch> {
    let Some(metadata) = object.get("metadata").filter(|metadata| !metadata.is_null()) else { return Ok(()) };
    let kind = holm_schema::built_in().ok().and_then(|pack| pack.type_named(OBJECT_META));
    match kind {
        // What they do not have is told elsewhere.
        Some(kind) => decode::prune(&mut metadata.clone(), kind, "metadata", &mut Vec::new()),
        None => Ok(()),
    }
}

fn preserves(schema: &Value) -> bool {
    schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true))
}

/// Drops what the schema of the object does not have.
pub(super) fn prune_root(object: &mut Value, schema: &Value, unknown: &mut Vec<String>) {
    if let Some(metadata) = object.get_mut("metadata") {
        prune_metadata(metadata, "metadata", unknown);
    }
    let Some(fields) = object.as_object_mut() else { return };
    let kept: Vec<(String, Value)> =
        ROOT.iter().filter_map(|name| fields.remove(*name).map(|value| ((*name).to_owned(), value))).collect();
    let mut pruned = Vec::new();
    prune(object, schema, "", &mut pruned);
    pruned.sort();
    unknown.append(&mut pruned);
    if let Some(fields) = object.as_object_mut() {
        fields.extend(kept);
    }
}

/// Whether the object has a field that [`prune_root`] drops.
pub(super) fn has_unknown(object: &Value, schema: &Value) -> bool {
    let Some(fields) = object.as_object() else { return false };
    let kind = holm_schema::built_in().ok().and_then(|pack| pack.type_named(OBJECT_META));
    let mut metadata = fields.get("metadata").and_then(Value::as_object).into_iter().flatten();
    kind.is_some_and(|kind| metadata.any(|(name, _)| kind.property(name).is_none()))
        || fields.iter().any(|(name, value)| !ROOT.contains(&name.as_str()) && is_dropped(name, value, schema))
}

/// Whether a field, or something in it, is dropped from an object of this schema.
fn is_dropped(name: &str, value: &Value, schema: &Value) -> bool {
    let additional = schema.get("additionalProperties").filter(|additional| **additional != Value::Bool(false));
    match (schema.get("properties").and_then(|properties| properties.get(name)), additional) {
        (Some(property), _) => drops_within(value, property),
        (None, Some(additional)) => additional.is_object() && drops_within(value, additional),
        (None, None) => !preserves(schema),
    }
}

fn drops_within(value: &Value, schema: &Value) -> bool {
    match value {
        Value::Object(fields) => {
            let is_embedded = schema.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true));
            let mut fields = fields.iter();
            fields
                .any(|(name, value)| !(is_embedded && ROOT.contains(&name.as_str())) && is_dropped(name, value, schema))
        }
        Value::Array(items) => {
            schema.get("items").is_some_and(|schema| items.iter().any(|item| drops_within(item, schema)))
        }
        _ => false,
    }
}

/// The metadata are those of every object.
pub(super) fn prune_metadata(metadata: &mut Value, path: &str, unknown: &mut Vec<String>) {
    let kind = holm_schema::built_in().ok().and_then(|pack| pack.type_named(OBJECT_META));
    let (Some(kind), Some(fields)) = (kind, metadata.as_object_mut()) else { return };
    fields.retain(|name, _| {
        let known = kind.property(name).is_some();
        if !known {
            unknown.push(format!("{path}.{name}"));
        }
        known
    });
}

fn prune(value: &mut Value, schema: &Value, path: &str, unknown: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let additional = schema.get("additionalProperties").filter(|additional| **additional != Value::Bool(false));
            let embedded = schema.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true));
            let mut dropped = Vec::new();
            for (name, value) in fields.iter_mut() {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                if embedded && ROOT.contains(&name.as_str()) {
                    if name == "metadata" {
                        prune_metadata(value, &below, unknown);
                    }
                    continue;
                }
                match (properties.and_then(|properties| properties.get(name)), additional) {
                    (Some(property), _) => prune(value, property, &below, unknown),
                    (None, Some(additional)) if additional.is_object() => prune(value, additional, &below, unknown),
                    (None, Some(_)) => {}
                    (None, None) if preserves(schema) => {}
                    (None, None) => dropped.push((name.clone(), below)),
                }
            }
            for (name, below) in dropped {
                fields.remove(&name);
                unknown.push(below);
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                for (position, item) in items.iter_mut().enumerate() {
                    prune(item, schema, &format!("{path}[{position}]"), unknown);
                }
            }
        }
        _ => {}
    }
}

/// Drops the nulls of fields that may not be null and have no default (`PruneNonNullableNullsWithoutDefaults` in
/// `pkg/apiserver/schema/defaulting/prune.go`).
pub(super) fn prune_nulls(value: &mut Value, schema: &Value) {
    let drops = |schema: &Value| {
        schema.get("nullable") != Some(&Value::Bool(true)) && schema.get("default").is_none_or(Value::is_null)
    };
    match value {
        Value::Object(fields) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let additional = schema.get("additionalProperties").filter(|additional| additional.is_object());
            let schema_of = |name: &str| properties.and_then(|properties| properties.get(name)).or(additional);
            fields.retain(|name, value| !(value.is_null() && schema_of(name).is_some_and(drops)));
            for (name, value) in fields.iter_mut() {
                if let Some(schema) = schema_of(name) {
                    prune_nulls(value, schema);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items.iter_mut().for_each(|item| prune_nulls(item, schema));
            }
        }
        _ => {}
    }
}

/// Fills in defaults. A null is replaced where null is not allowed and there is a default.
pub(super) fn fill_defaults(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
                for (name, property) in properties {
                    if let Some(default) = property.get("default") {
                        let nullable = property.get("nullable") == Some(&Value::Bool(true));
                        let missing = fields.get(name).is_none_or(|value| value.is_null() && !nullable);
                        if missing {
                            fields.insert(name.clone(), default.clone());
                        }
                    }
                    if let Some(value) = fields.get_mut(name) {
                        fill_defaults(value, property);
                    }
                }
            }
            if let Some(additional) = schema.get("additionalProperties").filter(|additional| additional.is_object()) {
                let declared =
                    |name: &str| schema.get("properties").is_some_and(|properties| properties.get(name).is_some());
                for (_, value) in fields.iter_mut().filter(|(name, _)| !declared(name)) {
                    fill_defaults(value, additional);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items.iter_mut().for_each(|item| fill_defaults(item, schema));
            }
        }
        _ => {}
    }
}
