//! What of a pod can change.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/core/validation/validation.go` (`ValidatePodUpdate`).

use serde_json::Value;

use crate::error::FieldError;
use crate::object::{at, copy_at, remove_at, text_at};
use crate::validate::items;

/// Checks a change: what may change in the spec is made equal in both before they are compared.
pub(in crate::validate) fn update(live: &Value, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let empty = Value::Null;
    let (old, new) = (at(live, &["spec"]).unwrap_or(&empty), at(object, &["spec"]).unwrap_or(&empty));
    for list in ["containers", "initContainers"] {
        if items(old, &[list], "").count() != items(new, &[list], "").count() {
            let detail = "pod updates may not add or remove containers";
            errors.push(FieldError::forbidden(format!("spec.{list}"), detail));
            return errors;
        }
    }
    deadline(old, new, &mut errors);
    tolerations(old, new, &mut errors);
    let gates: Vec<&Value> = items(old, &["schedulingGates"], "").map(|(_, gate)| gate).collect();
    for (path, gate) in items(new, &["schedulingGates"], "spec.schedulingGates") {
        if !gates.contains(&gate) {
            let detail = "only deletion is allowed, but found new scheduling gate";
            errors.push(FieldError::forbidden(format!("{path}.name"), detail));
        }
    }
    let (mut before, mut after) = (strip(old), strip(new));
    // A pod that is bound to its node is bound through its subresource, which this server writes through the pod.
    if text_at(old, &["nodeName"]).is_empty() {
        copy_at(&after, &mut before, &["nodeName"]);
    }
    let grace = ["terminationGracePeriodSeconds"];
    let was_negative = at(old, &grace).and_then(Value::as_i64).is_some_and(|seconds| seconds < 0);
    if was_negative && at(new, &grace).and_then(Value::as_i64) == Some(1) {
        copy_at(&before, &mut after, &grace);
    }
    if !gates.is_empty() {
        // A pod that is held back may still be told where to run, though nothing that it was told may go.
        let kept = at(old, &["nodeSelector"]).and_then(Value::as_object);
        let keeps = kept.into_iter().flatten().all(|(key, value)| at(new, &["nodeSelector", key]) == Some(value));
        if !keeps {
            let value = at(new, &["nodeSelector"]).cloned().unwrap_or_default();
            let detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
            errors.push(FieldError::invalid("spec.nodeSelector", value, detail));
        }
        copy_at(&before, &mut after, &["nodeSelector"]);
        copy_at(&before, &mut after, &["affinity", "nodeAffinity"]);
        if at(&before, &["affinity"]).is_none() {
            remove_at(&mut after, &["affinity"]);
        }
    }
    if before != after {
        let detail = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,\
            `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),\
            `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        errors.push(FieldError::forbidden("spec", detail));
    }
    errors
}

fn strip(spec: &Value) -> Value {
    let mut spec = spec.clone();
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            remove_at(container, &["image"]);
        }
    }
    for field in ["activeDeadlineSeconds", "tolerations", "schedulingGates"] {
        remove_at(&mut spec, &[field]);
    }
    spec
}

/// A deadline may come and get nearer.
fn deadline(old: &Value, new: &Value, errors: &mut Vec<FieldError>) {
    let field = "spec.activeDeadlineSeconds";
    let number = |spec: &Value| at(spec, &["activeDeadlineSeconds"]).and_then(Value::as_i64);
    match (number(old), number(new)) {
        (Some(_), None) => {
            let detail = "must not update from a positive integer to nil value";
            errors.push(FieldError::invalid(field, Value::Null, detail));
        }
        (Some(before), Some(after)) if after > before => {
            errors.push(FieldError::invalid(field, after, "must be less than or equal to previous value"));
        }
        _ => {}
    }
}

/// Tolerations are only added, and their time may change.
fn tolerations(old: &Value, new: &Value, errors: &mut Vec<FieldError>) {
    let without_time = |toleration: &Value| {
        let mut toleration = toleration.clone();
        remove_at(&mut toleration, &["tolerationSeconds"]);
        toleration
    };
    let now: Vec<Value> = items(new, &["tolerations"], "").map(|(_, toleration)| without_time(toleration)).collect();
    if items(old, &["tolerations"], "").any(|(_, toleration)| !now.contains(&without_time(toleration))) {
        let detail = "existing toleration can not be modified except its tolerationSeconds";
        errors.push(FieldError::forbidden("spec.tolerations", detail));
    }
}
