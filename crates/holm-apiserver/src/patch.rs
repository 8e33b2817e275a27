//! The patches: JSON patch (RFC 6902), JSON merge patch (RFC 7386), strategic merge patch.
//!
//! From `k8s.io/apiserver`, `pkg/endpoints/handlers/patch.go`. Server-side apply is another verb with the same method.

mod json;
mod strategic;

use holm_validation::{FieldError, TypeSchema, decode};
use serde_json::{Value, json as value};

use crate::error::ApiError;
use crate::object;
use crate::registry::ResourceType;
use crate::write::read_json;

/// A patch as a request brings it.
#[derive(Debug)]
pub(crate) struct Patch {
    kind: PatchKind,
    body: Value,
    /// The paths of fields that occur twice in the body.
    pub duplicates: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PatchKind {
    Json,
    Merge,
    Strategic,
}

/// The most operations that a JSON patch may have.
const MAX_OPERATIONS: usize = 10_000;

impl Patch {
    /// Reads a patch; nothing if the media type is none of a patch for this resource.
    pub fn parse(media_type: &str, resource: &ResourceType, body: &[u8]) -> Result<Self, ApiError> {
        let custom = matches!(resource.schema, TypeSchema::Custom(_));
        let kind = match media_type {
            "application/json-patch+json" => PatchKind::Json,
            "application/merge-patch+json" => PatchKind::Merge,
            "application/strategic-merge-patch+json" if !custom => PatchKind::Strategic,
            _ => {
                let supported = if custom {
                    "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
                } else {
                    "application/json-patch+json, application/merge-patch+json, \
                     application/strategic-merge-patch+json, application/apply-patch+yaml"
                };
                let refused = ApiError::unsupported_media_type(supported);
                // A kind of patch that exists, though not here, is refused by another part of a real server.
                let known = media_type == "application/strategic-merge-patch+json";
                return Err(if known { refused } else { ApiError { details: Some(value!({})), ..refused } });
            }
        };
        let (body, duplicates) = read_json(body)
            .map_err(|error| ApiError::bad_request(format!("error decoding patch: {}", error.message)))?;
        if kind != PatchKind::Json && !body.is_object() {
            return Err(ApiError::bad_request(
                "error decoding patch: json: cannot unmarshal into Go value of type map",
            ));
        }
        Ok(Self { kind, body, duplicates })
    }

    /// Whether it is a strategic merge patch.
    pub fn is_strategic(&self) -> bool {
        self.kind == PatchKind::Strategic
    }

    /// The object after the patch.
    pub fn apply(&self, resource: &ResourceType, live: &Value) -> Result<Value, ApiError> {
        let mut object = live.clone();
        match self.kind {
            PatchKind::Merge => json_patch::merge(&mut object, &self.body),
            PatchKind::Strategic => match &resource.schema {
                TypeSchema::BuiltIn { schema, .. } => {
                    strategic::apply(&mut object, &self.body, *schema).map_err(|error| match error {
                        strategic::PatchError::Malformed(text) => ApiError::bad_request(text),
                        strategic::PatchError::NotApplicable(text) => ApiError::unknown(text),
                    })?;
                    // What it makes is read as what an apply makes.
                    decode::wrap_integers(&mut object, *schema);
                }
                TypeSchema::Custom(_) => return Err(ApiError::unsupported_media_type("application/merge-patch+json")),
            },
            PatchKind::Json => {
                apply_operations(&mut object, &self.body)?;
            }
        }
        if !object.is_object() {
            let errors = [FieldError::invalid("patch", self.body.to_string(), "the patch makes no object")];
            return Err(ApiError::invalid(resource.group(), &resource.kind.kind, object::name(live), &errors));
        }
        Ok(object)
    }
}

/// Applies a JSON patch.
pub(crate) fn apply_operations(object: &mut Value, patch: &Value) -> Result<(), ApiError> {
    let operations = patch.as_array().filter(|all| all.iter().all(Value::is_object));
    let Some(operations) = operations else {
        return Err(ApiError::bad_request("error decoding patch: it is no list of operations"));
    };
    if operations.len() > MAX_OPERATIONS {
        let text =
            format!("The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {}", operations.len());
        return Err(ApiError::new(413, "RequestEntityTooLarge", text));
    }
    json::apply(object, operations).map_err(|_| rejected())
}

/// A JSON patch that cannot be applied.
fn rejected() -> ApiError {
    let refused = ApiError::new(422, "Invalid", "the server rejected our request due to an error in our request");
    ApiError { details: Some(value!({})), ..refused }
}
