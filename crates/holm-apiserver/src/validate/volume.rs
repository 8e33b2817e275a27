//! Volumes and storage classes.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/core/validation/validation.go` (`ValidatePersistentVolumeSpec`) and
//! `pkg/apis/storage/validation/validation.go`.

use serde_json::{Value, json};

use super::claim::ACCESS_MODES;
use super::rules::Checks;
use super::{items, names, pod};
use crate::error::FieldError;
use crate::object::{at, text_at};
use crate::quantity::Quantity;

/// Fields of a volume's spec that are not its source.
pub(super) const NOT_SOURCE: &[&str] = &[
    "capacity",
    "accessModes",
    "claimRef",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "mountOptions",
    "volumeMode",
    "nodeAffinity",
    "volumeAttributesClassName",
];

/// Checks a volume.
pub(super) fn volume(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let empty = Value::Null;
    let spec = at(object, &["spec"]).unwrap_or(&empty);
    errors.has_items(spec, "accessModes", "spec");
    for (_, mode) in items(spec, &["accessModes"], "") {
        if !mode.as_str().is_some_and(|mode| ACCESS_MODES.contains(&mode)) {
            errors.push(FieldError::not_supported("spec.accessModes", mode.clone(), &ACCESS_MODES));
        }
    }
    let capacity = at(spec, &["capacity"]).and_then(Value::as_object).cloned().unwrap_or_default();
    if capacity.is_empty() {
        errors.push(FieldError::required("spec.capacity", ""));
    }
    if capacity.len() != 1 || !capacity.contains_key("storage") {
        errors.push(FieldError::not_supported("spec.capacity", json!(capacity), &["storage"]));
    }
    for (name, amount) in &capacity {
        let read = Quantity::of(amount);
        if read.is_some_and(Quantity::is_negative) {
            let detail = "must be greater than or equal to 0";
            errors.push(FieldError::invalid(format!("spec.capacity[{name}]"), amount.clone(), detail));
        }
        if read.is_some_and(|amount| amount.is_negative() || amount.is_zero()) {
            let detail = "must be greater than zero";
            errors.push(FieldError::invalid(format!("spec.capacity[{name}]"), amount.clone(), detail));
        }
    }
    errors.one_of(spec, "persistentVolumeReclaimPolicy", "spec", &["Delete", "Recycle", "Retain"]);
    errors.one_of(spec, "volumeMode", "spec", &["Block", "Filesystem"]);
    errors.text_unless_empty(spec, "storageClassName", "spec", names::subdomain);
    if let Some(required) = at(spec, &["nodeAffinity", "required"]) {
        pod::node_selector(required, "spec.nodeAffinity.required", &mut errors);
    }
    source(spec, &mut errors);
    errors
}

fn source(spec: &Value, errors: &mut Vec<FieldError>) {
    let fields = spec.as_object().into_iter().flatten().map(|(field, _)| field.as_str());
    let sources: Vec<&str> = fields.filter(|field| !NOT_SOURCE.contains(field)).collect();
    if sources.is_empty() {
        errors.push(FieldError::required("spec", "must specify a volume type"));
    }
    for other in sources.iter().skip(1) {
        errors.push(FieldError::forbidden(format!("spec.{other}"), "may not specify more than 1 volume type"));
    }
    let Some(kind) = sources.first() else { return };
    let source = at(spec, &[kind]).cloned().unwrap_or_default();
    let path = format!("spec.{kind}");
    match *kind {
        "hostPath" => {
            pod::host_path(&source, &path, errors);
            let root = text_at(&source, &["path"]) == "/";
            if root && text_at(spec, &["persistentVolumeReclaimPolicy"]) == "Recycle" {
                let detail = "may not be 'recycle' for a hostPath mount of '/'";
                errors.push(FieldError::forbidden("spec.persistentVolumeReclaimPolicy", detail));
            }
        }
        "nfs" => pod::network_share(&source, &path, errors),
        "local" => {
            errors.filled(&source, "path", &path);
            if at(spec, &["nodeAffinity"]).is_none() {
                errors.push(FieldError::required("spec.nodeAffinity", "Local volume requires node affinity"));
            }
        }
        "csi" => {
            errors.filled(&source, "driver", &path);
            errors.filled(&source, "volumeHandle", &path);
        }
        _ => {}
    }
}

/// Checks a storage class.
pub(super) fn storage_class(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let provisioner = text_at(object, &["provisioner"]);
    if errors.filled(object, "provisioner", "") {
        let problems = names::qualified_name(&provisioner.to_lowercase());
        errors.all("provisioner".to_owned(), &json!(provisioner), problems);
    }
    for (key, _) in at(object, &["parameters"]).and_then(Value::as_object).into_iter().flatten() {
        if key.is_empty() {
            errors.push(FieldError::invalid("parameters", key.as_str(), "field can not be empty."));
        }
    }
    if !text_at(object, &["reclaimPolicy"]).is_empty() {
        errors.one_of(object, "reclaimPolicy", "", &["Delete", "Retain"]);
    }
    errors.one_of(object, "volumeBindingMode", "", &["Immediate", "WaitForFirstConsumer"]);
    for (path, term) in items(object, &["allowedTopologies"], "allowedTopologies") {
        let list = format!("{path}.matchLabelExpressions");
        let mut any = false;
        for (path, expression) in items(term, &["matchLabelExpressions"], &list) {
            any = true;
            errors.has_items(expression, "values", &path);
            let values = crate::object::texts(at(expression, &["values"]));
            for (position, value) in values.iter().enumerate() {
                if values.iter().take(position).any(|other| other == value) {
                    errors.push(FieldError::duplicate(format!("{path}.values[{position}]"), value.as_str()));
                }
            }
            let key = text_at(expression, &["key"]);
            errors.all(format!("{path}.key"), &json!(key), names::qualified_name(key));
        }
        if !any {
            // An empty term counts as a repetition of nothing.
            errors.push(FieldError::duplicate(list, ""));
        }
    }
    errors
}
