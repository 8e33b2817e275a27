//! What the schema of a kind says of one field.

use holm_schema::{DataType, Type, built_in};
use serde_json::Value;

use crate::kind::{ResourceKind, TypeSchema};
use crate::place::Step;

/// The type of metadata.
const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// What a kind has at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A field of this type.
    Known(DataType),
    /// No field: the step at this position leads nowhere. What there is instead is sorted; empty where there are no fields at all.
    Missing {
        /// The position of the step.
        step: usize,
        /// The fields that there are.
        known: Vec<String>,
    },
}

impl ResourceKind {
    /// Returns what the objects of this kind have at a place. Any position stands for every item of a list. Where the schema leaves
    /// open what there is, such as in free JSON, the type is [`DataType::Any`].
    #[must_use]
    pub fn field_type(&self, place: &[Step]) -> FieldType {
        let mut node = match &self.schema {
            TypeSchema::BuiltIn { schema, .. } => Node::BuiltIn(*schema),
            TypeSchema::Custom(custom) => Node::Root(&custom.schema, custom.preserves_unknown),
        };
        for (step, at) in place.iter().enumerate() {
            node = match node.child(at) {
                Ok(child) => child,
                Err(known) => return FieldType::Missing { step, known },
            };
        }
        FieldType::Known(node.data_type())
    }
}

/// A place in a schema.
enum Node<'s> {
    BuiltIn(Type<'s>),
    /// The whole object of a custom resource, and whether it keeps fields that the schema does not have.
    Root(&'s Value, bool),
    Custom(&'s Value),
    Any,
}

impl<'s> Node<'s> {
    /// Returns what is one step further, or the fields that there are.
    fn child(&self, step: &Step) -> Result<Node<'s>, Vec<String>> {
        match (self, step) {
            (Node::Any, _) => Ok(Node::Any),
            (Node::BuiltIn(of), _) => built_in_child(*of, step),
            (Node::Root(..), Step::Field(name)) if name == "metadata" => {
                let metadata = built_in().ok().and_then(|pack| pack.type_named(OBJECT_META));
                Ok(metadata.map_or(Node::Any, Node::BuiltIn))
            }
            (Node::Root(..), Step::Field(name)) if name == "apiVersion" || name == "kind" => Ok(Node::Any),
            (Node::Root(_, true), _) => Ok(Node::Any),
            (Node::Root(schema, false) | Node::Custom(schema), _) => custom_child(schema, step),
        }
    }

    fn data_type(&self) -> DataType {
        match self {
            Node::BuiltIn(of) => of.data_type(),
            Node::Root(..) => DataType::Object,
            Node::Custom(schema) => custom_type(schema),
            Node::Any => DataType::Any,
        }
    }
}

fn built_in_child<'s>(of: Type<'s>, step: &Step) -> Result<Node<'s>, Vec<String>> {
    match (step, of.data_type()) {
        (Step::Field(name), DataType::Object) => {
            if let Some(field) = of.property(name).or_else(|| of.values()) {
                return Ok(Node::BuiltIn(field));
            }
            let known: Vec<String> = of.properties().map(|(name, _)| name.to_owned()).collect();
            if known.is_empty() { Ok(Node::Any) } else { Err(known) }
        }
        (Step::Item(_), DataType::Array) => Ok(of.items().map_or(Node::Any, Node::BuiltIn)),
        (_, DataType::Any) => Ok(Node::Any),
        _ => Err(Vec::new()),
    }
}

fn custom_child<'s>(schema: &'s Value, step: &Step) -> Result<Node<'s>, Vec<String>> {
    let is_set = |mark: &str| schema.get(mark) == Some(&Value::Bool(true));
    match (step, custom_type(schema)) {
        (Step::Field(name), DataType::Object | DataType::Any) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            if let Some(field) = properties.and_then(|properties| properties.get(name)) {
                return Ok(Node::Custom(field));
            }
            match schema.get("additionalProperties") {
                Some(Value::Bool(false)) | None => {}
                Some(values) if values.is_object() => return Ok(Node::Custom(values)),
                Some(_) => return Ok(Node::Any),
            }
            if is_set("x-kubernetes-preserve-unknown-fields") || is_set("x-kubernetes-embedded-resource") {
                return Ok(Node::Any);
            }
            Err(properties.into_iter().flatten().map(|(name, _)| name.clone()).collect())
        }
        (Step::Item(_), DataType::Array) => Ok(schema.get("items").map_or(Node::Any, Node::Custom)),
        (Step::Item(_), DataType::Any) => Ok(Node::Any),
        _ => Err(Vec::new()),
    }
}

fn custom_type(schema: &Value) -> DataType {
    if schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        return DataType::IntOrString;
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => DataType::Object,
        Some("array") => DataType::Array,
        Some("string") => DataType::String,
        Some("integer") => DataType::Integer,
        Some("number") => DataType::Number,
        Some("boolean") => DataType::Boolean,
        _ => DataType::Any,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Kinds;

    fn steps(path: &str) -> Vec<Step> {
        let step = |text: &str| text.parse().map_or_else(|_| Step::Field(text.to_owned()), Step::Item);
        path.split('.').map(step).collect()
    }

    fn missing(step: usize, known: &[&str]) -> FieldType {
        FieldType::Missing { step, known: known.iter().map(|&name| name.to_owned()).collect() }
    }

    #[test]
    fn the_schema_tells_what_a_built_in_kind_has_at_a_place() {
        let kinds = Kinds::built_in().expect("the schema is sound");
        let of = |kind: serde_json::Value, path: &str| {
            kinds.of(&kind).expect("the kind is built in").field_type(&steps(path))
        };
        let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment"});
        let known = [
            ("spec.replicas", DataType::Integer),
            ("spec.template.spec.containers.0.env.0.value", DataType::String),
            ("spec.template.spec.containers.3.livenessProbe.httpGet.port", DataType::IntOrString),
            ("metadata.labels.anything", DataType::String),
            ("spec.template.spec.containers", DataType::Array),
        ];
        for (path, expected) in known {
            assert_eq!(of(deployment.clone(), path), FieldType::Known(expected), "{path}");
        }
        let misspelt = of(deployment.clone(), "spec.replcas");
        let names_it = |known: &[String]| known.contains(&"replicas".to_owned());
        assert!(matches!(&misspelt, FieldType::Missing { step: 1, known } if names_it(known)), "{misspelt:?}");
        assert_eq!(of(deployment.clone(), "spec.replicas.x"), missing(2, &[]));
        assert_eq!(of(deployment, "spec.template.spec.containers.name"), missing(4, &[]));
    }

    #[test]
    fn a_definition_tells_what_a_custom_kind_has_at_a_place() {
        let mut kinds = Kinds::built_in().expect("the schema is sound");
        let spec = json!({"type": "object", "properties": {
            "size": {"type": "integer"}, "port": {"x-kubernetes-int-or-string": true},
            "tags": {"type": "object", "additionalProperties": {"type": "string"}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "items": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}}}});
        let schema = json!({"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}});
        kinds.define(&json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "tests.example.com"}, "spec": {"group": "example.com", "scope": "Namespaced",
                "names": {"kind": "Test", "plural": "tests"},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema}]}}));
        let kind = kinds.of(&json!({"apiVersion": "example.com/v1", "kind": "Test"})).expect("it is defined");
        let known = [
            ("spec.size", DataType::Integer),
            ("spec.port", DataType::IntOrString),
            ("spec.tags.a", DataType::String),
            ("spec.free.a.0.b", DataType::Any),
            ("spec.items.7.name", DataType::String),
            ("metadata.annotations.a", DataType::String),
        ];
        for (path, expected) in known {
            assert_eq!(kind.field_type(&steps(path)), FieldType::Known(expected), "{path}");
        }
        assert_eq!(kind.field_type(&steps("spec.items.0.nam")), missing(3, &["name"]));
        assert_eq!(kind.field_type(&steps("spec.sise")), missing(1, &["free", "items", "port", "size", "tags"]));
    }
}
