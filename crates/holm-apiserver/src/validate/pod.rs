//! Pods and pod templates.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/core/validation/validation.go` (`ValidatePodSpec`), which the modules below follow.

mod container;
mod probe;
mod scheduling;
mod security;
mod update;
mod volume;
mod warnings;

use serde_json::{Value, json};

use super::rules::{Checks, ip};
use super::{items, names};
use crate::error::FieldError;
use crate::object::{at, text_at};

pub(super) use scheduling::{node_selector, tolerations};
pub(super) use update::update;
pub(super) use volume::{host_path, network_share};
pub(super) use warnings::warnings;

/// The most addresses of name servers.
const MAX_NAME_SERVERS: usize = 3;

/// Checks a pod that is new.
pub(super) fn check_new(object: &Value) -> Vec<FieldError> {
    let mut errors = check(object, &["spec"], "spec");
    // Templates may have it, with a warning.
    errors.at_least(at(object, &["spec"]).unwrap_or(&Value::Null), "terminationGracePeriodSeconds", "spec", 0);
    if at(object, &["spec", "ephemeralContainers"]).is_some() {
        errors.push(FieldError::forbidden("spec.ephemeralContainers", "cannot be set on create"));
    }
    errors
}

/// Checks the pod spec at a path.
pub(super) fn check(object: &Value, path: &[&str], shown: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let Some(spec) = at(object, path) else { return errors };
    let volumes = volume::check(spec, shown, &mut errors);
    container::check_all(spec, shown, &volumes, &mut errors);
    let supported = ["Always", "Never", "OnFailure"];
    required_word(spec, "restartPolicy", shown, &supported, &mut errors);
    let supported = ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];
    required_word(spec, "dnsPolicy", shown, &supported, &mut errors);
    dns(spec, shown, &mut errors);
    errors.labels(at(spec, &["nodeSelector"]), &format!("{shown}.nodeSelector"));
    errors.text_unless_empty(spec, "serviceAccountName", shown, names::subdomain);
    errors.text_unless_empty(spec, "nodeName", shown, names::subdomain);
    errors.text_unless_empty(spec, "hostname", shown, names::label);
    errors.text_unless_empty(spec, "subdomain", shown, names::label);
    errors.text_unless_empty(spec, "runtimeClassName", shown, names::subdomain);
    errors.text_unless_empty(spec, "priorityClassName", shown, names::subdomain);
    errors.between(spec, "activeDeadlineSeconds", shown, 1, i64::from(i32::MAX));
    for (path, alias) in items(spec, &["hostAliases"], &format!("{shown}.hostAliases")) {
        errors.text(alias, "ip", &path, ip);
        for (path, name) in items(alias, &["hostnames"], &format!("{path}.hostnames")) {
            errors.all(path, name, names::subdomain(name.as_str().unwrap_or_default()));
        }
    }
    for (path, gate) in items(spec, &["readinessGates"], &format!("{shown}.readinessGates")) {
        let kind = text_at(gate, &["conditionType"]);
        errors.all(format!("{path}.conditionType"), &json!(kind), names::qualified_name(kind));
    }
    let mut gates: Vec<&str> = Vec::new();
    for (path, gate) in items(spec, &["schedulingGates"], &format!("{shown}.schedulingGates")) {
        let name = text_at(gate, &["name"]);
        errors.all(path.clone(), &json!(name), names::qualified_name(name));
        if gates.contains(&name) {
            errors.push(FieldError::duplicate(path, name));
        }
        gates.push(name);
    }
    match text_at(spec, &["os", "name"]) {
        "linux" | "windows" => {}
        "" if at(spec, &["os"]).is_none() => {}
        "" => errors.push(FieldError::required(format!("{shown}.os"), "cannot be empty")),
        other => errors.push(FieldError::not_supported(format!("{shown}.os"), other, &["linux", "windows"])),
    }
    scheduling::check(spec, shown, &mut errors);
    security::check_pod(spec, shown, &mut errors);
    let is = |field: &str| at(spec, &[field]) == Some(&Value::Bool(true));
    if is("shareProcessNamespace") && is("hostPID") {
        let detail = "ShareProcessNamespace and HostPID cannot both be enabled";
        errors.push(FieldError::invalid(format!("{shown}.shareProcessNamespace"), true, detail));
    }
    errors
}

/// A word that has a default, so that it is there.
fn required_word(object: &Value, field: &str, path: &str, supported: &[&str], errors: &mut Vec<FieldError>) {
    match at(object, &[field]) {
        None => errors.push(FieldError::required(format!("{path}.{field}"), "")),
        Some(_) => errors.one_of(object, field, path, supported),
    }
}

/// From `validatePodDNSConfig`.
fn dns(spec: &Value, shown: &str, errors: &mut Vec<FieldError>) {
    let policy = text_at(spec, &["dnsPolicy"]);
    let path = format!("{shown}.dnsConfig");
    let Some(config) = at(spec, &["dnsConfig"]) else {
        if policy == "None" {
            let detail = "must provide `dnsConfig` when `dnsPolicy` is None";
            errors.push(FieldError::required(path, detail));
        }
        return;
    };
    let servers = at(config, &["nameservers"]).and_then(Value::as_array).map_or(0, Vec::len);
    if policy == "None" && servers == 0 {
        let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        errors.push(FieldError::required(format!("{path}.nameservers"), detail));
    }
    if servers > MAX_NAME_SERVERS {
        let value = at(config, &["nameservers"]).cloned().unwrap_or_default();
        let detail = format!("must not have more than {MAX_NAME_SERVERS} nameservers");
        errors.push(FieldError::invalid(format!("{path}.nameservers"), value, detail));
    }
    for (path, server) in items(config, &["nameservers"], &format!("{path}.nameservers")) {
        errors.all(path, server, ip(server.as_str().unwrap_or_default()));
    }
    for (path, domain) in items(config, &["searches"], &format!("{path}.searches")) {
        // Underscores are allowed there, and a dot at the end.
        let text = domain.as_str().unwrap_or_default().trim_end_matches('.').replace('_', "-");
        errors.all(path, domain, names::subdomain(&text));
    }
    for (path, option) in items(config, &["options"], &format!("{path}.options")) {
        if text_at(option, &["name"]).is_empty() {
            errors.push(FieldError::required(path, "must not be empty"));
        }
    }
}
