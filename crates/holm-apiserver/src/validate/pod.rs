//! Pods and pod templates.

use std::collections::HashSet;

use serde_json::Value;

use super::{items, names};
use crate::error::FieldError;
use crate::object::{at, text_at};
use crate::quantity::Quantity;

/// Checks the pod spec at a path.
pub(super) fn check(object: &Value, path: &[&str], shown: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let Some(spec) = at(object, path) else { return errors };
    let volumes = volumes(spec, shown, &mut errors);
    let mut seen: HashSet<&str> = HashSet::new();
    let any = at(spec, &["containers"]).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    if !any {
        errors.push(FieldError::required(format!("{shown}.containers"), ""));
    }
    for list in ["containers", "initContainers"] {
        for (path, container) in items(spec, &[list], &format!("{shown}.{list}")) {
            let name = text_at(container, &["name"]);
            if name.is_empty() {
                errors.push(FieldError::required(format!("{path}.name"), ""));
            } else {
                for problem in names::label(name) {
                    errors.push(FieldError::invalid(format!("{path}.name"), name, problem));
                }
                if !seen.insert(name) {
                    errors.push(FieldError::duplicate(format!("{path}.name"), name));
                }
            }
            container_fields(container, &path, &volumes, &mut errors);
        }
    }
    let policy = text_at(spec, &["restartPolicy"]);
    if !matches!(policy, "Always" | "OnFailure" | "Never") {
        errors.push(FieldError::not_supported(
            format!("{shown}.restartPolicy"),
            policy,
            &["Always", "Never", "OnFailure"],
        ));
    }
    let dns = text_at(spec, &["dnsPolicy"]);
    if !matches!(dns, "ClusterFirst" | "ClusterFirstWithHostNet" | "Default" | "None") {
        let supported = &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];
        errors.push(FieldError::not_supported(format!("{shown}.dnsPolicy"), dns, supported));
    }
    let account = text_at(spec, &["serviceAccountName"]);
    if !account.is_empty() {
        for problem in names::subdomain(account) {
            errors.push(FieldError::invalid(format!("{shown}.serviceAccountName"), account, problem));
        }
    }
    errors
}

/// The names of the volumes.
fn volumes<'a>(spec: &'a Value, shown: &str, errors: &mut Vec<FieldError>) -> HashSet<&'a str> {
    let mut seen = HashSet::new();
    for (path, volume) in items(spec, &["volumes"], &format!("{shown}.volumes")) {
        let name = text_at(volume, &["name"]);
        if name.is_empty() {
            errors.push(FieldError::required(format!("{path}.name"), ""));
        } else {
            for problem in names::label(name) {
                errors.push(FieldError::invalid(format!("{path}.name"), name, problem));
            }
            if !seen.insert(name) {
                errors.push(FieldError::duplicate(format!("{path}.name"), name));
            }
        }
        let sources = volume.as_object().map_or(0, |fields| fields.keys().filter(|field| *field != "name").count());
        if sources > 1 {
            errors.push(FieldError::forbidden(path.clone(), "may not specify more than 1 volume type"));
        }
        for (source, field) in [
            ("persistentVolumeClaim", "claimName"),
            ("secret", "secretName"),
            ("configMap", "name"),
            ("hostPath", "path"),
        ] {
            if at(volume, &[source]).is_some() && text_at(volume, &[source, field]).is_empty() {
                errors.push(FieldError::required(format!("{path}.{source}.{field}"), ""));
            }
        }
    }
    seen
}

fn container_fields(container: &Value, path: &str, volumes: &HashSet<&str>, errors: &mut Vec<FieldError>) {
    let image = text_at(container, &["image"]);
    if image.is_empty() {
        errors.push(FieldError::required(format!("{path}.image"), ""));
    } else if image.trim() != image {
        errors.push(FieldError::invalid(
            format!("{path}.image"),
            image,
            "must not have leading or trailing whitespace",
        ));
    }
    let pull = text_at(container, &["imagePullPolicy"]);
    if !matches!(pull, "Always" | "IfNotPresent" | "Never") {
        let supported = &["Always", "IfNotPresent", "Never"];
        errors.push(FieldError::not_supported(format!("{path}.imagePullPolicy"), pull, supported));
    }
    ports(container, path, errors);
    for (path, variable) in items(container, &["env"], &format!("{path}.env")) {
        environment(variable, &path, errors);
    }
    let mut mounted = HashSet::new();
    for (path, mount) in items(container, &["volumeMounts"], &format!("{path}.volumeMounts")) {
        let name = text_at(mount, &["name"]);
        if name.is_empty() {
            errors.push(FieldError::required(format!("{path}.name"), ""));
        } else if !volumes.contains(name) {
            errors.push(FieldError::not_found(format!("{path}.name"), name));
        }
        let target = text_at(mount, &["mountPath"]);
        if target.is_empty() {
            errors.push(FieldError::required(format!("{path}.mountPath"), ""));
        } else if !mounted.insert(target) {
            errors.push(FieldError::invalid(format!("{path}.mountPath"), target, "must be unique"));
        }
    }
    resources(container, path, errors);
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(found) = at(container, &[probe]) else { continue };
        let handlers =
            ["exec", "httpGet", "tcpSocket", "grpc"].iter().filter(|handler| at(found, &[handler]).is_some()).count();
        if handlers == 0 {
            errors.push(FieldError::required(format!("{path}.{probe}"), "must specify a handler type"));
        } else if handlers > 1 {
            errors.push(FieldError::forbidden(format!("{path}.{probe}"), "may not specify more than 1 handler type"));
        }
        for field in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]
        {
            if let Some(value) = at(found, &[field]).filter(|value| value.as_i64().is_some_and(|value| value < 0)) {
                let detail = "must be greater than or equal to 0";
                errors.push(FieldError::invalid(format!("{path}.{probe}.{field}"), value.clone(), detail));
            }
        }
        let success = at(found, &["successThreshold"]).and_then(Value::as_i64).unwrap_or(1);
        if probe != "readinessProbe" && success != 1 {
            errors.push(FieldError::invalid(format!("{path}.{probe}.successThreshold"), success, "must be 1"));
        }
    }
}

fn ports(container: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let mut seen = HashSet::new();
    for (path, port) in items(container, &["ports"], &format!("{path}.ports")) {
        let name = text_at(port, &["name"]);
        if !name.is_empty() {
            if !super::network::is_port_name(name) {
                let detail = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
                errors.push(FieldError::invalid(format!("{path}.name"), name, detail));
            } else if !seen.insert(name) {
                errors.push(FieldError::duplicate(format!("{path}.name"), name));
            }
        }
        match at(port, &["containerPort"]).and_then(Value::as_i64) {
            None | Some(0) => errors.push(FieldError::required(format!("{path}.containerPort"), "")),
            Some(number) if !(1..=65535).contains(&number) => {
                let detail = "must be between 1 and 65535, inclusive";
                errors.push(FieldError::invalid(format!("{path}.containerPort"), number, detail));
            }
            Some(_) => {}
        }
        let protocol = text_at(port, &["protocol"]);
        if !matches!(protocol, "TCP" | "UDP" | "SCTP") {
            errors.push(FieldError::not_supported(format!("{path}.protocol"), protocol, &["SCTP", "TCP", "UDP"]));
        }
    }
}

fn environment(variable: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let name = text_at(variable, &["name"]);
    if name.is_empty() {
        errors.push(FieldError::required(format!("{path}.name"), ""));
    } else if !name.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b'=') {
        let detail = "a valid environment variable name must consist only of printable ASCII characters other than '='";
        errors.push(FieldError::invalid(format!("{path}.name"), name, detail));
    }
    let Some(source) = at(variable, &["valueFrom"]) else { return };
    let sources: Vec<&str> = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"]
        .into_iter()
        .filter(|kind| at(source, &[kind]).is_some())
        .collect();
    if !text_at(variable, &["value"]).is_empty() && !sources.is_empty() {
        errors.push(FieldError::invalid(
            format!("{path}.valueFrom"),
            "",
            "may not be specified when `value` is not empty",
        ));
    }
    if sources.is_empty() {
        let detail =
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
        errors.push(FieldError::invalid(format!("{path}.valueFrom"), "", detail));
    } else if sources.len() > 1 {
        errors.push(FieldError::invalid(
            format!("{path}.valueFrom"),
            "",
            "may not have more than one field specified at a time",
        ));
    }
    for kind in ["configMapKeyRef", "secretKeyRef"] {
        let Some(reference) = at(source, &[kind]) else { continue };
        for field in ["name", "key"] {
            if text_at(reference, &[field]).is_empty() {
                errors.push(FieldError::required(format!("{path}.valueFrom.{kind}.{field}"), ""));
            }
        }
    }
}

fn resources(container: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for part in ["limits", "requests"] {
        for (name, amount) in at(container, &["resources", part]).and_then(Value::as_object).into_iter().flatten() {
            let shown = format!("{path}.resources.{part}[{name}]");
            if Quantity::of(amount).is_some_and(Quantity::is_negative) {
                errors.push(FieldError::invalid(shown, amount.clone(), "must be greater than or equal to 0"));
                continue;
            }
            let known =
                matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
            if !name.contains('/') && !known {
                errors.push(FieldError::invalid(
                    shown.clone(),
                    name.as_str(),
                    "must be a standard resource type or fully qualified",
                ));
            }
        }
    }
    let limits = at(container, &["resources", "limits"]).and_then(Value::as_object);
    for (name, request) in at(container, &["resources", "requests"]).and_then(Value::as_object).into_iter().flatten() {
        let limit = limits.and_then(|limits| limits.get(name)).and_then(Quantity::of);
        if let (Some(limit), Some(wanted)) = (limit, Quantity::of(request))
            && wanted > limit
        {
            let detail = format!("must be less than or equal to {name} limit of {}", limit.canonical());
            errors.push(FieldError::invalid(format!("{path}.resources.requests"), request.clone(), detail));
        }
    }
}

/// From `k8s.io/kubernetes`, `pkg/api/pod/warnings.go`: names that occur twice in an environment.
pub(super) fn warnings(object: &Value, path: &[&str], warnings: &mut Vec<String>) {
    let Some(spec) = at(object, path) else { return };
    let shown = path.join(".");
    for list in ["initContainers", "containers"] {
        for (position, container) in at(spec, &[list]).and_then(Value::as_array).into_iter().flatten().enumerate() {
            let mut seen: Vec<&str> = Vec::new();
            for (number, variable) in
                at(container, &["env"]).and_then(Value::as_array).into_iter().flatten().enumerate()
            {
                let name = text_at(variable, &["name"]);
                if seen.contains(&name) {
                    let text = "hides previous definition of";
                    warnings.push(format!("{shown}.{list}[{position}].env[{number}]: {text} {name:?}, which may be dropped when using apply"));
                } else {
                    seen.push(name);
                }
            }
        }
    }
}
