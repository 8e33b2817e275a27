//! The types of custom resources, which share the metadata of the built-in kinds.
//!
//! A definition's schema leaves out `apiVersion`, `kind` and `metadata`, or says little about them; the server adds them, at
//! the root and wherever another resource is embedded. From `k8s.io/apiextensions-apiserver`,
//! `pkg/controller/openapi/builder/builder.go` and `pkg/apiserver/customresource_handler.go`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use holm_structured_merge::{GroupVersionKind, ObjectType, Schema, SchemaError};
use serde_json::{Map, Value, json};

use crate::pack::Pack;

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

impl Pack {
    /// The type of a custom resource as server-side apply needs it.
    ///
    /// `schema` is the `openAPIV3Schema` of the version, if it has one; without one every field is accepted.
    /// `preserve_unknown_fields` is the field of that name in the definition's `spec`.
    ///
    /// # Errors
    /// If the schema has extensions that Kubernetes does not know, which it refuses when the definition is created.
    pub fn custom_type(
        &self,
        kind: &GroupVersionKind,
        schema: Option<&Value>,
        preserve_unknown_fields: bool,
    ) -> Result<ObjectType, SchemaError> {
        let schema = match schema {
            None => json!({"type": "object"}),
            Some(schema) => {
                let mut schema = schema.clone();
                add_head(&mut schema);
                add_embedded_heads(&mut schema);
                schema
            }
        };
        let mut schemas = self.with_references(OBJECT_META);
        let name = format!("{}.{}.{}", kind.group, kind.version, kind.kind);
        schemas.insert(&name, &schema);
        let merge_schema = Arc::new(Schema::from_openapi(schemas, preserve_unknown_fields)?);
        ObjectType::named(&merge_schema, &name).ok_or(SchemaError::UnknownType { name })
    }

    /// A schema with all schemas that it refers to, directly or through others.
    fn with_references<'a>(&'a self, name: &'a str) -> BTreeMap<&'a str, &'a Value> {
        let mut found = BTreeMap::new();
        let mut open = BTreeSet::from([name]);
        while let Some(name) = open.pop_first() {
            let Some(schema) = self.schema(name) else { continue };
            found.insert(name, schema);
            references(schema, &mut open);
            open.retain(|name| !found.contains_key(name));
        }
        found
    }
}

fn references<'a>(schema: &'a Value, names: &mut BTreeSet<&'a str>) {
    match schema {
        Value::Object(fields) => {
            let target = fields.get("$ref").and_then(Value::as_str);
            names.extend(target.and_then(|target| target.rsplit('/').next()));
            fields.values().for_each(|value| references(value, names));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, names)),
        _ => {}
    }
}

fn add_head(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    let properties = schema.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    let Some(properties) = properties.as_object_mut() else { return };
    for name in ["apiVersion", "kind"] {
        properties.insert(name.to_owned(), json!({"type": "string"}));
    }
    let metadata = json!({"allOf": [{"$ref": format!("#/components/schemas/{OBJECT_META}")}]});
    properties.insert("metadata".to_owned(), metadata);
}

fn add_embedded_heads(schema: &mut Value) {
    for (keyword, inner) in schema.as_object_mut().into_iter().flatten() {
        match (keyword.as_str(), inner) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(add_embedded_heads),
            ("items" | "additionalProperties", inner @ Value::Object(_)) => add_embedded_heads(inner),
            _ => {}
        }
    }
    if schema.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true)) {
        add_head(schema);
    }
}
