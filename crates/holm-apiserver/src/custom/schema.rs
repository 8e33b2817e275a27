//! Structural schemas: pruning, defaulting, validation.
//!
//! From `k8s.io/apiextensions-apiserver`, `pkg/apiserver/schema/{pruning,defaulting}` and `pkg/apiserver/validation`.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::decode::{self, Mismatch};
use crate::error::{FieldError, FieldProblem};

/// The type of metadata.
const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// Fields that every object has, and whose types are not the schema's business.
const ROOT: [&str; 3] = ["apiVersion", "kind", "metadata"];

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

/// Validates an object against its schema.
pub(super) fn validate_root(object: &Value, schema: &Value, errors: &mut Vec<FieldError>) {
    validate(object, schema, "", errors);
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn named(path: &str) -> &str {
    if path.is_empty() { "<nil>" } else { path }
}

/// Whether a value is one of those that are allowed, if only some are.
fn allowed(value: &Value, schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.contains(value)
    {
        let allowed: Vec<String> =
            allowed.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect();
        let allowed: Vec<&str> = allowed.iter().map(String::as_str).collect();
        errors.push(FieldError::not_supported(named(path), value.clone(), &allowed));
    }
}

fn validate(value: &Value, schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if value.is_null() && schema.get("nullable") == Some(&Value::Bool(true)) {
        return;
    }
    let int_or_string = schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true));
    if let Some(expected) = schema.get("type").and_then(Value::as_str).filter(|_| !int_or_string)
        && !has_type(value, expected)
    {
        let detail = format!("{} in body must be of type {expected}: {:?}", named(path), type_name(value));
        let mut error = FieldError::invalid(named(path), type_name(value), detail);
        error.kind = FieldProblem::TypeInvalid;
        errors.push(error);
        // A value of another type is none of the allowed ones either.
        allowed(value, schema, path, errors);
        return;
    }
    if int_or_string && !value.is_string() && !has_type(value, "integer") {
        let detail = format!("{} in body must be of type integer,string: {:?}", named(path), type_name(value));
        let mut error = FieldError::invalid(named(path), type_name(value), detail);
        error.kind = FieldProblem::TypeInvalid;
        errors.push(error);
        return;
    }
    let embedded = schema.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true));
    for field in ["apiVersion", "kind"].into_iter().filter(|_| embedded) {
        if value.get(field).and_then(Value::as_str).is_none_or(str::is_empty) {
            errors.push(FieldError::required(join(path, field), "must not be empty"));
        }
    }
    let invalid = |errors: &mut Vec<FieldError>, detail: String| {
        errors.push(FieldError::invalid(named(path), value.clone(), format!("{} in body {detail}", named(path))));
    };
    allowed(value, schema, path, errors);
    match value {
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default();
            let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
            let exclusive = |name: &str| schema.get(name) == Some(&Value::Bool(true));
            if let Some(minimum) = bound("minimum") {
                let strict = exclusive("exclusiveMinimum");
                if number < minimum || (strict && number == minimum) {
                    let than = if strict { "greater than" } else { "greater than or equal to" };
                    invalid(errors, format!("should be {than} {minimum}"));
                }
            }
            if let Some(maximum) = bound("maximum") {
                let strict = exclusive("exclusiveMaximum");
                if number > maximum || (strict && number == maximum) {
                    let than = if strict { "less than" } else { "less than or equal to" };
                    invalid(errors, format!("should be {than} {maximum}"));
                }
            }
            if let Some(factor) = bound("multipleOf").filter(|factor| *factor != 0.0)
                && (number / factor).fract() != 0.0
            {
                invalid(errors, format!("should be a multiple of {factor}"));
            }
        }
        Value::String(text) => {
            let length = text.chars().count() as u64;
            if let Some(format) = schema.get("format").and_then(Value::as_str)
                && !has_format(text, format)
            {
                let detail = format!("{} in body must be of type {format}: {text:?}", named(path));
                let mut error = FieldError::invalid(named(path), value.clone(), detail);
                error.kind = FieldProblem::TypeInvalid;
                errors.push(error);
            }
            if let Some(minimum) = schema.get("minLength").and_then(Value::as_u64).filter(|minimum| length < *minimum) {
                invalid(errors, format!("should be at least {minimum} chars long"));
            }
            if let Some(maximum) = schema.get("maxLength").and_then(Value::as_u64).filter(|maximum| length > *maximum) {
                let mut error = FieldError::too_long(named(path), usize::try_from(maximum).unwrap_or(usize::MAX));
                error.value = value.clone();
                errors.push(error);
            }
            if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
                && !matches_pattern(pattern, text)
            {
                invalid(errors, format!("should match '{pattern}'"));
            }
        }
        Value::Array(items) => validate_list(items, schema, path, errors),
        Value::Object(fields) => validate_map(fields, schema, path, errors),
        _ => {}
    }
    for (word, combine) in [("allOf", Combine::All), ("anyOf", Combine::Any), ("oneOf", Combine::One)] {
        let Some(parts) = schema.get(word).and_then(Value::as_array) else { continue };
        let outcomes: Vec<Vec<FieldError>> = parts
            .iter()
            .map(|part| {
                let mut own = Vec::new();
                validate(value, part, path, &mut own);
                own
            })
            .collect();
        let valid = outcomes.iter().filter(|own| own.is_empty()).count();
        match combine {
            Combine::All => errors.extend(outcomes.into_iter().flatten()),
            Combine::Any if valid == 0 => invalid(errors, "must validate at least one schema (anyOf)".to_owned()),
            Combine::One if valid != 1 => invalid(errors, "must validate one and only one schema (oneOf)".to_owned()),
            Combine::Any | Combine::One => {}
        }
    }
    if let Some(part) = schema.get("not") {
        let mut own = Vec::new();
        validate(value, part, path, &mut own);
        if own.is_empty() {
            invalid(errors, "must not validate the schema (not)".to_owned());
        }
    }
}

#[derive(Clone, Copy)]
enum Combine {
    All,
    Any,
    One,
}

fn validate_list(items: &[Value], schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let length = items.len() as u64;
    if let Some(minimum) = schema.get("minItems").and_then(Value::as_u64).filter(|minimum| length < *minimum) {
        let detail = format!("{} in body should have at least {minimum} items", named(path));
        errors.push(FieldError::invalid(named(path), length, detail));
    }
    if let Some(maximum) = schema.get("maxItems").and_then(Value::as_u64).filter(|maximum| length > *maximum) {
        let mut error = FieldError::invalid(named(path), length, format!("must have at most {maximum} items"));
        error.kind = FieldProblem::TooMany;
        errors.push(error);
    }
    if let Some(schema) = schema.get("items") {
        for (position, item) in items.iter().enumerate() {
            validate(item, schema, &format!("{path}[{position}]"), errors);
        }
    }
    let keys: Vec<&str> = match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => Vec::new(),
        Some("map") => {
            let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
            keys.into_iter().flatten().filter_map(Value::as_str).collect()
        }
        _ => return,
    };
    let mut seen = HashSet::new();
    for (position, item) in items.iter().enumerate() {
        if !keys.is_empty() && item.is_null() {
            continue;
        }
        if !keys.is_empty() && !item.is_object() {
            let detail = "must be an object for an array of list-type map";
            errors.push(FieldError::invalid(format!("{path}[{position}]"), item.clone(), detail));
            continue;
        }
        let identity: Value = if keys.is_empty() {
            item.clone()
        } else {
            keys.iter()
                .filter_map(|key| Some(((*key).to_owned(), item.get(*key)?.clone())))
                .collect::<Map<_, _>>()
                .into()
        };
        if !seen.insert(identity.to_string()) {
            errors.push(FieldError::duplicate(format!("{path}[{position}]"), identity));
        }
    }
}

fn validate_map(fields: &Map<String, Value>, schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            errors.push(FieldError::required(join(path, name), ""));
        }
    }
    let length = fields.len() as u64;
    if let Some(minimum) = schema.get("minProperties").and_then(Value::as_u64).filter(|minimum| length < *minimum) {
        let detail = format!("{} in body should have at least {minimum} properties", named(path));
        errors.push(FieldError::invalid(named(path), length, detail));
    }
    if let Some(maximum) = schema.get("maxProperties").and_then(Value::as_u64).filter(|maximum| length > *maximum) {
        let mut error = FieldError::invalid(named(path), length, format!("must have at most {maximum} properties"));
        error.kind = FieldProblem::TooMany;
        errors.push(error);
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let additional = schema.get("additionalProperties").filter(|additional| additional.is_object());
    for (name, value) in fields {
        // The root's own fields are checked as those of every object.
        if path.is_empty() && ROOT.contains(&name.as_str()) {
            continue;
        }
        if let Some(schema) = properties.and_then(|properties| properties.get(name)).or(additional) {
            validate(value, schema, &join(path, name), errors);
        }
    }
}

pub(super) fn has_type(value: &Value, expected: &str) -> bool {
    match expected {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => true,
    }
}

/// Whether a text is of a format. Of the formats that Kubernetes knows, those of times, addresses and uids are checked.
fn has_format(text: &str, format: &str) -> bool {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    let digits = |text: &str, size: usize| text.len() == size && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match format {
        "date-time" | "datetime" => text.parse::<holm_structured_merge::Timestamp>().is_ok(),
        "date" => format!("{text}T00:00:00Z").parse::<holm_structured_merge::Timestamp>().is_ok(),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "cidr" => text.split_once('/').is_some_and(|(address, bits)| {
            let most = if address.contains(':') { 128 } else { 32 };
            address.parse::<IpAddr>().is_ok() && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
        }),
        "uuid" => {
            let groups: Vec<&str> = text.split('-').collect();
            groups.len() == 5 && groups.iter().zip([8, 4, 4, 4, 12]).all(|(group, size)| digits(group, size))
        }
        _ => true,
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Whether a text matches a pattern anywhere in it. A pattern that cannot be read matches nothing, as in Kubernetes.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    regex::Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
}

/// The rules in CEL (`x-kubernetes-validations`).
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// Whether the schema has any.
    pub any: bool,
}

impl Rules {
    /// The rules of a schema.
    pub fn of(schema: &Value) -> Self {
        Self { any: schema.to_string().contains("\"x-kubernetes-validations\"") }
    }

    /// The rules that an object breaks.
    pub fn check(&self, schema: &Value, object: &Value, live: Option<&Value>) -> Vec<FieldError> {
        if !self.any {
            return Vec::new();
        }
        check_rules(schema, object, live)
    }
}

#[cfg(feature = "cel")]
fn check_rules(schema: &Value, object: &Value, live: Option<&Value>) -> Vec<FieldError> {
    let Err(errors) = kube_cel::Validator::new().validate(schema, object, live) else { return Vec::new() };
    let error = |error: kube_cel::ValidationError| {
        let field = if error.field_path.is_empty() { "<nil>".to_owned() } else { error.field_path };
        match error.reason.as_deref() {
            Some("FieldValueRequired") => FieldError::required(field, error.message),
            Some("FieldValueForbidden") => FieldError::forbidden(field, error.message),
            Some("FieldValueDuplicate") => FieldError::duplicate(field, error.message),
            _ => FieldError::invalid(field, "object", error.message),
        }
    };
    errors.into_vec().into_iter().map(error).collect()
}

#[cfg(not(feature = "cel"))]
fn check_rules(_: &Value, _: &Value, _: Option<&Value>) -> Vec<FieldError> {
    Vec::new()
}
