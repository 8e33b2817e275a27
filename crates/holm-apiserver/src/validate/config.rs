//! Secrets, ConfigMaps and the objects of access control.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{items, names};
use crate::error::FieldError;
use crate::object::{at, text_at};

/// The most bytes of data in a Secret or ConfigMap.
const MAX_DATA: usize = 1024 * 1024;

/// Keys that a Secret of a type must have.
const SECRET_KEYS: &[(&str, &[&str])] = &[
    ("kubernetes.io/tls", &["tls.crt", "tls.key"]),
    ("kubernetes.io/ssh-auth", &["ssh-privatekey"]),
    ("kubernetes.io/dockerconfigjson", &[".dockerconfigjson"]),
    ("kubernetes.io/dockercfg", &[".dockercfg"]),
];

/// Checks a Secret or ConfigMap.
pub(super) fn check(resource: &str, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut size = 0;
    for field in ["data", "binaryData"] {
        for (key, value) in at(object, &[field]).and_then(Value::as_object).into_iter().flatten() {
            for problem in names::config_key(key) {
                errors.push(FieldError::invalid(format!("{field}[{key}]"), key.as_str(), problem));
            }
            if field == "binaryData" && at(object, &["data", key]).is_some() {
                errors.push(FieldError::invalid(
                    format!("{field}[{key}]"),
                    key.as_str(),
                    "duplicate of key present in data",
                ));
            }
            let text = value.as_str().unwrap_or_default();
            let encoded = resource == "secrets" || field == "binaryData";
            size += if encoded { STANDARD.decode(text).map_or(0, |bytes| bytes.len()) } else { text.len() };
        }
    }
    if size > MAX_DATA {
        let field = if resource == "secrets" { "data" } else { "" };
        errors.push(FieldError::too_long(field, MAX_DATA));
    }
    if resource == "secrets" {
        let kind = text_at(object, &["type"]);
        let wanted = SECRET_KEYS.iter().filter(|(found, _)| *found == kind).flat_map(|(_, keys)| keys.iter());
        for key in wanted {
            if at(object, &["data", key]).is_none() {
                errors.push(FieldError::required(format!("data[{key}]"), ""));
            }
        }
        if kind == "kubernetes.io/basic-auth"
            && at(object, &["data", "username"]).is_none()
            && at(object, &["data", "password"]).is_none()
        {
            errors.push(FieldError::required("data[username]", ""));
            errors.push(FieldError::required("data[password]", ""));
        }
        if kind == "kubernetes.io/service-account-token"
            && crate::object::annotation(object, "kubernetes.io/service-account.name").is_none_or(str::is_empty)
        {
            errors.push(FieldError::required("metadata.annotations[kubernetes.io/service-account.name]", ""));
        }
    }
    errors
}

/// Checks a role or a binding.
pub(super) fn access(resource: &str, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let kind = resource.split('.').next().unwrap_or_default();
    if matches!(kind, "roles" | "clusterroles") {
        for (path, rule) in items(object, &["rules"], "rules") {
            let filled =
                |field: &str| at(rule, &[field]).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
            if !filled("verbs") {
                errors.push(FieldError::required(format!("{path}.verbs"), "verbs must contain at least one value"));
            }
            if filled("nonResourceURLs") {
                if kind == "roles" {
                    let detail = "namespaced rules cannot apply to non-resource URLs";
                    errors.push(FieldError::invalid(format!("{path}.nonResourceURLs"), Value::Null, detail));
                }
                continue;
            }
            if !filled("apiGroups") {
                errors.push(FieldError::required(
                    format!("{path}.apiGroups"),
                    "resource rules must supply at least one api group",
                ));
            }
            if !filled("resources") {
                errors.push(FieldError::required(
                    format!("{path}.resources"),
                    "resource rules must supply at least one resource",
                ));
            }
        }
        return errors;
    }
    let role_kind = text_at(object, &["roleRef", "kind"]);
    let allowed: &[&str] = if kind == "rolebindings" { &["ClusterRole", "Role"] } else { &["ClusterRole"] };
    if !allowed.contains(&role_kind) {
        errors.push(FieldError::not_supported("roleRef.kind", role_kind, allowed));
    }
    if text_at(object, &["roleRef", "name"]).is_empty() {
        errors.push(FieldError::required("roleRef.name", ""));
    }
    for (path, subject) in items(object, &["subjects"], "subjects") {
        if text_at(subject, &["name"]).is_empty() {
            errors.push(FieldError::required(format!("{path}.name"), ""));
        }
        match text_at(subject, &["kind"]) {
            "ServiceAccount" => {
                if kind == "clusterrolebindings" && text_at(subject, &["namespace"]).is_empty() {
                    errors.push(FieldError::required(format!("{path}.namespace"), ""));
                }
            }
            "User" | "Group" => {}
            other => errors.push(FieldError::not_supported(
                format!("{path}.kind"),
                other,
                &["Group", "ServiceAccount", "User"],
            )),
        }
    }
    errors
}
