//! What is odd in a pod although it is not wrong, from `k8s.io/kubernetes`, `pkg/api/pod/warnings.go`.

use std::collections::HashMap;

use serde_json::Value;

use super::volume_warnings;
use crate::object::{at, text_at};
use crate::validate::items;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
const NO_POD: &str = "a null labelSelector results in matching no pod";

/// Warns of the pod spec at a path.
pub(in crate::validate) fn warnings(object: &Value, path: &[&str], warnings: &mut Vec<String>) {
    let Some(spec) = at(object, path) else { return };
    let shown = path.join(".");
    let lacks_selector = |constraint: &Value| at(constraint, &["labelSelector"]).is_none();
    for (path, constraint) in items(spec, &["topologySpreadConstraints"], &format!("{shown}.topologySpreadConstraints"))
    {
        if lacks_selector(constraint) {
            warnings.push(format!("{path}.labelSelector: {NO_POD}"));
        }
    }
    volume_warnings::warnings(spec, &shown, warnings);
    repeated(spec, "hostAliases", "ip", &shown, warnings);
    repeated(spec, "imagePullSecrets", "name", &shown, warnings);
    for (path, secret) in items(spec, &["imagePullSecrets"], &format!("{shown}.imagePullSecrets")) {
        if text_at(secret, &["name"]).is_empty() {
            warnings.push(format!("{path}.name: invalid empty name \"\""));
        }
    }
    for list in ["initContainers", "containers"] {
        for (path, container) in items(spec, &[list], &format!("{shown}.{list}")) {
            fractions(container, &path, warnings);
            hidden_variables(container, &path, warnings);
        }
    }
    ports(spec, &shown, warnings);
    if at(spec, &["terminationGracePeriodSeconds"]).and_then(Value::as_i64).is_some_and(|seconds| seconds < 0) {
        let text = "must be >= 0; negative values are invalid and will be treated as 1";
        warnings.push(format!("{shown}.terminationGracePeriodSeconds: {text}"));
    }
    for affinity in ["podAffinity", "podAntiAffinity"] {
        let path = format!("{shown}.affinity.{affinity}");
        for (path, term) in items(spec, &["affinity", affinity, REQUIRED], &format!("{path}.{REQUIRED}")) {
            if lacks_selector(term) {
                warnings.push(format!("{path}.labelSelector: {NO_POD}"));
            }
        }
        for (path, term) in items(spec, &["affinity", affinity, PREFERRED], &format!("{path}.{PREFERRED}")) {
            if at(term, &["podAffinityTerm"]).is_none_or(lacks_selector) {
                warnings.push(format!("{path}.podAffinityTerm.labelSelector: {NO_POD}"));
            }
        }
    }
}

fn repeated(spec: &Value, list: &str, field: &str, shown: &str, warnings: &mut Vec<String>) {
    let mut seen: Vec<&str> = Vec::new();
    for (path, item) in items(spec, &[list], &format!("{shown}.{list}")) {
        let value = text_at(item, &[field]);
        if seen.contains(&value) {
            warnings.push(format!("{path}.{field}: duplicate {field} {value:?}"));
        } else {
            seen.push(value);
        }
    }
}

fn fractions(container: &Value, path: &str, warnings: &mut Vec<String>) {
    for resource in ["memory", "ephemeral-storage"] {
        for side in ["limits", "requests"] {
            let amount = at(container, &["resources", side, resource]);
            let Some(amount) = amount.and_then(holm_values::Quantity::of).filter(|amount| !amount.is_whole()) else {
                continue;
            };
            let text = amount.to_string();
            warnings.push(format!(
                "{path}.resources.{side}[{resource}]: fractional byte value {text:?} is invalid, must be an integer"
            ));
        }
    }
}

fn hidden_variables(container: &Value, path: &str, warnings: &mut Vec<String>) {
    let mut seen: Vec<&str> = Vec::new();
    for (path, variable) in items(container, &["env"], &format!("{path}.env")) {
        let name = text_at(variable, &["name"]);
        if !seen.contains(&name) {
            seen.push(name);
            continue;
        }
        // A value may be built from the one before it.
        let reference = format!("$({name})");
        let value = text_at(variable, &["value"]);
        if at(variable, &["valueFrom"]).is_some() || value == reference || !value.contains(&reference) {
            let text = "hides previous definition of";
            warnings.push(format!("{path}: {text} {name:?}, which may be dropped when using apply"));
        }
    }
}

fn ports(spec: &Value, shown: &str, warnings: &mut Vec<String>) {
    let all: Vec<(String, &Value)> = ["initContainers", "containers"]
        .into_iter()
        .flat_map(|list| items(spec, &[list], &format!("{shown}.{list}")).collect::<Vec<_>>())
        .flat_map(|(path, container)| items(container, &["ports"], &format!("{path}.ports")).collect::<Vec<_>>())
        .collect();
    let mut known: HashMap<(i64, &str), Vec<&(String, &Value)>> = HashMap::new();
    for found in &all {
        let (path, port) = found;
        let number = |port: &Value, field: &str| at(port, &[field]).and_then(Value::as_i64).unwrap_or_default();
        let others = known.entry((number(port, "containerPort"), text_at(port, &["protocol"]))).or_default();
        for (other_path, other) in others.iter() {
            let (host, other_host) = (number(port, "hostPort"), number(other, "hostPort"));
            let (address, other_address) = (text_at(port, &["hostIP"]), text_at(other, &["hostIP"]));
            if address == other_address && host == other_host {
                warnings.push(format!("{path}: duplicate port definition with {other_path}"));
            } else if host == 0 || other_host == 0 {
                warnings.push(format!("{path}: overlapping port definition with {other_path}"));
            } else if host == other_host && (address.is_empty() != other_address.is_empty()) {
                warnings.push(format!("{path}: dangerously ambiguous port definition with {other_path}"));
            }
        }
        others.push(found);
    }
    let mut names: HashMap<&str, &str> = HashMap::new();
    for (path, port) in &all {
        let name = text_at(port, &["name"]);
        if name.is_empty() {
            continue;
        }
        match names.get(name) {
            Some(other) => warnings.push(format!(
                "{path}: duplicate port name {name:?} with {other}, services and probes that select ports by name will use {other}"
            )),
            None => {
                names.insert(name, path);
            }
        }
    }
}
