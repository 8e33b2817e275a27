//! OpenAPI v3 schemas as Kubernetes writes them, read into definitions.
//!
//! Follows `k8s.io/kube-openapi`, `pkg/schemaconv/openapi.go` and `smd.go`: `x-kubernetes-list-type` decides how a list is
//! owned; without it the patch strategy does (`merge` with a merge key is a list of keyed items, without one a set); without
//! either a list is atomic. An object without properties is free-form. Quantities and raw extensions are special by name.

use serde_json::{Map as Object, Value};

use crate::definition::{
    Definition, FieldDefinition, ListDefinition, MapDefinition, Reference, Relationship, SchemaBuilder,
};
use crate::error::SchemaError;
use crate::schema::{DEDUCED, Scalar, UNTYPED};

const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const RAW_EXTENSION: &str = "io.k8s.apimachinery.pkg.runtime.RawExtension";

impl SchemaBuilder {
    /// Adds OpenAPI v3 schemas by name; see [`Schema::from_openapi`](crate::Schema::from_openapi).
    ///
    /// # Errors
    /// If an extension has a value that Kubernetes does not know.
    pub fn add_openapi<'a>(
        &mut self,
        schemas: impl IntoIterator<Item = (&'a str, &'a Value)>,
        preserve_unknown_fields: bool,
    ) -> Result<&mut Self, SchemaError> {
        for (name, schema) in schemas {
            // A schema that is only a reference defines nothing of its own.
            let Some(schema) = schema.as_object().filter(|schema| !schema.contains_key("$ref")) else { continue };
            let definition = match name {
                QUANTITY => Definition { scalar: Some(Scalar::Untyped), ..Definition::default() },
                RAW_EXTENSION => untyped(),
                _ => Reader { preserve_unknown_fields, name }.definition(schema)?,
            };
            self.define(name, definition);
        }
        Ok(self)
    }
}

/// Reads the schema of one named type.
#[derive(Clone, Copy)]
struct Reader<'a> {
    preserve_unknown_fields: bool,
    /// The named type, for errors.
    name: &'a str,
}

impl Reader<'_> {
    fn definition(mut self, schema: &Object<String, Value>) -> Result<Definition, SchemaError> {
        // From here down, so that a preserving schema covers the schemas nested in it.
        if schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true)) {
            self.preserve_unknown_fields = true;
        }
        let kind = schema.get("type").and_then(Value::as_str).unwrap_or_default();
        let scalar = |scalar| Ok(Definition { scalar: Some(scalar), ..Definition::default() });
        match kind {
            "" => Ok(Definition {
                scalar: Some(Scalar::Untyped),
                list: Some(self.list(schema, false)?),
                map: Some(self.map(schema)?),
            }),
            "object" => Ok(Definition { map: Some(self.map(schema)?), ..Definition::default() }),
            "array" => Ok(Definition { list: Some(self.list(schema, true)?), ..Definition::default() }),
            "integer" | "number" => scalar(Scalar::Numeric),
            "boolean" => scalar(Scalar::Boolean),
            "string" => match schema.get("format").and_then(Value::as_str).unwrap_or_default() {
                "" | "byte" => scalar(Scalar::String),
                _ => scalar(Scalar::Untyped),
            },
            other => Err(self.error(format!("unrecognized type: '{other}'"))),
        }
    }

    fn map(self, schema: &Object<String, Value>) -> Result<MapDefinition, SchemaError> {
        let mut fields = Vec::new();
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            fields.push(FieldDefinition {
                name: name.clone(),
                kind: self.reference(property)?,
                default: property.get("default").filter(|default| !default.is_null()).cloned(),
            });
        }
        let free_form = Some(Reference::Named(DEDUCED.to_owned(), None));
        let element = match schema.get("additionalProperties") {
            None if self.preserve_unknown_fields || fields.is_empty() => free_form,
            Some(Value::Bool(true)) => free_form,
            Some(element @ Value::Object(_)) => Some(self.reference(element)?),
            None | Some(_) => None,
        };
        let relationship = self.map_relationship(schema)?.unwrap_or(Relationship::Separable);
        Ok(MapDefinition { fields, element: element.map(Box::new), relationship })
    }

    fn list(self, schema: &Object<String, Value>, is_array: bool) -> Result<ListDefinition, SchemaError> {
        let (relationship, keys) = self.list_relationship(schema)?;
        let element = match schema.get("items") {
            Some(items) => self.reference(items)?,
            None if is_array => return Err(self.error("`items` must be specified on arrays".to_owned())),
            None => Reference::Named(UNTYPED.to_owned(), None),
        };
        Ok(ListDefinition { element: Box::new(element), relationship, keys })
    }

    fn reference(self, schema: &Value) -> Result<Reference, SchemaError> {
        let Some(schema) = schema.as_object() else {
            return Err(self.error("a schema must be an object".to_owned()));
        };
        match referenced_name(schema) {
            Some(name) => Ok(Reference::Named(name.to_owned(), self.map_relationship(schema)?)),
            None => Ok(Reference::Inline(self.definition(schema)?)),
        }
    }

    fn map_relationship(self, schema: &Object<String, Value>) -> Result<Option<Relationship>, SchemaError> {
        match schema.get("x-kubernetes-map-type").map(|value| value.as_str().unwrap_or_default()) {
            None => Ok(None),
            Some("atomic") => Ok(Some(Relationship::Atomic)),
            Some("granular") => Ok(Some(Relationship::Separable)),
            Some(other) => Err(self.error(format!("unknown map type {other}"))),
        }
    }

    fn list_relationship(self, schema: &Object<String, Value>) -> Result<(Relationship, Vec<String>), SchemaError> {
        let text = |name: &str| schema.get(name).map(|value| value.as_str().unwrap_or_default());
        match text("x-kubernetes-list-type") {
            Some("atomic") => return Ok((Relationship::Atomic, Vec::new())),
            Some("set") => return Ok((Relationship::Associative, Vec::new())),
            Some("map") => {
                let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
                let keys = keys.ok_or_else(|| self.error("missing map keys".to_owned()))?;
                let keys = keys.iter().filter_map(Value::as_str).map(str::to_owned).collect();
                return Ok((Relationship::Associative, keys));
            }
            Some(other) => return Err(self.error(format!("unknown list type {other}"))),
            None => {}
        }
        match text("x-kubernetes-patch-strategy") {
            Some("merge" | "merge,retainKeys") => {
                let key = text("x-kubernetes-patch-merge-key").map(str::to_owned);
                Ok((Relationship::Associative, key.into_iter().collect()))
            }
            None | Some("retainKeys") => Ok((Relationship::Atomic, Vec::new())),
            Some(other) => Err(self.error(format!("unknown patch strategy {other}"))),
        }
    }

    fn error(self, problem: String) -> SchemaError {
        SchemaError::OpenApi { name: self.name.to_owned(), problem }
    }
}

/// The last segment of `$ref`, which may also be the single member of `allOf`.
fn referenced_name(schema: &Object<String, Value>) -> Option<&str> {
    let direct = schema.get("$ref").and_then(Value::as_str);
    let wrapped = || match schema.get("allOf").and_then(Value::as_array)?.as_slice() {
        [only] => only.get("$ref").and_then(Value::as_str),
        _ => None,
    };
    let target = direct.or_else(wrapped)?;
    target.rsplit('/').next().filter(|name| !name.is_empty())
}

fn untyped() -> Definition {
    let element = || Box::new(Reference::Named(UNTYPED.to_owned(), None));
    Definition {
        scalar: Some(Scalar::Untyped),
        list: Some(ListDefinition { element: element(), relationship: Relationship::Atomic, keys: Vec::new() }),
        map: Some(MapDefinition { fields: Vec::new(), element: Some(element()), relationship: Relationship::Atomic }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::Schema;

    fn problem(schema: Value) -> String {
        Schema::from_openapi([("T", &schema)], false).expect_err("the schema is invalid").to_string()
    }

    #[test]
    fn what_kubernetes_does_not_know_is_refused() {
        assert_eq!(problem(json!({"type": "text"})), "T: unrecognized type: 'text'");
        assert_eq!(problem(json!({"type": "array"})), "T: `items` must be specified on arrays");
        let list = |extension: Value| {
            let mut schema = json!({"type": "array", "items": {"type": "string"}});
            schema.as_object_mut().expect("it is an object").extend(extension.as_object().cloned().unwrap_or_default());
            problem(schema)
        };
        assert_eq!(list(json!({"x-kubernetes-list-type": "bag"})), "T: unknown list type bag");
        assert_eq!(list(json!({"x-kubernetes-list-type": "map"})), "T: missing map keys");
        assert_eq!(list(json!({"x-kubernetes-patch-strategy": "x"})), "T: unknown patch strategy x");
        assert_eq!(problem(json!({"type": "object", "x-kubernetes-map-type": "x"})), "T: unknown map type x");
        let dangling = json!({"type": "object", "properties": {"a": {"$ref": "#/components/schemas/Gone"}}});
        assert_eq!(problem(dangling), "no type found matching: Gone");
    }

    #[test]
    fn a_reference_may_override_how_the_parts_of_a_map_relate() {
        let part = json!({"type": "object", "properties": {"a": {"type": "string"}}});
        let whole = json!({"type": "object", "properties": {
            "granular": {"allOf": [{"$ref": "#/components/schemas/Part"}]},
            "atomic": {"allOf": [{"$ref": "#/components/schemas/Part"}], "x-kubernetes-map-type": "atomic"}
        }});
        let schema = Schema::from_openapi([("Whole", &whole), ("Part", &part)], false).expect("the schema is valid");
        let map = |kind| schema.atom(kind).map.as_ref().expect("it is a map");
        let whole = map(schema.find("Whole").expect("it is defined"));
        let relationship = |name: &str| map(whole.field(name).expect("it is declared").kind).relationship;
        assert_eq!(relationship("granular"), Relationship::Separable);
        assert_eq!(relationship("atomic"), Relationship::Atomic);
    }

    #[test]
    fn without_a_list_type_the_patch_strategy_decides_and_without_that_a_list_is_atomic() {
        let items = json!({"type": "object", "properties": {"name": {"type": "string"}}});
        let list = |more: Value| {
            let mut schema = json!({"type": "array", "items": items});
            schema.as_object_mut().expect("it is an object").extend(more.as_object().cloned().unwrap_or_default());
            let schema = Schema::from_openapi([("T", &schema)], false).expect("the schema is valid");
            let list = schema.atom(schema.find("T").expect("it is defined")).list.clone().expect("it is a list");
            (list.relationship, list.keys.iter().map(|key| key.name.to_string()).collect::<Vec<_>>())
        };
        let keyed = json!({"x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "name"});
        assert_eq!(list(keyed), (Relationship::Associative, vec!["name".to_owned()]));
        assert_eq!(list(json!({"x-kubernetes-patch-strategy": "merge"})), (Relationship::Associative, Vec::new()));
        assert_eq!(list(json!({"x-kubernetes-patch-strategy": "retainKeys"})), (Relationship::Atomic, Vec::new()));
        assert_eq!(list(json!({})), (Relationship::Atomic, Vec::new()));
    }
}
