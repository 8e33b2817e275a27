//! What of a pod can change.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/core/validation/validation.go` (`ValidatePodUpdate`).

use serde_json::Value;

use crate::field_error::FieldError;
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
    if !deadline(old, new, &mut errors) {
        return errors;
    }
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
        node_affinity(old, new, &mut errors);
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

/// A deadline may come and get nearer. Says whether anything else is looked at.
fn deadline(old: &Value, new: &Value, errors: &mut Vec<FieldError>) -> bool {
    let field = "spec.activeDeadlineSeconds";
    let number = |spec: &Value| at(spec, &["activeDeadlineSeconds"]).and_then(Value::as_i64);
    match (number(old), number(new)) {
        (Some(_), None) => {
            let detail = "must not update from a positive integer to nil value";
            errors.push(FieldError::invalid(field, Value::Null, detail));
        }
        (_, Some(after)) if !(0..=i64::from(i32::MAX)).contains(&after) => {
            let detail = format!("must be between 0 and {}, inclusive", i32::MAX);
            errors.push(FieldError::invalid(field, after, detail));
            return false;
        }
        (Some(before), Some(after)) if after > before => {
            errors.push(FieldError::invalid(field, after, "must be less than or equal to previous value"));
            return false;
        }
        _ => {}
    }
    true
}

/// What a pod that is held back requires of its node may get stricter, from `validateNodeAffinityMutation`.
fn node_affinity(old: &Value, new: &Value, errors: &mut Vec<FieldError>) {
    let required = ["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"];
    let shown = format!("spec.{}", required.join("."));
    let terms = |spec: &Value| at(spec, &required).and_then(Value::as_array).cloned().unwrap_or_default();
    let (before, after) = (terms(old), terms(new));
    if !before.is_empty() && before.len() != after.len() {
        let detail = "no additions/deletions to non-empty NodeSelectorTerms list are allowed";
        errors.push(FieldError::invalid(shown, Value::from(after), detail));
        return;
    }
    for (position, (before, after)) in before.iter().zip(&after).enumerate() {
        let list = |term: &Value, list: &str| at(term, &[list]).and_then(Value::as_array).cloned().unwrap_or_default();
        let lists = ["matchExpressions", "matchFields"];
        let was_empty = lists.iter().all(|name| list(before, name).is_empty());
        let is_empty = lists.iter().all(|name| list(after, name).is_empty());
        let keeps = lists.iter().all(|name| list(after, name).starts_with(&list(before, name)));
        if !keeps || (was_empty && !is_empty) {
            let detail = "only additions are allowed (no mutations or deletions)";
            errors.push(FieldError::invalid(format!("{shown}[{position}]"), after.clone(), detail));
        }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_that_is_held_back_gets_a_stricter_place() {
        let of = |terms: Value| {
            let required = json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}});
            json!({"spec": {"schedulingGates": [{"name": "g"}], "affinity": {"nodeAffinity": required}}})
        };
        let (one, two) = (json!({"key": "a", "operator": "Exists"}), json!({"key": "b", "operator": "Exists"}));
        let live = of(json!([{"matchExpressions": [one]}]));
        for (terms, wrong) in [
            (json!([{"matchExpressions": [one, two]}]), 0),
            (json!([{"matchExpressions": [two]}]), 1),
            (json!([]), 1),
            (json!([{"matchExpressions": [one]}, {"matchExpressions": [two]}]), 1),
        ] {
            assert_eq!(update(&live, &of(terms.clone())).len(), wrong, "{terms}");
        }
    }

    #[test]
    fn a_deadline_that_goes_hides_other_changes() {
        let of = |seconds: i64, image: &str| json!({"spec": {"activeDeadlineSeconds": seconds, "hostname": image}});
        assert_eq!(update(&of(5, "a"), &of(4, "b")).len(), 1);
        assert_eq!(update(&of(5, "a"), &of(4, "a")).len(), 0);
        let errors = update(&of(5, "a"), &of(6, "b"));
        assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), ["spec.activeDeadlineSeconds"]);
    }
}
