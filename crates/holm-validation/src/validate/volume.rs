//! Volumes and storage classes.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/core/validation/validation.go` (`ValidatePersistentVolumeSpec`) and
//! `pkg/apis/storage/validation/validation.go`.

use std::collections::{BTreeMap, BTreeSet};

use holm_values::{Quantity, names};
use serde_json::{Value, json};

use super::claim::ACCESS_MODES;
use super::rules::Checks;
use super::{items, pod};
use crate::field_error::FieldError;
use crate::object::{at, text_at};

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

/// The most parameters of a class, and the most bytes of all of them.
const MAX_PARAMETERS: usize = 512;
const MAX_PARAMETERS_SIZE: usize = 256 * 1024;

/// Checks a storage class.
pub(super) fn storage_class(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let provisioner = text_at(object, &["provisioner"]);
    if errors.filled(object, "provisioner", "") {
        let problems = names::label_key(&provisioner.to_lowercase());
        errors.all("provisioner".to_owned(), &json!(provisioner), problems);
    }
    let parameters = at(object, &["parameters"]).and_then(Value::as_object);
    if parameters.is_some_and(|parameters| parameters.len() > MAX_PARAMETERS) {
        errors.push(FieldError::too_long("parameters", MAX_PARAMETERS));
    } else {
        let size = |(key, value): (&String, &Value)| key.len() + value.as_str().map_or(0, str::len);
        if parameters.into_iter().flatten().map(size).sum::<usize>() > MAX_PARAMETERS_SIZE {
            errors.push(FieldError::too_long("parameters", MAX_PARAMETERS_SIZE));
        }
        if parameters.is_some_and(|parameters| parameters.contains_key("")) {
            errors.push(FieldError::invalid("parameters", "", "field can not be empty."));
        }
    }
    if !text_at(object, &["reclaimPolicy"]).is_empty() {
        errors.one_of(object, "reclaimPolicy", "", &["Delete", "Retain"]);
    }
    errors.one_of(object, "volumeBindingMode", "", &["Immediate", "WaitForFirstConsumer"]);
    topologies(object, &mut errors);
    errors
}

/// From `validateAllowedTopologies`. The terms are compared with as many empty ones as there are terms, and with those before them.
fn topologies(object: &Value, errors: &mut Vec<FieldError>) {
    let count = items(object, &["allowedTopologies"], "").count();
    let mut seen: Vec<BTreeMap<&str, BTreeSet<String>>> = vec![BTreeMap::new(); count];
    for (path, term) in items(object, &["allowedTopologies"], "allowedTopologies") {
        let list = format!("{path}.matchLabelExpressions");
        let mut values_by_key = BTreeMap::new();
        for (path, expression) in items(term, &["matchLabelExpressions"], &list) {
            errors.has_items(expression, "values", &path);
            let mut values = BTreeSet::new();
            for (position, value) in crate::object::texts(at(expression, &["values"])).into_iter().enumerate() {
                if values.contains(&value) {
                    errors.push(FieldError::duplicate(format!("{path}.values[{position}]"), value.as_str()));
                }
                values.insert(value);
            }
            let key = text_at(expression, &["key"]);
            errors.all(format!("{path}.key"), &json!(key), names::label_key(key));
            if values_by_key.insert(key, values).is_some() {
                errors.push(FieldError::duplicate(format!("{path}.key"), key));
            }
        }
        if seen.contains(&values_by_key) {
            errors.push(FieldError::duplicate(list, ""));
        }
        seen.push(values_by_key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_of_a_topology_are_different_and_not_empty() {
        let term = |key: &str, values: &[&str]| json!({"matchLabelExpressions": [{"key": key, "values": values}]});
        for (terms, wrong) in [
            (json!([term("a", &["x"]), term("b", &["x"])]), vec![]),
            (json!([term("a", &["x", "y"]), term("a", &["y", "x"])]), vec!["[1].matchLabelExpressions"]),
            (json!([{}]), vec!["[0].matchLabelExpressions"]),
            (
                json!([{"matchLabelExpressions": [{"key": "a", "values": ["x"]}, {"key": "a", "values": ["y"]}]}]),
                vec!["[0].matchLabelExpressions[1].key"],
            ),
        ] {
            let mut errors = Vec::new();
            topologies(&json!({"allowedTopologies": terms}), &mut errors);
            let fields: Vec<&str> =
                errors.iter().map(|error| error.field.trim_start_matches("allowedTopologies")).collect();
            assert_eq!(fields, wrong, "{terms}");
        }
    }
}
