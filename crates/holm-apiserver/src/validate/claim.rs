//! Claims.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/core/validation/validation.go`.

use serde_json::{Value, json};

use super::names;
use super::rules::Checks;
use crate::error::FieldError;
use crate::object::{at, remove_at, text_at};
use crate::quantity::Quantity;

pub(super) const ACCESS_MODES: [&str; 4] = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"];

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
    if modes.len() > 1 && modes.iter().any(|mode| mode == "ReadWriteOncePod") {
        let detail = "may not use ReadWriteOncePod with other access modes";
        errors.push(FieldError::forbidden(format!("{shown}.accessModes"), detail));
    }
    errors.selector(at(spec, &["selector"]), &format!("{shown}.selector"));
    for source in ["dataSource", "dataSourceRef"] {
        if let Some(found) = at(spec, &[source]) {
            errors.filled(found, "name", &format!("{shown}.{source}"));
            errors.filled(found, "kind", &format!("{shown}.{source}"));
            let kind = text_at(found, &["kind"]);
            if text_at(found, &["apiGroup"]).is_empty() && kind != "PersistentVolumeClaim" {
                let detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
                errors.push(FieldError::invalid(format!("{shown}.{source}"), kind, detail));
            }
        }
    }
    if let (Some(old), Some(new)) = (at(spec, &["dataSource"]), at(spec, &["dataSourceRef"]))
        && ["apiGroup", "kind", "name"].iter().any(|field| at(old, &[field]) != at(new, &[field]))
    {
        errors.push(FieldError::invalid(shown, "dataSource", "must match dataSourceRef"));
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
    errors.one_of(spec, "volumeMode", shown, &["Block", "Filesystem"]);
    if let Some(class) = at(spec, &["storageClassName"]).and_then(Value::as_str).filter(|class| !class.is_empty()) {
        for problem in names::subdomain(class) {
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
    if at(live, &["spec", "volumeMode"]) != at(object, &["spec", "volumeMode"]) {
        let value = at(object, &["spec", "volumeMode"]).cloned().unwrap_or_default();
        errors.push(FieldError::invalid("volumeMode", value, "field is immutable"));
    }
    let (before, after) = (strip(live), strip(object));
    if before != after {
        let detail =
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        errors.push(FieldError::forbidden("spec", detail));
    }
    let storage = &["spec", "resources", "requests", "storage"];
    // A size that is not there is none.
    let size = |object: &Value, path: &[&str]| at(object, path).and_then(Quantity::of);
    let smaller = |left: Option<Quantity>, right: Option<Quantity>| match (left, right) {
        (_, None) => false,
        (None, Some(right)) => Quantity::of(&json!(0)).is_some_and(|none| none < right),
        (Some(left), Some(right)) => left < right,
    };
    let (before, after) = (size(live, storage), size(object, storage));
    let capacity = size(live, &["status", "capacity", "storage"]);
    if smaller(after, before) && !smaller(capacity, after) {
        errors.push(FieldError::forbidden(
            "spec.resources.requests.storage",
            "field can not be less than status.capacity",
        ));
    }
    let mode = |object: &Value| at(object, &["spec", "volumeMode"]).cloned().unwrap_or_default();
    if mode(live) != mode(object) {
        errors.push(FieldError::invalid("volumeMode", mode(object), "field is immutable"));
    }
    errors
}
