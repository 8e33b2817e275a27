//! What may be changed through the parts of a pod and of a request for a certificate.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/core/validation/validation.go` (`ValidatePodEphemeralContainersUpdate`,
//! `ValidatePodResize`).

use serde_json::Value;

use crate::field_error::FieldError;
use crate::object::{at, text_at};
use crate::quality_of_service::quality_of_service;

/// Checks a change through a part.
pub fn on_update(part: &str, live: &Value, object: &Value) -> Vec<FieldError> {
    match part {
        "ephemeralcontainers" => ephemeral_containers(live, object),
        "resize" => resize(live, object),
        _ => Vec::new(),
    }
}

fn resize(live: &Value, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if quality_of_service(live) != quality_of_service(object) {
        let detail = "Pod QOS Class may not change as a result of resizing";
        errors.push(FieldError::invalid("spec", quality_of_service(object), detail));
    }
    // A node that can do it says what the containers have (`isPodResizeRequestSupported`).
    let statuses = at(live, &["status", "containerStatuses"]).and_then(Value::as_array);
    let running = statuses.into_iter().flatten().find(|status| at(status, &["state", "running"]).is_some());
    if running.is_some_and(|status| status.get("resources").is_none()) {
        errors.push(FieldError::forbidden("spec", "Pod running on node without support for resize"));
    }
    errors
}

/// They are only ever added.
fn ephemeral_containers(live: &Value, object: &Value) -> Vec<FieldError> {
    let field = "spec.ephemeralContainers";
    let list = |object: &Value| at(object, &["spec", "ephemeralContainers"]).and_then(Value::as_array).cloned();
    let new = list(object).unwrap_or_default();
    let problem = |old: &Value| {
        let name = text_at(old, &["name"]);
        match new.iter().find(|container| text_at(container, &["name"]) == name) {
            None => Some(format!("existing ephemeral containers {name:?} may not be removed\n")),
            Some(found) if found != old => Some(format!("existing ephemeral containers {name:?} may not be changed\n")),
            Some(_) => None,
        }
    };
    let old = list(live).unwrap_or_default();
    old.iter().filter_map(problem).map(|detail| FieldError::forbidden(field, detail)).collect()
}
