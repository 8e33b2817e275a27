//! Custom resources: what a CustomResourceDefinition makes of objects.
//!
//! From `k8s.io/apiextensions-apiserver`: structural schemas (`pkg/apiserver/schema`), defaulting, pruning, validation, and the
//! rules in CEL. Conversion between versions is relabelling; conversion webhooks are refused.

mod definition;
mod schema;
mod validation;

use serde_json::Value;

use crate::decode::Mismatch;
use crate::error::{FieldError, FieldProblem};
use crate::object;

pub(crate) use definition::{CLEANUP, ColumnDefinition, on_stored, prepare_definition};
pub(crate) use validation::validate_definition;

/// The type of the objects of one version of a custom resource.
#[derive(Debug)]
pub(crate) struct CustomType {
    /// The OpenAPI v3 schema.
    pub schema: Value,
    /// Whether the whole object keeps fields that the schema does not have.
    pub preserves_unknown: bool,
    /// Where the scale subresource finds its numbers.
    pub scale: Option<ScalePaths>,
    /// The columns of tables.
    pub columns: Vec<ColumnDefinition>,
    /// The paths that field selectors may name.
    pub selectable: Vec<String>,
    pub rules: schema::Rules,
    /// What clients are told who use this version, if it is deprecated.
    pub deprecation: Option<String>,
}

/// Where a custom resource has the numbers of its scale.
#[derive(Clone, Debug)]
pub(crate) struct ScalePaths {
    pub spec_replicas: String,
    pub status_replicas: String,
    pub label_selector: Option<String>,
}

impl CustomType {
    /// Drops the fields that the schema does not have.
    pub fn prune(&self, object: &mut Value, unknown: &mut Vec<String>) -> Result<(), Mismatch> {
        schema::check_metadata(object)?;
        if !self.preserves_unknown {
            schema::prune_root(object, &self.schema, unknown);
        }
        schema::prune_nulls(object, &self.schema);
        Ok(())
    }

    /// Fills in the defaults of the schema.
    pub fn fill_defaults(&self, object: &mut Value) {
        schema::fill_defaults(object, &self.schema);
    }

    /// What does not fit the schema, and the rules that are broken.
    pub fn validate(&self, object: &Value, live: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        schema::validate_root(object, &self.schema, &mut errors);
        let blocks = |error: &FieldError| !matches!(error.kind, FieldProblem::Invalid | FieldProblem::Duplicate);
        if !self.rules.any {
            return errors;
        }
        if errors.iter().any(blocks) {
            let detail = "some validation rules were not checked because the object was invalid; correct the existing errors \
                to complete validation";
            errors.push(FieldError::invalid("<nil>", Value::Null, detail));
        } else {
            errors.extend(self.rules.check(&self.schema, object, live));
        }
        errors
    }
}

/// Metadata is typed in custom resources too: what is null or empty is left out.
pub(crate) fn canonicalise_metadata(object: &mut Value) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    for map in ["labels", "annotations"] {
        for value in metadata.get_mut(map).and_then(Value::as_object_mut).into_iter().flat_map(|map| map.values_mut()) {
            if value.is_null() {
                // To a Go program a text that is null is an empty one.
                *value = Value::from("");
            }
        }
    }
    metadata.retain(|_, value| match value {
        Value::Null => false,
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::String(text) => !text.is_empty(),
        _ => true,
    });
    object::remove_metadata(object, "selfLink");
}
