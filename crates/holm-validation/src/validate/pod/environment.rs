//! The environment of containers, and references to fields of their pods.

use holm_values::{Quantity, names};
use serde_json::{Value, json};

use crate::field_error::FieldError;
use crate::object::{at, text_at};
use crate::validate::items;
use crate::validate::rules::{Checks, no_backstep};

/// Fields of a pod that a variable can hold.
const FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

/// Fields of a pod that have names at all, from `ConvertDownwardAPIFieldLabel`.
const LABELLED_FIELDS: [&str; 5] =
    ["metadata.annotations", "metadata.labels", "spec.restartPolicy", "spec.schedulerName", "status.phase"];

/// Resources of a container that a variable or file can hold.
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

/// From `ValidateEnv` and `ValidateEnvFrom`.
pub(super) fn check(container: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for (path, variable) in items(container, &["env"], &format!("{path}.env")) {
        if errors.filled(variable, "name", &path) {
            errors.text(variable, "name", &path, names::environment_variable);
        }
        if let Some(source) = at(variable, &["valueFrom"]) {
            variable_source(variable, source, &format!("{path}.valueFrom"), errors);
        }
    }
    let shown = format!("{path}.envFrom");
    for (path, source) in items(container, &["envFrom"], &shown) {
        errors.text_unless_empty(source, "prefix", &path, names::environment_variable);
        let kinds = ["configMapRef", "secretRef"].into_iter().filter(|kind| at(source, &[kind]).is_some());
        let kinds: Vec<&str> = kinds.collect();
        for kind in &kinds {
            let reference = at(source, &[kind]).cloned().unwrap_or_default();
            let path = format!("{path}.{kind}");
            if errors.filled(&reference, "name", &path) {
                errors.text(&reference, "name", &path, names::subdomain);
            }
        }
        if kinds.len() != 1 {
            let detail = if kinds.is_empty() {
                "must specify one of: `configMapRef` or `secretRef`"
            } else {
                "may not have more than one field specified at a time"
            };
            errors.push(FieldError::invalid(shown.clone(), "", detail));
        }
    }
}

/// From `validateEnvVarValueFrom`.
fn variable_source(variable: &Value, source: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let kinds = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"];
    let kinds: Vec<&str> = kinds.into_iter().filter(|kind| at(source, &[kind]).is_some()).collect();
    let detail = if kinds.is_empty() {
        "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
    } else if !text_at(variable, &["value"]).is_empty() {
        "may not be specified when `value` is not empty"
    } else if kinds.len() > 1 {
        "may not have more than one field specified at a time"
    } else {
        ""
    };
    if !detail.is_empty() {
        errors.push(FieldError::invalid(path, "", detail));
    }
    for kind in kinds {
        let reference = at(source, &[kind]).cloned().unwrap_or_default();
        let path = format!("{path}.{kind}");
        match kind {
            "fieldRef" => field_reference(&reference, &path, &FIELDS, errors),
            "resourceFieldRef" => resource_reference(&reference, &path, false, errors),
            "fileKeyRef" => file_reference(&reference, &path, errors),
            _ => {
                let name = text_at(&reference, &["name"]);
                errors.all(format!("{path}.name"), &json!(name), names::subdomain(name));
                if errors.filled(&reference, "key", &path) {
                    errors.text(&reference, "key", &path, names::config_key);
                }
            }
        }
    }
}

/// A reference to a variable in a file, from `validateFileKeySelector`.
fn file_reference(reference: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for field in ["key", "volumeName", "path"] {
        if errors.filled(reference, field, path) {
            let syntax = match field {
                "key" => names::environment_variable,
                "volumeName" => names::label,
                _ => no_backstep,
            };
            errors.text(reference, field, path, syntax);
        }
    }
}

/// What references to files say of the volumes of their pod, from `validateFileKeyRefVolumes`.
pub(super) fn files(container: &Value, path: &str, spec: &Value, errors: &mut Vec<FieldError>) {
    for (path, variable) in items(container, &["env"], &format!("{path}.env")) {
        let Some(reference) = at(variable, &["valueFrom", "fileKeyRef"]) else { continue };
        let name = text_at(reference, &["volumeName"]);
        let path = format!("{path}.valueFrom.fileKeyRef.volumeName");
        // Of volumes with the same name the last one counts.
        match items(spec, &["volumes"], "").filter(|(_, volume)| text_at(volume, &["name"]) == name).last() {
            None => errors.push(FieldError::not_found(path, name)),
            Some((_, volume)) if at(volume, &["emptyDir"]).is_none() => {
                errors.push(FieldError::invalid(path, name, "referenced volume must be of type emptyDir"));
            }
            Some(_) => {}
        }
    }
}

/// A reference to a field of the pod, from `validateObjectFieldSelector`, which tells one problem.
pub(super) fn field_reference(reference: &Value, path: &str, allowed: &[&str], errors: &mut Vec<FieldError>) {
    if !errors.filled(reference, "apiVersion", path) || !errors.filled(reference, "fieldPath", path) {
        return;
    }
    let (version, field) = (text_at(reference, &["apiVersion"]), text_at(reference, &["fieldPath"]));
    // The node has an older name.
    let known = if field == "spec.host" { "spec.nodeName" } else { field };
    let subscripted = field.strip_suffix("']").and_then(|field| field.split_once("['"));
    let problem = match subscripted.filter(|(field, _)| !field.is_empty()) {
        _ if version != "v1" => format!("unsupported pod version: {version}"),
        Some((field @ ("metadata.labels" | "metadata.annotations"), key)) => {
            let key = if field.ends_with("labels") { key.to_owned() } else { key.to_lowercase() };
            errors.all(path.to_owned(), &json!(key), names::label_key(&key));
            return;
        }
        Some(_) => format!("field label does not support subscript: {field}"),
        None if !FIELDS.contains(&known) && !LABELLED_FIELDS.contains(&known) => {
            format!("field label not supported: {field}")
        }
        None => {
            if !allowed.contains(&known) {
                errors.push(FieldError::not_supported(format!("{path}.fieldPath"), known, allowed));
            }
            return;
        }
    };
    let detail = format!("error converting fieldPath: {problem}");
    errors.push(FieldError::invalid(format!("{path}.fieldPath"), field, detail));
}

/// A reference to a resource of a container, from `validateContainerResourceFieldSelector` and `validateContainerResourceDivisor`.
pub(super) fn resource_reference(reference: &Value, path: &str, of_volume: bool, errors: &mut Vec<FieldError>) {
    let resource = text_at(reference, &["resource"]);
    let pages = resource.starts_with("limits.hugepages-") || resource.starts_with("requests.hugepages-");
    let known = pages || RESOURCES.contains(&resource);
    let is_named = !of_volume || errors.filled(reference, "containerName", path);
    if is_named && errors.filled(reference, "resource", path) && !known {
        errors.push(FieldError::not_supported(format!("{path}.resource"), resource, &RESOURCES));
    }
    let divisor =
        at(reference, &["divisor"]).and_then(Quantity::of).map(|amount| amount.to_string()).unwrap_or_default();
    let (allowed, detail): (&[&str], _) = if resource.ends_with(".cpu") {
        (&["1m", "1"], "only divisor's values 1m and 1 are supported with the cpu resource".to_owned())
    } else {
        let what = match resource.split_once('.') {
            Some((_, "memory")) => "memory",
            Some((_, "ephemeral-storage")) => "local ephemeral storage",
            _ => "hugepages",
        };
        let allowed = &["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];
        (allowed, format!("only divisor's values {} are supported with the {what} resource", allowed.join(", ")))
    };
    if known && !matches!(divisor.as_str(), "" | "0") && !allowed.contains(&divisor.as_str()) {
        errors.push(FieldError::invalid(format!("{path}.divisor"), resource, detail));
    }
}
