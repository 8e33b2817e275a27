//! What is wrong with a definition.
//!
//! From `k8s.io/apiextensions-apiserver`, `pkg/apis/apiextensions/validation/validation.go` and
//! `pkg/apiserver/schema/validation.go`.

use std::collections::HashSet;

use holm_values::names;
use serde_json::{Value, json};

use super::definition::versions;
use super::rules;
use super::value::has_type;
use crate::field_error::{FieldError, FieldProblem};
use crate::object::{self, at, text_at};

/// Checks a new definition, or a changed one.
pub(crate) fn validate_definition(object: &Value, live: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let (group, plural) = (text_at(object, &["spec", "group"]), text_at(object, &["spec", "names", "plural"]));
    let name = object::name(object);
    if live.is_none() && name != format!("{plural}.{group}") {
        let detail = "must be spec.names.plural+\".\"+spec.group";
        errors.push(FieldError::invalid("metadata.name", name, detail));
    }
    if group.is_empty() {
        errors.push(FieldError::required("spec.group", ""));
    } else if let Some(problem) = joined(&names::subdomain(group)) {
        errors.push(FieldError::invalid("spec.group", group, problem));
    }
    for field in ["plural", "singular", "kind", "listKind"] {
        let path = format!("spec.names.{field}");
        let value = text_at(object, &["spec", "names", field]);
        if value.is_empty() {
            errors.push(FieldError::required(path, ""));
            continue;
        }
        // Only the names of kinds may have upper case.
        let (checked, start) = match field {
            "kind" | "listKind" => (value.to_lowercase(), "may have mixed case, but should otherwise match: "),
            _ => (value.to_owned(), ""),
        };
        if let Some(problem) = joined(&names::rfc1035_label(&checked)).filter(|_| live.is_none()) {
            errors.push(FieldError::invalid(path, value, format!("{start}{problem}")));
        }
    }
    for field in ["shortNames", "categories"] {
        for (position, name) in object::texts(at(object, &["spec", "names", field])).iter().enumerate() {
            if let Some(problem) = joined(&names::rfc1035_label(name)) {
                let path = format!("spec.names.{field}[{position}]");
                errors.push(FieldError::invalid(path, name.as_str(), problem));
            }
        }
    }
    match text_at(object, &["spec", "scope"]) {
        "Namespaced" | "Cluster" => {}
        "" => errors.push(FieldError::required("spec.scope", "")),
        other => errors.push(FieldError::not_supported("spec.scope", other, &["Cluster", "Namespaced"])),
    }
    if at(object, &["spec", "preserveUnknownFields"]) == Some(&json!(true)) {
        let detail =
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        errors.push(FieldError::invalid("spec.preserveUnknownFields", true, detail));
    }
    check_versions(object, live.is_none(), &mut errors);
    for path in
        [["spec", "group"].as_slice(), &["spec", "names", "plural"], &["spec", "scope"], &["spec", "names", "kind"]]
    {
        if live.is_some_and(|live| at(live, path) != at(object, path)) {
            let value = at(object, path).cloned().unwrap_or_default();
            errors.push(FieldError::invalid(path.join("."), value, "field is immutable"));
        }
    }
    errors
}

/// Problems as one text.
fn joined(problems: &[String]) -> Option<String> {
    (!problems.is_empty()).then(|| problems.join(","))
}

fn check_versions(object: &Value, is_new: bool, errors: &mut Vec<FieldError>) {
    let all: Vec<&Value> = versions(object).collect();
    let listed = at(object, &["spec", "versions"]).cloned().unwrap_or_default();
    if all.iter().filter(|version| version.get("storage") == Some(&json!(true))).count() != 1 {
        let detail = "must have exactly one version marked as storage version";
        errors.push(FieldError::invalid("spec.versions", listed.clone(), detail));
        if is_new {
            let detail = "must have the storage version";
            errors.push(FieldError::invalid("status.storedVersions", json!([]), detail));
        }
    }
    let mut seen = HashSet::new();
    for (position, version) in all.iter().enumerate() {
        let name = text_at(version, &["name"]);
        if let Some(problem) = joined(&names::rfc1035_label(name)) {
            if position == 0 {
                errors.push(FieldError::invalid("spec.version", name, problem.as_str()));
            }
            errors.push(FieldError::invalid(format!("spec.versions[{position}].name"), name, problem));
        }
        if !seen.insert(name) {
            let detail = "must contain unique version names";
            errors.push(FieldError::invalid("spec.versions", listed.clone(), detail));
        }
    }
    let stored = object::texts(at(object, &["status", "storedVersions"]));
    for (position, stored) in stored.iter().enumerate().filter(|(_, stored)| !is_new && !seen.contains(stored.as_str()))
    {
        let detail = "must appear in spec.versions";
        errors.push(FieldError::invalid(format!("status.storedVersions[{position}]"), stored.as_str(), detail));
    }
    let schemas: Vec<Option<&Value>> = all.iter().map(|version| at(version, &["schema", "openAPIV3Schema"])).collect();
    // What all versions have in common is checked once, under the name that it had in an older form.
    let alike = schemas.windows(2).all(|pair| pair.first() == pair.last());
    for (position, schema) in schemas.into_iter().enumerate() {
        let own = format!("spec.versions[{position}].schema.openAPIV3Schema");
        let Some(schema) = schema else {
            errors.push(FieldError::required(own, "schemas are required"));
            continue;
        };
        if alike && position > 0 {
            continue;
        }
        let path = if alike { "spec.validation.openAPIV3Schema" } else { own.as_str() };
        let kind = text_at(schema, &["type"]);
        if !matches!(kind, "" | "object") {
            errors.push(FieldError::invalid(format!("{path}.type"), kind, "must be object at the root"));
        }
        structural(schema, path, errors);
    }
}

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];

/// A schema says of every field what it is.
fn structural(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let is = |field: &str| schema.get(field) == Some(&json!(true));
    let kind = text_at(schema, &["type"]);
    if kind.is_empty() {
        if !is("x-kubernetes-int-or-string") && !is("x-kubernetes-preserve-unknown-fields") {
            let detail = "must not be empty for specified object fields";
            errors.push(FieldError::required(format!("{path}.type"), detail));
        }
    } else if !TYPES.contains(&kind) {
        errors.push(FieldError::not_supported(format!("{path}.type"), kind, &TYPES));
    } else if kind == "array" && schema.get("items").is_none() {
        errors.push(FieldError::required(format!("{path}.items"), "must be specified"));
    }
    if let Some(default) = at(schema, &["default"]).filter(|default| !kind.is_empty() && !has_type(default, kind)) {
        let detail = format!("must be of type {kind}");
        let mut error = FieldError::invalid(format!("{path}.default"), default.clone(), detail);
        error.kind = FieldProblem::TypeInvalid;
        errors.push(error);
    }
    match text_at(schema, &["x-kubernetes-list-type"]) {
        "" | "atomic" | "set" => {}
        "map" => {
            if at(schema, &["x-kubernetes-list-map-keys"]).is_none() {
                let detail = "must not be empty if x-kubernetes-list-type is map";
                errors.push(FieldError::required(format!("{path}.x-kubernetes-list-map-keys"), detail));
            }
        }
        other => {
            let field = format!("{path}.x-kubernetes-list-type");
            errors.push(FieldError::not_supported(field, other, &["atomic", "map", "set"]));
        }
    }
    errors.extend(rules::definition_errors(schema, path));
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        structural(property, &format!("{path}.properties[{name}]"), errors);
    }
    for field in ["items", "additionalProperties"] {
        if let Some(below) = schema.get(field).filter(|below| below.is_object()) {
            structural(below, &format!("{path}.{field}"), errors);
        }
    }
}
