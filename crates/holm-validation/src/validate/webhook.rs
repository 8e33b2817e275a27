//! Webhook configurations.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/admissionregistration/validation/validation.go`.

use std::collections::HashSet;

use holm_values::names;
use serde_json::{Value, json};

use super::items;
use super::rules::Checks;
use crate::field_error::FieldError;
use crate::object::{self, at, text_at};

/// Checks a configuration of webhooks. Nothing calls them here.
pub(super) fn check(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut seen = HashSet::new();
    for (path, webhook) in items(object, &["webhooks"], "webhooks") {
        let name = text_at(webhook, &["name"]);
        if errors.filled(webhook, "name", &path) {
            let problems = names::subdomain(name);
            if problems.is_empty() && name.split('.').count() < 3 {
                let detail = "should be a domain with at least three segments separated by dots";
                errors.push(FieldError::invalid(format!("{path}.name"), name, detail));
            }
            errors.all(format!("{path}.name"), &json!(name), problems);
            if !seen.insert(name) {
                errors.push(FieldError::duplicate(format!("{path}.name"), name));
            }
        }
        let versions = object::texts(at(webhook, &["admissionReviewVersions"]));
        let field = format!("{path}.admissionReviewVersions");
        if versions.is_empty() {
            errors.push(FieldError::required(field, "must specify one of v1, v1beta1"));
        } else if !versions.iter().any(|version| version == "v1" || version == "v1beta1") {
            let detail = "must include at least one of v1, v1beta1";
            errors.push(FieldError::invalid(field, json!(versions), detail));
        }
        if errors.filled(webhook, "sideEffects", &path) {
            errors.one_of(webhook, "sideEffects", &path, &["None", "NoneOnDryRun"]);
        }
        errors.one_of(webhook, "failurePolicy", &path, &["Fail", "Ignore"]);
        errors.one_of(webhook, "matchPolicy", &path, &["Equivalent", "Exact"]);
        errors.one_of(webhook, "reinvocationPolicy", &path, &["IfNeeded", "Never"]);
        errors.between(webhook, "timeoutSeconds", &path, 1, 30);
        for selector in ["namespaceSelector", "objectSelector"] {
            errors.selector(at(webhook, &[selector]), &format!("{path}.{selector}"));
        }
        client(webhook, &format!("{path}.clientConfig"), &mut errors);
        for (path, found) in items(webhook, &["rules"], &format!("{path}.rules")) {
            rule(found, &path, &mut errors);
        }
        conditions(webhook, &path, &mut errors);
    }
    errors
}

/// From `k8s.io/apiserver`, `pkg/util/webhook/validation.go`.
fn client(webhook: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let (url, service) = (at(webhook, &["clientConfig", "url"]), at(webhook, &["clientConfig", "service"]));
    if url.is_some() == service.is_some() {
        errors.push(FieldError::required(path, "exactly one of url or service is required"));
        return;
    }
    if let Some(url) = url.and_then(Value::as_str) {
        let field = format!("{path}.url");
        let mut refuse = |detail: &str| errors.push(FieldError::invalid(field.clone(), url, detail));
        let Some(rest) = url.strip_prefix("https://") else {
            refuse("'https' is the only allowed URL scheme");
            return;
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        for (wrong, detail) in [
            (authority.is_empty(), "host must be specified"),
            (authority.contains('@'), "user information is not permitted in the URL"),
            (rest.contains('#'), "fragments are not permitted in the URL"),
            (rest.contains('?'), "query parameters are not permitted in the URL"),
        ] {
            if wrong {
                refuse(detail);
            }
        }
    }
    if let Some(service) = service {
        let path = format!("{path}.service");
        errors.filled(service, "name", &path);
        errors.filled(service, "namespace", &path);
        if let Some(found) = at(service, &["path"]).and_then(Value::as_str).filter(|found| !found.starts_with('/')) {
            errors.push(FieldError::invalid(format!("{path}.path"), found, "must start with a '/'"));
        }
        errors.port(at(service, &["port"]), format!("{path}.port"));
    }
}

/// From `validateRuleWithOperations`.
fn rule(rule: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for field in ["apiGroups", "apiVersions", "resources", "operations"] {
        errors.has_items(rule, field, path);
        let values = object::texts(at(rule, &[field]));
        if field != "resources" && values.len() > 1 && values.iter().any(|value| value == "*") {
            let detail = format!("if '*' is present, must not specify other {field}");
            errors.push(FieldError::invalid(format!("{path}.{field}"), json!(values), detail));
        }
    }
    for (path, operation) in items(rule, &["operations"], &format!("{path}.operations")) {
        let supported = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
        if !operation.as_str().is_some_and(|operation| supported.contains(&operation)) {
            errors.push(FieldError::not_supported(path, operation.clone(), &supported));
        }
    }
    errors.one_of(rule, "scope", path, &["*", "Cluster", "Namespaced"]);
}

/// From `validateMatchConditions`.
fn conditions(webhook: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let mut seen = HashSet::new();
    for (path, condition) in items(webhook, &["matchConditions"], &format!("{path}.matchConditions")) {
        let (name, expression) = (text_at(condition, &["name"]), text_at(condition, &["expression"]));
        if errors.filled(condition, "name", &path) {
            errors.text(condition, "name", &path, names::label_key);
            if !seen.insert(name) {
                errors.push(FieldError::duplicate(format!("{path}.name"), name));
            }
        }
        if errors.filled(condition, "expression", &path) && !compiles(expression) {
            let detail = "compilation failed";
            errors.push(FieldError::invalid(format!("{path}.expression"), expression, detail));
        }
    }
}

/// Whether an expression can be read.
#[cfg(feature = "cel")]
fn compiles(expression: &str) -> bool {
    kube_cel::cel::Program::compile(expression).is_ok()
}

/// Without the language every expression counts as right.
#[cfg(not(feature = "cel"))]
fn compiles(_: &str) -> bool {
    true
}
