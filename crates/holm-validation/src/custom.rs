//! Custom resources: what a CustomResourceDefinition makes of objects.
//!
//! From `k8s.io/apiextensions-apiserver`: structural schemas (`pkg/apiserver/schema`), defaulting, pruning, validation, and the
//! rules in CEL. Conversion between versions is relabelling; conversion webhooks are not called.

mod definition;
mod format;
mod lists;
mod rules;
mod schema;
mod validation;
mod value;
mod warnings;

use serde_json::Value;

use crate::decode::Mismatch;
use crate::field_error::{FieldError, FieldProblem};
use crate::object;
use value::Holder;

pub use definition::{ColumnDefinition, kinds, openapi, prepare_definition, preserves_unknown, served_versions};
pub use rules::has_rules;
pub(crate) use validation::validate_definition;
pub(crate) use warnings::definition_warnings;

/// What a server says of rules that it did not check.
pub(crate) const UNCHECKED: &str = "some validation rules were not checked because the object was invalid; correct the existing errors \
    to complete validation";

/// The type of the objects of one version of a custom resource.
#[derive(Debug)]
pub struct CustomType {
    /// Whether the schema has any default.
    pub has_defaults: bool,
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
    /// Its rules in CEL.
    pub(crate) rules: rules::Rules,
    /// What clients are told who use this version, if it is deprecated.
    pub deprecation: Option<String>,
}

/// Where a custom resource has the numbers of its scale.
#[derive(Clone, Debug)]
pub struct ScalePaths {
    /// The path of the desired number.
    pub spec_replicas: String,
    /// The path of the observed number.
    pub status_replicas: String,
    /// The path of the selector's text.
    pub label_selector: Option<String>,
}

impl CustomType {
    /// Drops the fields that the schema does not have, and nulls where there may be none.
    pub fn prune(&self, object: &mut Value, keeps_nulls: bool, unknown: &mut Vec<String>) -> Result<(), Mismatch> {
        schema::check_metadata(object)?;
        if !self.preserves_unknown {
            schema::prune_root(object, &self.schema, unknown);
        }
        if !keeps_nulls {
            self.prune_nulls(object);
        }
        Ok(())
    }

    /// Returns whether a stored object has fields that the schema does not have, because it was written in another version or before
    /// the definition changed. Such fields are not shown.
    #[must_use]
    pub fn has_unknown(&self, object: &Value) -> bool {
        !self.preserves_unknown && schema::has_unknown(object, &self.schema)
    }

    /// Drops such fields.
    pub fn prune_unknown(&self, object: &mut Value) {
        if !self.preserves_unknown {
            schema::prune_root(object, &self.schema, &mut Vec::new());
        }
    }

    /// Drops nulls where there may be none.
    pub fn prune_nulls(&self, object: &mut Value) {
        schema::prune_nulls(object, &self.schema);
    }

    /// What the metadata of another kind's object have that no metadata have.
    pub fn unknown_metadata(object: &mut Value) -> Vec<String> {
        let mut unknown = Vec::new();
        if let Some(metadata) = object.get_mut("metadata") {
            schema::prune_metadata(metadata, "metadata", &mut unknown);
        }
        unknown
    }

    /// Fills in the defaults of the schema.
    pub fn fill_defaults(&self, object: &mut Value) {
        schema::fill_defaults(object, &self.schema);
    }

    /// Adds what does not fit the schema, and the rules that are broken; `errors` has what is wrong with the metadata.
    pub fn validate(&self, object: &Value, live: Option<&Value>, errors: &mut Vec<FieldError>) {
        errors.extend(value::check(Holder { path: "" }, object, live, &self.schema));
        if let Some(scale) = &self.scale {
            errors.extend(scale.validate(object, &[&scale.spec_replicas, &scale.status_replicas]));
        }
        self.validate_whole(object, live, errors);
    }

    /// What does not fit the schema of the status, which alone was written, and the rules that are broken.
    pub fn validate_status(&self, object: &Value, live: &Value, errors: &mut Vec<FieldError>) {
        let schema = self.schema.get("properties").and_then(|properties| properties.get("status"));
        if let (Some(schema), Some(status)) = (schema, object.get("status")) {
            errors.extend(value::check(Holder { path: "status" }, status, live.get("status"), schema));
        }
        if let Some(scale) = &self.scale {
            errors.extend(scale.validate(object, &[&scale.status_replicas]));
        }
        self.validate_whole(object, Some(live), errors);
    }

    /// What is there twice, if nothing was before, and the rules, if everything has its type.
    fn validate_whole(&self, object: &Value, live: Option<&Value>, errors: &mut Vec<FieldError>) {
        let twice = |object: &Value| {
            let mut found = Vec::new();
            lists::check(object, &self.schema, "", &mut found);
            found
        };
        if live.is_none_or(|live| twice(live).is_empty()) {
            errors.extend(twice(object));
        }
        if !self.rules.any {
            return;
        }
        let blocks = |error: &FieldError| {
            use FieldProblem::{NotSupported, Required, TooLong, TooMany, TypeInvalid};
            matches!(error.kind, NotSupported | Required | TooLong | TooMany | TypeInvalid)
        };
        if errors.iter().any(blocks) {
            errors.push(FieldError::invalid("<nil>", Value::Null, UNCHECKED));
        } else {
            errors.extend(self.rules.check(&self.schema, object, live));
        }
    }
}

impl ScalePaths {
    /// What is wrong with the numbers of a scale, whatever the schema says about them.
    ///
    /// From `pkg/registry/customresource/validator.go` (`ValidateScaleSpec`, `ValidateScaleStatus`).
    fn validate(&self, object: &Value, replicas: &[&String]) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for path in replicas {
            let fields: Vec<&str> = path.split('.').filter(|field| !field.is_empty()).collect();
            let problem = match number_at(object, &fields) {
                Ok(number) if number < 0 => "should be a non-negative integer",
                Ok(number) if number > i64::from(i32::MAX) => "should be less than or equal to 2147483647",
                Ok(_) => continue,
                Err(()) => "accessor error: it is of the wrong type",
            };
            errors.push(FieldError::invalid(path.as_str(), Value::Null, problem));
        }
        if let Some(path) = &self.label_selector {
            let fields: Vec<&str> = path.split('.').filter(|field| !field.is_empty()).collect();
            if fields.iter().try_fold(object, |value, field| value.get(field)).is_some_and(|value| !value.is_string()) {
                let problem = "accessor error: it is of the wrong type";
                errors.push(FieldError::invalid(path.as_str(), Value::Null, problem));
            }
        }
        errors
    }
}

/// The number at a path; 0 if there is nothing. A number below something else than a map cannot be read.
fn number_at(object: &Value, path: &[&str]) -> Result<i64, ()> {
    let mut value = object;
    for field in path {
        match value {
            Value::Null => return Ok(0),
            Value::Object(fields) => match fields.get(*field) {
                Some(below) => value = below,
                None => return Ok(0),
            },
            _ => return Err(()),
        }
    }
    value.as_i64().ok_or(())
}

/// The metadata of a custom resource that are left out when it is read.
pub fn empty_metadata(object: &Value) -> Vec<(String, Value)> {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        // Labels that are null are stored as they are, and read as empty texts.
        Value::Object(fields) => fields.is_empty() || fields.values().any(Value::is_null),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    };
    let metadata = object.get("metadata").and_then(Value::as_object);
    // These are set in any case.
    let is_set = |name: &str| {
        let set = ["name", "namespace", "uid", "creationTimestamp", "resourceVersion", "generation", "managedFields"];
        set.contains(&name)
    };
    let empty = metadata.into_iter().flatten().filter(|(name, value)| !is_set(name) && is_empty(value));
    empty.map(|(name, value)| (format!("metadata/{name}"), value.clone())).collect()
}

/// Metadata is typed in custom resources too: what is null or empty is left out.
pub fn canonicalise_metadata(object: &mut Value) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    for map in ["labels", "annotations"] {
        for value in metadata.get_mut(map).and_then(Value::as_object_mut).into_iter().flat_map(|map| map.values_mut()) {
            if value.is_null() {
                // To a Go program a text that is null is an empty one.
                *value = Value::from("");
            }
        }
    }
    for finalizer in metadata.get_mut("finalizers").and_then(Value::as_array_mut).into_iter().flatten() {
        if finalizer.is_null() {
            *finalizer = Value::from("");
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
