//! Which objects a quota counts.
//!
//! From `k8s.io/kubernetes`, `pkg/quota/v1/evaluator/core/{pods.go,persistent_volume_claims.go}` and `k8s.io/apiserver`,
//! `pkg/quota/v1/generic/evaluator.go`.

use holm_validation::quality_of_service;
use serde_json::Value;

use crate::object::{self, at, text_at};

/// Whether all scopes of a quota hold for an object. A kind that knows no scopes is in none.
pub(super) fn matches(quota: &Value, resource: &str, object: &Value) -> bool {
    let scopes = object::texts(at(quota, &["spec", "scopes"]));
    let selector = at(quota, &["spec", "scopeSelector", "matchExpressions"]).and_then(Value::as_array);
    scopes.iter().all(|scope| holds(resource, scope, "Exists", &[], object))
        && selector.into_iter().flatten().all(|requirement| {
            let values = object::texts(at(requirement, &["values"]));
            let [scope, operator] = ["scopeName", "operator"].map(|field| text_at(requirement, &[field]));
            holds(resource, scope, operator, &values, object)
        })
}

fn holds(resource: &str, scope: &str, operator: &str, values: &[String], object: &Value) -> bool {
    match (resource, scope) {
        ("pods", "Terminating") => has_deadline(object),
        ("pods", "NotTerminating") => !has_deadline(object),
        ("pods", "BestEffort") => quality_of_service(object) == "BestEffort",
        ("pods", "NotBestEffort") => quality_of_service(object) != "BestEffort",
        ("pods", "PriorityClass") => is_met(&[text_at(object, &["spec", "priorityClassName"])], operator, values),
        ("pods", "CrossNamespacePodAffinity") => reaches_other_namespaces(object),
        ("persistentvolumeclaims", "VolumeAttributesClass") => {
            let classes: [&[&str]; 3] = [
                &["spec", "volumeAttributesClassName"],
                &["status", "currentVolumeAttributesClassName"],
                &["status", "modifyVolumeStatus", "targetVolumeAttributesClassName"],
            ];
            is_met(&classes.map(|path| text_at(object, path)), operator, values)
        }
        _ => false,
    }
}

/// Whether one of the names that an object has meets a requirement; an empty one is none.
fn is_met(names: &[&str], operator: &str, values: &[String]) -> bool {
    let mut names = names.iter().filter(|name| !name.is_empty()).peekable();
    match operator {
        "Exists" => names.peek().is_some(),
        "In" => names.any(|name| values.iter().any(|value| value == name)),
        "NotIn" => names.peek().is_none() || names.any(|name| values.iter().all(|value| value != name)),
        "DoesNotExist" => names.peek().is_none(),
        _ => false,
    }
}

/// Whether a pod is to end after a time: such pods are called terminating.
pub(super) fn has_deadline(pod: &Value) -> bool {
    at(pod, &["spec", "activeDeadlineSeconds"]).and_then(Value::as_i64).is_some_and(|seconds| seconds >= 0)
}

fn reaches_other_namespaces(pod: &Value) -> bool {
    let list = |kind: &str, when: &str| at(pod, &["spec", "affinity", kind, when]).and_then(Value::as_array).cloned();
    let reaches = |term: &Value| {
        at(term, &["namespaceSelector"]).is_some() || !object::texts(at(term, &["namespaces"])).is_empty()
    };
    ["podAffinity", "podAntiAffinity"].into_iter().any(|kind| {
        let required = list(kind, "requiredDuringSchedulingIgnoredDuringExecution").unwrap_or_default();
        let preferred = list(kind, "preferredDuringSchedulingIgnoredDuringExecution").unwrap_or_default();
        required.iter().any(reaches)
            || preferred.iter().filter_map(|weighted| weighted.get("podAffinityTerm")).any(reaches)
    })
}
