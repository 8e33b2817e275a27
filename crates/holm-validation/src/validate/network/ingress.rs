//! Ingresses and their classes.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/networking/validation/validation.go`.

use holm_values::names;
use serde_json::{Value, json};

use crate::field_error::FieldError;
use crate::object::{at, text_at};
use crate::validate::items;
use crate::validate::rules::{Checks, sloppy_ip};

/// What a path that is compared as it is may not have in it.
const WRONG_PARTS: [&str; 5] = ["//", "/./", "/../", "%2f", "%2F"];
/// What it may not end with.
const WRONG_ENDS: [&str; 2] = ["/..", "/."];

/// Checks an Ingress that is new or changed.
pub(in crate::validate) fn ingress(object: &Value, is_new: bool) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let old_class = crate::object::annotation(object, "kubernetes.io/ingress.class");
    if let (true, Some(old_class), Some(class)) = (is_new, old_class, at(object, &["spec", "ingressClassName"]))
        && class != old_class
    {
        // The path is written like this there too.
        let path = "annotations.kubernetes.io/ingress.class";
        let detail = "must match `ingressClassName` when both are specified";
        errors.push(FieldError::invalid(path, old_class, detail));
    }
    let spec = at(object, &["spec"]).cloned().unwrap_or_default();
    let any = at(&spec, &["rules"]).and_then(Value::as_array).is_some_and(|rules| !rules.is_empty());
    let default = at(&spec, &["defaultBackend"]);
    if !any && default.is_none() {
        let detail = "either `defaultBackend` or `rules` must be specified";
        errors.push(FieldError::invalid("spec", Value::Null, detail));
    }
    if let Some(found) = default {
        backend(found, "spec.defaultBackend", &mut errors);
    }
    errors.text(&spec, "ingressClassName", "spec", names::subdomain);
    for (path, entry) in items(&spec, &["tls"], "spec.tls") {
        for (path, host) in items(entry, &["hosts"], &format!("{path}.hosts")) {
            errors.all(path, host, domain(host.as_str().unwrap_or_default()));
        }
        errors.text_unless_empty(entry, "secretName", &path, names::subdomain);
    }
    for (path, rule) in items(&spec, &["rules"], "spec.rules") {
        let host = text_at(rule, &["host"]);
        if sloppy_ip(host).is_some() {
            errors.push(FieldError::invalid(format!("{path}.host"), host, "must be a DNS name, not an IP address"));
        }
        if !host.is_empty() {
            errors.all(format!("{path}.host"), &json!(host), domain(host));
        }
        let Some(http) = at(rule, &["http"]) else { continue };
        errors.has_items(http, "paths", &format!("{path}.http"));
        for (path, entry) in items(http, &["paths"], &format!("{path}.http.paths")) {
            http_path(entry, &path, &mut errors);
        }
    }
    errors
}

/// A domain, of which the first label may be an asterisk.
fn domain(host: &str) -> Vec<String> {
    if host.contains('*') { names::wildcard_subdomain(host) } else { names::subdomain(host) }
}

fn http_path(entry: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let text = text_at(entry, &["path"]);
    let field = format!("{path}.path");
    if at(entry, &["pathType"]).is_none() {
        // Nothing else is looked at then.
        errors.push(FieldError::required(format!("{path}.pathType"), "pathType must be specified"));
        return;
    }
    match text_at(entry, &["pathType"]) {
        "Exact" | "Prefix" => {
            if !text.starts_with('/') {
                errors.push(FieldError::invalid(field.clone(), text, "must be an absolute path"));
            }
            for part in WRONG_PARTS.iter().filter(|part| text.contains(**part)) {
                errors.push(FieldError::invalid(field.clone(), text, format!("must not contain '{part}'")));
            }
            for end in WRONG_ENDS.iter().filter(|end| text.ends_with(**end)) {
                errors.push(FieldError::invalid(field.clone(), text, format!("cannot end with '{end}'")));
            }
        }
        "ImplementationSpecific" => {
            if !text.is_empty() && !text.starts_with('/') {
                errors.push(FieldError::invalid(field, text, "must be an absolute path"));
            }
        }
        _ => errors.one_of(entry, "pathType", path, &["Exact", "ImplementationSpecific", "Prefix"]),
    }
    let found = at(entry, &["backend"]).cloned().unwrap_or_else(|| json!({}));
    backend(&found, &format!("{path}.backend"), errors);
}

/// From `validateIngressBackend`.
fn backend(backend: &Value, path: &str, errors: &mut Vec<FieldError>) {
    match (at(backend, &["resource"]), at(backend, &["service"])) {
        (Some(_), Some(_)) => {
            errors.push(FieldError::invalid(path, "", "cannot set both resource and service backends"));
        }
        (Some(resource), None) => {
            reference(resource, &format!("{path}.resource"), errors);
        }
        (None, Some(service)) => {
            let below = format!("{path}.service");
            if errors.filled(service, "name", &below) {
                errors.text(service, "name", &below, names::label);
            }
            let number = at(service, &["port", "number"]).filter(|number| number != &&json!(0));
            let name = text_at(service, &["port", "name"]);
            match (name.is_empty(), number) {
                (true, None) => errors.push(FieldError::required(path, "port name or number is required")),
                (false, Some(_)) => {
                    let detail = "cannot set both port name & port number";
                    errors.push(FieldError::invalid(path, "", detail));
                }
                (false, None) => {
                    errors.all(format!("{below}.port.name"), &json!(name), names::port_name(name));
                }
                (true, number) => errors.port(number, format!("{below}.port.number")),
            }
        }
        (None, None) => errors.push(FieldError::invalid(path, "", "resource or service backend is required")),
    }
}

/// From `validateIngressTypedLocalObjectReference`.
fn reference(reference: &Value, path: &str, errors: &mut Vec<FieldError>) {
    errors.text(reference, "apiGroup", path, names::subdomain);
    for field in ["kind", "name"] {
        if errors.filled(reference, field, path) {
            errors.text(reference, field, path, names::path_segment);
        }
    }
}

/// The most bytes of a controller's name.
const MAX_CONTROLLER: usize = 250;

/// Checks an IngressClass.
pub(in crate::validate) fn ingress_class(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = at(object, &["spec"]).cloned().unwrap_or_default();
    if errors.filled(&spec, "controller", "spec") {
        if text_at(&spec, &["controller"]).len() > MAX_CONTROLLER {
            errors.push(FieldError::too_long("spec.controller", MAX_CONTROLLER));
        }
        errors.text(&spec, "controller", "spec", names::domain_path);
    }
    let Some(parameters) = at(&spec, &["parameters"]) else { return errors };
    let path = "spec.parameters";
    reference(parameters, path, &mut errors);
    errors.one_of(parameters, "scope", path, &["Cluster", "Namespace"]);
    let named = at(parameters, &["namespace"]).is_some();
    match text_at(parameters, &["scope"]) {
        "Namespace" if !named => {
            let detail = "`parameters.scope` is set to 'Namespace'";
            errors.push(FieldError::required(format!("{path}.namespace"), detail));
        }
        "Namespace" => errors.text(parameters, "namespace", path, names::label),
        "Cluster" if named => {
            let detail = "`parameters.scope` is set to 'Cluster'";
            errors.push(FieldError::forbidden(format!("{path}.namespace"), detail));
        }
        _ => {}
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field_error;

    fn told(errors: &[FieldError]) -> Vec<String> {
        field_error::told(errors, |field| field)
    }

    #[test]
    fn the_old_way_to_name_a_class_may_say_the_same_as_the_new_one() {
        let of = |class: &str| {
            json!({
                "metadata": {"annotations": {"kubernetes.io/ingress.class": "a"}},
                "spec": {"ingressClassName": class, "rules": [{"host": "a.example.com"}]},
            })
        };
        assert_eq!(told(&ingress(&of("a"), true)), Vec::<String>::new());
        assert_eq!(told(&ingress(&of("b"), true)), ["Invalid annotations.kubernetes.io/ingress.class"]);
        assert_eq!(told(&ingress(&of("b"), false)), Vec::<String>::new());
    }

    #[test]
    fn hosts_are_names_and_resources_are_named() {
        for (rule, wrong) in [
            (json!({"host": "192.0.2.01"}), vec!["Invalid spec.rules[0].host"]),
            (json!({"host": "::1"}), vec!["Invalid spec.rules[0].host"; 2]),
            (json!({"host": "*.example.com"}), vec![]),
            (json!({"host": "a.*.com"}), vec!["Invalid spec.rules[0].host"]),
        ] {
            assert_eq!(told(&ingress(&json!({"spec": {"rules": [rule]}}), true)), wrong, "{rule}");
        }
        let resource = json!({"apiGroup": "", "kind": "a/b"});
        let spec = json!({"defaultBackend": {"resource": resource}});
        let path = "spec.defaultBackend.resource";
        assert_eq!(
            told(&ingress(&json!({"spec": spec}), true)),
            [format!("Invalid {path}.apiGroup"), format!("Invalid {path}.kind"), format!("Required {path}.name")]
        );
    }
}
