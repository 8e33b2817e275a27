//! Quotas and limits of namespaces.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/core/validation/validation.go` (`ValidateResourceQuotaSpec`, `ValidateLimitRange`).

use std::collections::BTreeSet;

use holm_values::{Quantity, names};
use serde_json::{Value, json};

use super::rules::{Checks, is_whole};
use super::{items, resources};
use crate::field_error::FieldError;
use crate::object::{self, at, text_at};

const SCOPES: [&str; 7] = [
    "BestEffort",
    "CrossNamespacePodAffinity",
    "NotBestEffort",
    "NotTerminating",
    "PriorityClass",
    "Terminating",
    "VolumeAttributesClass",
];

/// Scopes of which one cannot be together with the other.
const OPPOSITES: [[&str; 2]; 2] = [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]];

/// Checks a ResourceQuota.
pub(super) fn quota(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    amounts(at(object, &["spec", "hard"]), "spec.hard", &mut errors);
    let hard = at(object, &["spec", "hard"]).and_then(Value::as_object);
    let names: Vec<&str> = hard.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let scopes = object::texts(at(object, &["spec", "scopes"]));
    let value = at(object, &["spec", "scopes"]).cloned().unwrap_or_default();
    let refuse = |detail: &str| FieldError::invalid("spec.scopes", value.clone(), detail);
    for scope in &scopes {
        if !SCOPES.contains(&scope.as_str()) {
            errors.push(refuse("unsupported scope"));
        }
        let wrong = names.iter().filter(|name| !is_in_scope(scope, name));
        errors.extend(wrong.map(|_| refuse("unsupported scope applied to resource")));
    }
    let conflicts =
        |scopes: &[&str]| OPPOSITES.iter().filter(|pair| pair.iter().all(|scope| scopes.contains(scope))).count();
    let listed: Vec<&str> = scopes.iter().map(String::as_str).collect();
    errors.extend((0..conflicts(&listed)).map(|_| refuse("conflicting scopes")));
    let mut selected = Vec::new();
    let selector = at(object, &["spec", "scopeSelector"]).cloned().unwrap_or_default();
    for (_, requirement) in items(&selector, &["matchExpressions"], "") {
        let scope = text_at(requirement, &["scopeName"]);
        scope_requirement(requirement, scope, &mut errors);
        let wrong = names.iter().filter(|name| !is_in_scope(scope, name));
        errors.extend(wrong.map(|_| {
            let detail = "unsupported scope applied to resource";
            FieldError::invalid("spec.scopeSelector.matchExpressions", selector.clone(), detail)
        }));
        selected.push(scope);
    }
    errors.extend((0..conflicts(&selected)).map(|_| {
        // The value that is shown is the list of scopes there too.
        FieldError::invalid("spec.scopeSelector.matchExpressions", value.clone(), "conflicting scopes")
    }));
    errors
}

/// The status, from `ValidateResourceQuotaStatusUpdate`.
pub(super) fn status(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for field in ["hard", "used"] {
        amounts(at(object, &["status", field]), &format!("status.{field}"), &mut errors);
    }
    errors
}

/// From `ValidateResourceQuotaResourceName` and `ValidateResourceQuantityValue`.
fn amounts(amounts: Option<&Value>, path: &str, errors: &mut Vec<FieldError>) {
    for (name, amount) in amounts.and_then(Value::as_object).into_iter().flatten() {
        let path = format!("{path}[{name}]");
        errors.all(path.clone(), &json!(name), resources::quota_name(name));
        if Quantity::of(amount).is_some_and(Quantity::is_negative) {
            errors.push(FieldError::invalid(path.clone(), amount.clone(), "must be greater than or equal to 0"));
        }
        if resources::is_counted(name) && !is_whole(amount) {
            errors.push(FieldError::invalid(path, amount.clone(), "must be an integer"));
        }
    }
}

/// Whether a resource can be limited for what is in a scope, from `IsResourceQuotaScopeValidForResource`; what is no resource or no
/// scope is told elsewhere.
fn is_in_scope(scope: &str, name: &str) -> bool {
    if !resources::is_of_quota(name) {
        return true;
    }
    match scope {
        "Terminating" | "NotTerminating" | "NotBestEffort" | "PriorityClass" | "CrossNamespacePodAffinity" => {
            name == "pods" || (resources::COMPUTE.contains(&name) && !name.ends_with("ephemeral-storage"))
        }
        "BestEffort" => name == "pods",
        "VolumeAttributesClass" => matches!(name, "persistentvolumeclaims" | "requests.storage"),
        _ => true,
    }
}

/// From `validateScopedResourceSelectorRequirement`: the paths lack the positions there.
fn scope_requirement(requirement: &Value, scope: &str, errors: &mut Vec<FieldError>) {
    let path = |field: &str| format!("spec.scopeSelector.matchExpressions.{field}");
    let operator = text_at(requirement, &["operator"]);
    if !SCOPES.contains(&scope) {
        errors.push(FieldError::invalid(path("scopeName"), scope, "unsupported scope"));
    }
    if SCOPES.contains(&scope) && !matches!(scope, "PriorityClass" | "VolumeAttributesClass") && operator != "Exists" {
        let detail = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, \
            ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
        errors.push(FieldError::invalid(path("operator"), operator, detail));
    }
    let values = object::texts(at(requirement, &["values"]));
    match operator {
        "In" | "NotIn" if values.is_empty() => {
            let detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
            errors.push(FieldError::required(path("values"), detail));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
            errors.push(FieldError::invalid(path("values"), json!(values), detail));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other => errors.push(FieldError::invalid(path("operator"), other, "not a valid selector operator")),
    }
}

/// Parts of a limit of which the first may not be more than the second; the third is said to be wrong, and the larger amount is shown where the last says so.
const ORDERS: [(&str, &str, &str, bool); 6] = [
    ("min", "max", "min", false),
    ("min", "defaultRequest", "defaultRequest", true),
    ("defaultRequest", "max", "defaultRequest", false),
    ("defaultRequest", "default", "defaultRequest", false),
    ("min", "default", "default", false),
    ("default", "max", "default", true),
];

/// Checks a LimitRange.
pub(super) fn limit_range(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut seen = BTreeSet::new();
    for (path, limit) in items(object, &["spec", "limits"], "spec.limits") {
        let kind = text_at(limit, &["type"]);
        let problems = names::label_key(kind);
        let is_standard = matches!(kind, "Pod" | "Container" | "PersistentVolumeClaim");
        if problems.is_empty() && !kind.contains('/') && !is_standard {
            let detail = "must be a standard limit type or fully qualified";
            errors.push(FieldError::invalid(format!("{path}.type"), kind, detail));
        }
        errors.all(format!("{path}.type"), &json!(kind), problems);
        if !seen.insert(kind) {
            errors.push(FieldError::duplicate(format!("{path}.type"), kind));
        }
        limit_amounts(limit, kind, &path, &mut errors);
    }
    errors
}

fn limit_amounts(limit: &Value, kind: &str, path: &str, errors: &mut Vec<FieldError>) {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for part in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
        let Some(amounts) = at(limit, &[part]).and_then(Value::as_object) else { continue };
        if kind == "Pod" && part.starts_with("default") {
            if !amounts.is_empty() {
                let detail = "may not be specified when `type` is 'Pod'";
                errors.push(FieldError::forbidden(format!("{path}.{part}"), detail));
            }
            continue;
        }
        for name in amounts.keys() {
            let of_container = matches!(kind, "Pod" | "Container");
            let problems = if of_container { resources::container_name(name) } else { resources::any_name(name) };
            errors.all(format!("{path}.{part}[{name}]"), &json!(name), problems);
            names.insert(name);
        }
    }
    let amount = |part: &str, name: &str| match kind {
        "Pod" if part.starts_with("default") => None,
        _ => at(limit, &[part])?.as_object()?.get(name).and_then(Quantity::of),
    };
    if kind == "PersistentVolumeClaim" && amount("min", "storage").or(amount("max", "storage")).is_none() {
        let detail = "either minimum or maximum storage value is required, but neither was provided";
        errors.push(FieldError::required(format!("{path}.limits"), detail));
    }
    for name in names {
        let mut refuse = |part: &str, value: Quantity, detail: String| {
            errors.push(FieldError::invalid(format!("{path}.{part}[{name}]"), value.to_string(), detail));
        };
        for (less, more, wrong, shows_larger) in ORDERS {
            if let (Some(low), Some(high)) = (amount(less, name), amount(more, name))
                && low > high
            {
                let words = |part| match part {
                    "defaultRequest" => "default request",
                    "default" if less == "defaultRequest" => "default limit",
                    part => part,
                };
                let detail = format!("{} value {low} is greater than {} value {high}", words(less), words(more));
                refuse(wrong, if shows_larger { high } else { low }, detail);
            }
        }
        if let Some(ratio) = amount("maxLimitRequestRatio", name) {
            if ratio < Quantity::whole(1) {
                refuse("maxLimitRequestRatio", ratio, format!("ratio {ratio} is less than 1"));
            }
            if let (Some(low), Some(high)) = (amount("min", name), amount("max", name))
                && ratio.to_f64() > high.to_f64() / low.to_f64()
            {
                let detail = format!("ratio {ratio} is greater than max/min");
                refuse("maxLimitRequestRatio", ratio, detail);
            }
        }
        if let (Some(limit), Some(request)) = (amount("default", name), amount("defaultRequest", name))
            && !resources::overcommits(name)
            && limit != request
        {
            let detail = format!("default value {limit} must equal to defaultRequest value {request} in {name}");
            refuse("defaultRequest", request, detail);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field_error;

    fn told(errors: &[FieldError]) -> Vec<String> {
        let mut told = field_error::told(errors, |field| field);
        told.sort();
        told
    }

    #[test]
    fn scopes_of_a_quota_fit_each_other_and_its_resources() {
        let selects = |scope: &str, operator: &str, values: &[&str]| json!({"matchExpressions": [{"scopeName": scope, "operator": operator, "values": values}]});
        let expressions = "spec.scopeSelector.matchExpressions";
        for (spec, wrong) in [
            (
                json!({"hard": {"requests.ephemeral-storage": 1}, "scopes": ["Terminating"]}),
                vec!["Invalid spec.scopes".to_owned()],
            ),
            (json!({"hard": {"requests.storage": 1}, "scopes": ["VolumeAttributesClass"]}), vec![]),
            (json!({"hard": {"cpu": 1}, "scopes": ["VolumeAttributesClass"]}), vec!["Invalid spec.scopes".to_owned()]),
            (json!({"hard": {"pods": "-0.5"}}), vec!["Invalid spec.hard[pods]".to_owned(); 2]),
            (
                json!({"hard": {"count/widgets.example.com": "0.5"}}),
                vec!["Invalid spec.hard[count/widgets.example.com]".to_owned()],
            ),
            (json!({"scopeSelector": selects("BestEffort", "Exists", &[])}), vec![]),
            (
                json!({"hard": {"cpu": 1}, "scopeSelector": selects("BestEffort", "In", &["a"])}),
                vec![format!("Invalid {expressions}"), format!("Invalid {expressions}.operator")],
            ),
            (
                json!({"scopeSelector": selects("Terminating", "Bogus", &[])}),
                vec![format!("Invalid {expressions}.operator"); 2],
            ),
            (
                json!({"scopeSelector": {"matchExpressions": [
                    {"scopeName": "BestEffort", "operator": "Exists"}, {"scopeName": "NotBestEffort", "operator": "Exists"}
                ]}}),
                vec![format!("Invalid {expressions}")],
            ),
        ] {
            assert_eq!(told(&quota(&json!({"spec": spec}))), wrong, "{spec}");
        }
    }

    #[test]
    fn limits_name_resources_of_their_type_and_agree_with_each_other() {
        for (limit, wrong) in [
            (json!({"type": "Container", "max": {"pods": 1}}), vec!["Invalid spec.limits[0].max[pods]"]),
            (json!({"type": "example.com/t", "max": {"pods": 1}}), vec![]),
            (json!({"type": "bad type"}), vec!["Invalid spec.limits[0].type"]),
            (
                json!({"type": "Pod", "max": {"cpu": 1}, "default": {"cpu": 2, "bogus": 1}}),
                vec!["Forbidden spec.limits[0].default"],
            ),
            (
                json!({"type": "Pod", "maxLimitRequestRatio": {"cpu": "0.5"}}),
                vec!["Invalid spec.limits[0].maxLimitRequestRatio[cpu]"],
            ),
            (
                json!({"type": "Pod", "min": {"cpu": 1}, "max": {"cpu": 2}, "maxLimitRequestRatio": {"cpu": 3}}),
                vec!["Invalid spec.limits[0].maxLimitRequestRatio[cpu]"],
            ),
            (json!({"type": "Pod", "min": {"cpu": 1}, "max": {"cpu": 2}, "maxLimitRequestRatio": {"cpu": 2}}), vec![]),
            (
                json!({"type": "Container", "default": {"example.com/g": 2}, "defaultRequest": {"example.com/g": 1}}),
                vec!["Invalid spec.limits[0].defaultRequest[example.com/g]"],
            ),
        ] {
            assert_eq!(told(&limit_range(&json!({"spec": {"limits": [limit]}}))), wrong, "{limit}");
        }
    }
}
