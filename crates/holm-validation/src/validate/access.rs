//! The objects of access control.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/rbac/validation/validation.go`.

use holm_values::names;
use serde_json::Value;

use super::items;
use super::rules::Checks;
use crate::field_error::FieldError;
use crate::object::{at, text_at};

const GROUP: &str = "rbac.authorization.k8s.io";

/// Checks a role.
pub(super) fn role(object: &Value, is_namespaced: bool) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (path, rule) in items(object, &["rules"], "rules") {
        policy_rule(rule, &path, is_namespaced, &mut errors);
    }
    if let Some(aggregation) = at(object, &["aggregationRule"]) {
        let path = "aggregationRule.clusterRoleSelectors";
        if items(aggregation, &["clusterRoleSelectors"], "").next().is_none() {
            let detail = "at least one clusterRoleSelector required if aggregationRule is non-nil";
            errors.push(FieldError::required(path, detail));
        }
        for (path, selector) in items(aggregation, &["clusterRoleSelectors"], path) {
            let before = errors.len();
            errors.selector(Some(selector), &path);
            if errors.len() > before {
                errors.push(FieldError::invalid(path, selector.clone(), "invalid label selector."));
            }
        }
    }
    errors
}

/// From `ValidatePolicyRule`.
fn policy_rule(rule: &Value, path: &str, is_namespaced: bool, errors: &mut Vec<FieldError>) {
    let filled = |field: &str| items(rule, &[field], "").next().is_some();
    if !filled("verbs") {
        errors.push(FieldError::required(format!("{path}.verbs"), ""));
    }
    if filled("nonResourceURLs") {
        let field = format!("{path}.nonResourceURLs");
        let value = at(rule, &["nonResourceURLs"]).cloned().unwrap_or_default();
        if is_namespaced {
            let detail = "namespaced rules cannot apply to non-resource URLs";
            errors.push(FieldError::invalid(field.clone(), value.clone(), detail));
        }
        if ["apiGroups", "resources", "resourceNames"].into_iter().any(filled) {
            let detail = "rules cannot apply to both regular resources and non-resource URLs";
            errors.push(FieldError::invalid(field, value, detail));
        }
        return;
    }
    for (field, what) in [("apiGroups", "api group"), ("resources", "resource")] {
        if !filled(field) {
            let detail = format!("resource rules must supply at least one {what}");
            errors.push(FieldError::required(format!("{path}.{field}"), detail));
        }
    }
}

/// Checks a binding.
pub(super) fn binding(object: &Value, is_namespaced: bool) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let empty = Value::Null;
    let role = at(object, &["roleRef"]).unwrap_or(&empty);
    if text_at(role, &["apiGroup"]) != GROUP {
        errors.push(FieldError::not_supported("roleRef.apiGroup", text_at(role, &["apiGroup"]), &[GROUP]));
    }
    let kind = text_at(role, &["kind"]);
    let allowed: &[&str] = if is_namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    if !allowed.contains(&kind) {
        errors.push(FieldError::not_supported("roleRef.kind", kind, allowed));
    }
    if errors.filled(role, "name", "roleRef") {
        errors.text(role, "name", "roleRef", names::path_segment);
    }
    for (path, one) in items(object, &["subjects"], "subjects") {
        subject(one, &path, is_namespaced, &mut errors);
    }
    errors
}

/// From `ValidateRoleBindingSubject`.
fn subject(subject: &Value, path: &str, is_namespaced: bool, errors: &mut Vec<FieldError>) {
    let named = errors.filled(subject, "name", path);
    let group = match text_at(subject, &["kind"]) {
        "ServiceAccount" => {
            if named {
                errors.text(subject, "name", path, names::subdomain);
            }
            if !is_namespaced {
                errors.filled(subject, "namespace", path);
            }
            ""
        }
        "User" | "Group" => GROUP,
        other => {
            let supported = &["ServiceAccount", "User", "Group"];
            errors.push(FieldError::not_supported(format!("{path}.kind"), other, supported));
            return;
        }
    };
    let own = text_at(subject, &["apiGroup"]);
    if own != group {
        errors.push(FieldError::not_supported(format!("{path}.apiGroup"), own, &[group]));
    }
}
