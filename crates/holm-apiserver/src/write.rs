//! Writing objects: the order of the steps of an API server.
//!
//! From `k8s.io/apiserver`, `pkg/endpoints/handlers/{create,update,patch}.go` and `pkg/registry/generic/registry/store.go`:
//! decode, default, record ownership, admit, prepare, validate, allocate, store.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod prepare;
pub(crate) mod scale;
pub(crate) mod update;

use std::sync::Arc;

use holm_schema::GroupVersionKind;
use holm_validation::complete::complete;
use holm_validation::custom::{self, CustomType};
use holm_validation::shape::Stage;
use holm_validation::{Emptied, TypeSchema, decode};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::object;
use crate::options::FieldValidation;
use crate::registry::ResourceType;

/// How deep YAML may be nested. Its parser takes much of the stack for each level, so this is less than for JSON.
const MAX_YAML_DEPTH: usize = 72;

/// The outcome of a write.
#[derive(Debug)]
pub(crate) struct Written {
    pub object: Arc<Value>,
    /// Whether the object is new.
    pub created: bool,
    pub warnings: Vec<String>,
}

/// The outcome with the warnings, which the client gets in any case.
fn finished(outcome: Result<Written, ApiError>, warnings: Vec<String>) -> Result<Written, ApiError> {
    match outcome {
        Ok(written) => Ok(Written { warnings, ..written }),
        Err(error) => Err(error.warning_of(warnings)),
    }
}

/// An object that was read from a request, or made by a patch, and is not known to be right yet.
pub(crate) struct Draft {
    pub object: Value,
    /// The paths of fields that occurred twice.
    pub duplicates: Vec<String>,
    /// Whether an apply made it, which keeps the nulls of a custom resource.
    pub is_applied: bool,
}

impl Draft {
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let (mut object, duplicates) = read_json(body)?;
        if object.is_null() {
            object = json!({});
        }
        if !object.is_object() {
            return Err(ApiError::bad_request(
                "the object provided is unrecognized (must be of type Object): \
                couldn't get version/kind; json parse error",
            ));
        }
        Ok(Self { object, duplicates, is_applied: false })
    }

    /// Reads YAML, which JSON is too.
    ///
    /// Its characters are those of `go.yaml.in/yaml/v2`, `readerc.go`. What is wrong is told without the text, which may be secret.
    pub fn parse_yaml(body: &[u8]) -> Result<Self, ApiError> {
        let is_allowed = |character: char| match character {
            '\t' | '\n' | '\r' | '\u{85}' => true,
            '\u{feff}' | '\u{fffe}' | '\u{ffff}' => false,
            character => !character.is_control(),
        };
        // Whatever its depth, so that what is too deep is not tried as YAML.
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
        let text = std::str::from_utf8(body).map(|text| text.strip_prefix('\u{feff}').unwrap_or(text));
        if text.is_ok_and(|text| !text.chars().all(is_allowed)) {
            // JSON is converted later than YAML.
            let step =
                if is_json { "error decoding patch: error converting YAML to JSON" } else { "error encoding patch" };
            return Err(ApiError::bad_request(format!("{step}: yaml: control characters are not allowed")));
        }
        if is_json {
            return Self::parse(body);
        }
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! { max_depth: MAX_YAML_DEPTH },
            with_snippet: false,
        };
        let object = serde_saphyr::from_slice_with_options::<Value>(body, options).map_err(|error| {
            let line = error.location().map(|place| format!("line {}: ", place.line())).unwrap_or_default();
            ApiError::bad_request(format!("error encoding patch: yaml: {line}it is not valid YAML"))
        })?;
        if !object.is_object() {
            return Err(ApiError::bad_request("error decoding YAML: it is no object"));
        }
        Ok(Self::of(object))
    }

    pub fn of(object: Value) -> Self {
        Self { object, duplicates: Vec::new(), is_applied: false }
    }
}

/// Reads JSON, and the paths of the fields that occur twice.
pub(crate) fn read_json(body: &[u8]) -> Result<(Value, Vec<String>), ApiError> {
    decode::parse(body).map_err(|error| ApiError::bad_request(format!("the object provided is unrecognized: {error}")))
}

/// What an object has that is not stored as it is read: the next write, even of the same, then stores something new.
///
/// What an apply makes of a custom resource may have empty metadata, which are left out when it is read. Bytes that are null are
/// stored as none, and read as empty.
fn untidy(resource: &ResourceType, object: &Value, is_applied: bool) -> Vec<(String, Value)> {
    if matches!(resource.schema, TypeSchema::Custom(_)) {
        return if is_applied { custom::empty_metadata(object) } else { Vec::new() };
    }
    let field = match &*resource.id {
        "secrets" => "data",
        "configmaps" => "binaryData",
        _ => return Vec::new(),
    };
    let bytes = object.get(field).and_then(Value::as_object).into_iter().flatten();
    bytes.filter(|(_, bytes)| bytes.is_null()).map(|(key, _)| (format!("{field}/{key}"), Value::Null)).collect()
}

/// An object that is right as far as it could be read, and complete.
pub(crate) struct Accepted {
    pub object: Value,
    pub emptied: Emptied,
    /// What a real server would store other than it shows it, by its place, see [`untidy`].
    pub untidy: Vec<(String, Value)>,
}

impl Accepted {
    /// What the server made itself.
    pub fn of(object: Value) -> Self {
        Self { object, emptied: Emptied::default(), untidy: Vec::new() }
    }
}

/// Checks that a draft is of the kind of the resource, drops what the kind does not have, and fills in the defaults.
pub(crate) fn accept(
    resource: &ResourceType,
    draft: Draft,
    validation: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<Accepted, ApiError> {
    let Draft { mut object, duplicates, is_applied } = draft;
    identify(resource, &mut object);
    if let Err(error) = check_kind(&resource.kind, &object) {
        let names_kind = object.get("kind").and_then(Value::as_str).is_some_and(|kind| !kind.is_empty());
        if names_kind && matches!(resource.schema, TypeSchema::Custom(_)) {
            // The metadata of a custom resource are read before anybody asks what it is.
            report(validation, &CustomType::unknown_metadata(&mut object), &duplicates, warnings)?;
        }
        return Err(error);
    }
    let untidy = untidy(resource, &object, is_applied);
    let mut unknown = Vec::new();
    let kind = &resource.kind.kind;
    resource.decode(&mut object, is_applied, &mut unknown).map_err(|mismatch| {
        let version = &resource.kind.version;
        let text = mismatch.text(kind);
        ApiError::bad_request(format!("{kind} in version {version:?} cannot be handled as a {kind}: {text}"))
    })?;
    report(validation, &unknown, &duplicates, warnings).map_err(|error| {
        let version = &resource.kind.version;
        ApiError::bad_request(format!("{kind} in version {version:?} cannot be handled as a {kind}: {}", error.message))
    })?;
    // An empty list of managed fields resets them, so it is not the same as none, but for custom resources, of whose metadata nothing
    // empty is read.
    let resets = object::metadata(&object, "managedFields").and_then(Value::as_array).is_some_and(Vec::is_empty)
        && matches!(resource.schema, TypeSchema::BuiltIn { .. });
    let mut emptied = Emptied::of(resource, &object);
    untidy.iter().for_each(|(place, _)| emptied.add(place));
    complete(resource, &mut object, Stage::Given);
    if resets {
        object::set_metadata(&mut object, "managedFields", json!([]));
    }
    Ok(Accepted { object, emptied, untidy })
}

/// Refuses unknown and duplicate fields, warns of them, or ignores them.
pub(crate) fn report(
    validation: FieldValidation,
    unknown: &[String],
    duplicates: &[String],
    warnings: &mut Vec<String>,
) -> Result<(), ApiError> {
    let duplicates = duplicates.iter().map(|path| format!("duplicate field {path:?}"));
    let unknown = unknown.iter().map(|path| format!("unknown field {path:?}"));
    let texts: Vec<String> = duplicates.chain(unknown).collect();
    match validation {
        FieldValidation::Ignore => {}
        FieldValidation::Warn => warnings.extend(texts),
        FieldValidation::Strict if texts.is_empty() => {}
        FieldValidation::Strict => {
            return Err(ApiError::bad_request(format!("strict decoding error: {}", texts.join(", "))));
        }
    }
    Ok(())
}

/// A draft that does not say what it is, is what the path says; not so that of a custom resource.
fn identify(resource: &ResourceType, object: &mut Value) {
    if matches!(resource.schema, TypeSchema::Custom(_)) {
        return;
    }
    let Some(fields) = object.as_object_mut() else { return };
    for (field, value) in [("kind", resource.kind.kind.clone()), ("apiVersion", resource.kind.api_version())] {
        let said = fields.get(field).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        if !said {
            fields.insert(field.to_owned(), Value::from(value));
        }
    }
}

/// A draft without a kind cannot be decoded; one of another kind does not belong here.
fn check_kind(expected: &GroupVersionKind, object: &Value) -> Result<(), ApiError> {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    if kind == expected.kind && api_version == expected.api_version() {
        return Ok(());
    }
    if kind.is_empty() {
        return Err(ApiError::bad_request("Object 'Kind' is missing in the body of the request"));
    }
    if api_version.is_empty() {
        return Err(ApiError::bad_request("Object 'apiVersion' is missing in the body of the request"));
    }
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    Err(ApiError::bad_request(format!(
        "{kind} in version {version:?} cannot be handled as a {}: no kind {kind:?} is registered for version {:?}",
        expected.kind,
        if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") },
    )))
}
