//! How the Go types of the built-in kinds are written as JSON, which the OpenAPI schema does not say.
//!
//! An API server decodes an object into Go structs and encodes it again. Fields without a pointer and with `omitempty` vanish
//! when they are zero (`hostNetwork: false`), structs without `omitzero` are always there (`status: {}`, `resources: {}`), lists
//! without `omitempty` are `null` (`rules`), quantities are written in their canonical form. `data/shape-1.37.txt` says which
//! field is which; it is made by `data/generator` from the Go types by reflection.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use holm_schema::{DataType, Type};
use holm_values::Quantity;
use serde_json::{Map, Value};

/// The lines by name, in whose order they are. Each is read when it is asked for.
static LINES: LazyLock<Vec<Line>> = LazyLock::new(|| {
    let lines = include_str!("../data/shape-1.37.txt").lines();
    let line = |line: &'static str| Line { name: line.split(' ').next().unwrap_or(line), line, shape: OnceLock::new() };
    lines.map(line).collect()
});

struct Line {
    name: &'static str,
    line: &'static str,
    shape: OnceLock<Option<Shape>>,
}

/// Returns the shape of a type.
fn shape_of(name: &str) -> Option<&'static Shape> {
    let position = LINES.binary_search_by(|line| line.name.cmp(name)).ok()?;
    let line = LINES.get(position)?;
    line.shape.get_or_init(|| read(line.line)).as_ref()
}

#[derive(Debug, Default)]
struct Shape {
    fields: HashMap<&'static str, Class>,
}

/// What becomes of a field that is absent or zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Zero and empty are left out.
    Omit,
    /// An empty struct is there.
    Object,
    /// `null` is there.
    Null,
    /// An empty text is there.
    Text,
    /// `false` is there.
    Flag,
    /// `0` is there.
    Number,
    /// `"0"` is there.
    Quantity,
}

fn read(line: &'static str) -> Option<Shape> {
    let words = line.split(' ').skip(1);
    let mut shape = Shape::default();
    for word in words {
        let (class, names) = word.split_once('=')?;
        let class = match class {
            "omit" => Class::Omit,
            "object" => Class::Object,
            "null" => Class::Null,
            "text" => Class::Text,
            "flag" => Class::Flag,
            "number" => Class::Number,
            "quantity" => Class::Quantity,
            _ => return None,
        };
        shape.fields.extend(names.split(',').map(|field| (field, class)));
    }
    Some(shape)
}

/// When an object is written: a list that is there and empty is kept when it is read, and not when it is stored, because the
/// form in which a real server stores objects does not know the difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// As it was given: quantities that are no items of a list of resources are as they were written, which tells their owners.
    Given,
    /// As it was read.
    Read,
    /// As it is stored.
    Stored,
}

/// Writes a built-in object as an API server would, in place. `name` is the name of its type.
pub fn canonicalise_root(value: &mut Value, kind: Type<'_>, name: &str, stage: Stage) {
    if let Some(fields) = value.as_object_mut() {
        object(fields, kind, shape_of(name), stage);
    }
}

fn canonicalise(value: &mut Value, kind: Type<'_>, stage: Stage) {
    if kind.is_quantity() {
        if stage == Stage::Given && value.is_string() {
            return;
        }
        if let Some(text) = Quantity::stored(value) {
            *value = Value::from(text);
        }
        return;
    }
    match value {
        Value::Array(items) => {
            if let Some(kind) = kind.items() {
                items.iter_mut().for_each(|item| canonicalise(item, kind, stage));
            }
        }
        Value::Object(fields) => object(fields, kind, kind.name().and_then(shape_of), stage),
        _ => {}
    }
}

/// Rounds the amounts of resources, from `SetDefaults_ResourceList` of `k8s.io/kubernetes`, `pkg/apis/core/v1/defaults.go`.
fn round_up(resources: &mut Value) {
    for amount in resources.as_object_mut().into_iter().flat_map(Map::values_mut) {
        if let Some(text) = Quantity::stored_in_list(amount) {
            *amount = Value::from(text);
        }
    }
}

fn object(fields: &mut Map<String, Value>, kind: Type<'_>, shape: Option<&Shape>, stage: Stage) {
    if let Some(values) = kind.values() {
        let stage = if stage == Stage::Given && values.is_quantity() { Stage::Read } else { stage };
        fields.values_mut().for_each(|value| canonicalise(value, values, stage));
        return;
    }
    let names: Vec<String> = fields.keys().cloned().collect();
    for name in names {
        let Some(property) = kind.property(&name) else { continue };
        let class = shape.and_then(|shape| shape.fields.get(name.as_str())).copied();
        let Some(value) = fields.get_mut(&name) else { continue };
        canonicalise(value, property, stage);
        let is_list_of_resources = property.values().is_some_and(|values| values.is_quantity());
        // What devices offer is another type.
        if is_list_of_resources && !kind.name().is_some_and(|name| name.starts_with("io.k8s.api.resource.")) {
            round_up(value);
        }
        if is_left_out(value, class, property, stage) {
            fields.remove(&name);
        }
    }
    let Some(shape) = shape else { return };
    for (name, class) in &shape.fields {
        if fields.contains_key(*name) {
            continue;
        }
        let value = match class {
            Class::Omit => continue,
            Class::Object => {
                let mut empty = Value::Object(Map::new());
                if let Some(property) = kind.property(name) {
                    canonicalise(&mut empty, property, stage);
                }
                empty
            }
            Class::Null => Value::Null,
            Class::Text => Value::from(""),
            Class::Flag => Value::from(false),
            Class::Number => Value::from(0),
            Class::Quantity => Value::from("0"),
        };
        fields.insert((*name).to_owned(), value);
    }
}

fn is_left_out(value: &Value, class: Option<Class>, kind: Type<'_>, stage: Stage) -> bool {
    match value {
        // The loop over the shape puts those back that are always there.
        Value::Null => true,
        // What may be anything is kept as it is.
        _ if kind.data_type() == DataType::Any => false,
        Value::Array(items) => items.is_empty() && (class != Some(Class::Null) || stage == Stage::Stored),
        Value::Object(fields) if fields.is_empty() => {
            // A map is left out, a pointer to an empty struct is not.
            let is_map = kind.values().is_some() || kind.data_type() != DataType::Object;
            class == Some(Class::Omit) || (is_map && class != Some(Class::Object))
        }
        Value::Bool(false) => class == Some(Class::Omit),
        Value::Number(number) => class == Some(Class::Omit) && number.as_f64() == Some(0.0),
        Value::String(text) => class == Some(Class::Omit) && text.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use holm_schema::{GroupVersionKind, built_in};
    use serde_json::json;

    use super::*;

    #[test]
    fn every_line_can_be_read_and_is_found_by_its_name() {
        assert!(LINES.is_sorted_by_key(|line| line.name));
        assert!(LINES.len() > 500);
        assert!(LINES.iter().all(|line| shape_of(line.name).is_some()));
    }

    #[test]
    fn objects_look_as_go_writes_them() {
        let kind = GroupVersionKind::new("apps", "v1", "Deployment");
        let kind = built_in().unwrap().type_of_kind(&kind).unwrap();
        let mut object = json!({
            "metadata": {"name": "d", "labels": {}, "creationTimestamp": null},
            "spec": {"replicas": 0, "paused": false, "template": {"spec": {"hostNetwork": false, "securityContext": {},
                "containers": [{"name": "c", "args": [], "resources": {"limits": {"cpu": "1000m"}}}]}}},
        });
        canonicalise_root(&mut object, kind, "io.k8s.api.apps.v1.Deployment", Stage::Stored);
        assert_eq!(
            object,
            json!({
                "metadata": {"name": "d"},
                "spec": {"replicas": 0, "selector": null, "strategy": {}, "template": {"metadata": {}, "spec": {"securityContext": {},
                    "containers": [{"name": "c", "resources": {"limits": {"cpu": "1"}}}]}}},
                "status": {},
            })
        );
    }
}
