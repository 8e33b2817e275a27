//! Quotas and limits of namespaces.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/core/validation/validation.go` (`ValidateResourceQuotaSpec`, `ValidateLimitRange`).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::rules::{Checks, is_whole};
use super::{items, names};
use crate::error::FieldError;
use crate::object::{self, at, text_at};
use crate::quantity::Quantity;

/// What a quota calls resources of pods.
pub(crate) const COMPUTE: [&str; 9] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
];

/// Resources of which there is a number of pieces.
const COUNTED: [&str; 9] = [
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];

const SCOPES: [&str; 7] = [
    "BestEffort",
    "CrossNamespacePodAffinity",
    "NotBestEffort",
    "NotTerminating",
    "PriorityClass",
    "Terminating",
    "VolumeAttributesClass",
];

/// Resources that a quota can name without a domain.
fn is_known(name: &str) -> bool {
    COMPUTE.contains(&name)
        || COUNTED.contains(&name)
        || name == "requests.storage"
        || name.trim_start_matches("requests.").starts_with("hugepages-")
}

/// Checks a ResourceQuota.
pub(super) fn quota(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let hard = at(object, &["spec", "hard"]).and_then(Value::as_object);
    for (name, amount) in hard.into_iter().flatten() {
        let path = format!("spec.hard[{name}]");
        errors.all(path.clone(), &json!(name), names::qualified_name(name));
        if !name.contains('/') && !is_known(name) {
            let detail = "must be a standard resource type or fully qualified";
            errors.push(FieldError::invalid(path.clone(), name.as_str(), detail));
            errors.push(FieldError::invalid(path.clone(), name.as_str(), "must be a standard resource for quota"));
        }
        if Quantity::of(amount).is_some_and(Quantity::is_negative) {
            errors.push(FieldError::invalid(path, amount.clone(), "must be greater than or equal to 0"));
        } else if COUNTED.contains(&name.as_str()) && !is_whole(amount) {
            errors.push(FieldError::invalid(path, amount.clone(), "must be an integer"));
        }
    }
    let scopes = object::texts(at(object, &["spec", "scopes"]));
    let value = at(object, &["spec", "scopes"]).cloned().unwrap_or_default();
    let mut refuse = |detail: &str| errors.push(FieldError::invalid("spec.scopes", value.clone(), detail));
    for scope in &scopes {
        let is_scope = SCOPES.contains(&scope.as_str());
        if !is_scope {
            refuse("unsupported scope");
        }
        for name in hard.into_iter().flatten().map(|(name, _)| name.as_str()) {
            let of_pods = name == "pods" || (scope != "BestEffort" && COMPUTE.contains(&name));
            if is_known(name) && is_scope && !of_pods {
                refuse("unsupported scope applied to resource");
            }
        }
    }
    for (_, requirement) in items(object, &["spec", "scopeSelector", "matchExpressions"], "") {
        // `validateScopedResourceSelectorRequirement`: the paths lack the positions there.
        let path = |field: &str| format!("spec.scopeSelector.matchExpressions.{field}");
        let scope = text_at(requirement, &["scopeName"]);
        if !SCOPES.contains(&scope) {
            errors.push(FieldError::invalid(path("scopeName"), scope, "unsupported scope"));
        }
        let values = object::texts(at(requirement, &["values"]));
        match text_at(requirement, &["operator"]) {
            "In" | "NotIn" if values.is_empty() => {
                let detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
                errors.push(FieldError::required(path("values"), detail));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let detail = "must be no value when `operator` is 'Exists' or 'DoesNotExist' for scope selector";
                errors.push(FieldError::invalid(path("values"), json!(values), detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => errors.push(FieldError::invalid(path("operator"), other, "not a valid selector operator")),
        }
    }
    let mut refuse = |detail: &str| errors.push(FieldError::invalid("spec.scopes", value.clone(), detail));
    for pair in [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]] {
        if pair.iter().all(|scope| scopes.iter().any(|found| found == scope)) {
            refuse("conflicting scopes");
        }
    }
    errors
}

/// Parts of a limit of which the first may not be more than the second; the third is said to be wrong.
const ORDERS: [(&str, &str, &str); 6] = [
    ("min", "max", "min"),
    ("min", "defaultRequest", "defaultRequest"),
    ("defaultRequest", "max", "defaultRequest"),
    ("defaultRequest", "default", "defaultRequest"),
    ("min", "default", "default"),
    ("default", "max", "default"),
];

/// Checks a LimitRange.
pub(super) fn limit_range(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut seen = BTreeSet::new();
    for (path, limit) in items(object, &["spec", "limits"], "spec.limits") {
        let kind = text_at(limit, &["type"]);
        errors.all(format!("{path}.type"), &json!(kind), names::qualified_name(kind));
        if !kind.is_empty() && !kind.contains('/') && !matches!(kind, "Pod" | "Container" | "PersistentVolumeClaim") {
            let detail = "must be a standard limit type or fully qualified";
            errors.push(FieldError::invalid(format!("{path}.type"), kind, detail));
        }
        if !seen.insert(kind) {
            errors.push(FieldError::duplicate(format!("{path}.type"), kind));
        }
        let amounts = |part: &str| at(limit, &[part]).and_then(Value::as_object);
        for field in ["default", "defaultRequest"] {
            if kind == "Pod" && amounts(field).is_some_and(|amounts| !amounts.is_empty()) {
                let detail = "may not be specified when `type` is 'Pod'";
                errors.push(FieldError::forbidden(format!("{path}.{field}"), detail));
            }
        }
        let amount = |part: &str, name: &str| amounts(part)?.get(name).and_then(Quantity::of);
        if kind == "PersistentVolumeClaim" && amount("min", "storage").or(amount("max", "storage")).is_none() {
            let detail = "either minimum or maximum storage value is required, but neither was provided";
            errors.push(FieldError::required(format!("{path}.limits"), detail));
        }
        let parts = ["min", "max", "default", "defaultRequest"];
        let names: BTreeSet<&String> =
            parts.iter().filter_map(|part| amounts(part)).flat_map(|amounts| amounts.keys()).collect();
        for name in names {
            for (less, more, wrong) in ORDERS {
                let of_pod = kind == "Pod" && (less.starts_with("default") || more.starts_with("default"));
                if let (Some(low), Some(high)) = (amount(less, name), amount(more, name))
                    && low > high
                    && !of_pod
                {
                    let (low, high) = (low.canonical(), high.canonical());
                    let detail = format!("{less} value {low} is greater than {more} value {high}");
                    errors.push(FieldError::invalid(format!("{path}.{wrong}[{name}]"), low, detail));
                }
            }
        }
    }
    errors
}
