//! Claims, volumes and storage classes.

use serde_json::{Value, json};

use super::immutable::shrinks;
use crate::error::FieldError;
use crate::object::{at, remove_at, text_at};
use crate::quantity::Quantity;

const ACCESS_MODES: [&str; 4] = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"];

/// Checks the spec of a claim at a path.
pub(super) fn check(object: &Value, path: &[&str], shown: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let empty = Value::Null;
    let spec = at(object, path).unwrap_or(&empty);
    let modes = at(spec, &["accessModes"]).and_then(Value::as_array).cloned().unwrap_or_default();
    if modes.is_empty() {
        errors.push(FieldError::required(format!("{shown}.accessModes"), "at least 1 access mode is required"));
    }
    for mode in &modes {
        if !mode.as_str().is_some_and(|mode| ACCESS_MODES.contains(&mode)) {
            errors.push(FieldError::not_supported(format!("{shown}.accessModes"), mode.clone(), &ACCESS_MODES));
        }
    }
    match at(spec, &["resources", "requests", "storage"]) {
        None => errors.push(FieldError::required(format!("{shown}.resources[storage]"), "")),
        Some(amount) => {
            let positive = Quantity::of(amount).is_some_and(|amount| !amount.is_negative() && !amount.is_zero());
            if !positive {
                errors.push(FieldError::invalid(
                    format!("{shown}.resources[storage]"),
                    amount.clone(),
                    "must be greater than zero",
                ));
            }
        }
    }
    let mode = text_at(spec, &["volumeMode"]);
    if !mode.is_empty() && !matches!(mode, "Filesystem" | "Block") {
        errors.push(FieldError::not_supported(format!("{shown}.volumeMode"), mode, &["Block", "Filesystem"]));
    }
    if let Some(class) = at(spec, &["storageClassName"]).and_then(Value::as_str).filter(|class| !class.is_empty()) {
        for problem in super::names::subdomain(class) {
            errors.push(FieldError::invalid(format!("{shown}.storageClassName"), class, problem));
        }
    }
    errors
}

/// What a change of a claim may not do, from `ValidatePersistentVolumeClaimUpdate`.
pub(super) fn update(live: &Value, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let bound = text_at(live, &["status", "phase"]) == "Bound";
    let storage = &["resources", "requests", "storage"];
    let strip = |object: &Value| {
        let mut spec = at(object, &["spec"]).cloned().unwrap_or_default();
        if bound {
            remove_at(&mut spec, storage);
            remove_at(&mut spec, &["volumeAttributesClassName"]);
        }
        if text_at(live, &["spec", "volumeName"]).is_empty() {
            remove_at(&mut spec, &["volumeName"]);
        }
        // A claim without a class may get one.
        if at(live, &["spec", "storageClassName"]).is_none() && at(live, &["spec", "volumeName"]).is_none() {
            remove_at(&mut spec, &["storageClassName"]);
        }
        spec
    };
    let (before, after) = (strip(live), strip(object));
    if before != after {
        let detail =
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        errors.push(FieldError::forbidden("spec", detail));
    }
    let storage = &["spec", "resources", "requests", "storage"];
    let (requested, wanted) = (at(live, storage), at(object, storage));
    let below_capacity = shrinks(at(live, &["status", "capacity", "storage"]), wanted);
    if bound && shrinks(requested, wanted) && (below_capacity || at(live, &["status", "capacity", "storage"]).is_none())
    {
        errors.push(FieldError::forbidden(
            "spec.resources.requests.storage",
            "field can not be less than status.capacity",
        ));
    }
    errors
}

pub(super) fn volume(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let modes = at(object, &["spec", "accessModes"]).and_then(Value::as_array);
    if modes.is_none_or(Vec::is_empty) {
        errors.push(FieldError::required("spec.accessModes", ""));
    }
    if at(object, &["spec", "capacity", "storage"]).is_none() {
        errors.push(FieldError::not_supported("spec.capacity", json!({}), &["storage"]));
    }
    let other = [
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
    let has_source = at(object, &["spec"])
        .and_then(Value::as_object)
        .is_some_and(|spec| spec.keys().any(|field| !other.contains(&field.as_str())));
    if !has_source {
        errors.push(FieldError::required("spec", "must specify a volume type"));
    }
    errors
}

pub(super) fn storage_class(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if text_at(object, &["provisioner"]).is_empty() {
        errors.push(FieldError::required("provisioner", ""));
    }
    let policy = text_at(object, &["reclaimPolicy"]);
    if !matches!(policy, "" | "Delete" | "Retain") {
        errors.push(FieldError::not_supported("reclaimPolicy", policy, &["Delete", "Retain"]));
    }
    let mode = text_at(object, &["volumeBindingMode"]);
    if !matches!(mode, "" | "Immediate" | "WaitForFirstConsumer") {
        errors.push(FieldError::not_supported("volumeBindingMode", mode, &["Immediate", "WaitForFirstConsumer"]));
    }
    errors
}
