//! Services, Ingresses and NetworkPolicies.

use std::collections::HashSet;

use serde_json::Value;

use super::{items, names};
use crate::error::FieldError;
use crate::object::{at, text_at};

fn port_number(value: Option<&Value>) -> bool {
    value.and_then(Value::as_i64).is_some_and(|port| (1..=65535).contains(&port))
}

const PORT_RANGE: &str = "must be between 1 and 65535, inclusive";

pub(super) fn service(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let kind = text_at(object, &["spec", "type"]);
    if !matches!(kind, "ClusterIP" | "NodePort" | "LoadBalancer" | "ExternalName") {
        let supported = &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
        errors.push(FieldError::not_supported("spec.type", kind, supported));
    }
    if kind == "ExternalName" && text_at(object, &["spec", "externalName"]).is_empty() {
        errors.push(FieldError::invalid("spec.externalName", "", "a lowercase RFC 1123 subdomain must not be empty"));
    }
    let headless = text_at(object, &["spec", "clusterIP"]) == "None";
    let count = at(object, &["spec", "ports"]).and_then(Value::as_array).map_or(0, Vec::len);
    if count == 0 && !headless && kind != "ExternalName" {
        errors.push(FieldError::required("spec.ports", ""));
    }
    let affinity = text_at(object, &["spec", "sessionAffinity"]);
    if !matches!(affinity, "None" | "ClientIP") {
        errors.push(FieldError::not_supported("spec.sessionAffinity", affinity, &["ClientIP", "None"]));
    }
    let (mut seen_names, mut seen_ports) = (HashSet::new(), HashSet::new());
    for (path, port) in items(object, &["spec", "ports"], "spec.ports") {
        let name = text_at(port, &["name"]);
        if name.is_empty() {
            if count > 1 {
                errors.push(FieldError::required(format!("{path}.name"), ""));
            }
        } else {
            for problem in names::label(name) {
                errors.push(FieldError::invalid(format!("{path}.name"), name, problem));
            }
            if !seen_names.insert(name) {
                errors.push(FieldError::duplicate(format!("{path}.name"), name));
            }
        }
        if !port_number(at(port, &["port"])) {
            errors.push(FieldError::invalid(
                format!("{path}.port"),
                at(port, &["port"]).cloned().unwrap_or_default(),
                PORT_RANGE,
            ));
        }
        let protocol = text_at(port, &["protocol"]);
        if !matches!(protocol, "TCP" | "UDP" | "SCTP") {
            errors.push(FieldError::not_supported(format!("{path}.protocol"), protocol, &["SCTP", "TCP", "UDP"]));
        }
        match at(port, &["targetPort"]) {
            Some(target @ Value::Number(_)) if !port_number(Some(target)) => {
                errors.push(FieldError::invalid(format!("{path}.targetPort"), target.clone(), PORT_RANGE));
            }
            Some(Value::String(name)) if !is_port_name(name) => {
                let detail = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
                errors.push(FieldError::invalid(format!("{path}.targetPort"), name.as_str(), detail));
            }
            _ => {}
        }
        if !seen_ports.insert((at(port, &["port"]).map(ToString::to_string), protocol)) {
            errors.push(FieldError::duplicate(path.clone(), port.clone()));
        }
        let node_port = at(port, &["nodePort"]);
        if node_port.is_some() && kind == "ClusterIP" {
            errors
                .push(FieldError::forbidden(format!("{path}.nodePort"), "may not be used when `type` is 'ClusterIP'"));
        }
    }
    errors
}

/// From `IsValidPortName`: at most 15 characters, at least one letter, hyphens only between.
pub(super) fn is_port_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 15
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && name.bytes().any(|byte| byte.is_ascii_lowercase())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

pub(super) fn ingress(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let rules = at(object, &["spec", "rules"]).and_then(Value::as_array).is_some_and(|rules| !rules.is_empty());
    let backend = at(object, &["spec", "defaultBackend"]);
    if !rules && backend.is_none() {
        errors.push(FieldError::invalid("spec", Value::Null, "either `defaultBackend` or `rules` must be specified"));
    }
    if let Some(found) = backend {
        ingress_backend(found, "spec.defaultBackend", &mut errors);
    }
    for (path, rule) in items(object, &["spec", "rules"], "spec.rules") {
        let host = text_at(rule, &["host"]);
        if !host.is_empty() {
            let checked = host.strip_prefix("*.").unwrap_or(host);
            for problem in names::subdomain(checked) {
                errors.push(FieldError::invalid(format!("{path}.host"), host, problem));
            }
        }
        if at(rule, &["http"]).is_none() {
            continue;
        }
        let mut any = false;
        for (path, http) in items(rule, &["http", "paths"], &format!("{path}.http.paths")) {
            any = true;
            let kind = text_at(http, &["pathType"]);
            match kind {
                "" => errors.push(FieldError::required(format!("{path}.pathType"), "pathType must be specified")),
                "Exact" | "Prefix" | "ImplementationSpecific" => {}
                other => errors.push(FieldError::not_supported(
                    format!("{path}.pathType"),
                    other,
                    &["Exact", "ImplementationSpecific", "Prefix"],
                )),
            }
            let text = text_at(http, &["path"]);
            if matches!(kind, "Exact" | "Prefix") && !text.starts_with('/') {
                errors.push(FieldError::invalid(format!("{path}.path"), text, "must be an absolute path"));
            }
            match at(http, &["backend"]) {
                Some(found) => ingress_backend(found, &format!("{path}.backend"), &mut errors),
                None => errors.push(FieldError::required(format!("{path}.backend"), "")),
            }
        }
        if !any {
            errors.push(FieldError::required(format!("{path}.http.paths"), ""));
        }
    }
    errors
}

fn ingress_backend(backend: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if at(backend, &["resource"]).is_some() {
        return;
    }
    let Some(service) = at(backend, &["service"]) else {
        errors.push(FieldError::required(path, "cannot set both resource and service backends"));
        return;
    };
    if text_at(service, &["name"]).is_empty() {
        errors.push(FieldError::required(format!("{path}.service.name"), ""));
    }
    let (name, number) = (text_at(service, &["port", "name"]), at(service, &["port", "number"]));
    if name.is_empty() && number.is_none() {
        errors.push(FieldError::required(path, "port name or number is required"));
    } else if number.is_some() && !port_number(number) {
        errors.push(FieldError::invalid(
            format!("{path}.service.port.number"),
            number.cloned().unwrap_or_default(),
            PORT_RANGE,
        ));
    }
}

pub(super) fn policy(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (position, kind) in
        at(object, &["spec", "policyTypes"]).and_then(Value::as_array).into_iter().flatten().enumerate()
    {
        if !matches!(kind.as_str(), Some("Ingress" | "Egress")) {
            let path = format!("spec.policyTypes[{position}]");
            errors.push(FieldError::not_supported(path, kind.clone(), &["Egress", "Ingress"]));
        }
    }
    errors
}
