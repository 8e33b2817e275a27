//! Probes and lifecycle hooks.

use holm_values::names;
use serde_json::{Value, json};

use crate::field_error::FieldError;
use crate::object::{at, text_at};
use crate::validate::items;
use crate::validate::rules::Checks;

const HANDLERS: [&str; 5] = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"];

/// Checks the probes and hooks of a container.
pub(super) fn check(container: &Value, path: &str, spec: &Value, errors: &mut Vec<FieldError>) {
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(found) = at(container, &[probe]) else { continue };
        let path = format!("{path}.{probe}");
        handler(found, &path, spec, errors);
        for field in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]
        {
            errors.at_least(found, field, &path, 0);
        }
        let success = at(found, &["successThreshold"]).and_then(Value::as_i64).unwrap_or(1);
        if probe != "readinessProbe" && success != 1 {
            errors.push(FieldError::invalid(format!("{path}.successThreshold"), success, "must be 1"));
        }
        if let Some(grace) = at(found, &["terminationGracePeriodSeconds"]) {
            let field = format!("{path}.terminationGracePeriodSeconds");
            if grace.as_i64().is_some_and(|grace| grace <= 0) {
                errors.push(FieldError::invalid(field.as_str(), grace.clone(), "must be greater than 0"));
            }
            if probe == "readinessProbe" {
                errors.push(FieldError::invalid(field, grace.clone(), "must not be set for readinessProbes"));
            }
        }
    }
    for hook in ["postStart", "preStop"] {
        if let Some(found) = at(container, &["lifecycle", hook]) {
            handler(found, &format!("{path}.lifecycle.{hook}"), spec, errors);
        }
    }
}

/// Exactly one way to act, from `validateHandler`.
fn handler(handler: &Value, path: &str, spec: &Value, errors: &mut Vec<FieldError>) {
    let mut first = true;
    for kind in HANDLERS {
        let Some(found) = at(handler, &[kind]) else { continue };
        let path = format!("{path}.{kind}");
        if !std::mem::take(&mut first) {
            errors.push(FieldError::forbidden(path, "may not specify more than 1 handler type"));
            continue;
        }
        match kind {
            "exec" => {
                errors.has_items(found, "command", &path);
            }
            "httpGet" => request(found, &path, errors),
            "sleep" => {
                let grace = at(spec, &["terminationGracePeriodSeconds"]).and_then(Value::as_i64).unwrap_or(30);
                let seconds = at(found, &["seconds"]).and_then(Value::as_i64).unwrap_or_default();
                if seconds < 0 || seconds > grace {
                    let detail = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
                    errors.push(FieldError::invalid(path, seconds, detail));
                }
            }
            _ => errors.port(at(found, &["port"]), format!("{path}.port")),
        }
    }
    if first {
        errors.push(FieldError::required(path, "must specify a handler type"));
    }
}

/// From `validateHTTPGetAction`.
fn request(request: &Value, path: &str, errors: &mut Vec<FieldError>) {
    errors.filled(request, "path", path);
    errors.port(at(request, &["port"]), format!("{path}.port"));
    errors.one_of(request, "scheme", path, &["HTTP", "HTTPS"]);
    for (_, header) in items(request, &["httpHeaders"], "") {
        let name = text_at(header, &["name"]);
        errors.all(format!("{path}.httpHeaders"), &json!(name), names::header(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_of_readiness_ends_nothing() {
        for (probe, seconds, wrong) in
            [("livenessProbe", 1, 0), ("livenessProbe", 0, 1), ("readinessProbe", 1, 1), ("readinessProbe", 0, 2)]
        {
            let container = json!({probe: {"exec": {"command": ["a"]}, "terminationGracePeriodSeconds": seconds}});
            let mut errors = Vec::new();
            check(&container, "c", &json!({}), &mut errors);
            assert_eq!(errors.len(), wrong, "{probe} {seconds}");
        }
    }
}
