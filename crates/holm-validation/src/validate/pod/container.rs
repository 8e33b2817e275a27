//! Containers: names, images, ports, restarts.

use std::collections::HashSet;

use holm_values::names;
use serde_json::{Value, json};

use super::volume::Volumes;
use super::{environment, mounts, probe, required_word, resources, security};
use crate::field_error::FieldError;
use crate::object::{at, text_at};
use crate::validate::items;
use crate::validate::rules::Checks;

/// Checks all containers of a pod.
pub(super) fn check_all(spec: &Value, shown: &str, volumes: &Volumes<'_>, errors: &mut Vec<FieldError>) {
    errors.has_items(spec, "containers", shown);
    let mut seen: HashSet<&str> = HashSet::new();
    let mut host_ports = HashSet::new();
    for list in ["containers", "initContainers"] {
        let is_init = list == "initContainers";
        for (path, container) in items(spec, &[list], &format!("{shown}.{list}")) {
            let name = text_at(container, &["name"]);
            if errors.filled(container, "name", &path) {
                errors.all(format!("{path}.name"), &json!(name), names::label(name));
            }
            if seen.contains(name) {
                errors.push(FieldError::duplicate(format!("{path}.name"), name));
            } else if !is_init || !name.is_empty() {
                seen.insert(name);
            }
            image(container, &path, errors);
            let host_network = !is_init && at(spec, &["hostNetwork"]) == Some(&json!(true));
            ports(container, &path, host_network, errors);
            if is_init {
                // Ports of these conflict with those of the same one only, and are told of as if there were no other.
                host_port_conflicts(container, &format!("{shown}.{list}[0]"), &mut HashSet::new(), errors);
            } else {
                host_port_conflicts(container, &path, &mut host_ports, errors);
            }
            environment::check(container, &path, errors);
            environment::files(container, &path, spec, errors);
            mounts::mounts(container, &path, volumes, errors);
            mounts::devices(container, &path, volumes, errors);
            resources::check(container, &path, spec, errors);
            security::check_container(container, spec, &path, errors);
            errors.one_of(container, "terminationMessagePolicy", &path, &["File", "FallbackToLogsOnError"]);
            restart(container, is_init, &path, errors);
            let runs_beside = !is_init || text_at(container, &["restartPolicy"]) == "Always";
            if runs_beside {
                probe::check(container, &path, spec, errors);
            } else {
                for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
                    if at(container, &[field]).is_some() {
                        let detail = "may not be set for init containers without restartPolicy=Always";
                        errors.push(FieldError::forbidden(format!("{path}.{field}"), detail));
                    }
                }
            }
        }
    }
}

/// From `validateContainerRestartPolicy` and `validateInitContainerRestartPolicy`, which looks at no rules without a policy.
fn restart(container: &Value, is_init: bool, path: &str, errors: &mut Vec<FieldError>) {
    const MAX_RULES: usize = 20;
    const MAX_EXIT_CODES: usize = 255;
    errors.one_of(container, "restartPolicy", path, &["Always", "Never", "OnFailure"]);
    let count = items(container, &["restartPolicyRules"], "").count();
    if count > 0 && at(container, &["restartPolicy"]).is_none() {
        let detail = "must specify restartPolicy when restart rules are used";
        errors.push(FieldError::required(format!("{path}.restartPolicy"), detail));
        if is_init {
            return;
        }
    }
    let path = format!("{path}.restartPolicyRules");
    if count > MAX_RULES {
        errors.push(FieldError::too_many(path.as_str(), count, MAX_RULES));
    }
    for (path, rule) in items(container, &["restartPolicyRules"], &path) {
        let mut word = |object: &Value, field: &str, path: &str, supported: &[&str]| {
            let found = text_at(object, &[field]);
            if !supported.contains(&found) {
                errors.push(FieldError::not_supported(format!("{path}.{field}"), found, supported));
            }
        };
        word(rule, "action", &path, &["Restart", "RestartAllContainers"]);
        let path = format!("{path}.exitCodes");
        let Some(codes) = at(rule, &["exitCodes"]) else {
            errors.push(FieldError::required(path, "must be specified"));
            continue;
        };
        word(codes, "operator", &path, &["In", "NotIn"]);
        let count = items(codes, &["values"], "").count();
        if count > MAX_EXIT_CODES {
            errors.push(FieldError::too_many(format!("{path}.values"), count, MAX_EXIT_CODES));
        }
    }
}

fn image(container: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let image = text_at(container, &["image"]);
    errors.filled(container, "image", path);
    // Templates may have what pods may not (`validateContainersOnlyForPod`).
    let of_pod = path.starts_with("spec.containers") || path.starts_with("spec.initContainers");
    if of_pod && image.trim() != image {
        let detail = "must not have leading or trailing whitespace";
        errors.push(FieldError::invalid(format!("{path}.image"), image, detail));
    }
    required_word(container, "imagePullPolicy", path, &["Always", "IfNotPresent", "Never"], errors);
}

/// From `validateContainerPorts` and `validatePodHostNetworkDeps`.
fn ports(container: &Value, path: &str, host_network: bool, errors: &mut Vec<FieldError>) {
    let mut seen = HashSet::new();
    for (path, port) in items(container, &["ports"], &format!("{path}.ports")) {
        let name = text_at(port, &["name"]);
        if !name.is_empty() {
            let problems = names::port_name(name);
            if problems.is_empty() && !seen.insert(name) {
                errors.push(FieldError::duplicate(format!("{path}.name"), name));
            }
            errors.all(format!("{path}.name"), &json!(name), problems);
        }
        let number = |field: &str| at(port, &[field]).and_then(Value::as_i64).unwrap_or_default();
        let (own, host) = (number("containerPort"), number("hostPort"));
        if own == 0 {
            errors.push(FieldError::required(format!("{path}.containerPort"), ""));
        } else {
            errors.port(at(port, &["containerPort"]), format!("{path}.containerPort"));
        }
        if host != 0 {
            errors.port(at(port, &["hostPort"]), format!("{path}.hostPort"));
            if host_network && host != own {
                let detail = "must match `containerPort` when `hostNetwork` is true";
                errors.push(FieldError::invalid(format!("{path}.hostPort"), host, detail));
            }
        }
        required_word(port, "protocol", &path, &["SCTP", "TCP", "UDP"], errors);
    }
}

/// From `checkHostPortConflicts`.
fn host_port_conflicts(container: &Value, path: &str, taken: &mut HashSet<String>, errors: &mut Vec<FieldError>) {
    for (path, port) in items(container, &["ports"], &format!("{path}.ports")) {
        let host = at(port, &["hostPort"]).and_then(Value::as_i64).unwrap_or_default();
        let key = format!("{}/{}/{host}", text_at(port, &["protocol"]), text_at(port, &["hostIP"]));
        if host != 0 && taken.contains(&key) {
            errors.push(FieldError::duplicate(format!("{path}.hostPort"), key.as_str()));
        }
        if host != 0 {
            taken.insert(key);
        }
    }
}
