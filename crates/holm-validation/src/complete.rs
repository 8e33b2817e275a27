//! Completing an object: what an API server fills in, and how it writes what it was given.

use holm_schema::GroupVersionKind;
use serde_json::{Value, json};

use crate::custom;
use crate::defaults;
use crate::kind::{ResourceKind, TypeSchema};
use crate::object;
use crate::shape::{self, Stage};

/// Fills in what the server sets in every object of the kind, and writes it as the server would.
pub fn complete(resource: &ResourceKind, object: &mut Value, stage: Stage) {
    match &resource.schema {
        TypeSchema::BuiltIn { schema, name } => {
            defaults::convert(resource, object);
            remove_nulls(object);
            defaults::fill(resource, object);
            shape::canonicalise_root(object, *schema, name, stage);
            remove_metadata_of_templates(object);
            if stage == Stage::Stored
                && resource.is("services")
                && object::text_at(object, &["spec", "type"]) == "ExternalName"
            {
                // It is stored by accident, and not shown (`defaultOnReadInternalTrafficPolicy`).
                object::remove_at(object, &["spec", "internalTrafficPolicy"]);
            }
        }
        TypeSchema::Custom(schema) => {
            schema.fill_defaults(object);
            if stage == Stage::Stored {
                schema.prune_nulls(object);
            }
            custom::canonicalise_metadata(object);
        }
    }
}

/// The server sets these itself; nobody can.
fn remove_metadata_of_templates(object: &mut Value) {
    object::remove_metadata(object, "selfLink");
}

/// An absent field and one that is null are the same to a Go program.
fn remove_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(remove_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_nulls),
        _ => {}
    }
}

/// Returns an object of the kind with nothing in it: what a create starts from. What every object of the kind has belongs to nobody.
#[must_use]
pub fn nothing(kind: &GroupVersionKind, schema: &TypeSchema) -> Value {
    let mut nothing = json!({"apiVersion": kind.api_version(), "kind": kind.kind});
    if let TypeSchema::BuiltIn { schema, name } = schema {
        shape::canonicalise_root(&mut nothing, *schema, name, Stage::Stored);
    }
    nothing
}
